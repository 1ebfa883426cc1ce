"""Originator and funder may say different things of one share: both statements stand, both are
told, and neither hears what the other said."""

from __future__ import annotations

import json
from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.service import locate, told_later
from tallystick.service.members import member_by_code
from tallystick.service.submissions import findings

RULE = "FND-AGREE-001"
KEY = {
    "originator": "bank1", "account_number": "A1", "funder": "bank2", "valid_from": "2024-01-01",
}  # fmt: skip


def _begin(bureau: Any) -> None:
    factory.open_account(bureau.deps, factory.member(bureau.deps), (1,))
    factory.member(bureau.deps, "bank2")


template = beginning(_begin)


@pytest.fixture
def lender(bureau: Any) -> Any:
    return member_by_code(bureau.deps, "bank1")


@pytest.fixture
def funder(bureau: Any) -> Any:
    return member_by_code(bureau.deps, "bank2")


def share(ppb: str, funder: str = "bank2", **fields: Any) -> dict[str, Any]:
    return factory.funding(1, funder, ppb, **fields)


def told(bureau: Any, member: Any, sent: Any) -> list[tuple[Any, ...]]:
    found = findings(bureau.deps, member, sent.submission_id, rule_id=RULE)
    return [(one.line_no, one.severity, one.field, one.record or one.seen) for one in found]


def on_file(bureau: Any) -> list[tuple[str, int]]:
    """(who said it, the share) of what stands of the account."""
    with bureau.deps.database.connect("intake") as connection:
        rows = connection.execute(
            "select m.code, (one ->> 'share_ppb')::bigint from file.account a,"
            " jsonb_array_elements(a.terms::jsonb -> 'fundings') one"
            " join member.member m on m.member_id::text = one ->> 'stated_by' order by 1"
        ).fetchall()
    return [(code, ppb) for code, ppb in rows]


def test_both_words_stand_and_each_hears_of_its_own(bureau: Any, lender: Any, funder: Any) -> None:
    first = factory.send(bureau.deps, lender, "funding", share("0.3"))
    second = factory.send(bureau.deps, funder, "funding", share("0.4"))
    assert factory.counts(second) == (1, 0, 0, 0)
    assert on_file(bureau) == [("bank1", 300_000_000), ("bank2", 400_000_000)]
    assert told(bureau, funder, second) == [(1, "warn", "share", "0.400000000")]
    assert told(bureau, lender, first) == [(None, "warn", None, KEY)]
    again = factory.send_again(bureau.deps, lender, "funding", share("0.3"))
    assert factory.counts(again) == (0, 1, 0, 0)
    assert told(bureau, lender, again) == [(1, "warn", "share", "0.300000000")]
    assert len(told(bureau, funder, second)) == 1


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (share("0.3"), "role funder, share 0.300000000"),
        (share("0.3", valid_to="2024-12-31"),
         "role funder, share 0.300000000, valid_to 2024-12-31"),
        (share("1.0"), "role funder, share 1.000000000"),
        ({**share(""), "share": None, "currency": "CNY", "funded_amount": "300.05"},
         "role funder, currency CNY, funded_amount 300.05"),
    ],
)  # fmt: skip
def test_each_sees_its_own_words_and_nothing_of_the_others(
    bureau: Any, lender: Any, funder: Any, own: Any, said: str
) -> None:
    given = {name: value for name, value in own.items() if value is not None}
    first = factory.send(bureau.deps, lender, "funding", given)
    factory.send(bureau.deps, funder, "funding", share("0.4"))
    (one,) = findings(bureau.deps, lender, first.submission_id, rule_id=RULE)
    assert (one.line_no, one.record, one.seen) == (None, KEY, said)
    assert one.allowed is not None


def test_what_was_told_by_its_key_alone_is_still_read() -> None:
    assert told_later.read(json.dumps(KEY)) == (KEY, "")


def test_the_originator_coming_later_is_told_as_well(bureau: Any, lender: Any, funder: Any) -> None:
    first = factory.send(bureau.deps, funder, "funding", share("0.4"))
    second = factory.send(bureau.deps, lender, "funding", share("0.3"))
    assert told(bureau, lender, second) == [(1, "warn", "share", "0.300000000")]
    assert [one[:3] for one in told(bureau, funder, first)] == [(None, "warn", None)]


@pytest.mark.parametrize(
    "other",
    [
        share("0.3"),
        share("0.4", valid_from="2024-01-02"),
        share("0.4", "bank3"),
    ],
)
def test_the_same_word_and_other_shares_are_no_disagreement(
    bureau: Any, lender: Any, funder: Any, other: Any
) -> None:
    factory.member(bureau.deps, "bank3")
    first = factory.send(bureau.deps, lender, "funding", other)
    second = factory.send(bureau.deps, funder, "funding", share("0.3"))
    assert factory.counts(second) == (1, 0, 0, 0)
    assert told(bureau, lender, first) == told(bureau, funder, second) == []


def test_a_row_that_waited_is_told_where_it_was_sent(bureau: Any, lender: Any, funder: Any) -> None:
    waited = factory.send(bureau.deps, funder, "funding", {**share("0.4"), "account_number": "A2"})
    factory.open_account(bureau.deps, lender, (2,))
    factory.send(bureau.deps, lender, "funding", {**share("0.3"), "account_number": "A2"})
    ((line, *_, record),) = told(bureau, funder, waited)
    assert (line, record) == (None, {**KEY, "account_number": "A2"})


def test_a_share_counts_once_and_as_its_funder_says(bureau: Any, lender: Any, funder: Any) -> None:
    factory.member(bureau.deps, "bank3")
    factory.send(bureau.deps, lender, "funding", share("0.3"))
    factory.send(bureau.deps, funder, "funding", share("0.6"))
    over = factory.send(bureau.deps, lender, "funding", share("0.400000001", "bank3"))
    assert factory.counts(over) == (0, 0, 1, 0)
    rest = factory.send(bureau.deps, lender, "funding", share("0.4", "bank3"), share("0.5"))
    assert factory.counts(rest) == (2, 0, 0, 0)


def test_each_deletes_its_own_word(bureau: Any, lender: Any, funder: Any) -> None:
    factory.send(bureau.deps, lender, "funding", share("0.3"))
    factory.send(bureau.deps, funder, "funding", share("0.4"))
    gone = factory.deletion("funding", KEY)
    sent = factory.send(bureau.deps, funder, "deletion", gone)
    assert factory.counts(sent) == (1, 0, 0, 0)
    assert on_file(bureau) == [("bank1", 300_000_000)]
    later = factory.send_again(bureau.deps, lender, "funding", share("0.2"))
    assert told(bureau, lender, later) == []
    with bureau.deps.database.connect("intake") as connection:
        (found,) = locate.targets(bureau.deps, connection, funder.member_id, "funding", keys=[KEY])
    assert found is not None
    assert [one.furnisher_id for one in found.hidden_by] == [funder.member_id]
