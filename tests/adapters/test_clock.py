"""Clocks give aware instants in UTC; the fake one moves only when told."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tallystick.adapters.clock import FakeClock, SystemClock
from tallystick.errors import InvariantBroken

NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)


def test_the_system_clock_is_aware_and_in_utc() -> None:
    assert SystemClock()().tzinfo is UTC


def test_a_fake_clock_stands_still_until_it_is_moved() -> None:
    clock = FakeClock(NOON)
    assert clock() == clock() == NOON
    assert clock.advance(timedelta(microseconds=1)) == clock() == NOON + timedelta(microseconds=1)
    assert clock.set(NOON - timedelta(days=1)) == clock() == NOON - timedelta(days=1)


def test_other_offsets_come_out_in_utc() -> None:
    clock = FakeClock(datetime(2025, 1, 15, 20, tzinfo=timezone(timedelta(hours=8))))
    assert clock() == NOON
    assert clock().utcoffset() == timedelta(0)


def test_an_instant_without_offset_is_refused() -> None:
    with pytest.raises(InvariantBroken):
        FakeClock(datetime(2025, 1, 15, 12))  # noqa: DTZ001 (the fault under test)
