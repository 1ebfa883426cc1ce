"""Furnishing through the front door: what is sent again, restated, corrected, deleted, mended."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import psycopg
import pytest

import factory
from tallystick.errors import BadRequest
from tallystick.service import submissions
from tallystick.service.pending import expire_pending
from tallystick.service.submit import process, receive
from tallystick.service.verify import ledger_verify


def rows(bureau: Any, query: str, *given: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(bureau.url) as connection:
        return connection.execute(query, given).fetchall()


def send(bureau: Any, bank: Any, dataset: str, *records: Any) -> tuple[int, int, int, int]:
    """Send and give the counts; the funnel adds up each time."""
    return factory.counts(factory.send(bureau.deps, bank, dataset, *records))


def balance(bureau: Any) -> Any:
    return rows(bureau, "select last_balance_minor from file.account_now")[0][0]


ACCEPTED, UNCHANGED, REJECTED, PENDING = (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)


def test_sent_twice_changes_nothing(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    factory.open_account(bureau.deps, bank)
    for dataset, record in (
        ("snapshot", factory.snapshot(1, "2024-12")),
        ("event", factory.event(1)),
        ("agreement", factory.agreement(1)),
        ("account", factory.account(1, maturity_on="2026-01-01")),
        ("subject", factory.subject(1, phone="555-0200")),
    ):
        assert send(bureau, bank, dataset, record) == ACCEPTED
        sent_at = factory.send(bureau.deps, bank, dataset, record)
        again = receive(
            bureau.deps, bank, dataset, io.BytesIO(orjson.dumps(record) + b"\n"), again=True
        )
        assert again.submission_id != sent_at.submission_id
        assert factory.counts(process(bureau.deps, again.submission_id)) == UNCHANGED
    positions = rows(bureau, "select position from ledger.counter")[0][0]
    repeated = factory.send(bureau.deps, bank, "event", factory.event(1))
    assert factory.counts(repeated) == UNCHANGED, "the same bytes are the same submission"
    assert rows(bureau, "select position from ledger.counter")[0][0] == positions
    assert ledger_verify(bureau.deps).faults == ()


def test_restated_inside_the_open_periods_and_corrected_beyond(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    factory.send(bureau.deps, bank, "subject", factory.subject(1, valid_from="2020-01-01"))
    opened = {"opened_on": "2020-01-01", "valid_from": "2020-01-01"}
    assert send(bureau, bank, "account", factory.account(1, **opened)) == ACCEPTED
    # Judged in January 2025 with 24 open months: January 2023 is open, December 2022 is not.
    assert send(bureau, bank, "snapshot", factory.snapshot(1, "2023-01")) == ACCEPTED
    restated = factory.snapshot(1, "2023-01", balance="800.00")
    view = factory.send(bureau.deps, bank, "snapshot", restated)
    assert factory.counts(view) == ACCEPTED
    assert balance(bureau) == 80000
    closed = factory.snapshot(1, "2022-12")
    bureau.clock.set(datetime(2024, 12, 31, 12, tzinfo=UTC))
    assert send(bureau, bank, "snapshot", closed) == ACCEPTED
    bureau.clock.set(datetime(2025, 1, 1, 12, tzinfo=UTC))
    changed = {**closed, "balance": "700.00"}
    assert send(bureau, bank, "snapshot", changed) == REJECTED
    mended = factory.correction("snapshot", changed, closed)
    assert send(bureau, bank, "correction", mended) == ACCEPTED
    assert rows(
        bureau, "select operation, reason from ledger.snapshot where balance_minor = 70000"
    ) == [("correction", "furnisher_error")]
    assert ledger_verify(bureau.deps).faults == ()


@pytest.mark.parametrize(
    ("occurred_at", "counted", "rules"),
    [
        # Judged in January 2025 with 24 open months: the day is that at the event's offset.
        ("2023-01-01T00:00:00+08:00", ACCEPTED, {"EVT-RESTATE-001"}),
        ("2022-12-31T23:59:59+08:00", REJECTED, {"EVT-RESTATE-002"}),
        ("2022-12-31T23:59:59Z", REJECTED, {"EVT-RESTATE-002"}),
    ],
)
def test_an_event_too_old_to_be_told_otherwise_takes_a_correction(
    bureau: Any, occurred_at: str, counted: Any, rules: set[str]
) -> None:
    bank = factory.member(bureau.deps)
    factory.send(bureau.deps, bank, "subject", factory.subject(1, valid_from="2020-01-01"))
    opened = {"opened_on": "2020-01-01", "valid_from": "2020-01-01"}
    assert send(bureau, bank, "account", factory.account(1, **opened)) == ACCEPTED
    said = factory.event(1, event_type="repaid", occurred_at=occurred_at)
    bureau.clock.set(datetime(2025, 1, 1, 12, tzinfo=UTC))
    assert send(bureau, bank, "event", said) == ACCEPTED
    changed = {**said, "event_type": "written_off"}
    view = factory.send(bureau.deps, bank, "event", changed)

    assert (factory.counts(view), factory.rules(view)) == (counted, rules)
    if counted == REJECTED:
        mended = factory.correction("event", changed, said)
        assert send(bureau, bank, "correction", mended) == ACCEPTED


def test_a_deletion_hides_and_only_a_certified_reinsertion_brings_back(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    factory.open_account(bureau.deps, bank)
    months = [factory.snapshot(1, month) for month in ("2024-11", "2024-12")]
    assert send(bureau, bank, "snapshot", *months) == (2, 0, 0, 0)
    key = {"account_number": "A1", "period_end": "2024-12-31"}
    assert send(bureau, bank, "deletion", factory.deletion("snapshot", key)) == ACCEPTED
    last = "select last_period_end::text, length(months) from file.account_now"
    assert rows(bureau, last) == [("2024-11-30", 21)]
    view = factory.send(bureau.deps, bank, "snapshot", {**months[1], "balance": "890.00"})
    assert (factory.counts(view), factory.rules(view)) == (REJECTED, {"ANY-DELETED-001"})
    plain = factory.correction("snapshot", months[1], months[1])
    assert send(bureau, bank, "correction", plain) == REJECTED
    certified = {**plain, "reason": "reinsertion_certified"}
    assert send(bureau, bank, "correction", certified) == ACCEPTED
    assert rows(bureau, last) == [("2024-12-31", 42)]
    whole = factory.deletion("account", {"account_number": "A1", "valid_from": "2024-01-01"})
    assert send(bureau, bank, "deletion", whole) == ACCEPTED
    assert rows(bureau, last) == []
    assert send(bureau, bank, "deletion", {**whole, "reason": "fraud"}) == REJECTED
    assert send(bureau, bank, "account", factory.account(1, principal="990.00")) == REJECTED
    assert ledger_verify(bureau.deps).faults == ()


def test_what_waits_for_its_parent_is_judged_when_it_comes(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    waiting = factory.send(bureau.deps, bank, "snapshot", factory.snapshot(1, "2024-12"))
    assert factory.counts(waiting) == PENDING
    factory.send(bureau.deps, bank, "subject", factory.subject(1))
    factory.send(bureau.deps, bank, "account", factory.account(1))
    now = submissions.show(bureau.deps, bank, waiting.submission_id)
    assert factory.counts(now) == ACCEPTED
    assert balance(bureau) == 90000
    assert ledger_verify(bureau.deps).faults == ()


def test_what_waits_is_rejected_on_its_day_and_not_before(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    record = factory.snapshot(1, "2024-12")
    view = factory.send(bureau.deps, bank, "snapshot", record)
    bureau.clock.advance(timedelta(days=29))
    assert expire_pending(bureau.deps) == 0
    bureau.clock.advance(timedelta(days=1))
    assert expire_pending(bureau.deps) == 1
    assert expire_pending(bureau.deps) == 0
    now = submissions.show(bureau.deps, bank, view.submission_id)
    assert factory.counts(now) == REJECTED
    factory.open_account(bureau.deps, bank)
    now = submissions.show(bureau.deps, bank, view.submission_id)
    assert factory.counts(now) == REJECTED
    assert rows(bureau, "select count(*) from ledger.snapshot") == [(0,)]


def test_accounts_that_wait_for_a_person_wake_what_waits_for_them(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    month = factory.send(bureau.deps, bank, "snapshot", factory.snapshot(1, "2024-12"))
    account = factory.send(bureau.deps, bank, "account", factory.account(1))
    assert (factory.counts(month), factory.counts(account)) == (PENDING, PENDING)
    factory.send(bureau.deps, bank, "subject", factory.subject(1))
    for view in (account, month):
        now = submissions.show(bureau.deps, bank, view.submission_id)
        assert factory.counts(now) == ACCEPTED


def test_recorded_at_rises_though_the_clock_is_set_back(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    factory.open_account(bureau.deps, bank)
    bureau.clock.advance(timedelta(hours=-2))
    send(bureau, bank, "event", factory.event(1))
    send(
        bureau,
        bank,
        "event",
        factory.event(1, "e2", event_type="repaid", amount="1.00", currency="CNY"),
    )
    at = [
        row[0]
        for row in rows(bureau, "select recorded_at from ledger.publication order by position")
    ]
    assert at == sorted(set(at))
    assert at[-1] - at[-2] == timedelta(microseconds=1)
    assert ledger_verify(bureau.deps).ok


def test_the_same_account_number_at_two_furnishers_is_two_accounts(bureau: Any) -> None:
    one, other = factory.member(bureau.deps), factory.member(bureau.deps, "bank2")
    factory.open_account(bureau.deps, one)
    factory.open_account(bureau.deps, other)
    assert rows(
        bureau,
        "select count(distinct account_id), count(distinct subject_id), count(*) from file.account",
    ) == [(2, 1, 2)]
    assert send(bureau, other, "snapshot", factory.snapshot(1, "2024-12")) == ACCEPTED
    assert rows(bureau, "select count(*) from file.account_now where months <> ''") == [(1,)]


def sell(bureau: Any, bank: Any, buyer: Any, number: int, *, person: int) -> tuple[int, ...]:
    """bank1 says its account was sold; gives what came of the buyer's account of that person."""
    word = {"event_type": "sold", "occurred_at": "2024-12-31T10:00:00+08:00"}
    assert send(bureau, bank, "event", factory.event(number, "e9", **word)) == ACCEPTED
    bought = factory.account(
        7, person, valid_from="2025-01-01", formerly_furnisher="bank1",
        formerly_account_number=f"A{number}", formerly_reason="sold",
    )  # fmt: skip
    return send(bureau, buyer, "account", bought)


def test_a_renumbered_account_goes_on_under_its_old_id(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    buyer = factory.member(bureau.deps, "bank2")
    factory.open_account(bureau.deps, bank)
    send(bureau, bank, "snapshot", factory.snapshot(1, "2024-11"))
    renumbered = factory.account(
        2, 1, valid_from="2024-12-01",
        formerly_account_number="A1", formerly_reason="renumbered",
    )  # fmt: skip
    assert send(bureau, bank, "account", renumbered) == ACCEPTED
    assert send(bureau, bank, "snapshot", factory.snapshot(2, "2024-12")) == ACCEPTED
    one = "select count(distinct account_id), max(length(months)) from file.account_now"
    assert rows(bureau, one) == [(1, 42)]
    factory.send(bureau.deps, buyer, "subject", factory.subject(1))
    assert sell(bureau, bank, buyer, 2, person=1) == ACCEPTED
    assert rows(bureau, one) == [(1, 42)]
    assert rows(bureau, "select distinct furnisher_id from file.account_now") == [
        (buyer.member_id,)
    ]
    assert ledger_verify(bureau.deps).faults == ()


def test_nobody_takes_over_another_persons_account_by_naming_its_number(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    buyer = factory.member(bureau.deps, "bank2")
    factory.open_account(bureau.deps, bank)
    factory.send(bureau.deps, buyer, "subject", factory.subject(2))
    assert sell(bureau, bank, buyer, 1, person=2) == PENDING
    held = "select furnisher_id, count(distinct account_id) from file.account_now group by 1"
    assert dict(rows(bureau, held)) == {bank.member_id: 1}
    assert ledger_verify(bureau.deps).faults == ()


def test_the_reject_file_mended_and_sent_back_is_taken(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    factory.open_account(bureau.deps, bank, (1, 2))
    header = list(factory.snapshot(1, "2024-12"))
    good = factory.snapshot(1, "2024-12")
    bad = {**factory.snapshot(2, "2024-12"), "balance": "nine hundred"}
    text = "\n".join(
        ",".join(row[name] for name in header)
        for row in (dict(zip(header, header, strict=True)), good, bad)
    )
    received = receive(bureau.deps, bank, "snapshot", io.BytesIO(f"{text}\n".encode()))
    view = process(bureau.deps, received.submission_id)
    assert factory.counts(view) == (1, 0, 1, 0)
    sent_back = b"".join(submissions.rejects(bureau.deps, bank, received.submission_id)).decode()
    table = list(csv.DictReader(io.StringIO(sent_back.removeprefix("\ufeff"))))
    assert len(table) == 1
    mended = sent_back.replace("nine hundred", "900.00")
    received = receive(bureau.deps, bank, "snapshot", io.BytesIO(mended.encode()))
    assert factory.counts(process(bureau.deps, received.submission_id)) == ACCEPTED
    assert ledger_verify(bureau.deps).faults == ()


def test_two_records_of_one_new_person_in_one_file(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    both = [factory.subject(1), factory.subject(1, valid_from="2024-06-01", phone="555-0300")]
    assert send(bureau, bank, "subject", *both) == (2, 0, 0, 0)
    assert rows(bureau, "select count(*) from directory.party_subject") == [(1,)]
    assert ledger_verify(bureau.deps).faults == ()


@pytest.mark.parametrize(
    "sent",
    [b"", b"nothing,of,ours\n1,2,3\n", b"person_number,person_number\nP1,P1\n",
     gzip.compress(b"a")[:-9], b"\x1f\x8b\x08 not gzip"],
    ids=["empty", "strange columns", "doubled column", "cut short", "no gzip"],
)  # fmt: skip
def test_of_a_file_of_which_nothing_could_be_read_nothing_comes_back(
    bureau: Any, sent: bytes
) -> None:
    bank = factory.member(bureau.deps)
    received = receive(bureau.deps, bank, "subject", io.BytesIO(sent))
    view = process(bureau.deps, received.submission_id)
    assert (view.state, factory.counts(view)) == ("rejected", (0, 0, 0, 0))
    with pytest.raises(BadRequest, match="not_found"):
        b"".join(submissions.rejects(bureau.deps, bank, received.submission_id))
    assert list(bureau.deps.work_folder.iterdir()) == []
