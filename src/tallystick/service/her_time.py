"""Her time in an account: days on which a role of hers was in force, and months with such a day.

What an account did before she came, after she left, or between two roles of hers is another's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from tallystick.model.file import DEBT_ROLES, Record
from tallystick.model.months import SIZE, period_of, periods_of


@dataclass(frozen=True, slots=True, kw_only=True)
class HerTime:
    """First and last days (ISO) of roles of hers: one or more, in any order; they may overlap."""

    spans: tuple[tuple[str, str], ...]

    def has_day(self, day: str) -> bool:
        """Whether a role of hers was in force on an ISO day."""
        return any(first <= day <= last for first, last in self.spans)

    def has_month_of(self, day: str) -> bool:
        """Whether one was on any day of the month an ISO day lies in."""
        return any(first[:7] <= day[:7] <= last[:7] for first, last in self.spans)

    def part(self, months: bytes, others: frozenset[int]) -> tuple[bytes, frozenset[int]]:
        """Of a packed grid the months of her time, and the periods of which only the place is hers.

        Takes: `others` are the periods another than the reader furnished
        Gives: as such periods those, and the months on file between two that are hers
        """
        spans = [(_period(first), _period(last)) for first, last in self.spans]
        start, end = min(first for first, _ in spans), max(last for _, last in spans)
        kept: list[bytes] = []
        passed: list[int] = []
        places = {one for one in others if start <= one <= end}
        for at in range(0, len(months), SIZE):
            period = int.from_bytes(months[at : at + 2], "big")
            if any(first <= period <= last for first, last in spans):
                places.update(passed)
                passed = []
                kept.append(months[at : at + SIZE])
            elif kept:
                passed.append(period)
        return b"".join(kept), frozenset(places)


def her_time(holders: Sequence[Record], own: Collection[str], day: str) -> HerTime | None:
    """The time up to an ISO day in which one of `own` parties has a role in an account.

    Takes:   `holders` as `service.roles` does; what is said of a role later counts from its first
             day on, also where it ends what was said before
    Missing: None where all of the account is hers; one of hers has a role that has begun
    """
    spans: list[tuple[str, str]] = []
    followed: dict[tuple[str, str, int], str] = {}
    for one in reversed(holders):
        first = one.get("valid_from", "")
        if one["party_id"] not in own or first > day:
            continue
        role = one["party_id"], one["role"], one["holder_no"]
        spans.append((first, min(one.get("valid_to", day), followed.get(role, day), day)))
        followed[role] = first
    return None if ("", day) in spans else HerTime(spans=tuple(spans))


def periods_unowed(
    months: bytes, holders: Sequence[Record], own: Collection[str], day: str
) -> frozenset[int]:
    """The periods of a packed grid of hers in which she did not owe what she owes now.

    She answered for the debt then, or used the account.
    """
    owed = her_time([one for one in holders if one["role"] in DEBT_ROLES], own, day)
    if owed is None:
        return frozenset()
    spans = [(_period(first), _period(last)) for first, last in owed.spans]
    return frozenset(
        period
        for period in periods_of(months)
        if not any(first <= period <= last for first, last in spans)
    )


def _period(day: str) -> int:
    return period_of(date.fromisoformat(day)) if day else 0
