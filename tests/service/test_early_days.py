"""Days before January 1900, from which months are counted, are placeholders and not taken."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.service.members import member_by_code
from tallystick.service.submissions import findings
from tallystick.validate import load_rules

FIRST, BEFORE, PLACEHOLDER = "1900-01-01", "1899-12-31", "0001-01-01"
ACCEPTED, REJECTED = (1, 0, 0, 0), (0, 0, 1, 0)


def _begin(bureau: Any) -> None:
    factory.two_accounts_beside_another(bureau.deps)


template = beginning(_begin)


def opened(day: str) -> factory.Native:
    return factory.account(3, 1, opened_on=day)


def valid(day: str) -> factory.Native:
    return factory.subject(3, valid_from=day)


def agreed(day: str) -> factory.Native:
    return factory.agreement(3, 1, valid_from=day)


def paid(day: str) -> factory.Native:
    return {**factory.PAYMENT, "period_end": day}


@pytest.mark.parametrize(
    ("dataset", "build", "rule", "first"),
    [
        ("account", opened, "ACC-DATE-006", FIRST),
        ("subject", valid, "ANY-DATE-003", FIRST),
        ("agreement", agreed, "ANY-DATE-003", FIRST),
        ("payment", paid, "MON-DATE-002", "1900-01-31"),
    ],
)
def test_a_day_before_1900_is_rejected(
    bureau: Any, dataset: str, build: Any, rule: str, first: str
) -> None:
    bank = member_by_code(bureau.deps, "bank1")
    for day in (BEFORE, PLACEHOLDER):
        view = factory.send(bureau.deps, bank, dataset, build(day))
        assert factory.counts(view) == REJECTED
        assert rule in factory.rules(view)
    view = factory.send(bureau.deps, bank, dataset, build(first))
    assert factory.counts(view) == ACCEPTED, factory.rules(view)
    assert rule not in factory.rules(view)


ABSENT = {"opened_on": {"absent": "not_held"}}
INSTANTS = ("1899-12-31T23:59:59+08:00", "0001-01-02T00:00:00Z", "0500-06-01T00:00:00Z",
            "1583-01-01T00:00:00Z")  # fmt: skip
#: Of months: what makes them late, so that a notice has something to tell of.
LATE = {"bucket": "1", "days_past_due": "20", "amount_past_due": "1.00",
        "first_delinquency_on": "2024-12-11"}  # fmt: skip


def month(field: str) -> Any:
    return lambda day: {**factory.snapshot(3, "2024-12"), **LATE, field: day}


def bill(day: str) -> factory.Native:
    return {**factory.PAYMENT, "notice_sent_on": day}


def ended(field: str) -> Any:
    return lambda day: {**factory.account(3, 1, closed_reason="paid"), **ABSENT, field: day}


@pytest.mark.parametrize(
    ("dataset", "build", "rule", "field", "days", "first"),
    [
        ("event", lambda at: factory.event(3, occurred_at=at), "EVT-DATE-002", "occurred_at",
         INSTANTS, "1900-01-01T00:00:00+08:00"),
        *[("snapshot", month(name), "SNP-DATE-004", name, (BEFORE, PLACEHOLDER), FIRST)
          for name in ("first_delinquency_on", "last_payment_on")],
        ("snapshot", month("notice_sent_on"), "MON-DATE-003", "notice_sent_on",
         (BEFORE, PLACEHOLDER), FIRST),
        ("payment", bill, "MON-DATE-003", "notice_sent_on", (BEFORE, PLACEHOLDER), FIRST),
        *[("account", ended(name), "ACC-DATE-007", name, (BEFORE, PLACEHOLDER), FIRST)
          for name in ("closed_on", "maturity_on")],
    ],
)  # fmt: skip
def test_a_day_before_1900_is_rejected_though_no_opening_is_known(
    bureau: Any, dataset: str, build: Any, rule: str, field: str, days: Any, first: str
) -> None:
    bank = member_by_code(bureau.deps, "bank1")
    assert bank is not None
    known = factory.send(bureau.deps, bank, "account", {**factory.account(3, 1), **ABSENT})
    assert factory.counts(known) == ACCEPTED
    for day in days:
        view = factory.send_again(bureau.deps, bank, dataset, build(day))
        assert factory.counts(view) == REJECTED
        found = findings(bureau.deps, bank, view.submission_id)
        assert [(one.field, (one.seen or "")[:10]) for one in found if one.rule_id == rule] == [
            (field, day[:10])
        ]
    view = factory.send_again(bureau.deps, bank, dataset, build(first))
    assert rule not in factory.rules(view)


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_ends_of_the_calendar_are_not_called_missing_from_it(bureau: Any, day: str) -> None:
    told = load_rules()["FMT-CELL-020"]
    assert day in told.allowed.en
    assert day in told.allowed.zh
    bank = member_by_code(bureau.deps, "bank1")
    sent = factory.event(1, occurred_at=f"{day}T00:00:00Z")
    assert factory.told(factory.send(bureau.deps, bank, "event", sent)) == (
        REJECTED, {"FMT-CELL-020"},
    )  # fmt: skip
