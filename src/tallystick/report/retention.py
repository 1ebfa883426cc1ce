"""Which late months the law no longer lets a report show. Applied here, never in the file.

A run of late months ends when it is cured (a month with nothing past due) or when the account is
closed with nothing unpaid, as a month or its terms say, or when the person's role in it ends: then
she owes nothing more. From there the profile's clock runs; while she owes anything unpaid it never
starts, so an unpaid debt is always shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date

from tallystick.model.file import Record
from tallystick.model.months import period_of, periods_of
from tallystick.profile import ProfileAt
from tallystick.report.codes import Codes
from tallystick.report.fields import period_of_text

NONE: frozenset[int] = frozenset()
#: Events that tell of lateness; the month after may be the one a cure is told in.
LATE_EVENTS = frozenset({"overdue", "cured", "written_off"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The retention clock on a day: periods are numbered as in `model.months`."""

    today: int
    kept_months: int
    starts_at_cure: bool
    starts_at_closure: bool

    def is_over(self, start: int) -> bool:
        """Whether the time since the period `start` is longer than the law keeps."""
        return self.today > start + self.kept_months


def clock_of(profile: ProfileAt, today: date) -> Clock:
    """The clock of a profile, read on a day."""
    return Clock(
        today=period_of(today),
        kept_months=profile.negative_kept_months,
        starts_at_cure=profile.negative_clock != "closure",
        starts_at_closure=profile.negative_clock != "cure",
    )


def hidden_in_grid(
    months: bytes,
    *,
    codes: Codes,
    clock: Clock,
    is_unpaid: bool,
    settled: int | None = None,
    ended: int | None = None,
    apart: AbstractSet[int] = NONE,
) -> frozenset[int]:
    """The periods of a packed grid that must not be shown; see `hidden_places`."""
    buckets = codes.of(months)
    if not codes.late(buckets):
        return NONE
    first = int.from_bytes(months[:2], "big")
    if not clock.is_over(first):
        return NONE  # nothing is old enough, whenever it was cured
    periods = periods_of(months)
    places = hidden_places(
        periods,
        buckets,
        codes=codes,
        clock=clock,
        is_unpaid=is_unpaid,
        settled=settled,
        ended=ended,
        apart=apart,
    )
    return frozenset(periods[at] for at in places)


def hidden_places(
    periods: Sequence[int],
    buckets: bytes,
    *,
    codes: Codes,
    clock: Clock,
    is_unpaid: bool,
    settled: int | None = None,
    ended: int | None = None,
    apart: AbstractSet[int] = NONE,
) -> frozenset[int]:
    """The places of the late periods whose clock has run out; several may be of one month.

    Takes:    periods, oldest first, and their buckets; `is_unpaid` says that something is past due
              though the account is closed or lost; `settled` is the month of the day from which
              nothing is owed by the account's terms, `ended` that of the role's last day, `apart`
              are months between two roles of hers
    Time:     the clock's day
    Missing:  a gap or an unknown month neither cures nor starts anything; without `ended` and
              `settled` a run that goes on at the newest month is shown, and so is one that went on
              after `settled`
    """
    hidden: set[int] = set()
    run: list[int] = []
    last = -1
    for at, (period, code) in enumerate(zip(periods, buckets, strict=True)):
        away = min((one for one in apart if run and last < one < period), default=None)
        if away is not None:
            if clock.is_over(away - 1):
                hidden.update(run)
            run = []
        if code in codes.negative:
            run.append(at)
            last = period
        elif run and _starts(code, codes=codes, clock=clock, is_unpaid=is_unpaid):
            if clock.is_over(period) or _is_settled(last, settled, clock):
                hidden.update(run)
            run = []
    if run and ((ended is not None and clock.is_over(ended)) or _is_settled(last, settled, clock)):
        hidden.update(run)
    return frozenset(hidden)


def _is_settled(period: int, settled: int | None, clock: Clock) -> bool:
    """Whether what was late up to a period was settled too long ago to be shown."""
    return (
        settled is not None
        and period <= settled
        and clock.starts_at_closure
        and clock.is_over(settled)
    )


def _starts(code: int, *, codes: Codes, clock: Clock, is_unpaid: bool) -> bool:
    """Whether a month with this code starts the clock of the late months before it."""
    if code in codes.current:
        return clock.starts_at_cure
    return code in codes.closed and clock.starts_at_closure and not is_unpaid


def aged_periods(
    periods: Sequence[int],
    buckets: bytes,
    hidden: AbstractSet[int],
    *,
    codes: Codes,
    clock: Clock,
) -> frozenset[int]:
    """The first periods, as many as are older than the law keeps, up to a late one that is shown.

    They are left out late or not: where only those `hidden` were, each would be told by its gap.
    """
    places = frozenset(at for at, period in enumerate(periods) if period in hidden)
    return frozenset(periods[: aged_count(periods, buckets, places, codes=codes, clock=clock)])


def aged_count(
    periods: Sequence[int],
    buckets: bytes,
    hidden: AbstractSet[int],
    *,
    codes: Codes,
    clock: Clock,
) -> int:
    """How many of the first periods are left out as `aged_periods`; `hidden` are places."""
    for at, (period, code) in enumerate(zip(periods, buckets, strict=True)):
        if not clock.is_over(period) or (code in codes.negative and at not in hidden):
            return at
    return len(periods)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What the age of an account's events is judged by: its months, and how it went on.

    `months` and `hidden` as in its grid, uncut; `closed_on` is an ISO day; `settled` as in
    `hidden_places`.
    """

    months: bytes
    hidden: AbstractSet[int]
    closed_on: str | None
    is_unpaid: bool
    settled: int | None


def aged_events(
    events: Sequence[Record], past: Past, *, codes: Codes, clock: Clock
) -> frozenset[int]:
    """The places of events that tell of lateness whose clock has run out.

    Time:    the clock's day
    Missing: where neither a month, a cure nor a closing says that the lateness is over, it is not;
             where the grid begins later and not late, it was over before the grid began
    """
    cures = [period_of_text(one["occurred_at"]) for one in events if one["event_type"] == "cured"]
    return frozenset(
        at
        for at, one in enumerate(events)
        if one["event_type"] in LATE_EVENTS
        and clock.is_over(period := period_of_text(one["occurred_at"]))
        and (
            one["event_type"] == "cured"
            or (
                not past.is_unpaid and _is_over_since(period, cures, past, codes=codes, clock=clock)
            )
        )
    )


def _is_over_since(
    period: int, cures: Sequence[int], past: Past, *, codes: Codes, clock: Clock
) -> bool:
    """Whether what was late in a period ended so long ago that it is not shown any more."""
    if any(one >= period and clock.is_over(one) for one in cures):
        return True
    months = past.months
    if not months:
        return past.closed_on is not None and clock.is_over(period_of_text(past.closed_on))
    periods = periods_of(months)
    for at, code in zip(periods, codes.of(months), strict=True):
        if at < period:
            continue
        if code in codes.negative:
            return at in past.hidden
        if period < periods[0]:
            return True
        if _starts(code, codes=codes, clock=clock, is_unpaid=past.is_unpaid):
            return clock.is_over(at)
    return _is_settled(period, past.settled, clock)
