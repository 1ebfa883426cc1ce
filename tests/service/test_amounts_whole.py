"""Funded amounts: never over the whole on any day, alone or beside shares; else as shares are."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.service import members as service_members
from tallystick.service.members import member_by_code
from tallystick.service.submissions import findings

OVER = "FND-AMT-002"


def _begin(bureau: Any) -> None:
    made = factory.member(bureau.deps)
    for code in ("bank2", "bank3", "bank4"):
        factory.member(bureau.deps, code)
    factory.open_account(bureau.deps, made, (1,))


template = beginning(_begin)


@pytest.fixture
def bank(bureau: Any) -> Any:
    """The originator of account 1, of which 1,000.00 were lent."""
    return member_by_code(bureau.deps, "bank1")


def amount(number: int, value: str, valid_from: str = "2024-01-01", **fields: Any) -> Any:
    made = factory.funding(1, f"bank{number}", "0", valid_from=valid_from)
    del made["share"]
    return {**made, "currency": "CNY", "funded_amount": value, **fields}


def share(number: int, ppb: str, **fields: Any) -> Any:
    return factory.funding(1, f"bank{number}", ppb, **fields)


def seen(bureau: Any, bank: Any, *records: Any) -> tuple[tuple[int, ...], list[Any]]:
    view = factory.send(bureau.deps, bank, "funding", *records)
    found = findings(bureau.deps, bank, view.submission_id, rule_id=OVER)
    return factory.counts(view), [(one.line_no, one.seen) for one in found]


def test_of_one_file_all_amounts_are_refused_and_their_sum_is_said(bureau: Any, bank: Any) -> None:
    counts, found = seen(bureau, bank, amount(2, "600.00"), amount(3, "400.01"))
    assert (counts, found) == ((0, 0, 2, 0), [(1, "1000.01"), (2, "1000.01")])
    counts, found = seen(bureau, bank, amount(2, "600.00"), amount(3, "400.00"))
    assert (counts, found) == ((2, 0, 0, 0), [])


def test_what_is_on_file_stands_and_its_amount_is_not_told(bureau: Any, bank: Any) -> None:
    assert seen(bureau, bank, amount(2, "600.00"))[0] == (1, 0, 0, 0)
    assert seen(bureau, bank, amount(3, "400.01")) == ((0, 0, 1, 0), [(1, "400.01")])
    assert seen(bureau, bank, amount(2, "500.00"), amount(3, "500.00")) == ((2, 0, 0, 0), [])


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    ("first", "second", "taken"),
    [
        (amount(2, "600.00"), share(3, "0.4"), True),
        (amount(2, "600.01"), share(3, "0.4"), False),
        (share(3, "0.4"), amount(2, "600.01"), False),
        (amount(2, "666.67"), share(3, "0.333333333"), True),
        (amount(2, "666.68"), share(3, "0.333333333"), False),
        (amount(2, "600.00"), amount(2, "400.00", "2024-02-01"), True),
        (amount(2, "600.00"), amount(2, "400.01", "2024-02-01"), False),
        (amount(2, "600.00", valid_to="2024-02-01"), amount(3, "600.00", "2024-02-01"), False),
        (amount(2, "600.00", valid_to="2024-01-31"), amount(3, "600.00", "2024-02-01"), True),
        (amount(2, "600.00"), amount(3, "400.01", role="guarantor"), True),
        (amount(2, "600.00", share="0.1"), amount(3, "400.01", share="0.1"), False),
        (amount(2, "0.00"), amount(3, "1000.00"), True),
    ],
)
def test_amounts_count_together_with_shares_on_every_day(
    bureau: Any, bank: Any, first: Any, second: Any, taken: bool, together: bool
) -> None:
    if together:
        assert seen(bureau, bank, first, second)[0] == ((2, 0, 0, 0) if taken else (0, 0, 2, 0))
    else:
        assert seen(bureau, bank, first)[0] == (1, 0, 0, 0)
        assert seen(bureau, bank, second)[0] == ((1, 0, 0, 0) if taken else (0, 0, 1, 0))


@pytest.mark.parametrize(
    ("terms", "sent", "taken"),
    [
        ({"product": "credit_card", "principal": None, "credit_limit": "500.00"}, "200.00", True),
        ({"product": "credit_card", "principal": None, "credit_limit": "499.99"}, "200.00", False),
        ({"credit_limit": "2000.00"}, "700.01", False),
        ({"principal": None}, "700.01", True),
        ({"principal": None, "credit_limit": "500.00"}, "700.01", True),
    ],
)
def test_the_whole_is_what_the_terms_give(
    bureau: Any, bank: Any, terms: Any, sent: str, taken: bool
) -> None:
    fresh = factory.account(2, 1, **terms)
    assert factory.counts(factory.send(bureau.deps, bank, "account", fresh)) == (1, 0, 0, 0)
    records = [{**amount(2, "300.00"), "account_number": "A2"}]
    records.append({**amount(3, sent), "account_number": "A2"})
    assert seen(bureau, bank, *records)[0] == ((2, 0, 0, 0) if taken else (0, 0, 2, 0))


def test_an_amount_alone_over_the_whole_pushes_nobody_over(bureau: Any, bank: Any) -> None:
    view = factory.send(bureau.deps, bank, "funding", amount(2, "400.00"), amount(3, "1000.01"))
    assert factory.counts(view) == (1, 0, 1, 0)
    found = findings(bureau.deps, bank, view.submission_id)
    assert [(one.line_no, one.rule_id) for one in found] == [(2, "FND-AMT-001")]


@pytest.mark.parametrize("fields", [{}, {"share": "0.9"}])
def test_an_amount_in_another_currency_is_rejected_and_pushes_nobody_over(
    bureau: Any, bank: Any, fields: Any
) -> None:
    foreign = amount(3, "400.01", currency="EUR", **fields)
    view = factory.send(bureau.deps, bank, "funding", amount(2, "600.00", share="0.6"), foreign)
    assert factory.counts(view) == (1, 0, 1, 0)
    found = findings(bureau.deps, bank, view.submission_id)
    assert {one.line_no for one in found} == {2}
    told = [one for one in found if one.rule_id == "FND-CUR-001"]
    assert [(one.field, one.seen) for one in told] == [("currency", "EUR")]
    again = factory.send_again(bureau.deps, bank, "funding", share(3, "0.4", currency="EUR"))
    assert factory.told(again) == ((1, 0, 0, 0), set())


def test_a_funders_own_amount_counts_and_the_originators_yields(bureau: Any, bank: Any) -> None:
    members = {one.code: one for one in service_members.members(bureau.deps)}
    assert seen(bureau, bank, amount(2, "300.00"))[0] == (1, 0, 0, 0)
    assert seen(bureau, members["bank2"], amount(2, "600.00"))[0] == (1, 0, 0, 0)
    assert seen(bureau, bank, amount(3, "400.01")) == ((0, 0, 1, 0), [(1, "400.01")])
    assert seen(bureau, bank, amount(3, "400.00"))[0] == (1, 0, 0, 0)
