"""Instants and days as text: ISO 8601, always with an offset, microseconds kept."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tallystick.errors import InvariantBroken


def instant_text(moment: datetime) -> str:
    """RFC 3339 text of an instant in UTC with six digits: equal instants give equal bytes."""
    if moment.tzinfo is None:
        raise InvariantBroken("an instant without an offset")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def end_of_day(day: date, time_zone: str) -> datetime:
    """The last microsecond of a day in a time zone: what `as_of` a day means."""
    following = datetime.combine(day + timedelta(days=1), time.min, ZoneInfo(time_zone))
    return following - timedelta(microseconds=1)
