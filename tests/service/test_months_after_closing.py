"""Months after a closing are of a closed account, whichever of the two came first."""

from __future__ import annotations

from typing import Any

import pytest
import september

import factory
from beginnings import beginning

CLOSED_ON = "2025-03-31"
REJECTED, TAKEN = (0, 0, 1, 0), (1, 0, 0, 0)
MONTH, TERMS = "SNP-CLOSE-004", "ACC-CLOSE-006"
BOTH_ORDERS = pytest.mark.parametrize("is_month_first", [True, False], ids=["month", "closing"])
REASONS = (
    "paid", "refinanced", "settled_for_less", "written_off", "sold", "transferred",
    "by_consumer", "by_lender", "other", None,
)  # fmt: skip
SETTLED = REASONS[:3]
NOT_HELD = {"absent": "not_held"}

template = beginning(september.begin)


def closing(reason: str | None) -> factory.Native:
    return factory.account(1, valid_from=CLOSED_ON, closed_on=CLOSED_ON, closed_reason=reason)


def told_of(month: str, bucket: str, status: str = "open", **fields: Any) -> factory.Native:
    """A month whose balance is not held."""
    late: dict[str, Any] = {}
    if bucket in "12345":
        late = {"days_past_due": 30 * int(bucket) - 25, "amount_past_due": "10.00"}
    unsaid = {"balance": NOT_HELD, "payment_due": NOT_HELD, "amount_paid": NOT_HELD}
    given = {"bucket": bucket, "status": status, "notice_sent_on": "2025-01-10", **unsaid}
    return factory.snapshot(1, month, **{**given, **late, **fields})


def second(
    bureau: Any, lender: Any, month: factory.Native, terms: factory.Native, *, is_month_first: bool
) -> bool:
    """Whether the later of the two is rejected for the closing."""
    pairs = [("snapshot", month, MONTH), ("account", terms, TERMS)]
    first, last = pairs if is_month_first else reversed(pairs)
    view = factory.send(bureau.deps, lender, first[0], first[1])
    assert factory.counts(view) == TAKEN, factory.rules(view)
    counts, rules = factory.told(factory.send(bureau.deps, lender, last[0], last[1]))
    assert (counts == REJECTED) is (last[2] in rules), rules
    return last[2] in rules


@BOTH_ORDERS
@pytest.mark.parametrize(
    ("reason", "bucket"), [*((reason, "2") for reason in REASONS), ("paid", "0"), ("sold", "0")]
)
def test_an_account_that_was_closed_does_not_run(
    bureau: Any, lender: Any, bucket: str, reason: str | None, is_month_first: bool
) -> None:
    month = told_of("2025-05", bucket)
    assert second(bureau, lender, month, closing(reason), is_month_first=is_month_first)


@BOTH_ORDERS
@pytest.mark.parametrize(
    ("reason", "status"),
    [*((reason, "written_off") for reason in REASONS), ("paid", "in_recovery"),
     ("sold", "in_recovery")],
)  # fmt: skip
def test_a_debt_given_up_stays_late_unless_it_was_settled(
    bureau: Any, lender: Any, status: str, reason: str | None, is_month_first: bool
) -> None:
    month = told_of("2025-05", "2", status)
    found = second(bureau, lender, month, closing(reason), is_month_first=is_month_first)
    assert found is (reason in SETTLED)


@BOTH_ORDERS
@pytest.mark.parametrize(
    ("month", "is_found"),
    [
        (told_of("2025-02", "2"), False),
        (told_of("2025-03", "2"), False),  # as it stood on its last day
        (told_of("2025-04", "1", period_end="2025-04-01"), True),
        (told_of("2025-04", "C", "closed"), False),
        (told_of("2025-04", "C"), False),
        (told_of("2025-04", "X"), False),
        (told_of("2025-04", "X", amount_past_due="0.01"), True),
        (told_of("2025-04", "X", "closed", amount_past_due="0.01"), True),
        (told_of("2025-04", "X", "written_off", amount_past_due="0"), False),
        (told_of("2025-04", "X", "written_off", amount_past_due="0.01"), True),
        (told_of("2025-04", "0", "inactive"), True),
        (told_of("2025-04", "0", "frozen", balance="0"), True),
    ],
    ids=str,
)
def test_what_a_later_month_may_say(
    bureau: Any, lender: Any, month: factory.Native, is_found: bool, is_month_first: bool
) -> None:
    found = second(bureau, lender, month, closing("paid"), is_month_first=is_month_first)
    assert found is is_found


@BOTH_ORDERS
@pytest.mark.parametrize(
    ("day", "is_found"),
    [("2025-03-30", True), ("2025-03-31", False), ("2025-05-31", False), ("2025-06-01", True)],
)
def test_one_opened_again_between_runs(
    bureau: Any, lender: Any, day: str, is_found: bool, is_month_first: bool
) -> None:
    reopened = factory.event(1, event_type="reopened", occurred_at=f"{day}T10:00:00+08:00")
    assert factory.counts(factory.send(bureau.deps, lender, "event", reopened)) == TAKEN
    month = told_of("2025-05", "2")
    found = second(bureau, lender, month, closing("paid"), is_month_first=is_month_first)
    assert found is is_found


def test_several_months_are_each_rejected(bureau: Any, lender: Any) -> None:
    assert factory.counts(factory.send(bureau.deps, lender, "account", closing("paid"))) == TAKEN
    months = [told_of("2025-04", "C", "closed"), told_of("2025-05", "1"), told_of("2025-06", "2")]
    view = factory.send(bureau.deps, lender, "snapshot", *months)
    assert factory.counts(view) == (1, 0, 2, 0)
