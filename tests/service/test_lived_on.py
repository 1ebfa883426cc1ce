"""Months after a closed event that live are pointed out."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.service import submit
from tallystick.service.members import member_by_code

MONTH, EVENT = "SNP-CLOSE-003", "EVT-CLOSE-002"
ACCEPTED = (1, 0, 0, 0)
BOTH_ORDERS = pytest.mark.parametrize("is_month_first", [True, False], ids=["month", "event"])


template = beginning(lambda bureau: factory.open_account(bureau.deps, factory.member(bureau.deps)))


@pytest.fixture
def lender(bureau: Any) -> Any:
    """The furnisher of account 1."""
    return member_by_code(bureau.deps, "bank1")


def told(bureau: Any, lender: Any, dataset: str, *records: dict[str, Any]) -> set[str]:
    """The rules of these that hit; all records are accepted."""
    counts, rules = factory.told(factory.send(bureau.deps, lender, dataset, *records))
    assert counts == (len(records), 0, 0, 0), rules
    return rules & {MONTH, EVENT}


def happened(kind: str, day: str, event_id: str = "c1", **fields: Any) -> dict[str, Any]:
    at = f"{day}T23:30:00+08:00"
    return factory.event(1, event_id, event_type=kind, occurred_at=at, **fields)


#: The day of the closed event, the month that ends on 2024-11-30, and whether it is pointed out.
MONTHS = {
    "the day before its end": ("2024-11-29", {}, True),
    "on its last day": ("2024-11-30", {}, True),
    "the day after its end": ("2024-12-01", {}, False),
    "closed on its last day": (
        "2024-11-30",
        {"status": "closed", "bucket": "C", "balance": "0", "payment_due": "0"},
        False,
    ),
    "open without a balance": ("2024-11-29", {"balance": "0", "payment_due": "0"}, True),
    "in recovery with a balance": (
        "2024-11-29",
        {"status": "in_recovery", "notice_sent_on": "2024-10-01"},
        True,
    ),
    "closed": (
        "2024-11-29",
        {"status": "closed", "bucket": "C", "balance": "0", "payment_due": "0"},
        False,
    ),
}


@BOTH_ORDERS
@pytest.mark.parametrize(("day", "fields", "is_told"), MONTHS.values(), ids=MONTHS.keys())
def test_a_month_that_lives_after_a_closed_event(
    bureau: Any, lender: Any, day: str, fields: dict[str, Any], is_told: bool, is_month_first: bool
) -> None:
    sent = [
        ("snapshot", factory.snapshot(1, "2024-11", **fields)),
        ("event", happened("closed", day)),
    ]
    first, last = sent if is_month_first else reversed(sent)
    assert told(bureau, lender, *first) == set()
    wanted = {EVENT if is_month_first else MONTH} if is_told else set()
    assert told(bureau, lender, *last) == wanted


@BOTH_ORDERS
@pytest.mark.parametrize(
    ("reopened_on", "is_told"),
    [("2024-10-09", True), ("2024-10-10", False), ("2024-11-30", False), ("2024-12-01", True)],
)
def test_one_opened_again_since_lives(
    bureau: Any, lender: Any, reopened_on: str, is_told: bool, is_month_first: bool
) -> None:
    month = ("snapshot", factory.snapshot(1, "2024-11"))
    events = ("event", happened("reopened", reopened_on, "r1"), happened("closed", "2024-10-10"))
    first, last = (month, events) if is_month_first else (events, month)
    assert told(bureau, lender, *first) == set()
    wanted = {EVENT if is_month_first else MONTH} if is_told else set()
    assert told(bureau, lender, *last) == wanted


def test_a_closed_event_that_was_deleted_closes_nothing(bureau: Any, lender: Any) -> None:
    told(bureau, lender, "event", happened("closed", "2024-10-10"))
    gone = factory.deletion("event", {"account_number": "A1", "event_id": "c1"})
    assert factory.counts(factory.send(bureau.deps, lender, "deletion", gone)) == ACCEPTED
    assert told(bureau, lender, "snapshot", factory.snapshot(1, "2024-11")) == set()


def test_closed_again_after_it_was_opened_again(bureau: Any, lender: Any) -> None:
    told(
        bureau, lender, "event",
        happened("closed", "2024-08-10"), happened("reopened", "2024-09-10", "r1"),
        happened("closed", "2024-10-10", "c2"),
    )  # fmt: skip
    assert told(bureau, lender, "snapshot", factory.snapshot(1, "2024-09")) == set()
    assert told(bureau, lender, "snapshot", factory.snapshot(1, "2024-10")) == {MONTH}


def test_what_a_seller_closed_lives_at_its_buyer(bureau: Any, lender: Any) -> None:
    buyer = factory.member(bureau.deps, "bank2")
    told(bureau, lender, "event", happened("closed", "2024-10-10"))
    factory.send(bureau.deps, buyer, "subject", factory.subject(1))
    sold = {"valid_from": "2024-10-10", "closed_on": "2024-10-10", "closed_reason": "sold"}
    told(bureau, lender, "account", factory.account(1, **sold))
    bought = factory.account(
        7, 1, valid_from="2024-10-10", formerly_furnisher="bank1", formerly_account_number="A1",
        formerly_reason="sold",
    )  # fmt: skip
    assert factory.counts(factory.send(bureau.deps, buyer, "account", bought)) == ACCEPTED
    assert told(bureau, buyer, "snapshot", factory.snapshot(7, "2024-11")) == set()
    again = factory.send(bureau.deps, lender, "event", happened("closed", "2024-10-09", "c2"))
    assert factory.told(again) == (ACCEPTED, set())


def test_large_files_are_told_the_same(
    bureau: Any, lender: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submit, "PLAIN_PLAN_BYTES", 0)
    told(bureau, lender, "event", happened("closed", "2024-10-10"))
    month = factory.snapshot(1, "2024-11")
    assert told(bureau, lender, "snapshot", month) == {MONTH}
    assert told(bureau, lender, "event", happened("closed", "2024-10-11", "c2")) == {EVENT}
