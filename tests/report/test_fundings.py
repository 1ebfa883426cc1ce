"""What nobody furnished of a loan is the originator's, and said to be implied."""

from __future__ import annotations

import pytest
from report_factory import BANK, CARDS, PLATFORM, account, body, file, mask, terms


def share(ppb: int | None = None, *, role: str = "funder", **more: object) -> dict[str, object]:
    line = {"funder_id": CARDS, "role": role, "valid_from": "2025-01-10", **more}
    return line if ppb is None else {**line, "share_ppb": ppb}


def implied(*fundings: dict[str, object], **changes: object):
    line = account(furnisher_id=PLATFORM, fundings=fundings, terms=terms(**changes))
    shown = body(file(line))["accounts"][0]["fundings"]
    return [entry.get("share") or entry.get("funded_amount") for entry in shown if entry["implied"]]


@pytest.mark.parametrize(
    ("fundings", "expected"),
    [
        ((), []),
        ((share(980_000_000),), ["0.020000000"]),
        ((share(999_999_999),), ["0.000000001"]),
        ((share(10**9),), []),
        ((share(700_000_000), share(300_000_000, role="originator")), []),
        ((share(700_000_000), share(200_000_000, role="originator")), ["0.100000000"]),
        ((share(700_000_000, role="guarantor"),), ["1.000000000"]),
        ((share(700_000_000, valid_from="2026-06-15"),), ["0.300000000"]),
        ((share(700_000_000, valid_from="2026-06-16"),), ["1.000000000"]),
        ((share(700_000_000, valid_to="2026-06-15"),), ["0.300000000"]),
        ((share(700_000_000, valid_to="2026-06-14"),), ["1.000000000"]),
        ((share(funded_amount_minor=1_000_000),), ["2000.00"]),
        ((share(funded_amount_minor=1_200_000),), []),
        (
            (share(funded_amount_minor=1), share(500_000_000)),
            [{"not_computable": "shares and amounts mixed"}],
        ),
        (
            (share(funded_amount_minor=1, currency="EUR"),),
            [{"not_computable": "funded in another currency"}],
        ),
    ],
)
def test_the_remainder_is_the_originators(fundings, expected) -> None:
    assert implied(*fundings) == expected


def test_without_a_principal_an_amount_leaves_no_remainder_to_compute() -> None:
    assert implied(share(funded_amount_minor=1), principal_minor=None) == [
        {"not_computable": "principal not reported"}
    ]


@pytest.mark.parametrize(("currency", "shown"), [("EUR", "EUR"), ("CNY", None), (None, None)])
def test_an_amount_in_another_currency_than_the_accounts_says_which(currency, shown) -> None:
    stated = {} if currency is None else {"currency": currency}
    line = account(furnisher_id=PLATFORM, fundings=(share(funded_amount_minor=60_000, **stated),))
    found = body(file(line))["accounts"][0]["fundings"][0]
    assert (found["funded_amount"], found.get("currency")) == ("600.00", shown)


def test_a_furnished_share_is_shown_with_its_nine_places() -> None:
    line = account(furnisher_id=PLATFORM, fundings=(share(123_456_789),))

    assert body(file(line))["accounts"][0]["fundings"][0]["share"] == "0.123456789"


def told(audience: str, *fundings: dict[str, object], member: str = BANK):
    """What a reader is shown of each funding: its share, who states it, whether it is the rest."""
    line = account(furnisher_id=PLATFORM, fundings=fundings)
    shown = body(file(line), audience, member=member)["accounts"][0]["fundings"]
    return [
        (one["share"], one.get("stated_by", {}).get("member_id"), one["implied"]) for one in shown
    ]


ORIGINATORS = share(700_000_000, furnisher_id=PLATFORM)
FUNDERS = share(600_000_000, furnisher_id=CARDS)


@pytest.mark.parametrize("audience", ["person", "lender"])
def test_two_words_on_one_share_are_both_shown_and_the_funders_counts(audience) -> None:
    assert sorted(told(audience, ORIGINATORS, FUNDERS), key=str) == [
        ("0.400000000", None, True),
        ("0.600000000", mask("member", CARDS), False),
        ("0.700000000", mask("member", PLATFORM), False),
    ]


def test_the_same_word_of_both_is_shown_once_and_one_a_billionth_off_twice() -> None:
    same = share(700_000_000, furnisher_id=CARDS)
    once = [("0.700000000", None, False), ("0.300000000", None, True)]
    assert told("lender", ORIGINATORS, same) == once
    assert len(told("lender", ORIGINATORS, share(699_999_999, furnisher_id=CARDS))) == 3


def test_a_furnisher_sees_its_own_word_alone() -> None:
    shown = told("furnisher", ORIGINATORS, FUNDERS, member=PLATFORM)
    assert shown == [("0.700000000", None, False)]
