"""A row that is not its sender's is refused as that, and tells nothing of what is on file."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.service.members import member_by_code

STRANGER = {"FND-OWN-001"}


def _begin(bureau: Any) -> None:
    lender, _, _ = [factory.member(bureau.deps, code) for code in ("bank1", "bank2", "bank3")]
    factory.open_account(bureau.deps, lender)
    sent = factory.send(bureau.deps, lender, "funding", factory.funding(1, "bank2", "0.5"))
    assert factory.counts(sent) == (1, 0, 0, 0)


template = beginning(_begin)


@pytest.fixture
def stranger(bureau: Any) -> Any:
    """A member with no part in bank1's account 1, half of which bank2 funds."""
    return member_by_code(bureau.deps, "bank3")


@pytest.mark.parametrize(
    "record",
    [
        factory.funding(1, "bank2", "0.4"),  # funds it, since then, with another share
        factory.funding(1, "bank2", "0.4", valid_from="2024-01-02"),
        factory.funding(1, "bank2", "0.6", valid_from="2024-01-02"),
        factory.funding(1, "bank4", "0.6"),  # would be more than the whole
    ],
)
def test_whoever_has_no_part_in_a_loan_learns_nothing_of_its_shares(
    bureau: Any, stranger: Any, record: Any
) -> None:
    factory.member(bureau.deps, "bank4")
    sent = factory.send(bureau.deps, stranger, "funding", record)
    assert (factory.counts(sent), factory.rules(sent)) == ((0, 0, 1, 0), STRANGER)
