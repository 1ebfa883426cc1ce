"""A word that disagrees and is refused as over the whole is told to who spoke before, too."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.service.members import member_by_code
from tallystick.service.submissions import findings

RULE = "FND-AGREE-001"
KEY = {
    "originator": "bank1", "account_number": "A1", "funder": "bank2", "valid_from": "2024-01-01",
}  # fmt: skip


def _begin(bureau: Any) -> None:
    lender = factory.member(bureau.deps)
    for code in ("bank2", "bank3"):
        factory.member(bureau.deps, code)
    factory.open_account(bureau.deps, lender, (1,))
    half = factory.funding(1, "bank3", "0.5")
    assert factory.counts(factory.send(bureau.deps, lender, "funding", half)) == (1, 0, 0, 0)


template = beginning(_begin)


@pytest.fixture
def lender(bureau: Any) -> Any:
    """The originator of account 1; half of it is bank3's."""
    return member_by_code(bureau.deps, "bank1")


@pytest.fixture
def funder(bureau: Any) -> Any:
    return member_by_code(bureau.deps, "bank2")


def share(ppb: str, **fields: Any) -> dict[str, Any]:
    return {**factory.funding(1, "bank2", ppb), **fields}


def amount(value: str) -> dict[str, Any]:
    made = share("0", currency="CNY", funded_amount=value)
    del made["share"]
    return made


def told(bureau: Any, member: Any, sent: Any) -> list[tuple[Any, ...]]:
    """What is told later, not beside a line: (severity, the key shown)."""
    found = findings(bureau.deps, member, sent.submission_id, rule_id=RULE)
    return [(one.severity, one.record) for one in found if one.line_no is None]


@pytest.mark.parametrize(
    ("first", "second", "over"),
    [
        (share("0.3"), share("0.500000001"), "FND-SHARE-001"),
        (amount("300.00"), amount("500.01"), "FND-AMT-002"),
        (amount("300.00"), amount("1000.01"), "FND-AMT-001"),
    ],
)
def test_the_originator_hears_of_a_funders_word_that_is_refused(
    bureau: Any, lender: Any, funder: Any, first: Any, second: Any, over: str
) -> None:
    earlier = factory.send(bureau.deps, lender, "funding", first)
    later = factory.send(bureau.deps, funder, "funding", second)
    assert factory.told(later) == ((0, 0, 1, 0), {over, RULE})
    assert told(bureau, lender, earlier) == [("warn", KEY)]
    factory.send_again(bureau.deps, funder, "funding", second)
    assert len(told(bureau, lender, earlier)) == 1
    factory.send(bureau.deps, funder, "funding", {**second, "valid_to": "2024-12-31"})
    assert len(told(bureau, lender, earlier)) == 2


def test_a_funder_hears_of_the_originators_word_that_is_refused(
    bureau: Any, lender: Any, funder: Any
) -> None:
    earlier = factory.send(bureau.deps, funder, "funding", share("0.3"))
    later = factory.send(bureau.deps, lender, "funding", share("0.500000001"))
    assert factory.counts(later) == (0, 0, 1, 0)
    assert told(bureau, funder, earlier) == [("warn", KEY)]


def test_a_correction_that_is_refused_is_told(bureau: Any, lender: Any, funder: Any) -> None:
    earlier = factory.send(bureau.deps, lender, "funding", share("0.3"))
    own = share("0.3")
    assert factory.counts(factory.send(bureau.deps, funder, "funding", own)) == (1, 0, 0, 0)
    change = factory.correction("funding", share("0.500000001"), own)
    assert factory.counts(factory.send(bureau.deps, funder, "correction", change)) == (0, 0, 1, 0)
    assert told(bureau, lender, earlier) == [("warn", KEY)]


@pytest.mark.parametrize(
    "refused",
    [
        share("0.500000001", valid_from="2024-01-02"),
        share("0.500000001", valid_to="soon"),
        share("0.500000001", role="originator"),
        share("0.500000001", funder="bank3"),
    ],
)
def test_other_shares_and_rows_wrong_in_themselves_are_no_second_word(
    bureau: Any, lender: Any, funder: Any, refused: Any
) -> None:
    earlier = factory.send(bureau.deps, lender, "funding", share("0.3"))
    later = factory.send(bureau.deps, funder, "funding", refused)
    assert factory.counts(later) == (0, 0, 1, 0)
    assert told(bureau, lender, earlier) == []
