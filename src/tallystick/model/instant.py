"""Instants and days as text: ISO 8601, always with an offset, microseconds kept."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from tallystick.errors import InvariantBroken

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
#: No time zone lies further from UTC.
_OUTERMOST = (timezone(timedelta(hours=-15)), timezone(timedelta(hours=15)))


def instant_text(moment: datetime) -> str:
    """RFC 3339 text of an instant in UTC with six digits: equal instants give equal bytes."""
    if moment.tzinfo is None:
        raise InvariantBroken("an instant without an offset")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def microseconds(moment: datetime) -> str:
    """An instant as whole microseconds since 1970, in digits."""
    return str((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))


def end_of_day(day: date, time_zone: str) -> datetime:
    """The last microsecond of a day in a time zone: what `as_of` a day means."""
    following = datetime.combine(day + timedelta(days=1), time.min, ZoneInfo(time_zone))
    return following - timedelta(microseconds=1)


def read_instant(text: str, time_zone: str) -> datetime | None:
    """The instant somebody asks about: one with its offset, or a bare day, which means its end.

    Takes:   `time_zone`: the profile's, for a bare day
    Missing: None when the text is neither; an instant without an offset is neither, nor one
             that has no day in some time zone (at the ends of the calendar)
    """
    try:
        if _DAY.fullmatch(text):
            found = end_of_day(date.fromisoformat(text), time_zone)
        else:
            found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            return None
        for zone in _OUTERMOST:
            found.astimezone(zone)
    except (ValueError, OverflowError):
        return None
    return found
