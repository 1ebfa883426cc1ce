"""A funnel that was changed behind it is named: counts of rows taken, refused, and that waited."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import psycopg
import pytest

import factory
from beginnings import beginning
from tallystick.service import process_rows
from tallystick.service.members import members
from tallystick.service.pending import expire_pending
from tallystick.service.submissions import listing
from tallystick.service.submit import process, receive
from tallystick.service.verify import ledger_verify, verify_in

_SUMS = "its funnel does not add up to what was sent"
_TAKEN = "its funnel's accepted rows are not those of its published chunks"
_LATER = "its funnel does not say what became of its rows that waited"
_FOUND = "its funnel's rejected and pending rows are not those of its findings"
_OTHER = "its furnisher is not its submission's"
_PLACE = "its submission's funnel does not count it at its position"
#: The chunk of the row taken.
_CHUNK = 5

#: `%(id)s`: a submission of one row taken, one the same, one refused, two that waited.
_SPOILT = [
    ("update intake.funnel set accepted = accepted + 5 where submission_id = %(id)s"
     " and step_no = 1", {_SUMS, _TAKEN}),
    ("update intake.funnel set accepted = accepted - step_no, unchanged = unchanged + 1 - step_no"
     " where submission_id = %(id)s and step_no in (0, 1)", {_TAKEN}),
    ("update intake.funnel set unchanged = unchanged + 1 where submission_id = %(id)s"
     " and step_no = 0", {_SUMS}),
    ("update intake.submission set row_count = row_count + 1 where submission_id = %(id)s",
     {_SUMS}),
    ("delete from intake.funnel where submission_id = %(id)s",
     {_SUMS, _TAKEN, _LATER, _FOUND, _PLACE}),
    ("delete from intake.finding where submission_id = %(id)s and severity = 'reject'"
     " and mod(finding_no, 1000) < 500", {_FOUND}),
    ("delete from intake.finding where submission_id = %(id)s and severity = 'pend'", {_FOUND}),
    ("update intake.funnel set rejected = rejected - 1, unchanged = unchanged + 1"
     " where submission_id = %(id)s and step_no = 0", {_FOUND}),
    ("update intake.funnel set accepted = accepted + 1, unchanged = unchanged - 1"
     " where submission_id = %(id)s and accepted = 1 and pending = -1", {_LATER}),
    ("update intake.funnel set rejected = 0, pending = 0"
     " where submission_id = %(id)s and rejected = 1 and pending = -1", {_LATER}),
    ("update intake.funnel set rejected = 0, unchanged = unchanged + 1"
     " where submission_id = %(id)s and rejected = 1 and pending = -1", {_LATER}),
    ("update intake.submission set furnisher_id = gen_random_uuid() where submission_id = %(id)s",
     {_OTHER}),
    ("delete from intake.submission where submission_id = %(id)s", {_OTHER}),
    ("update intake.funnel set position = position - 1 where submission_id = %(id)s"
     " and step_no = 1", {_PLACE}),
    ("update ledger.chunk set chunk_no = chunk_no + 1 where submission_id = %(id)s", {_PLACE}),
]  # fmt: skip


DAYS = timedelta(days=40)


def _begin(bureau: Any) -> None:
    """Of five months one is taken, one on file, one refused, and two wait: one comes in vain."""
    deps = bureau.deps
    bank = factory.member(deps)
    factory.open_account(deps, bank)
    factory.send(deps, bank, "snapshot", factory.snapshot(1, "2024-11"))
    months = [factory.snapshot(1, month) for month in ("2024-11", "2024-12")]
    wrong = factory.snapshot(1, "2024-10", bucket="?")
    waiting = [factory.snapshot(number, "2024-12") for number in (2, 3)]
    view = factory.send(deps, bank, "snapshot", *months, wrong, *waiting)
    assert factory.counts(view) == (1, 1, 1, 2)
    factory.open_account(deps, bank, (2,))
    bureau.clock.advance(DAYS)
    assert expire_pending(deps) == 1


template = beginning(_begin)


@pytest.fixture
def sent(bureau: Any) -> Any:
    """The submission of the five months."""
    bureau.clock.advance(DAYS)
    (found,) = [one for one in listing(bureau.deps, None) if one.sent == 5]
    return found


def test_what_was_counted_and_is_there_verifies(bureau: Any, sent: Any) -> None:
    assert ledger_verify(bureau.deps).faults == ()


@pytest.mark.parametrize(("query", "expected"), _SPOILT)
def test_a_funnel_changed_behind_it_is_named(
    bureau: Any, sent: Any, query: str, expected: set[str]
) -> None:
    with psycopg.connect(bureau.url) as connection:
        assert connection.execute(query, {"id": sent.submission_id}).rowcount > 0  # type: ignore[call-overload]
        faults = verify_in(connection, lambda *_: None).faults
    assert {fault.split(": ", 1)[1] for fault in faults} == expected
    where = {fault.split(": ", 1)[0] for fault in faults} - {f"chunk {_CHUNK}"}
    assert where == ({f"submission {sent.submission_id}"} if expected - {_OTHER, _PLACE} else set())


def test_chunks_that_exchange_their_submissions_are_named(bureau: Any, sent: Any) -> None:
    """Of one furnisher, dataset, number and row count: all sums stay as they were."""
    with psycopg.connect(bureau.url) as connection:
        alike = connection.execute(
            "select c.chunk_id, c.submission_id from ledger.chunk c join ledger.chunk o"
            " using (furnisher_id, dataset, chunk_no, row_count) where o.submission_id = %s"
            " order by o.submission_id = c.submission_id, c.chunk_id desc",
            (sent.submission_id,),
        ).fetchall()
        (one, its), (other, of_other) = alike[0], alike[-1]
        assert (other, of_other) == (_CHUNK, sent.submission_id) != (one, its)
        for chunk, submission in ((one, None), (other, its), (one, of_other)):
            connection.execute(
                "update ledger.chunk set submission_id = %s where chunk_id = %s",
                (submission, chunk),
            )
        faults = verify_in(connection, lambda *_: None).faults
    assert set(faults) == {f"chunk {one}: {_PLACE}", f"chunk {other}: {_PLACE}"}


def test_a_chunk_that_is_no_longer_given_up_is_named(
    bureau: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its submission has ended: a job that goes on would give it up itself."""
    (bank,) = members(bureau.deps)
    publish, tries = process_rows.publish.publish, iter((True, False))

    def moved_once(*given: Any, **named: Any) -> Any:
        if next(tries):
            raise process_rows.publish.Stale(frozenset())
        return publish(*given, **named)

    monkeypatch.setattr(process_rows.publish, "publish", moved_once)
    event = factory.event(1, occurred_at="2024-12-20T10:00:00+08:00")
    view = factory.send(bureau.deps, bank, "event", event)
    assert factory.counts(view) == (1, 0, 0, 0)
    assert ledger_verify(bureau.deps).faults == ()
    with psycopg.connect(bureau.url) as connection:
        given_up = connection.execute("delete from ledger.abandoned returning chunk_id").fetchall()
        faults = verify_in(connection, lambda *_: None).faults
        assert faults == (f"chunk {given_up[0][0]}: is neither published nor given up",)
        connection.execute(
            "update intake.submission set state = 'publishing' where submission_id = %s",
            (view.submission_id,),
        )
        assert verify_in(connection, lambda *_: None).faults == ()


def test_a_file_refused_as_a_whole_counts_no_row(bureau: Any) -> None:
    bank = factory.member(bureau.deps, "bank2")
    data = io.BytesIO(b"no,such\ncolumns,1\n")
    view = process(bureau.deps, receive(bureau.deps, bank, "snapshot", data).submission_id)
    assert (view.state, view.sent) == ("rejected", 0)
    assert ledger_verify(bureau.deps).faults == ()
