"""Accounts that would go on from themselves: told at once, in one file or beside what waits."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.service import submissions
from tallystick.service.members import member_by_code

PENDING, REJECTED, ACCEPTED = (0, 0, 0, 1), (0, 0, 1, 0), (1, 0, 0, 0)
CIRCLE, UNKNOWN = {"ACC-FORMER-008"}, {"ACC-FORMER-003"}


def renumbered(number: int, former: int, **fields: Any) -> Any:
    given = {
        "valid_from": "2024-12-01", "formerly_account_number": f"A{former}",
        "formerly_reason": "renumbered",
    }  # fmt: skip
    return factory.account(number, 1, **(given | fields))


def _begin(bureau: Any) -> None:
    send(bureau, factory.member(bureau.deps), "subject", factory.subject(1))


template = beginning(_begin)


@pytest.fixture
def bank(bureau: Any) -> Any:
    return member_by_code(bureau.deps, "bank1")


def send(bureau: Any, bank: Any, dataset: str, *records: Any) -> Any:
    return factory.send(bureau.deps, bank, dataset, *records)


def told(bureau: Any, bank: Any, view: Any) -> tuple[tuple[int, int, int, int], set[str]]:
    return factory.told(submissions.show(bureau.deps, bank, view.submission_id))


@pytest.mark.parametrize(
    ("records", "counts", "rules"),
    [
        ([renumbered(1, 2), renumbered(2, 1)], (0, 0, 2, 0), CIRCLE),
        ([renumbered(1, 2), renumbered(2, 3), renumbered(3, 1)], (0, 0, 3, 0), CIRCLE),
        ([renumbered(1, 2), renumbered(2, 1), factory.account(2, 1)], (0, 0, 3, 0), CIRCLE),
        ([renumbered(1, 2), renumbered(2, 1), renumbered(3, 1)], (0, 0, 2, 1), CIRCLE | UNKNOWN),
        ([renumbered(1, 1)], (0, 0, 1, 0), UNKNOWN | {"ACC-FORMER-002"}),
        ([renumbered(1, 1, formerly_furnisher="bank1")], (0, 0, 1, 0), CIRCLE),
        ([renumbered(1, 1, formerly_furnisher="bank1"), renumbered(1, 2, valid_from="2024-12-15")],
         (0, 0, 1, 1), CIRCLE | UNKNOWN),
        ([renumbered(1, 1, formerly_furnisher="bank2")], (0, 0, 0, 1), {"ACC-FORMER-005"}),
        ([renumbered(1, 2), renumbered(2, 3)], (0, 0, 0, 2), UNKNOWN),
        ([renumbered(1, 2), renumbered(2, 1), renumbered(2, 3, valid_from="2024-12-15")],
         (0, 0, 0, 3), UNKNOWN),
        ([renumbered(1, 2), renumbered(2, 1, formerly_furnisher="bank2")],
         (0, 0, 0, 2), UNKNOWN | {"ACC-FORMER-005"}),
    ],
)  # fmt: skip
def test_a_circle_in_one_file_is_rejected_and_nothing_else_is(
    bureau: Any, bank: Any, records: list[Any], counts: Any, rules: set[str]
) -> None:
    factory.member(bureau.deps, "bank2")
    assert factory.told(send(bureau, bank, "account", *records)) == (counts, rules)


def test_a_number_on_file_breaks_the_circle(bureau: Any, bank: Any) -> None:
    assert factory.counts(send(bureau, bank, "account", factory.account(1))) == ACCEPTED
    later = renumbered(2, 1, valid_from="2024-12-15")
    view = send(bureau, bank, "account", renumbered(1, 2), later)
    counts, rules = told(bureau, bank, view)
    assert (counts, rules & (CIRCLE | UNKNOWN)) == ((2, 0, 0, 0), set())


def test_an_account_on_file_goes_on_from_itself_no_more_than_a_new_one(
    bureau: Any, bank: Any
) -> None:
    assert factory.counts(send(bureau, bank, "account", factory.account(1))) == ACCEPTED
    itself = renumbered(1, 1, formerly_furnisher="bank1", valid_from="2024-12-15")
    assert factory.told(send(bureau, bank, "account", itself)) == (REJECTED, CIRCLE)


def test_who_closes_a_circle_with_what_waits_is_told(bureau: Any, bank: Any) -> None:
    first = send(bureau, bank, "account", renumbered(1, 2))
    second = send(bureau, bank, "account", renumbered(2, 3))
    assert factory.told(second) == (PENDING, UNKNOWN)
    last = send(bureau, bank, "account", renumbered(3, 1, principal="1"))
    assert factory.told(last) == (REJECTED, CIRCLE)
    assert told(bureau, bank, first) == told(bureau, bank, second) == (PENDING, UNKNOWN)
    right = send(bureau, bank, "account", factory.account(3, 1))
    assert factory.counts(right) == ACCEPTED
    assert told(bureau, bank, second)[0] == ACCEPTED
    again = send(bureau, bank, "account", renumbered(3, 1))
    assert CIRCLE.isdisjoint(factory.rules(again)), "it is on file now"


def test_what_waits_no_more_and_what_is_anothers_closes_nothing(bureau: Any, bank: Any) -> None:
    other = factory.member(bureau.deps, "bank2")
    send(bureau, other, "subject", factory.subject(1))
    assert factory.counts(send(bureau, other, "account", renumbered(1, 2))) == PENDING
    view = send(bureau, bank, "account", renumbered(2, 1))
    assert factory.told(view) == (PENDING, UNKNOWN)
    again = factory.send_again(bureau.deps, bank, "account", renumbered(2, 1))
    assert factory.told(again) == (PENDING, UNKNOWN), "the same row beside itself is no circle"


def test_rows_that_waited_for_their_person_close_it_when_she_comes(bureau: Any) -> None:
    bank = factory.member(bureau.deps, "bank2")
    views = [send(bureau, bank, "account", renumbered(*pair)) for pair in ((1, 2), (2, 1))]
    assert [factory.counts(view) for view in views] == [PENDING, PENDING]
    send(bureau, bank, "subject", factory.subject(1))
    ends = [told(bureau, bank, view) for view in views]
    assert sorted(ends, key=str) == sorted([(PENDING, UNKNOWN), (REJECTED, CIRCLE)], key=str)
