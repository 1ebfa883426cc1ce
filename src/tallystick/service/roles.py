"""Who has which role in an account on a day: what is said last counts, to its last day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from tallystick.model.file import Record


class RoleOn(NamedTuple):
    """A role as it is on a day; `ended_on` is its last day (ISO) where that is over.

    `responsibility`: for how much she answers (`currency`, `amount_minor`), where that was said.
    """

    name: str
    ended_on: str | None = None
    responsibility: Record | None = None


def role_on(holders: Sequence[Record], own: Collection[str], day: str) -> RoleOn | None:
    """The strongest role one of `own` parties has on an ISO day, else the one that ended last.

    Takes:   an account's holders, the stronger role first, each role of each in the order of
             `valid_from`; one without it holds since the account began
    Time:    `valid_to` is the last day: on it nothing has ended yet
    Missing: None where no role of hers has begun by then
    """
    begun = [one for one in _said_last(holders, day) if one["party_id"] in own]
    last: RoleOn | None = None
    for one in begun:
        ended_on = _ended_on(one, day)
        if ended_on is None:
            return RoleOn(one["role"], None, _responsibility(one))
        if last is None or ended_on > (last.ended_on or ""):
            last = RoleOn(one["role"], ended_on, _responsibility(one))
    return last


def other_roles(holders: Sequence[Record], own: Collection[str], day: str) -> tuple[str, ...]:
    """The roles all others have on an ISO day, sorted; a holder in two roles counts twice."""
    others = (one for one in _said_last(holders, day) if one["party_id"] not in own)
    return tuple(sorted(one["role"] for one in others if _ended_on(one, day) is None))


def _responsibility(holder: Record) -> Record | None:
    amount_minor = holder.get("responsibility_minor")
    if amount_minor is None:
        return None
    return {"currency": holder["currency"], "amount_minor": amount_minor}


def _said_last(holders: Iterable[Record], day: str) -> list[Record]:
    """Of each holder in each role what was said last by a day, as with terms of an account."""
    found: dict[tuple[str, str, int], Record] = {}
    for one in holders:
        if one.get("valid_from", "") <= day:
            found[one["party_id"], one["role"], one["holder_no"]] = one
    return list(found.values())


def _ended_on(holder: Record, day: str) -> str | None:
    last_day: str | None = holder.get("valid_to")
    return last_day if last_day is not None and last_day < day else None
