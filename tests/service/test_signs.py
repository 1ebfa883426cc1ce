"""Of every amount of the registry but a balance a rule says where it begins."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.formats import load as load_formats
from tallystick.service.members import Member, member_by_code
from tallystick.validate import judge_record, load_rules

TAKEN, REJECTED = (1, 0, 0, 0), (0, 0, 1, 0)
#: By amount the rule that says where it begins, and the least allowed; a balance may be a credit.
FLOORS = {
    ("account", "principal"): ("ACC-AMT-001", 1),
    ("account", "credit_limit"): ("ACC-AMT-001", 0),
    ("account", "income_monthly"): ("ACC-INCOME-002", 0),
    ("account_party", "responsibility"): ("PTY-AMT-002", 0),
    ("agreement", "credit_limit"): ("AGR-AMT-001", 0),
    ("event", "amount"): ("EVT-AMT-001", 1),
    ("funding", "funded_amount"): ("FND-AMT-003", 0),
    ("guarantee", "amount"): ("GUA-AMT-001", 1),
    ("member", "tier1_capital"): ("MEM-AMT-001", 0),
    ("member", "total_loans"): ("MEM-AMT-001", 0),
    ("payment", "amount_due"): ("PAY-AMT-001", 0),
    ("payment", "amount_paid"): ("PAY-AMT-001", 0),
    ("snapshot", "credit_limit"): ("SNP-AMT-006", 0),
    ("snapshot", "payment_due"): ("SNP-AMT-006", 0),
    ("snapshot", "amount_paid"): ("SNP-AMT-006", 0),
    ("snapshot", "amount_past_due"): ("SNP-AMT-006", 0),
    ("snapshot", "balance"): (None, None),
}  # fmt: skip


def _begin(bureau: Any) -> None:
    made = factory.member(bureau.deps)
    for code in ("bank2", "bank3"):
        factory.member(bureau.deps, code)
    factory.open_account(bureau.deps, made, (1, 2))


template = beginning(_begin)


@pytest.fixture
def bank(bureau: Any) -> Member:
    """The originator of accounts 1 and 2, each of 1,000.00."""
    return member_by_code(bureau.deps, "bank1")


def test_every_amount_of_the_registry_is_in_the_table() -> None:
    fields = [(one.name, field) for one in load_formats().values() for field in one.fields]
    assert {(name, field.name) for name, field in fields if field.type == "money"} == set(FLOORS)
    numbers = [field for _, field in fields if field.type in ("integer", "decimal")]
    assert all(field.minimum is not None and field.minimum >= 0 for field in numbers)


@pytest.mark.parametrize(
    ("place", "rule", "least"),
    [(place, rule, least) for place, (rule, least) in FLOORS.items() if rule is not None],
    ids=lambda value: ".".join(value) if isinstance(value, tuple) else None,
)
def test_an_amount_begins_where_its_rule_says(
    place: tuple[str, str], rule: str, least: int
) -> None:
    dataset, field = place
    judged = load_rules()[rule]
    assert judged.severity == "reject"
    for minor, is_hit in ((least, False), (least - 1, True)):
        row = {f"{field}_minor": minor, "currency": "CNY"}
        assert bool(judge_record(dataset, row, [judged])) is is_hit, minor


def amount(number: int, value: str) -> factory.Native:
    made = factory.funding(1, f"bank{number}", "0")
    del made["share"]
    return {**made, "currency": "CNY", "funded_amount": value}


@pytest.mark.parametrize(
    ("value", "is_taken"), [("-100.00", False), ("-0.01", False), ("0.00", True), ("0.01", True)]
)
def test_nobody_funds_less_than_nothing(
    bureau: Any, bank: Member, value: str, is_taken: bool
) -> None:
    found = factory.told(factory.send(bureau.deps, bank, "funding", amount(2, value)))
    assert found == ((TAKEN, set()) if is_taken else (REJECTED, {"FND-AMT-003"}))


def test_an_amount_below_zero_makes_no_room_for_others(bureau: Any, bank: Member) -> None:
    """It is rejected, so the sum of what the file sends is made without it."""
    other = {**amount(3, "500.00"), "valid_from": "2024-02-01"}
    sent = (amount(2, "-500.00"), amount(3, "600.00"), other)
    counts, rules = factory.told(factory.send(bureau.deps, bank, "funding", *sent))
    assert (counts, rules) == ((0, 0, 3, 0), {"FND-AMT-003", "FND-AMT-002"})


@pytest.mark.parametrize(
    ("value", "currency", "found"),
    [
        ("-100.00", "CNY", (REJECTED, {"PTY-AMT-002"})),
        ("-0.01", "CNY", (REJECTED, {"PTY-AMT-002"})),
        ("0.00", "CNY", (TAKEN, set())),
        ("1000.00", "CNY", (TAKEN, set())),
        ("999999.00", "USD", (REJECTED, {"PTY-CUR-001"})),
        (None, "USD", (TAKEN, set())),
    ],
)
def test_who_answers_for_an_account_answers_in_its_currency(
    bureau: Any, bank: Member, value: str | None, currency: str, found: Any
) -> None:
    fields = {"role": "guarantor", "currency": currency}
    if value is not None:
        fields["responsibility"] = value
    held = factory.account_party(1, 2, **fields)
    assert factory.told(factory.send(bureau.deps, bank, "account_party", held)) == found


@pytest.mark.parametrize(
    ("value", "is_found"), [("-5.00", True), ("-0.01", True), ("0.00", False), ("5.00", False)]
)
def test_an_income_is_not_below_zero(bureau: Any, bank: Member, value: str, is_found: bool) -> None:
    terms = factory.account(1, valid_from="2024-02-01", income_monthly=value)
    view = factory.send(bureau.deps, bank, "account", terms)
    assert ("ACC-INCOME-002" in factory.rules(view)) is is_found
