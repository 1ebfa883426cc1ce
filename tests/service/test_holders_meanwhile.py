"""One role of a person in an account at a time, and one person at a time in each place."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.service import process_rows
from tallystick.service.members import member_by_code

FIRST = factory.account_party(1, 2, valid_from="2024-02-01", valid_to="2024-06-30")
ROLE, TAKEN = "PTY-ROLE-002", "PTY-NUM-001"
CASES = [
    ({"person": 2, "role": "guarantor"}, ROLE),
    ({"person": 2, "holder_no": "3"}, ROLE),
    ({"person": 3}, TAKEN),
    ({"person": 3, "valid_from": "2024-06-29"}, TAKEN),
    ({"person": 3, "valid_from": "2024-06-30"}, None),
    ({"person": 3, "valid_from": "2024-01-15", "valid_to": "2024-02-02"}, TAKEN),
    ({"person": 3, "valid_from": "2024-01-15", "valid_to": "2024-02-01"}, None),
    ({"person": 2, "role": "guarantor", "valid_from": "2024-06-30"}, None),
    ({"person": 3, "role": "guarantor"}, None),
    ({"person": 3, "holder_no": "3"}, None),
    ({"person": 2, "valid_from": "2024-04-01"}, None),
    ({"person": 3, "number": 2}, None),
    ({"person": 3, "role": "borrower", "holder_no": "1"}, TAKEN),
    ({"person": 3, "role": "borrower", "holder_no": "2"}, None),
]


def _begin(bureau: Any) -> None:
    made = factory.two_accounts_beside_another(bureau.deps)
    factory.send(bureau.deps, made, "subject", factory.subject(3))


template = beginning(_begin)


@pytest.fixture
def bank(bureau: Any) -> Any:
    return member_by_code(bureau.deps, "bank1")


def changed(change: dict[str, Any]) -> factory.Native:
    given = {"number": 1, "valid_from": "2024-03-01", **change}
    return factory.account_party(given.pop("number"), given.pop("person"), **given)


@pytest.mark.parametrize("scan_from", [process_rows.SCAN_FROM, 1])
@pytest.mark.parametrize(("change", "rule"), CASES)
def test_a_role_beside_one_on_file(
    bureau: Any,
    bank: Any,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
    rule: str | None,
    scan_from: int,
) -> None:
    monkeypatch.setattr(process_rows, "SCAN_FROM", scan_from)
    first = factory.told(factory.send(bureau.deps, bank, "account_party", FIRST))
    assert first == ((1, 0, 0, 0), set())
    found = factory.told(factory.send(bureau.deps, bank, "account_party", changed(change)))
    assert found == ((1, 0, 0, 0), {rule} if rule else set())


@pytest.mark.parametrize(("change", "rule"), CASES)
def test_a_role_beside_one_of_the_same_file(
    bureau: Any, bank: Any, change: dict[str, Any], rule: str | None
) -> None:
    both = factory.send(bureau.deps, bank, "account_party", FIRST, changed(change))
    assert factory.told(both) == ((2, 0, 0, 0), {rule} if rule else set())


def test_what_ended_the_other_by_a_correction_is_over(bureau: Any, bank: Any) -> None:
    open_end = {name: value for name, value in FIRST.items() if name != "valid_to"}
    factory.send(bureau.deps, bank, "account_party", open_end)
    ended = factory.correction("account_party", FIRST, open_end)
    found = factory.told(factory.send(bureau.deps, bank, "correction", ended))
    assert found == ((1, 0, 0, 0), set())
    later = changed({"person": 3, "valid_from": "2024-07-01"})
    found = factory.told(factory.send(bureau.deps, bank, "account_party", later))
    assert found == ((1, 0, 0, 0), set())


@pytest.mark.parametrize("apart", [True, False], ids=["two files", "one file"])
@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({}, None),
        ({"role": "guarantor"}, ROLE),
        ({"holder_no": "3"}, ROLE),
        ({"person": 3}, TAKEN),
    ],
)
def test_one_person_under_two_numbers_is_one(
    bureau: Any, bank: Any, change: dict[str, Any], rule: str | None, apart: bool
) -> None:
    second = factory.subject(2, person_number="P22")
    factory.send(bureau.deps, bank, "subject", second)
    later = changed({"person": 22, **change})
    files = [[FIRST], [later]] if apart else [[FIRST, later]]
    found = [factory.told(factory.send(bureau.deps, bank, "account_party", *one)) for one in files]
    assert [counts[0] for counts, _ in found] == [len(one) for one in files]
    assert set.union(*(rules for _, rules in found)) == ({rule} if rule else set())


@pytest.mark.parametrize(("place", "rule"), [({}, None), ({"holder_no": "3"}, TAKEN)])
def test_a_holder_who_gets_a_number_keeps_her_place(
    bureau: Any, bank: Any, place: dict[str, str], rule: str | None
) -> None:
    key = {"account_number": "A1", "role": "co_borrower", "holder_no": "2"}
    known = factory.subject(4, person_number=None, identifier_number=None, phone=None, **key)
    known |= {f"identifier_{part}": {"absent": "not_held"} for part in ("scheme", "number")}
    factory.send(bureau.deps, bank, "subject", known)
    first = {name: value for name, value in FIRST.items() if name != "person_number"}
    assert factory.counts(factory.send(bureau.deps, bank, "account_party", first)) == (1, 0, 0, 0)
    factory.send(bureau.deps, bank, "subject", {**known, "person_number": "P44", **place})
    found = factory.told(factory.send(bureau.deps, bank, "account_party", changed({"person": 44})))
    assert found == ((1, 0, 0, 0), {rule} if rule else set())
