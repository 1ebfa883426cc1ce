"""Which events of an account a report speaks of: those that have happened, in her time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import orjson

from tallystick.model.file import Record
from tallystick.profile import ProfileAt
from tallystick.service.her_time import HerTime

#: An offset is less than a day: what ended two days before an instant has happened at any offset.
_ANY_OFFSET = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The instant a file is asked at, and the time zone whose days count.

    `past`: the last day (ISO) that is over by then at whatever offset it was written.
    """

    as_of: datetime
    time_zone: ZoneInfo
    past: str


def asked_at(profile: ProfileAt, as_of: datetime) -> Asked:
    """An instant on a profile's day."""
    past = (as_of.astimezone(UTC) - _ANY_OFFSET).date().isoformat()
    return Asked(as_of=as_of, time_zone=ZoneInfo(profile.time_zone), past=past)


def events_of(
    text: str | None, *, time: HerTime | None, ended_on: str | None, today: str, asked: Asked | None
) -> tuple[Record, ...]:
    """The events of an account that have happened, of her time only, in their order.

    Takes: `text`: JSON, in the order of `occurred_at` as written; `ended_on`: the last day (ISO) of
           her role, where that is over; `asked`: None as it was up to version 5 of the report, by
           the day (ISO) each was written with and `today`
    Time:  the instant of an event, and the day it lies in by the profile's time zone
    """
    if not text:
        return ()
    events: list[Record] = orjson.loads(text)
    if asked is None:
        return _by_text(events, time=time, day=ended_on or today)
    if time is None and ended_on is None and events[-1]["occurred_at"][:10] <= asked.past:
        return tuple(events)  # as nearly always
    return tuple(one for one in events if _is_of_hers(one, time, ended_on, asked))


def _is_of_hers(event: Record, time: HerTime | None, ended_on: str | None, asked: Asked) -> bool:
    moment = datetime.fromisoformat(event["occurred_at"])
    if moment > asked.as_of:
        return False
    day = moment.astimezone(asked.time_zone).date().isoformat()
    return (ended_on is None or day <= ended_on) and (time is None or time.has_day(day))


def _by_text(events: Sequence[Record], *, time: HerTime | None, day: str) -> tuple[Record, ...]:
    dated = [(one["occurred_at"][:10], one) for one in events]
    return tuple(one for on, one in dated if on <= day and (time is None or time.has_day(on)))
