"""Clocks: the system's, and one that stands still until it is told to move.

Callers take a `Clock` and pass its instants down; nothing else asks what time it is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tallystick.errors import require

Clock = Callable[[], datetime]


class SystemClock:
    """The machine's clock, in UTC."""

    def __call__(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)


class FakeClock:
    """A clock for tests and test mode; it may be set back, as a real one may."""

    def __init__(self, now: datetime):
        self._now = _utc(now)

    def __call__(self) -> datetime:
        """The instant it stands at, aware, in UTC."""
        return self._now

    def set(self, now: datetime) -> datetime:
        """Stand at `now`, which must be aware; gives it in UTC."""
        self._now = _utc(now)
        return self._now

    def advance(self, step: timedelta) -> datetime:
        """Move on by `step` (back when negative); gives the new instant."""
        self._now += step
        return self._now


def _utc(instant: datetime) -> datetime:
    require(instant.tzinfo is not None, "a clock takes aware instants only")
    return instant.astimezone(UTC)
