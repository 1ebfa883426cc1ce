"""An event ends no account: who sends one is told where the account's terms do not close it."""

from __future__ import annotations

from typing import Any

import pytest
import september

import factory
from beginnings import beginning

TAKEN = (1, 0, 0, 0)
RULE = "EVT-CLOSE-003"

template = beginning(september.begin)


def event(kind: str, day: str, event_id: str = "e1") -> factory.Native:
    at = f"{day}T10:00:00+08:00"
    return factory.event(1, event_id, event_type=kind, occurred_at=at)


def closed(day: str, reason: str = "paid") -> factory.Native:
    return factory.account(1, valid_from=day, closed_on=day, closed_reason=reason)


def is_told(bureau: Any, lender: Any, *events: factory.Native) -> bool:
    """Whether one of the events is told to leave its account open; all are taken."""
    view = factory.send(bureau.deps, lender, "event", *events)
    assert factory.counts(view) == (len(events), 0, 0, 0)
    return RULE in factory.rules(view)


@pytest.mark.parametrize(
    ("kind", "is_found"),
    [("closed", True), ("sold", True), ("repaid", False), ("prepaid", False),
     ("written_off", False), ("reopened", False)],
)  # fmt: skip
def test_an_event_that_ends_an_account_open_by_its_terms_is_told(
    bureau: Any, lender: Any, kind: str, is_found: bool
) -> None:
    assert is_told(bureau, lender, event(kind, "2025-05-31")) is is_found


@pytest.mark.parametrize(
    ("day", "reopened", "is_found"),
    [
        ("2025-04-30", None, False),
        ("2025-05-31", None, False),
        ("2025-06-01", None, False),
        # The closing on file is over, until the account is closed again.
        ("2025-04-30", "2025-04-29", False),
        ("2025-04-30", "2025-04-30", True),
        ("2025-04-30", "2025-05-30", True),
        # It was opened again after this event.
        ("2025-04-30", "2025-05-31", False),
        ("2025-04-30", "2025-06-01", False),
        (None, "2025-05-30", True),
        (None, "2025-05-31", False),
        (None, "2025-06-01", False),
    ],
)
@pytest.mark.parametrize("is_at_once", [True, False])
def test_terms_close_it_unless_it_was_opened_again(
    bureau: Any, lender: Any, day: str | None, reopened: str | None, is_found: bool,
    is_at_once: bool,
) -> None:  # fmt: skip
    if day:
        factory.send(bureau.deps, lender, "account", closed(day))
    last = [event("closed", "2025-05-31", "e2")]
    if reopened is not None and is_at_once:
        last.insert(0, event("reopened", reopened))
    elif reopened is not None:
        assert not is_told(bureau, lender, event("reopened", reopened))
    assert is_told(bureau, lender, *last) is is_found


@pytest.mark.parametrize(
    ("month", "status", "is_found"),
    [
        ("2025-05", "closed", False),
        ("2025-06", "closed", False),
        ("2025-05", "sold", False),
        ("2025-04", "closed", True),
        ("2025-05", "open", True),
    ],
)
def test_a_month_that_says_so_closes_it_too(
    bureau: Any, lender: Any, month: str, status: str, is_found: bool
) -> None:
    paid = {"balance": "0", "payment_due": "0", "bucket": "C"} if status == "closed" else {}
    told = factory.snapshot(1, month, status=status, **paid)
    assert factory.counts(factory.send(bureau.deps, lender, "snapshot", told)) == TAKEN
    assert is_told(bureau, lender, event("closed", "2025-05-31")) is is_found


@pytest.mark.parametrize(
    ("month", "bucket", "status", "is_found"),
    [
        ("2025-05", "C", "open", False),
        ("2025-05", "C", "inactive", False),
        ("2025-06", "C", "open", False),
        ("2025-04", "C", "open", True),
        ("2025-05", "X", "open", True),
        ("2025-05", "0", "open", True),
    ],
)
def test_so_does_a_month_by_its_code_alone(
    bureau: Any, lender: Any, month: str, bucket: str, status: str, is_found: bool
) -> None:
    """A report takes the account as closed then, so nothing stays open."""
    due = {} if bucket == "0" else {"balance": "0", "payment_due": "0", "amount_paid": "0"}
    told = factory.snapshot(1, month, status=status, bucket=bucket, **due)
    assert factory.counts(factory.send(bureau.deps, lender, "snapshot", told)) == TAKEN
    assert is_told(bureau, lender, event("closed", "2025-05-31")) is is_found


def test_what_the_terms_then_say_ends_it(bureau: Any, lender: Any) -> None:
    assert is_told(bureau, lender, event("sold", "2025-05-31"))
    factory.send(bureau.deps, lender, "account", closed("2025-05-31", "sold"))
    assert not is_told(bureau, lender, event("sold", "2025-05-31", "e2"))


def test_who_sold_an_account_another_has_now_has_no_terms_to_send(bureau: Any, lender: Any) -> None:
    buyer = factory.member(bureau.deps, "bank2")
    factory.send(bureau.deps, lender, "event", event("sold", "2025-05-31"))
    bought = factory.account(
        7, 1, valid_from="2025-06-01", opened_on="2024-01-01", formerly_furnisher="bank1",
        formerly_account_number="A1", formerly_reason="sold",
    )  # fmt: skip
    factory.send(bureau.deps, buyer, "subject", factory.subject(1))
    assert factory.counts(factory.send(bureau.deps, buyer, "account", bought)) == TAKEN
    assert not is_told(bureau, lender, event("closed", "2025-05-31", "e2"))
    own = {**event("closed", "2025-07-31", "e3"), "account_number": "A7"}
    assert is_told(bureau, buyer, own)


def test_an_event_whose_day_cannot_be_read_is_told_of_that_alone(bureau: Any, lender: Any) -> None:
    view = factory.send(bureau.deps, lender, "event", event("closed", "2025-05-32"))
    assert RULE not in factory.rules(view)
