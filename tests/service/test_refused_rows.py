"""A row that passes every rule and that the database refuses: it alone is rejected, and told."""

from __future__ import annotations

import io
import logging
import re
from typing import Any

import orjson
import psycopg
import pytest

import factory
from tallystick.service import (
    process_rows,
    refused_rows,
    registering,
    rows,
    snapshots,
    submissions,
)
from tallystick.service.submissions import findings
from tallystick.service.submit import process, receive

FAULT = "ANY-FAULT-001"
#: What nobody foresaw: an amount that a table does not take.
ODD = "6661234.00"


@pytest.fixture
def odd_refused(bureau: Any) -> Any:
    """The ledger takes no account, guarantee, month or member's facts of the odd amount."""
    columns = {
        "account": "principal", "guarantee": "amount", "snapshot": "balance",
        "member": "total_loans",
    }  # fmt: skip
    with psycopg.connect(bureau.url) as owner:
        for table, column in columns.items():
            owner.execute(
                f"alter table ledger.{table} add constraint odd check ({column}_minor <> 666123400)"
            )
    return bureau


def _accounts(odd: tuple[int, ...]) -> list[factory.Native]:
    return [
        factory.account(number, 1, **({"principal": ODD} if number in odd else {}))
        for number in range(1, 8)
    ]


def _lines(records: list[factory.Native]) -> io.BytesIO:
    return io.BytesIO(b"".join(orjson.dumps(one) + b"\n" for one in records))


@pytest.mark.parametrize("odd", [(1,), (4,), (7,), (2, 3, 6), (1, 2, 3, 4, 5, 6, 7)])
def test_every_other_row_is_taken(
    odd_refused: Any, caplog: pytest.LogCaptureFixture, odd: tuple[int, ...]
) -> None:
    deps = odd_refused.deps
    bank = factory.member(deps)
    factory.send(deps, bank, "subject", factory.subject(1))
    with caplog.at_level(logging.ERROR):
        sent = factory.send(deps, bank, "account", *_accounts(odd))
    assert factory.told(sent) == ((7 - len(odd), 0, len(odd), 0), {FAULT})
    assert sent.state == ("rejected" if len(odd) == 7 else "published")
    found = findings(deps, bank, sent.submission_id)
    assert [one.line_no for one in found] == list(odd)
    said = [one.getMessage() for one in caplog.records if one.name == "tallystick.intake"]
    told = [re.search(r" line (\d) not taken: CheckViolation at ", line) for line in said]
    assert sorted(int(one[1]) for one in told if one) == list(odd)
    assert not any("6661234" in line for line in said)


@pytest.mark.parametrize("on_file", [(), (1, 2)])
@pytest.mark.parametrize("chunk_rows", [1, snapshots.CHUNK_ROWS])
def test_every_other_month_is_taken(
    odd_refused: Any, monkeypatch: pytest.MonkeyPatch, on_file: tuple[int, ...], chunk_rows: int
) -> None:
    """Months are published in bulk; those of an account that has that month already by batches."""
    deps = odd_refused.deps
    monkeypatch.setattr(snapshots, "CHUNK_ROWS", chunk_rows)
    bank = factory.member(deps)
    factory.open_account(deps, bank, range(1, 6))
    if on_file:
        factory.send(deps, bank, "snapshot", *(factory.snapshot(n, "2024-12") for n in on_file))
    months = [
        factory.snapshot(n, "2024-12", balance=ODD if n in (2, 4) else "800.00")
        for n in range(1, 6)
    ]
    sent = factory.send(deps, bank, "snapshot", *months)
    assert (factory.counts(sent), FAULT in factory.rules(sent)) == ((3, 0, 2, 0), True)
    assert factory.counts(factory.send_again(deps, bank, "snapshot", *months)) == (0, 3, 2, 0)


@pytest.mark.parametrize("odd", [(1,), (4,), (7,), (2, 3, 6)])
def test_all_other_facts_of_a_member_are_taken(odd_refused: Any, odd: tuple[int, ...]) -> None:
    deps = odd_refused.deps
    bank = factory.member(deps)
    facts = [
        {"member": "bank1", "valid_from": f"2024-01-0{number}", "member_class": "platform",
         "currency": "CNY", "total_loans": ODD if number in odd else "10.00"}
        for number in range(1, 8)
    ]  # fmt: skip
    sent = factory.send(deps, bank, "member", *facts)
    assert factory.told(sent) == ((7 - len(odd), 0, len(odd), 0), {FAULT})
    assert [one.line_no for one in findings(deps, bank, sent.submission_id)] == list(odd)
    with psycopg.connect(odd_refused.url) as owner:
        owner.execute("alter table ledger.member drop constraint odd")
    again = factory.send_again(deps, bank, "member", *facts)
    assert factory.counts(again) == (len(odd), 7 - len(odd), 0, 0)


@pytest.mark.parametrize("refused_by", ["the database", "a program"])
@pytest.mark.parametrize("odd", [(1,), (4,), (7,), (2, 3, 6), (1, 2, 3, 4, 5, 6, 7)])
def test_every_other_consent_is_registered(
    bureau: Any, monkeypatch: pytest.MonkeyPatch, odd: tuple[int, ...], refused_by: str
) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    evidence = {"text_sha256": "0" * 64, "locale": "zz"}
    records = [
        factory.consent_record(deps, bank, n, **({"evidence": evidence} if n in odd else {}))
        for n in range(1, 8)
    ]

    def fails(artefact: str, **given: Any) -> None:
        if any(artefact == records[n - 1]["artefact"] for n in odd):
            raise KeyError("nobody foresaw it")

    with psycopg.connect(bureau.url) as owner:
        if refused_by == "the database":
            owner.execute("alter table gate.consent add constraint odd check (locale <> 'zz')")
    if refused_by == "a program":
        monkeypatch.setattr(registering, "require_form", fails)
    sent = factory.send(deps, bank, "consent", *records)
    assert factory.told(sent) == ((7 - len(odd), 0, len(odd), 0), {FAULT})
    assert [one.line_no for one in findings(deps, bank, sent.submission_id)] == list(odd)
    with psycopg.connect(bureau.url) as owner:
        owner.execute("alter table gate.consent drop constraint if exists odd")
    monkeypatch.undo()
    again = factory.send_again(deps, bank, "consent", *records)
    assert factory.told(again) == ((len(odd), 7 - len(odd), 0, 0), set())


def test_every_other_row_waits(bureau: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    full_form = rows.full_form

    def fails(definition: Any, row: Any) -> Any:
        if row["account_number"] == "A2":
            raise TypeError("nobody foresaw it")
        return full_form(definition, row)

    monkeypatch.setattr(rows, "full_form", fails)
    sent = factory.send(deps, bank, "account", *(factory.account(n, 1) for n in (1, 2, 3)))
    assert factory.told(sent) == ((0, 0, 1, 2), {FAULT, "ANY-PARENT-001"})
    monkeypatch.undo()
    factory.send(deps, bank, "subject", factory.subject(1))
    view = submissions.show(deps, None, sent.submission_id)
    assert factory.counts(view) == (2, 0, 1, 0)


def test_a_row_refused_once_is_not_taken_by_its_job_run_again(odd_refused: Any) -> None:
    """Though the fault was mended between: the submission said already what became of it."""
    deps = odd_refused.deps
    bank = factory.member(deps)
    factory.send(deps, bank, "subject", factory.subject(1))
    taken = receive(deps, bank, "account", _lines(_accounts((4,))))
    factory.killed_before_its_end(deps, taken.submission_id)
    with psycopg.connect(odd_refused.url) as owner:
        owner.execute("alter table ledger.account drop constraint odd")
    assert factory.told(process(deps, taken.submission_id)) == ((6, 0, 1, 0), {FAULT})
    again = factory.send_again(deps, bank, "account", *_accounts((4,)))
    assert factory.counts(again) == (1, 6, 0, 0)


def test_one_that_waited_is_refused_where_it_was_sent(odd_refused: Any) -> None:
    deps = odd_refused.deps
    bank = factory.member(deps)
    sent = factory.send(deps, bank, "guarantee", {**factory.GUARANTEE, "amount": ODD})
    factory.open_account(deps, bank, (1, 2))
    view = submissions.show(deps, None, sent.submission_id)
    assert (factory.counts(view), FAULT in factory.rules(view)) == ((0, 0, 1, 0), True)


@pytest.mark.parametrize(
    ("error", "is_rows_doing"), [(ValueError(), True), (psycopg.OperationalError(), False)]
)
def test_what_passes_is_tried_again_and_what_the_world_does_is_no_rows_doing(
    bureau: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, is_rows_doing: bool
) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    publish = process_rows._publish_batch

    def fails_once(*given: Any, **named: Any) -> Any:
        if failed:
            return publish(*given, **named)
        failed.append(error)
        raise error

    failed: list[Exception] = []
    taken = receive(deps, bank, "subject", _lines([factory.subject(1)]))
    monkeypatch.setattr(process_rows, "_publish_batch", fails_once)
    if not is_rows_doing:
        with pytest.raises(psycopg.OperationalError):
            process(deps, taken.submission_id)
    assert factory.counts(process(deps, taken.submission_id)) == (1, 0, 0, 0)
    assert failed == [error]


def test_more_than_rows_can_be_blamed_for_fails_the_submission(
    odd_refused: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    deps = odd_refused.deps
    bank = factory.member(deps)
    factory.send(deps, bank, "subject", factory.subject(1))
    taken = receive(deps, bank, "account", _lines(_accounts((2, 4))))
    monkeypatch.setattr(refused_rows, "MOST", 1)
    with pytest.raises(psycopg.errors.CheckViolation):
        process(deps, taken.submission_id)
    assert submissions.show(deps, None, taken.submission_id).state == "publishing"
    monkeypatch.undo()
    assert factory.counts(process(deps, taken.submission_id)) == (5, 0, 2, 0)
