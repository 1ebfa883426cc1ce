"""A person's own access (permit `self`): everything about her, now or as it was known before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

import orjson

from tallystick.consent import mint
from tallystick.errors import BadRequest, ProfileError, Unavailable
from tallystick.model.instant import instant_text
from tallystick.service import gate_sql as sql
from tallystick.service.answers import Answer, body_of, profile_on
from tallystick.service.consents import ConsentView, of_subject
from tallystick.service.fold_file import Place, fold_material, place_known_at
from tallystick.service.gate import (
    Moved,
    Opened,
    Request,
    StrangeMember,
    desk_of,
    opened,
    read,
)
from tallystick.service.port import Deps
from tallystick.service.read_file import Material
from tallystick.service.release import Outgoing, release
from tallystick.service.sessions import Session

_TRIES = 20
_OWN_ACCESS = "own_access"


async def own_report(
    deps: Deps,
    session: Session,
    *,
    as_of: datetime | None = None,
    known_at: datetime | None = None,
) -> Answer:
    """Her own report; a look like all others, shown to her next time.

    Time:   `as_of` is when things were so, `known_at` what the bureau knew; both now by default.
            A `known_at` after the last publication is answered as of that one: `Answer.known_at`
    Raises: BadRequest not_found (no subject), erased, invalid_request (the future, or before the
            profile's first values)
    """
    return await _own(deps, session, _Question(as_of=as_of, known_at=known_at))


async def own_looks(deps: Deps, session: Session) -> list[dict[str, Any]]:
    """Who looked at her and why, oldest first (a look too)."""
    answered = await _own(deps, session, _Question(scope=frozenset({"looks"})))
    looks: list[dict[str, Any]] = orjson.loads(answered.body or b"{}")["looks"]
    return looks


async def own_consents(deps: Deps, session: Session) -> list[ConsentView]:
    """Her consents, newest first (a look too: they say who captured them and who receives).

    Raises: as `own_report`
    """
    await _own(deps, session, _Question(scope=frozenset({"consents"})))
    return await asyncio.to_thread(of_subject, deps, cast(UUID, session.subject_id))


async def _own(deps: Deps, session: Session, question: _Question) -> Answer:
    if session.subject_id is None:
        raise BadRequest("not_found", "nothing is on file for this session")
    if question.as_of is not None:
        _check_as_of(deps, question.as_of)
    tokens = [] if session.token is None else [session.token]
    for _ in range(_TRIES):
        try:
            async with opened(deps, tokens, Request(), subject_id=session.subject_id) as gate:
                found = await read(deps, gate, tokens)
                return await _answered(deps, gate, await _hers(gate, found, session), question)
        except Moved:
            continue
        except StrangeMember:
            await desk_of(deps).learn_members(deps)
    raise Unavailable("unavailable", "what the report rests on changed during every try")


def _check_as_of(deps: Deps, as_of: datetime) -> None:
    """A report is made by the law of its day, so that day must have come and have a law."""
    now = deps.clock()
    if as_of > now:
        raise BadRequest(
            "invalid_request",
            f"as_of lies in the future: ask for an instant up to now, {instant_text(now)}, or for"
            " a day that has ended",
        )
    try:
        profile_on(deps, as_of)
    except ProfileError:
        first = max(one.entries[0].start for one in deps.profile.values.values())
        raise BadRequest(
            "invalid_request",
            f"as_of lies on a day for which the profile {deps.profile.id} has no values to make a"
            f" report by: ask for {first} or later",
        ) from None


async def _hers(gate: Opened, found: Sequence[Material], session: Session) -> Material:
    """Her material: under the session's subject, or where all her records were linked since.

    The number she signed in by leads to others too: it alone makes nobody's file hers.
    Raises: BadRequest `erased`
    """
    with_parties = [one for one in found if one.document.get("parties")]
    named = [one for one in with_parties if one.subject_id == str(session.subject_id)]
    if named:
        return named[0]
    if with_parties:
        (rows,) = await gate.line.run((sql.GONE_ELSEWHERE, {"subject": session.subject_id}))
        went = {party for party, _ in rows}
        if went and not any(is_parted for _, is_parted in rows):
            for one in with_parties:
                if went <= one.own_parties().keys():
                    return one
    raise BadRequest("erased", "nothing is on file any more")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What she asks: when things were so, what was known, which blocks (none named: all)."""

    as_of: datetime | None = None
    known_at: datetime | None = None
    scope: frozenset[str] = frozenset()

    @property
    def is_past(self) -> bool:
        return self.as_of is not None or self.known_at is not None


async def _answered(deps: Deps, gate: Opened, material: Material, question: _Question) -> Answer:
    """Answer from the file, or folded from the ledger where the past is asked."""
    now = deps.clock()
    as_of = question.as_of or _present(now, material)
    profile = profile_on(deps, as_of)
    token = min(material.tokens, default=bytes(32))
    recorded_at = None
    if question.is_past:
        material, recorded_at = await asyncio.to_thread(
            _past, deps, material, known_at=question.known_at, day=profile.day
        )
    keys = await deps.vault.keys_of(material.parties())
    if material.parties() and not keys:
        raise BadRequest("erased", "the keys of what was on file were destroyed by an erasure")
    permit = mint(
        "self",
        subject_id=UUID(material.subject_id),
        member_id=None,
        member_class=None,
        purpose=_OWN_ACCESS,
        profile=profile,
        now=now,
        audience="person",
    )
    permit = replace(permit, scope=question.scope)
    body = body_of(
        permit,
        material,
        keys,
        profile=profile,
        as_of=as_of,
        id_key=deps.keys.member_id_key(UUID(material.subject_id)),
        member_view=desk_of(deps).member_view,
    )
    going = Outgoing(
        permit=permit,
        material=material,
        keys=keys,
        body=body,
        profile=profile,
        as_of=as_of,
        occurred_at=now,
        token=token,
        known_at=recorded_at,
    )
    return await release(deps, gate, going)


def _present(now: datetime, material: Material) -> datetime:
    """Now, or the newest look or consent of hers: a clock set back hides none of them from her."""
    told = [look.occurred_at for look in material.looks]
    told += [consent.given_at for consent in material.consent_lines()]
    return max([now, *map(datetime.fromisoformat, told)])


def _past(
    deps: Deps, present: Material, *, known_at: datetime | None, day: date
) -> tuple[Material, datetime | None]:
    """The material as it was known at an instant (None: now), with when that was recorded."""
    subject_id = UUID(present.subject_id)
    place = Place(
        position=present.position,
        log_size=present.log_size,
        head_version=present.head_version,
    )
    with deps.database.connect("serve") as connection:
        if known_at is not None:
            place = place_known_at(connection, subject_id, known_at)
        return fold_material(connection, subject_id, place, day=day), place.recorded_at
