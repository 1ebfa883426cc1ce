"""Where tests of months begin: account 1 of one furnisher, in September 2025."""

from __future__ import annotations

from datetime import UTC, datetime

import factory
from bureaus import RunningBureau
from tallystick.service.members import Member, member_by_code

NOW = datetime(2025, 9, 10, 12, tzinfo=UTC)


def begin(bureau: RunningBureau) -> None:
    """A person with an account, published."""
    bureau.clock.set(NOW)
    factory.open_account(bureau.deps, factory.member(bureau.deps))


def lender(bureau: RunningBureau) -> Member:
    """The furnisher of the account, on the bureau's day."""
    bureau.clock.set(NOW)
    return member_by_code(bureau.deps, "bank1")
