"""A balance at or after a closing is told, whichever of the two came first."""

from __future__ import annotations

from typing import Any

import pytest
import september

import factory
from beginnings import beginning
from tallystick.service.submissions import SubmissionView

CLOSED_ON = "2025-04-30"
BOTH_ORDERS = pytest.mark.parametrize("is_month_first", [True, False], ids=["month", "closing"])
PLAIN = ("by_lender", "by_consumer", "refinanced", "settled_for_less", "transferred", "other")
REJECTED, WARNED = (0, 0, 1, 0), (1, 0, 0, 0)
#: Of a closing that is told in part, and of months after it that run, whatever they owe.
OTHERS = {"ACC-CLOSE-001", "ACC-CLOSE-006", "SNP-CLOSE-004"}
#: What a month after a closing may say of the account.
UNKNOWN = {"bucket": "X", "days_past_due": {"absent": "not_held"}}


template = beginning(september.begin)


def closing(reason: str | None, **fields: Any) -> factory.Native:
    given = {"valid_from": CLOSED_ON, "closed_on": CLOSED_ON, "closed_reason": reason, **fields}
    return factory.account(1, **given)


def owed(month: str, **fields: Any) -> factory.Native:
    """A month with a balance, of which she was told where it says that the debt is given up."""
    return factory.snapshot(1, month, notice_sent_on="2025-03-01", **fields)


def closed(told: SubmissionView) -> Any:
    """What the second of the two records came to, and the rules of closings that hit."""
    hits = {rule for rule in factory.rules(told) if "-CLOSE-" in rule} - OTHERS
    return factory.counts(told), hits


def second(
    bureau: Any, lender: Any, month: factory.Native, terms: factory.Native, *, is_month_first: bool
) -> Any:
    pairs = [("snapshot", month), ("account", terms)]
    first, last = pairs if is_month_first else reversed(pairs)
    assert closed(factory.send(bureau.deps, lender, first[0], first[1])) == (WARNED, set())
    return closed(factory.send(bureau.deps, lender, last[0], last[1]))


@BOTH_ORDERS
@pytest.mark.parametrize("reason", [*PLAIN, "sold", "written_off", None])
@pytest.mark.parametrize("month", ["2025-04", "2025-06"])
def test_a_running_account_that_owes_when_closed_is_rejected(
    bureau: Any, lender: Any, month: str, reason: str | None, is_month_first: bool
) -> None:
    owing = factory.snapshot(1, month)
    rule = "ACC-CLOSE-004" if is_month_first else "SNP-CLOSE-001"
    found = second(bureau, lender, owing, closing(reason), is_month_first=is_month_first)
    assert found == (REJECTED, {rule})


@BOTH_ORDERS
@pytest.mark.parametrize("reason", ["by_lender", "sold", "written_off", None])
@pytest.mark.parametrize(
    ("status", "bucket"),
    [("sold", "0"), ("written_off", "X"), ("in_recovery", "0"), ("in_recovery", "X")],
)
def test_a_debt_given_up_that_is_still_owed_is_warned_of(
    bureau: Any, lender: Any, status: str, bucket: str, reason: str | None, is_month_first: bool
) -> None:
    owing = owed("2025-06", status=status, bucket=bucket)
    rule = "ACC-CLOSE-005" if is_month_first else "SNP-CLOSE-002"
    found = second(bureau, lender, owing, closing(reason), is_month_first=is_month_first)
    assert found == (WARNED, {rule})


@BOTH_ORDERS
@pytest.mark.parametrize("status", ["open", "sold", "in_recovery"])
def test_what_was_paid_is_not_owed_whatever_its_status(
    bureau: Any, lender: Any, status: str, is_month_first: bool
) -> None:
    owing = owed("2025-06", status=status)
    rule = "ACC-CLOSE-002" if is_month_first else "SNP-CLOSE-001"
    found = second(bureau, lender, owing, closing("paid"), is_month_first=is_month_first)
    assert found == (REJECTED, {rule})


@BOTH_ORDERS
@pytest.mark.parametrize(
    "month",
    [
        factory.snapshot(1, "2025-06", balance="0", **UNKNOWN),
        factory.snapshot(1, "2025-06", balance={"absent": "not_held"}, **UNKNOWN),
        factory.snapshot(1, "2025-03"),
        factory.snapshot(1, "2025-04", period_end="2025-04-29"),
    ],
    ids=["nothing owed", "not held", "a month before", "a day before"],
)
def test_what_owes_nothing_at_or_after_the_closing_is_not_told(
    bureau: Any, lender: Any, month: factory.Native, is_month_first: bool
) -> None:
    found = second(bureau, lender, month, closing("by_lender"), is_month_first=is_month_first)
    assert found == (WARNED, set())


@BOTH_ORDERS
@pytest.mark.parametrize(
    ("day", "is_found"),
    [("2025-04-29", True), ("2025-04-30", False), ("2025-06-30", False), ("2025-07-01", True)],
)
def test_what_was_opened_again_between_may_owe(
    bureau: Any, lender: Any, day: str, is_found: bool, is_month_first: bool
) -> None:
    reopened = factory.event(1, event_type="reopened", occurred_at=f"{day}T10:00:00+08:00")
    assert factory.told(factory.send(bureau.deps, lender, "event", reopened))[0] == WARNED
    rule = "ACC-CLOSE-004" if is_month_first else "SNP-CLOSE-001"
    found = second(
        bureau, lender, factory.snapshot(1, "2025-06"), closing("by_lender"),
        is_month_first=is_month_first,
    )  # fmt: skip
    assert found == ((REJECTED, {rule}) if is_found else (WARNED, set()))


@pytest.mark.parametrize("is_at_once", [True, False])
@pytest.mark.parametrize(("from_day", "is_found"), [("2025-05-01", False), ("2025-04-29", True)])
def test_a_closing_that_newer_terms_have_left_behind_is_not_told(
    bureau: Any, lender: Any, from_day: str, is_found: bool, is_at_once: bool
) -> None:
    deps, newer = bureau.deps, factory.account(1, valid_from=from_day)
    assert factory.told(factory.send(deps, lender, "snapshot", factory.snapshot(1, "2025-06")))[
        0
    ] == WARNED  # fmt: skip
    late = closing("by_lender")
    if is_at_once:
        view = factory.send(deps, lender, "account", late, newer)
    else:
        factory.send(deps, lender, "account", newer)
        view = factory.send(deps, lender, "account", late)
    assert ("ACC-CLOSE-004" in factory.rules(view)) == is_found


def test_a_number_that_goes_on_is_closed_by_the_months_of_its_former_one(
    bureau: Any, lender: Any
) -> None:
    deps = bureau.deps
    factory.send(deps, lender, "snapshot", owed("2025-06", status="in_recovery"))
    goes_on = factory.account(
        7, 1, valid_from="2025-07-01", opened_on="2024-01-01", closed_on="2025-06-30",
        closed_reason="other", formerly_account_number="A1", formerly_reason="renumbered",
    )  # fmt: skip
    assert closed(factory.send(deps, lender, "account", goes_on)) == (WARNED, {"ACC-CLOSE-005"})


def balances(*months: tuple[str, str]) -> list[factory.Native]:
    """Months with a balance each; of what owes nothing no more is known."""
    return [
        owed(month, balance=balance, **(UNKNOWN if balance == "0" else {}))
        for month, balance in months
    ]


@pytest.mark.parametrize(
    ("reason", "status", "found"),
    [
        ("by_lender", "open", (REJECTED, {"ACC-CLOSE-004"})),
        ("paid", "open", (REJECTED, {"ACC-CLOSE-002"})),
        ("paid", "in_recovery", (REJECTED, {"ACC-CLOSE-002"})),
        ("by_lender", "in_recovery", (WARNED, {"ACC-CLOSE-005"})),
    ],
)
def test_every_month_at_or_after_a_closing_counts_not_the_newest_alone(
    bureau: Any, lender: Any, reason: str, status: str, found: Any
) -> None:
    deps, (owing, paid) = bureau.deps, balances(("2025-04", "0.01"), ("2025-05", "0"))
    factory.send(deps, lender, "snapshot", {**owing, "status": status}, paid)
    assert closed(factory.send(deps, lender, "account", closing(reason))) == found


def test_months_before_a_closing_may_owe_and_a_deleted_one_says_nothing(
    bureau: Any, lender: Any
) -> None:
    deps = bureau.deps
    months = balances(("2025-03", "9.00"), ("2025-04", "0.01"), ("2025-05", "0"))
    factory.send(deps, lender, "snapshot", *months)
    key = {"account_number": "A1", "period_end": "2025-04-30"}
    factory.send(deps, lender, "deletion", factory.deletion("snapshot", key))
    assert closed(factory.send(deps, lender, "account", closing("by_lender"))) == (WARNED, set())


def reopen(bureau: Any, lender: Any, day: str) -> None:
    event = factory.event(1, event_type="reopened", occurred_at=f"{day}T10:00:00+08:00")
    assert factory.counts(factory.send(bureau.deps, lender, "event", event)) == WARNED


@pytest.mark.parametrize(
    ("day", "is_found"), [("2025-04-29", True), ("2025-04-30", False), ("2025-07-01", True)]
)
def test_what_was_paid_and_opened_again_may_owe(
    bureau: Any, lender: Any, day: str, is_found: bool
) -> None:
    reopen(bureau, lender, day)
    factory.send(bureau.deps, lender, "snapshot", factory.snapshot(1, "2025-06"))
    found = closed(factory.send(bureau.deps, lender, "account", closing("paid")))
    assert found == ((REJECTED, {"ACC-CLOSE-002"}) if is_found else (WARNED, set()))


@pytest.mark.parametrize(("month", "is_found"), [("2025-06", False), ("2025-07", True)])
def test_an_account_closed_again_is_judged_by_its_new_closing(
    bureau: Any, lender: Any, month: str, is_found: bool
) -> None:
    deps = bureau.deps
    assert closed(factory.send(deps, lender, "account", closing("paid"))) == (WARNED, set())
    reopen(bureau, lender, "2025-05-10")
    factory.send(deps, lender, "snapshot", factory.snapshot(1, month))
    again = closing("paid", valid_from="2025-07-15", closed_on="2025-07-15")
    found = closed(factory.send(deps, lender, "account", again))
    assert found == ((REJECTED, {"ACC-CLOSE-002"}) if is_found else (WARNED, set()))


def test_an_older_closing_is_judged_up_to_the_newer_one(bureau: Any, lender: Any) -> None:
    deps = bureau.deps
    later = closing("by_lender", valid_from="2025-06-15", closed_on="2025-06-15")
    factory.send(deps, lender, "snapshot", *balances(("2025-05", "9.00"), ("2025-06", "0")))
    view = factory.send(deps, lender, "account", closing("by_lender"), later)
    assert closed(view) == ((2, 0, 0, 0), set())


@pytest.mark.parametrize(
    ("from_day", "reopened", "is_found"),
    [
        ("2025-05-10", None, True),
        ("2025-05-10", "2025-05-10", False),
        ("2025-05-10", "2025-04-29", True),
        (CLOSED_ON, None, True),
        ("2025-04-29", None, False),
    ],
)
def test_open_terms_of_a_closed_account_need_a_reopening_unless_they_are_older(
    bureau: Any, lender: Any, from_day: str, reopened: str | None, is_found: bool
) -> None:
    deps = bureau.deps
    assert closed(factory.send(deps, lender, "account", closing("paid"))) == (WARNED, set())
    if reopened is not None:
        reopen(bureau, lender, reopened)
    running = factory.account(1, valid_from=from_day)
    found = closed(factory.send(deps, lender, "account", running))
    assert found == (WARNED, {"ACC-CLOSE-003"} if is_found else set())


@pytest.mark.parametrize("taken_back", ["deleted", "restated", None])
def test_a_reopening_that_was_taken_back_excuses_nothing(
    bureau: Any, lender: Any, taken_back: str | None
) -> None:
    deps = bureau.deps
    assert closed(factory.send(deps, lender, "account", closing("by_lender"))) == (WARNED, set())
    reopen(bureau, lender, "2025-05-10")
    if taken_back == "deleted":
        gone = factory.deletion("event", {"account_number": "A1", "event_id": "e1"})
        assert factory.counts(factory.send(deps, lender, "deletion", gone)) == WARNED
    elif taken_back:
        assert factory.counts(factory.send(deps, lender, "event", factory.event(1))) == WARNED
    found = closed(factory.send(deps, lender, "snapshot", factory.snapshot(1, "2025-06")))
    assert found == ((REJECTED, {"SNP-CLOSE-001"}) if taken_back else (WARNED, set()))
