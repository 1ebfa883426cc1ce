"""The same answer again: to whom it was given (permit `again`), and as a proof, folded anew.

The look holds the digest of what was handed out and where in history it stood; so where the kept
body is gone, the same bytes are folded anew.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from uuid import UUID

import orjson
import psycopg

from tallystick.audit import Look
from tallystick.consent import mint_again, refused
from tallystick.errors import BadRequest, Unavailable
from tallystick.model.canonical import sha256
from tallystick.model.permit import Permit
from tallystick.report import VERSIONS, Version
from tallystick.service.answers import Answer, body_of, made_under, profile_on, receipt_of
from tallystick.service.fold_file import Place, fold_material
from tallystick.service.gate import Request, StrangeMember, desk_of, opened, write_look
from tallystick.service.kept import (
    KeptLook,
    Whose,
    body_kept,
    erased_by,
    kept_look,
    require_not_gone,
    require_readable,
)
from tallystick.service.members import Member
from tallystick.service.port import Deps
from tallystick.service.read_file import Material
from tallystick.service.sessions import Session

_TRIES = 3


async def again(deps: Deps, reader: Member | Session, look_id: UUID) -> Answer:
    """Give an answer again to the member or person it was given to; a look of its own.

    Time:   a member until `readable_until`, even after a withdrawal; the person always
    Raises: BadRequest not_found (also for what is not the reader's), no_longer_readable, erased
    """
    kept = await _of_reader(deps, reader, look_id)
    if kept is None:
        await asyncio.to_thread(_require_look, deps, look_id)
    if kept is None or kept.look.refusal_code is not None:
        raise BadRequest("not_found", "no answer of this id that you may read")
    look, now = kept.look, deps.clock()
    readable_until = require_readable(deps, kept)
    async with opened(deps, [], Request(), subject_id=look.subject_id) as gate:
        # Under the head's lock: an erasure either waits for this look, or has taken the keys.
        body = await _body_of(deps, kept)
        fresh = replace(
            look,
            look_id=deps.new_id(),
            occurred_at=now,
            permit="again",
            salt=deps.random_bytes(32),
            versions=orjson.dumps({"again": str(look.look_id)}).decode(),
        )
        await write_look(gate, fresh)
    return Answer(
        look_id=fresh.look_id,
        outcome=look.outcome,
        body=body,
        body_digest=look.body_digest,
        receipt=receipt_of(deps, fresh, profile_on(deps, now)),
        occurred_at=now,
        coordinates=kept.coordinates(),
        readable_until=readable_until,
    )


async def given_before(
    deps: Deps, look_id: UUID, token: bytes, *, names_consent: bool = True
) -> Answer:
    """The answer of a request already answered; no look is added.

    Takes:  `names_consent`: whether the request, which is the same as before, names one
    Raises: Refused as it was refused before, with `is_replay`; BadRequest `erased`,
            `no_longer_readable`
    """
    kept = await kept_look(deps, look_id, by="token", whose=token)
    if kept is None:
        raise BadRequest("erased", "the answer to this Idempotency-Key's request was erased")
    look = kept.look
    if look.refusal_code is not None:
        refusal = refused(look.refusal_code, names_consent=names_consent)
        refusal.extra |= {"look_id": str(look.look_id), "is_replay": "true"}
        raise refusal
    readable_until = require_readable(deps, kept)
    return Answer(
        look_id=look.look_id,
        outcome=look.outcome,
        body=await _body_of(deps, kept),
        body_digest=look.body_digest,
        receipt=receipt_of(deps, look, profile_on(deps, look.occurred_at)),
        occurred_at=look.occurred_at,
        is_replay=True,
        coordinates=kept.coordinates(),
        readable_until=readable_until,
    )


async def _body_of(deps: Deps, kept: KeptLook) -> bytes | None:
    """What an answer handed out, kept or folded anew; None where that was nothing.

    A kept body that was altered, or is not the one the look names, is as good as gone.
    Raises: BadRequest `erased`, `no_longer_readable` when this program would give other bytes
    """
    if kept.look.outcome != "hit":
        return None
    if kept.sealed is not None or kept.erasure is not None:
        body = await body_kept(deps, kept)
        if body is not None and sha256(body) == kept.look.body_digest:
            return body
    body = await _folded_anew(deps, kept.look)
    if sha256(body) != kept.look.body_digest:
        raise BadRequest(
            "no_longer_readable",
            "its body is not kept as it was, and folded anew by this program it is another",
        )
    return body


async def _of_reader(deps: Deps, reader: Member | Session, look_id: UUID) -> KeptLook | None:
    """The first answer behind a look of the reader's; None when it is not the reader's."""
    by: Whose = "subject" if reader.member_id is None else "member"
    whose = reader.member_id
    if isinstance(reader, Session) and whose is None:
        whose = reader.subject_id
    kept = await kept_look(deps, look_id, by=by, whose=whose)
    if kept is not None and kept.look.permit == "again":
        kept = await kept_look(deps, _original(kept.look), by=by, whose=whose)
    return kept


def _original(look: Look) -> UUID:
    """The look an answer given again was first given under."""
    return UUID(orjson.loads(look.versions or "{}")["again"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """SHA-256 of an answer: as its look names it, of the body kept and folded anew.

    `kept` is None where no body is kept, or where it was altered and does not open any more.
    """

    look: bytes
    kept: bytes | None
    kept_is_altered: bool
    folded: bytes

    @property
    def is_same(self) -> bool:
        """Whether all that there is agree."""
        is_kept_well = not self.kept_is_altered and self.kept in (None, self.look)
        return is_kept_well and self.folded == self.look


async def prove(deps: Deps, look_id: UUID) -> Proof:
    """Make an answer again and compare; nothing of it is shown (the operator may not read it).

    Raises: as `replay`
    """
    kept = await _hit(deps, look_id)
    body = None if kept.sealed is None else await body_kept(deps, kept)
    folded = await _folded_anew(deps, kept.look)
    named = kept.look.body_digest or b""
    return Proof(
        look=named,
        kept=None if body is None else sha256(body),
        kept_is_altered=kept.sealed is not None and body is None,
        folded=sha256(folded),
    )


async def replay(deps: Deps, look_id: UUID, *, fold: bool) -> bytes:
    """An answer's body as a proof, from the kept body or folded anew from the look's coordinates.

    Nothing of it may be shown: the caller compares digests (the operator has no permit to read).
    Raises: BadRequest not_found, erased, no_longer_readable (no kept body any more, or altered),
            conflict (made by another profile or format)
    """
    kept = await _hit(deps, look_id)
    if fold:
        return await _folded_anew(deps, kept.look)
    if kept.sealed is None and kept.erasure is None:
        raise BadRequest("no_longer_readable", "the body of the answer is not kept any more")
    body = await body_kept(deps, kept)
    if body is None:
        raise BadRequest(
            "no_longer_readable", "the body kept of the answer was altered: it does not open"
        )
    return body


async def _hit(deps: Deps, look_id: UUID) -> KeptLook:
    """The first answer behind any look, which held a report. Raises: BadRequest not_found."""
    kept = await kept_look(deps, look_id, by="anybody")
    if kept is not None and kept.look.permit == "again":
        kept = await kept_look(deps, _original(kept.look), by="anybody")
    if kept is None or kept.look.outcome != "hit":
        raise BadRequest(
            "not_found", "no answer of this id that held a report: only a hit's can be made again"
        )
    return kept


async def _folded_anew(deps: Deps, look: Look) -> bytes:
    """The bytes of an answer at its look's coordinates. Raises: BadRequest erased, conflict."""
    desk = desk_of(deps)
    for _ in range(_TRIES):
        try:
            return await asyncio.to_thread(_folded, deps, look)
        except StrangeMember:
            await desk.learn_members(deps)
    raise Unavailable(
        "unavailable",
        "a member whom the answer names is not registered: compare `tallystick members list`",
    )


def _folded(deps: Deps, look: Look) -> bytes:
    """The body of a look, folded from the ledger at the look's coordinates."""
    if look.as_of is None or look.subject_id is None:
        raise BadRequest(
            "not_found", "no answer of this id that held a report: only a hit's can be made again"
        )
    profile = made_under(deps, look.versions, look.as_of)
    if profile is None:
        raise BadRequest(
            "conflict",
            "the answer was made under another version of the profile than this program has:"
            " replay it from the kept body, or fold it with the program of that version",
        )
    versions = orjson.loads(look.versions or "{}")
    version = _version(versions.get("format"))
    place = Place(
        position=look.position or 0,
        log_size=look.log_size or 0,
        head_version=look.head_version or 0,
    )
    with deps.database.connect("serve") as connection:
        material = fold_material(
            connection, look.subject_id, place, day=profile.day,
            furnisher_id=look.member_id if look.audience == "furnisher" else None,
        )  # fmt: skip
        _require_not_erased(connection, look)
    keys = deps.vault.get([UUID(party) for party in material.parties()])
    body = body_of(
        _permit(look, frozenset(versions.get("scope", ()))),
        material,
        {str(party): key for party, key in keys.items()},
        profile=profile,
        as_of=look.as_of,
        id_key=_id_key(deps, look, material),
        member_view=desk_of(deps).member_view,
        version=version,
    )
    if sha256(body) != look.body_digest:
        require_not_gone(deps, material.erased_parties(), look.occurred_at)
    return body


def _version(name: str | None) -> Version:
    """The version of the report's format an answer was given in. Raises: BadRequest conflict."""
    version = VERSIONS.get(name or "")
    if version is None:
        raise BadRequest(
            "conflict",
            "the answer was given in a format that this program does not know: replay it from the"
            " kept body, or fold it with the program that gave it",
        )
    return version


def _require_look(deps: Deps, look_id: UUID) -> None:
    """Raise BadRequest `erased` with the statement where the law erased a look itself."""
    with deps.database.connect("serve") as connection:
        row = connection.execute(
            "select statement from log.erasure where look_id = %s", (look_id,)
        ).fetchone()
    if row is not None:
        raise erased_by(str(row[0]))


def _require_not_erased(connection: psycopg.Connection[tuple[object, ...]], look: Look) -> None:
    row = connection.execute(
        "select statement from log.subject_erasure where subject_id = %s", (look.subject_id,)
    ).fetchone()
    if row is not None:
        raise erased_by(str(row[0]))


def _id_key(deps: Deps, look: Look, material: Material) -> bytes:
    return deps.keys.member_id_key(look.member_id or UUID(material.subject_id))


def _permit(look: Look, scope: frozenset[str]) -> Permit:
    """The permit a look was made under, as far as its body depends on it."""
    return mint_again(
        look.permit,
        subject_id=str(look.subject_id),
        audience=look.audience,
        purpose=look.purpose,
        member_id=None if look.member_id is None else str(look.member_id),
        consent_id=None if look.consent_id is None else str(look.consent_id),
        scope=scope,
    )
