"""A further holder of an account is another person than its first borrower."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.service import process_rows
from tallystick.service.members import member_by_code
from tallystick.service.submissions import show

ACCEPTED, REJECTED = (1, 0, 0, 0), (0, 0, 1, 0)


def _begin(bureau: Any) -> None:
    factory.two_accounts_beside_another(bureau.deps)


template = beginning(_begin)


@pytest.fixture
def bank(bureau: Any) -> Any:
    return member_by_code(bureau.deps, "bank1")


@pytest.mark.parametrize("scan_from", [process_rows.SCAN_FROM, 1])
@pytest.mark.parametrize("role", ["borrower", "co_borrower", "guarantor", "authorised_user"])
def test_the_first_borrower_takes_no_further_role(
    bureau: Any, bank: Any, monkeypatch: pytest.MonkeyPatch, role: str, scan_from: int
) -> None:
    monkeypatch.setattr(process_rows, "SCAN_FROM", scan_from)
    own, other = (factory.account_party(1, person, role=role) for person in (1, 2))
    found = factory.told(factory.send(bureau.deps, bank, "account_party", own))
    assert found == (REJECTED, {"PTY-SELF-001"})
    found = factory.told(factory.send(bureau.deps, bank, "account_party", other))
    assert found == (ACCEPTED, set())


def test_no_correction_makes_her_one(bureau: Any, bank: Any) -> None:
    stands = factory.account_party(1, 2)
    factory.send(bureau.deps, bank, "account_party", stands)
    own = factory.correction("account_party", factory.account_party(1, 1), stands)
    found = factory.told(factory.send(bureau.deps, bank, "correction", own))
    assert found == (REJECTED, {"PTY-SELF-001"})


def test_a_role_that_came_before_its_account_is_judged_with_it(bureau: Any, bank: Any) -> None:
    early = factory.send(bureau.deps, bank, "account_party", factory.account_party(3, 1))
    assert factory.counts(early) == (0, 0, 0, 1)
    factory.send(bureau.deps, bank, "account", factory.account(3, 1))
    view = show(bureau.deps, bank, early.submission_id)
    assert factory.counts(view) == REJECTED
