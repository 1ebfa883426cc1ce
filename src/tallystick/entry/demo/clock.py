"""The demo's clock: moved by the plan while history is made, then running."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tallystick.adapters.clock import SystemClock
from tallystick.errors import require


class DemoClock:
    """Stands where it is set; after `run_from` it goes with the machine's clock."""

    def __init__(self, start: datetime):
        self._stands: datetime | None = start
        self._ahead = timedelta(0)
        self._machine = SystemClock()

    def __call__(self) -> datetime:
        """The present instant, aware, in UTC."""
        return self._machine() + self._ahead if self._stands is None else self._stands

    def set(self, instant: datetime) -> None:
        """Stand at `instant`, which must be aware."""
        require(instant.tzinfo is not None, "a clock takes aware instants only")
        self._stands = instant.astimezone(UTC)

    def run_from(self, earliest: datetime) -> None:
        """Run: with the machine's clock, or so far ahead of it that it starts at `earliest`."""
        self._ahead = max(earliest - self._machine(), timedelta(0))
        self._stands = None
