"""Account terms that the fundings on file go over: taken, and who sends them is warned."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.service import members as service_members
from tallystick.service.members import member_by_code
from tallystick.service.submissions import findings

LENT, LIMIT = "ACC-FUND-001", "ACC-FUND-002"
ACCEPTED = (1, 0, 0, 0)


def _begin(bureau: Any) -> None:
    made = factory.member(bureau.deps)
    for code in ("bank2", "bank3"):
        factory.member(bureau.deps, code)
    factory.open_account(bureau.deps, made, (1,))


template = beginning(_begin)


@pytest.fixture
def bank(bureau: Any) -> Any:
    """The originator of account 1, of which 1,000.00 were lent from 2024-01-01."""
    return member_by_code(bureau.deps, "bank1")


def amount(number: int, value: str, **fields: Any) -> Any:
    made = factory.funding(1, f"bank{number}", "0", currency="CNY", funded_amount=value, **fields)
    del made["share"]
    return made


def share(number: int, ppb: str, **fields: Any) -> Any:
    return factory.funding(1, f"bank{number}", ppb, **fields)


def terms(principal: str | None, **fields: Any) -> Any:
    return factory.account(1, 1, principal=principal, **fields)


def fund(bureau: Any, bank: Any, *fundings: Any) -> None:
    sent = factory.send(bureau.deps, bank, "funding", *fundings)
    assert factory.counts(sent) == (len(fundings), 0, 0, 0)


def warned(bureau: Any, bank: Any, *sent: Any, dataset: str = "account") -> list[tuple[Any, ...]]:
    view = factory.send_again(bureau.deps, bank, dataset, *sent)
    assert factory.counts(view)[2:] == (0, 0)
    found = findings(bureau.deps, bank, view.submission_id)
    return [
        (one.line_no, one.rule_id, one.severity, one.seen)
        for one in found
        if one.rule_id in (LENT, LIMIT)
    ]


@pytest.mark.parametrize(
    ("fundings", "principal", "is_over"),
    [
        ([amount(2, "300.00"), amount(3, "400.00")], "700.00", False),
        ([amount(2, "300.00"), amount(3, "400.00")], "699.99", True),
        ([amount(2, "300.00"), amount(3, "400.00", role="guarantor")], "400.00", False),
        ([amount(2, "300.00"), amount(3, "400.00", role="guarantor")], "399.99", True),
        ([amount(2, "300.00"), share(3, "0.4")], "500.00", False),
        ([amount(2, "300.00"), share(3, "0.4")], "499.99", False),
        ([amount(2, "300.00"), share(3, "0.4")], "499.98", True),
        ([share(2, "0.6"), share(3, "0.4")], "1.00", False),
        ([amount(2, "300.00", valid_to="2024-06-30"), amount(3, "400.00", valid_from="2024-07-01")],
         "400.00", False),
        ([amount(2, "300.00", valid_to="2024-07-01"), amount(3, "400.00", valid_from="2024-07-01")],
         "400.00", True),
        ([amount(2, "300.00")], None, False),
    ],
)  # fmt: skip
def test_terms_sent_again_are_taken_and_warned_of(
    bureau: Any, bank: Any, fundings: Any, principal: str | None, is_over: bool
) -> None:
    fund(bureau, bank, *fundings)
    expected = [(1, LENT, "warn", principal)] if is_over else []
    assert warned(bureau, bank, terms(principal)) == expected
    assert warned(bureau, bank, terms(principal)) == expected, "it is so still"


def test_only_days_of_the_newest_terms_are_judged(bureau: Any, bank: Any) -> None:
    fund(bureau, bank, amount(2, "300.00", valid_to="2024-06-30"), amount(3, "400.00"))
    older, newer = terms("699.99"), terms("400.00", valid_from="2024-07-01")
    assert warned(bureau, bank, older, newer) == []
    assert warned(bureau, bank, older) == [], "newer terms are on file"
    assert warned(bureau, bank, terms("399.99", valid_from="2024-07-01")) != []
    assert warned(bureau, bank, newer, terms("400.00", valid_from="2024-06-30")) == []
    later = terms("699.99", valid_from="2024-06-30")
    assert warned(bureau, bank, later, newer) == []


def test_a_limit_is_the_whole_of_revolving_credit(bureau: Any, bank: Any) -> None:
    fresh = {"product": "credit_card", "principal": None}
    card = factory.account(2, 1, credit_limit="500.00", **fresh)
    assert factory.counts(factory.send(bureau.deps, bank, "account", card)) == ACCEPTED
    fund(bureau, bank, {**amount(2, "300.00"), "account_number": "A2"})
    for limit, expected in (("300.00", []), ("299.99", [(1, LIMIT, "warn", "299.99")])):
        lowered = factory.account(2, 1, credit_limit=limit, **fresh)
        assert warned(bureau, bank, lowered) == expected


def test_a_correction_of_the_amount_lent_is_warned_of(bureau: Any, bank: Any) -> None:
    fund(bureau, bank, amount(2, "300.00"))
    change = factory.correction("account", terms("299.99"), factory.account(1))
    found = warned(bureau, bank, change, dataset="correction")
    assert [one[1:3] for one in found] == [(LENT, "warn")]


def test_a_funders_own_amount_counts_and_the_originators_yields(bureau: Any, bank: Any) -> None:
    funder = {one.code: one for one in service_members.members(bureau.deps)}["bank2"]
    fund(bureau, bank, amount(2, "300.00"))
    fund(bureau, funder, amount(2, "200.00"))
    assert warned(bureau, bank, terms("200.00")) == []
    assert warned(bureau, bank, terms("199.99")) == [(1, LENT, "warn", "199.99")]


def test_only_the_funded_account_of_several_is_warned_of(bureau: Any, bank: Any) -> None:
    factory.open_account(bureau.deps, bank, (2,))
    fund(bureau, bank, amount(2, "300.00"))
    other = factory.account(2, principal="1.00")
    found = warned(bureau, bank, other, terms("299.99"))
    assert [one[0] for one in found] == [2]


def test_an_account_that_goes_on_brings_its_fundings(bureau: Any, bank: Any) -> None:
    fund(bureau, bank, amount(2, "300.00"))
    moved = factory.account(
        3, 1, principal="299.99", valid_from="2024-12-01", formerly_account_number="A1",
        formerly_reason="renumbered",
    )  # fmt: skip
    assert [one[1] for one in warned(bureau, bank, moved)] == [LENT]
