"""Promise 4: every row is counted once, sending twice changes nothing, a crash loses no row."""

from __future__ import annotations

import io
from typing import Any

import orjson
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

import factory
from tallystick.service.submit import process, receive, resume_all
from tallystick.service.verify import ledger_verify

KINDS = st.lists(
    st.sampled_from(("good", "again", "broken", "waiting", "other currency")),
    min_size=1,
    max_size=8,
)


class Killed(Exception):
    """The process ends here."""


def _line(kind: str, number: int) -> bytes:
    record = factory.snapshot(number, "2024-12")
    if kind == "broken":
        return b'{"account_number": "A1", \n'
    if kind == "waiting":
        record["account_number"] = f"W{number}"
    if kind == "other currency":
        record["currency"] = "JPY"
        record["balance"] = "1.5"
    return orjson.dumps(record) + b"\n"


def _state(bureau: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(bureau.url) as connection:
        return connection.execute(
            "select account_id, months, latest from file.account_now order by 1"
        ).fetchall()


def test_every_row_is_counted_and_a_crash_loses_none(bureau: Any, small: Any) -> None:
    bank = factory.member(bureau.deps)
    factory.open_account(bureau.deps, bank, range(1, 100))
    fresh = iter(range(1, 100))

    @small(6)
    @given(kinds=KINDS, killed_at=st.integers(0, 3))
    def holds(kinds: list[str], killed_at: int) -> None:
        numbers = [next(fresh) for _ in kinds]
        lines = [
            _line(kind, numbers[0] if kind == "again" else number)
            for kind, number in zip(kinds, numbers, strict=True)
        ]
        taken = receive(bureau.deps, bank, "snapshot", io.BytesIO(b"".join(lines)), again=True)
        told = 0

        def kill(_stage: str, _done: int, _total: int | None) -> None:
            nonlocal told
            told += 1
            if told > killed_at:
                raise Killed

        try:
            process(bureau.deps, taken.submission_id, kill)
        except Killed:
            assert resume_all(bureau.deps) == [taken.submission_id]
        view = process(bureau.deps, taken.submission_id)
        accepted, unchanged, rejected, pending = factory.counts(view)
        assert view.sent == len(kinds)
        assert pending == kinds.count("waiting")
        assert rejected == kinds.count("broken") + kinds.count("other currency")
        assert accepted + unchanged == kinds.count("good") + kinds.count("again")
        before = _state(bureau)
        repeat = receive(bureau.deps, bank, "snapshot", io.BytesIO(b"".join(lines)), again=True)
        assert process(bureau.deps, repeat.submission_id).accepted == 0
        assert _state(bureau) == before

    holds()
    assert ledger_verify(bureau.deps).faults == ()


def test_bytes_that_break_off_are_not_acknowledged(bureau: Any) -> None:
    bank = factory.member(bureau.deps)

    class BreaksOff(io.BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            raise Killed

    with pytest.raises(Killed):
        receive(bureau.deps, bank, "snapshot", BreaksOff())
    assert resume_all(bureau.deps) == []
