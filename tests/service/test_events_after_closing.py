"""A closed account is not drawn on and not late, until a `reopened` event says that it runs."""

from __future__ import annotations

from typing import Any

import pytest
import september

import factory
from beginnings import beginning

RULE, TAKEN = "EVT-CLOSE-001", (1, 0, 0, 0)
CLOSED_ON = "2025-06-30"

template = beginning(september.begin)


def happened(kind: str, day: str, event_id: str = "e1") -> factory.Native:
    at = f"{day}T10:00:00+08:00"
    return factory.event(1, event_id, event_type=kind, occurred_at=at)


def send(bureau: Any, lender: Any, dataset: str, *records: factory.Native) -> set[str]:
    view = factory.send(bureau.deps, lender, dataset, *records)
    assert factory.counts(view) == (len(records), 0, 0, 0), factory.rules(view)
    return factory.rules(view)


def close(bureau: Any, lender: Any) -> None:
    terms = factory.account(1, valid_from=CLOSED_ON, closed_on=CLOSED_ON, closed_reason="paid")
    send(bureau, lender, "account", terms)


@pytest.mark.parametrize("is_at_once", [True, False])
@pytest.mark.parametrize(
    ("reopened", "kind", "day", "is_told"),
    [
        (None, "drawn_down", "2025-06-30", False),
        (None, "drawn_down", "2025-07-01", True),
        ("2025-06-29", "drawn_down", "2025-07-12", True),
        ("2025-06-30", "drawn_down", "2025-07-12", False),
        ("2025-07-10", "drawn_down", "2025-07-12", False),
        ("2025-07-10", "overdue", "2025-07-12", False),
        ("2025-07-10", "extended", "2025-07-12", False),
        ("2025-07-10", "restructured", "2025-07-12", False),
        ("2025-07-12", "drawn_down", "2025-07-12", False),
        ("2025-07-13", "drawn_down", "2025-07-12", True),
    ],
)
def test_one_opened_again_before_it_is_drawn_on(
    bureau: Any, lender: Any, reopened: str | None, kind: str, day: str, is_told: bool,
    is_at_once: bool,
) -> None:  # fmt: skip
    close(bureau, lender)
    last = [happened(kind, day)]
    if reopened is not None and is_at_once:
        last.append(happened("reopened", reopened, "r1"))
    elif reopened is not None:
        assert RULE not in send(bureau, lender, "event", happened("reopened", reopened, "r1"))
    assert (RULE in send(bureau, lender, "event", *last)) is is_told


def test_closed_again_after_it_was_opened_again(bureau: Any, lender: Any) -> None:
    send(bureau, lender, "event", happened("reopened", "2025-06-10", "r1"))
    close(bureau, lender)
    assert RULE in send(bureau, lender, "event", happened("drawn_down", "2025-07-12"))


def test_a_reopening_that_was_deleted_excuses_nothing(bureau: Any, lender: Any) -> None:
    close(bureau, lender)
    send(bureau, lender, "event", happened("reopened", "2025-07-10", "r1"))
    gone = factory.deletion("event", {"account_number": "A1", "event_id": "r1"})
    assert factory.counts(factory.send(bureau.deps, lender, "deletion", gone)) == TAKEN
    assert RULE in send(bureau, lender, "event", happened("drawn_down", "2025-07-12"))


def test_a_reopening_sent_with_it_that_cannot_be_read_excuses_nothing(
    bureau: Any, lender: Any
) -> None:
    close(bureau, lender)
    unreadable = {**happened("reopened", "2025-07-10", "r1"), "amount": "5.00"}
    drawn = happened("drawn_down", "2025-07-12")
    view = factory.send(bureau.deps, lender, "event", unreadable, drawn)
    assert (factory.counts(view), RULE in factory.rules(view)) == ((1, 0, 1, 0), True)
