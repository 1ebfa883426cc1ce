"""Promise 5: what the profile says is what happens, at its very edge; the code knows no country."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import factory
from tallystick.model.months import period_of, period_text


def test_a_period_is_open_as_long_as_the_profile_says(bureau: Any, small: Any) -> None:
    now = datetime(2025, 1, 15, 12, tzinfo=UTC)
    allowed = bureau.deps.profile.on(now.date()).open_periods_months
    bank = factory.member(bureau.deps)
    old = {"valid_from": "2020-01-01"}
    numbers = range(1, 30)
    factory.send(bureau.deps, bank, "subject", *(factory.subject(one, **old) for one in numbers))
    opened = {**old, "opened_on": "2020-01-01"}
    factory.send(bureau.deps, bank, "account", *(factory.account(one, **opened) for one in numbers))
    fresh = iter(numbers)

    @small(6)
    @given(age=st.integers(allowed - 2, allowed + 2))
    def holds(age: int) -> None:
        number = next(fresh)
        month = period_text(period_of(now.date()) - age)
        bureau.clock.set(datetime(2023, 4, 15, 12, tzinfo=UTC))
        said = factory.snapshot(number, month)
        assert factory.counts(factory.send(bureau.deps, bank, "snapshot", said)) == (1, 0, 0, 0)
        bureau.clock.set(now)
        restated = factory.send(bureau.deps, bank, "snapshot", {**said, "balance": "1.00"})
        assert restated.accepted == (age <= allowed), (age, allowed)

    holds()
