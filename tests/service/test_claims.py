"""What a member says it funds of another's account keeps nothing of the originator's word out."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.service.members import member_by_code
from tallystick.service.submissions import findings
from tallystick.service.verify import ledger_verify

OVER, CLAIMED = "FND-SHARE-001", "FND-CLAIM-001"


CODES = ("bank1", "bank2", "bank3")


def _begin(bureau: Any) -> None:
    found = [factory.member(bureau.deps, code) for code in CODES]
    factory.open_account(bureau.deps, found[0], (1,))


template = beginning(_begin)


@pytest.fixture
def members(bureau: Any) -> dict[str, Any]:
    """The originator of account 1 (bank1), and banks that may say they fund it."""
    return {code: member_by_code(bureau.deps, code) for code in CODES}


def share(code: str, ppb: str, valid_from: str = "2024-01-01", **fields: Any) -> dict[str, Any]:
    return {**factory.funding(1, code, ppb, valid_from=valid_from), **fields}


def amount(code: str, value: str) -> dict[str, Any]:
    made = share(code, "0", currency="CNY", funded_amount=value)
    del made["share"]
    return made


def sent(bureau: Any, sender: Any, *records: Any) -> tuple[tuple[int, ...], set[str]]:
    return factory.told(factory.send(bureau.deps, sender, "funding", *records))


@pytest.mark.parametrize(
    ("claim", "word", "rules"),
    [
        (share("bank3", "0.6"), share("bank2", "0.400000001"), {CLAIMED}),
        (share("bank3", "0.6"), share("bank2", "0.4"), set()),
        (share("bank3", "1"), share("bank1", "1", role="originator"), {CLAIMED}),
        (share("bank3", "0.6", valid_to="2024-06-30"), share("bank2", "1", "2024-07-01"), set()),
        (share("bank3", "0.6", "2024-07-01"), share("bank2", "1"), {CLAIMED}),
        (share("bank3", "0.6"), share("bank2", "1", role="guarantor"), set()),
        (amount("bank3", "600.00"), amount("bank2", "400.01"), {CLAIMED}),
        (amount("bank3", "600.00"), amount("bank2", "400.00"), set()),
        (amount("bank3", "600.00"), share("bank2", "0.400010000"), {CLAIMED}),
    ],
)
def test_the_originators_word_is_taken_whatever_another_claims(
    bureau: Any, members: dict[str, Any], claim: Any, word: Any, rules: set[str]
) -> None:
    assert sent(bureau, members["bank3"], claim) == ((1, 0, 0, 0), set())
    view = factory.send(bureau.deps, members["bank1"], "funding", word)
    assert factory.told(view) == ((1, 0, 0, 0), rules)
    told = findings(bureau.deps, members["bank1"], view.submission_id, rule_id=CLAIMED)
    assert [(one.severity, one.seen) for one in told] == [("warn", word["funder"])] * len(rules)
    assert ledger_verify(bureau.deps).faults == ()


def test_what_one_says_counts_together_whatever_another_claims(
    bureau: Any, members: dict[str, Any]
) -> None:
    bank1, stranger = members["bank1"], members["bank3"]
    assert sent(bureau, stranger, share("bank3", "0.6"))[0] == (1, 0, 0, 0)
    assert sent(bureau, stranger, share("bank3", "0.6", "2024-02-01")) == ((0, 0, 1, 0), {OVER})
    assert sent(bureau, bank1, share("bank2", "0.6")) == ((1, 0, 0, 0), {CLAIMED})
    second = share("bank1", "0.6", role="originator")
    assert sent(bureau, bank1, second) == ((0, 0, 1, 0), {OVER, CLAIMED})
    both = share("bank2", "0.6", "2024-02-01"), share("bank1", "0.6", "2024-02-01")
    assert sent(bureau, bank1, *both)[0] == (0, 0, 2, 0)


def test_a_claim_counts_against_claims_and_from_the_day_it_is_named(
    bureau: Any, members: dict[str, Any]
) -> None:
    bank1, bank2, stranger = members["bank1"], members["bank2"], members["bank3"]
    assert sent(bureau, stranger, share("bank3", "0.6"))[0] == (1, 0, 0, 0)
    claim = share("bank2", "0.400000001")
    assert sent(bureau, bank2, claim) == ((0, 0, 1, 0), {OVER})
    assert sent(bureau, bank1, claim) == ((1, 0, 0, 0), {CLAIMED})
    again = factory.send_again(bureau.deps, bank2, "funding", claim)
    assert factory.told(again) == ((1, 0, 0, 0), {CLAIMED})
    named = sent(bureau, bank1, share("bank3", "0.6"), share("bank1", "0.1", "2024-03-01"))
    assert named == ((0, 0, 2, 0), {OVER}), "what the originator names counts among its own"


def test_a_claim_comes_second_to_what_is_on_file(bureau: Any, members: dict[str, Any]) -> None:
    assert sent(bureau, members["bank1"], share("bank2", "0.6"))[0] == (1, 0, 0, 0)
    assert sent(bureau, members["bank3"], share("bank3", "0.6")) == ((0, 0, 1, 0), {OVER})


def test_a_named_funders_own_two_shares_cannot_both_pass(
    bureau: Any, members: dict[str, Any]
) -> None:
    bank1, bank2 = members["bank1"], members["bank2"]
    assert sent(bureau, bank2, share("bank2", "0.6", "2024-02-01"))[0] == (1, 0, 0, 0)
    assert sent(bureau, bank1, share("bank2", "0.6")) == ((1, 0, 0, 0), {CLAIMED})
    assert sent(bureau, bank2, share("bank2", "0.6")) == ((0, 0, 1, 0), {OVER})


def test_the_originators_own_share_is_no_claim(bureau: Any, members: dict[str, Any]) -> None:
    bank1, bank2 = members["bank1"], members["bank2"]
    both = share("bank1", "0.7", role="originator"), share("bank2", "0.3")
    assert sent(bureau, bank1, *both) == ((2, 0, 0, 0), set())
    refused = sent(bureau, bank2, share("bank2", "0.300000001"))
    assert refused == ((0, 0, 1, 0), {OVER, "FND-AGREE-001"})
    assert sent(bureau, bank2, share("bank2", "0.3")) == ((1, 0, 0, 0), set())
