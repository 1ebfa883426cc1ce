"""A furnisher's own accounts and persons that go on under a new number, and nobody else's word."""

from __future__ import annotations

from typing import Any

import pytest
from test_former import ACCEPTED, NOW, counts, renumbered, rows, send

import factory
from tallystick.service.verify import ledger_verify


@pytest.fixture(autouse=True)
def _later(bureau: Any) -> None:
    bureau.clock.set(NOW)


@pytest.mark.parametrize("is_known", [False, True])
def test_old_and_new_numbers_in_one_file_are_one_account(bureau: Any, is_known: bool) -> None:
    bank = factory.member(bureau.deps)
    send(bureau, bank, "subject", factory.subject(1))
    if is_known:
        send(bureau, bank, "account", factory.account(1))
    chain = [
        renumbered(3, 2, valid_from="2024-12-15"),
        factory.account(2, 1, valid_from="2024-12-05"),
        renumbered(2, 1),
        factory.account(1, principal="990.00" if is_known else "1000.00"),
    ]
    view = send(bureau, bank, "account", *chain)
    assert counts(bureau, bank, view) == (4, 0, 0, 0)
    assert rows(bureau, "select count(distinct account_id), count(*) from file.account_now") == [
        (1, 1)
    ]
    assert rows(bureau, "select count(distinct number_token), count(distinct object_id)"
                " from directory.object where kind = 'account'") == [(3, 1)]  # fmt: skip
    months = [factory.snapshot(1, "2024-11"), factory.snapshot(3, "2024-12")]
    assert factory.counts(send(bureau, bank, "snapshot", *months)) == (2, 0, 0, 0)
    assert rows(bureau, "select length(months) from file.account_now") == [(42,)]
    both = [factory.snapshot(number, "2025-01") for number in (1, 3)]
    view = send(bureau, bank, "snapshot", *both)
    assert (factory.counts(view), factory.rules(view)) == ((1, 0, 1, 0), {"ANY-DUP-002"})
    assert ledger_verify(bureau.deps).faults == ()


def test_a_person_goes_on_under_a_new_number(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    bare = {
        "identifier_scheme": {"absent": "not_held"},
        "identifier_number": {"absent": "not_held"},
    }
    send(bureau, bank, "subject", factory.subject(1), factory.subject(2))
    new = factory.subject(1, person_number="P11", phone="555-0999", **bare)
    named = send(bureau, bank, "subject", {**new, "formerly_person_number": "P1"})
    assert (factory.counts(named), factory.rules(named)) == (ACCEPTED, set())
    assert rows(bureau, "select count(distinct subject_id) from directory.party_subject") == [(2,)]
    alone = send(bureau, bank, "subject", {**new, "person_number": "P12", "phone": "555-0998"})
    assert factory.counts(alone) == ACCEPTED
    assert rows(bureau, "select count(distinct subject_id) from directory.party_subject") == [(3,)]


@pytest.mark.parametrize(
    ("changes", "subjects"),
    [
        ({"formerly_person_number": "P1"}, 1),
        ({}, 2),
        ({"formerly_person_number": "P1", "birth_date": "1990-01-02"}, 2),
        ({"formerly_person_number": "P1", "name": "Quite Another"}, 2),
    ],
)
def test_a_person_with_a_new_identity_number_goes_on(
    bureau: Any, changes: dict[str, Any], subjects: int
) -> None:
    """Only by her furnisher's word, and only where name and birth date are those on file."""
    bank = factory.member(bureau.deps)
    first = factory.subject(1)
    send(bureau, bank, "subject", first)
    number = factory.subject(7)["identifier_number"]
    new = {**first, "person_number": "P11", "identifier_number": number, **changes}
    assert factory.counts(send(bureau, bank, "subject", new)) == ACCEPTED

    found = rows(bureau, "select count(distinct subject_id) from directory.party_subject")
    assert found == [(subjects,)]


def test_a_former_person_number_unknown_or_anothers_is_told(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    send(bureau, bank, "subject", factory.subject(1), factory.subject(2))
    for former, found in (("P9", {"SUB-FORMER-002"}), ("P2", {"SUB-FORMER-003"}), ("P1", set())):
        new = factory.subject(1, person_number=f"N{former}", formerly_person_number=former)
        view = send(bureau, bank, "subject", new)
        assert (factory.counts(view), factory.rules(view)) == (ACCEPTED, found)
    both = [
        factory.subject(3, person_number="P33", formerly_person_number="P3"), factory.subject(3),
    ]  # fmt: skip
    view = send(bureau, bank, "subject", *both)
    assert (factory.counts(view), factory.rules(view)) == ((2, 0, 0, 0), set())
    assert rows(bureau, "select count(distinct subject_id) from directory.party_subject") == [(3,)]
