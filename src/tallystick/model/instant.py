"""Instants and days as text: ISO 8601, always with an offset, microseconds kept."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from tallystick.errors import InvariantBroken

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
#: No time zone lies further from UTC.
_OUTERMOST = (timezone(timedelta(hours=-15)), timezone(timedelta(hours=15)))


def instant_text(moment: datetime) -> str:
    """RFC 3339 text of an instant in UTC with six digits: equal instants give equal bytes."""
    if moment.tzinfo is UTC:
        return _utc_text(moment)
    if moment.tzinfo is None:
        raise InvariantBroken("an instant without an offset")
    return _utc_text(moment.astimezone(UTC))


@lru_cache(maxsize=64)  # an answer says its own instant five times
def _utc_text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")[:-6] + "Z"


def microseconds(moment: datetime) -> str:
    """An instant as whole microseconds since 1970, in digits."""
    return str((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))


def end_of_day(day: date, time_zone: str) -> datetime:
    """The last microsecond of a day in a time zone: what `as_of` a day means."""
    following = datetime.combine(day + timedelta(days=1), time.min, ZoneInfo(time_zone))
    return following - timedelta(microseconds=1)


def read_day(text: str) -> date | None:
    """The day of a text YYYY-MM-DD in ASCII digits.

    Missing: None for anything else, other forms of ISO 8601 (weeks, no hyphens) among it
    """
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def read_instant(text: str, time_zone: str) -> datetime | None:
    """The instant somebody asks about: one with its offset, or a bare day, which means its end.

    Takes:   `time_zone`: the profile's, for a bare day
    Missing: None when the text is neither; an instant without an offset is neither, nor one
             that has no day in some time zone (at the ends of the calendar)
    """
    day = read_day(text)
    try:
        # What looks like a day and is none is no instant either: it has no offset.
        found = datetime.fromisoformat(text) if day is None else end_of_day(day, time_zone)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo is not None and is_on_calendar(found) else None


def is_on_calendar(moment: datetime) -> bool:
    """Whether an instant with an offset has a day in every time zone.

    One at the ends of the calendar has none in some, and can be neither kept nor shown.
    """
    try:
        for zone in _OUTERMOST:
            moment.astimezone(zone)
    except OverflowError:
        return False
    return True
