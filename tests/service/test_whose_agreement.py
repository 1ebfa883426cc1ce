"""An account that draws on another person's agreement, or on one that had ended, is pointed out."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.service.members import member_by_code

OTHERS, ENDED = "ACC-AGR-002", "ACC-AGR-003"
ACCEPTED = (1, 0, 0, 0)


def _begin(bureau: Any) -> None:
    made = factory.member(bureau.deps)
    for person in (1, 2):
        factory.send(bureau.deps, made, "subject", factory.subject(person))


template = beginning(_begin)


@pytest.fixture
def lender(bureau: Any) -> Any:
    """The furnisher of persons 1 and 2."""
    return member_by_code(bureau.deps, "bank1")


def drawn(bureau: Any, lender: Any, **fields: Any) -> set[str]:
    """The rules of agreements that hit an account of person 1 that draws on agreement 1."""
    record = factory.account(1, agreement_number="G1", **fields)
    counts, rules = factory.told(factory.send_again(bureau.deps, lender, "account", record))
    assert sum(counts[:2]) == 1, rules
    return rules & {OTHERS, ENDED}


def agreed(bureau: Any, lender: Any, *versions: dict[str, Any], person: int = 1) -> None:
    for fields in versions:
        record = factory.agreement(1, person, **fields)
        counts = factory.counts(factory.send(bureau.deps, lender, "agreement", record))
        assert counts == ACCEPTED


def test_another_persons_agreement_is_pointed_out(bureau: Any, lender: Any) -> None:
    agreed(bureau, lender, {}, person=2)
    assert drawn(bureau, lender) == {OTHERS}


def test_ones_own_is_not(bureau: Any, lender: Any) -> None:
    agreed(bureau, lender, {})
    assert drawn(bureau, lender) == set()


def test_that_of_the_same_person_under_another_number_is_not(bureau: Any, lender: Any) -> None:
    same = factory.subject(1, person_number="P9")
    factory.send(bureau.deps, lender, "subject", same)
    agreed(bureau, lender, {}, person=9)
    assert drawn(bureau, lender) == set()


@pytest.mark.parametrize(
    ("role", "hits"), [("borrower", set()), ("co_borrower", set()), ("guarantor", {OTHERS})]
)
def test_that_of_who_owes_the_account_too_is_not(
    bureau: Any, lender: Any, role: str, hits: set[str]
) -> None:
    agreed(bureau, lender, {}, person=2)
    factory.send(bureau.deps, lender, "account", factory.account(1))
    party = factory.account_party(1, 2, role=role)
    assert factory.counts(factory.send(bureau.deps, lender, "account_party", party)) == ACCEPTED
    assert drawn(bureau, lender, valid_from="2024-02-01") == hits


#: Versions of the agreement, and the first day on which an account opened under it is pointed out.
FIRST_DAYS = {
    "expired": ([{"expires_on": "2024-06-30"}], "2024-07-01"),
    "cancelled": ([{}, {"valid_from": "2024-06-01", "status": "cancelled"}], "2024-06-02"),
    "cancelled, and said again": (
        [
            {},
            {"valid_from": "2024-06-01", "status": "cancelled"},
            {"valid_from": "2024-09-01", "status": "cancelled", "credit_limit": "1.00"},
        ],
        "2024-06-02",
    ),
    "expired before it was said": (
        [{"expires_on": "2024-06-30"}, {"valid_from": "2024-09-01", "status": "expired"}],
        "2024-07-01",
    ),
    "renewed": (
        [
            {"expires_on": "2024-03-31"},
            {"valid_from": "2024-06-01", "expires_on": "2024-08-31"},
        ],
        "2024-09-01",
    ),
    "cancelled and granted again": (
        [
            {"valid_from": "2024-02-01", "status": "cancelled"},
            {"valid_from": "2024-04-01", "expires_on": "2024-08-31"},
        ],
        "2024-09-01",
    ),
    "without an end": ([{}], None),
}


@pytest.mark.parametrize(("versions", "first"), FIRST_DAYS.values(), ids=FIRST_DAYS.keys())
def test_one_opened_the_day_after_its_end_is_pointed_out(
    bureau: Any, lender: Any, versions: list[dict[str, Any]], first: str | None
) -> None:
    agreed(bureau, lender, *versions)
    day = first or "2024-12-01"
    before = str(date.fromisoformat(day) - timedelta(days=1))
    assert drawn(bureau, lender, opened_on=before, valid_from=before) == set()
    record = factory.account(2, 1, agreement_number="G1", opened_on=day, valid_from=day)
    rules = factory.rules(factory.send(bureau.deps, lender, "account", record))
    assert (ENDED in rules) == (first is not None)


def test_a_version_that_was_deleted_ends_nothing(bureau: Any, lender: Any) -> None:
    agreed(bureau, lender, {}, {"valid_from": "2024-06-01", "status": "cancelled"})
    key = {"agreement_number": "G1", "valid_from": "2024-06-01"}
    gone = factory.deletion("agreement", key)
    assert factory.counts(factory.send(bureau.deps, lender, "deletion", gone)) == ACCEPTED
    assert drawn(bureau, lender, opened_on="2024-06-02", valid_from="2024-06-02") == set()


def test_a_large_file_is_told_the_same(bureau: Any, lender: Any) -> None:
    agreed(bureau, lender, {"expires_on": "2023-12-31", "valid_from": "2023-01-01"}, person=2)
    records = [factory.account(number, 1, agreement_number="G1") for number in range(1, 120)]
    view = factory.send_again(bureau.deps, lender, "account", *records)
    assert {one.rule_id: one.count for one in view.by_rule} == {OTHERS: 119, ENDED: 119}
