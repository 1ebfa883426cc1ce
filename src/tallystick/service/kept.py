"""Kept answers: a body unsealed again with the keys of every party it was made from."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from tallystick.audit import Look
from tallystick.errors import BadRequest, require
from tallystick.ledger import seal
from tallystick.model.canonical import canonical
from tallystick.model.file import Coordinates
from tallystick.model.instant import instant_text
from tallystick.service import gate_sql as sql
from tallystick.service.answers import kept_times, made_under, profile_on, unpacked
from tallystick.service.port import Deps

Whose = Literal["token", "member", "subject", "anybody"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLook:
    """A look as it was written, with its sealed body where one is kept.

    `erasure` is the statement by which the law erased what the answer was made of, if it did.
    """

    look: Look
    parties: tuple[UUID, ...]
    sealed: bytes | None
    readable_until: datetime | None
    erasure: str | None

    def coordinates(self) -> Coordinates | None:
        """Where its answer stands; None where nothing was handed out."""
        look = self.look
        if look.as_of is None or look.position is None:
            return None
        return Coordinates(
            as_of=instant_text(look.as_of),
            position=look.position,
            log_size=look.log_size or 0,
            head_version=look.head_version or 0,
        )


async def kept_look(
    deps: Deps, look_id: UUID, *, by: Whose, whose: bytes | UUID | None = None
) -> KeptLook | None:
    """The look of an id, if it is that token's, member's or person's.

    Raises: BadRequest `erased` when the look itself was erased: whose it was is not known any more
    """
    lines = deps.database.lines()
    line = await lines.take()
    try:
        (rows,) = await line.run((sql.KEPT[by], {"look_id": look_id, "whose": whose}))
        if not rows:
            (erased,) = await line.run((sql.ERASED, {"look_id": look_id}))
            if erased:
                raise erased_by(erased[0][0])
    finally:
        await lines.give(line)
    return _kept(rows[0]) if rows else None


def _kept(row: tuple[Any, ...]) -> KeptLook:
    names = (
        "token", "look_id", "occurred_at", "permit", "purpose", "outcome", "audience", "salt",
        "member_id", "refusal_code", "subject_id", "consent_id", "as_of", "position", "log_size",
        "head_version", "versions", "body_digest",
    )  # fmt: skip
    parties, sealed, readable_until, erasure = row[len(names) :]
    return KeptLook(
        look=Look(**dict(zip(names, row[: len(names)], strict=True))),
        parties=tuple(parties or ()),
        sealed=sealed,
        readable_until=readable_until,
        erasure=erasure,
    )


async def body_kept(deps: Deps, kept: KeptLook) -> bytes | None:
    """The body, opened with the keys of all its parties; None when it was altered since.

    Whether it is the one its look names is the caller's to compare: the look may be what changed.
    Takes:  a look with a body: `kept.sealed` is not None
    Raises: BadRequest `erased` when a key was destroyed
    """
    if kept.erasure is not None:
        raise erased_by(kept.erasure)
    require(kept.sealed is not None, "a body that is not kept cannot be opened")
    sealed = cast(bytes, kept.sealed)
    keys = await deps.vault.aget(kept.parties)
    if len(keys) < len(set(kept.parties)):
        gone = [party for party in kept.parties if party not in keys]
        await asyncio.to_thread(require_not_gone, deps, gone, kept.look.occurred_at)
        raise BadRequest(
            "erased", "a key of what the answer was made of was destroyed by an erasure"
        )
    key = seal.body_key(keys.values(), kept.look.look_id.bytes)
    opened = seal.unseal_body(key, sealed)
    return None if opened is None else unpacked(opened)


def erased_by(statement: str) -> BadRequest:
    """What to raise for a look that an erasure took."""
    return BadRequest("erased", "its erasure is on record", extra={"statement": statement})


def require_not_gone(deps: Deps, parties: Collection[UUID], since: datetime) -> None:
    """Raise BadRequest `erased` where a key of these parties was destroyed after an instant.

    They are of accounts that somebody else held first: the statement says when and on what ground,
    and not who was erased.
    """
    later = [one for one in deps.vault.destroyed_of(parties).values() if one[0] > since]
    if later:
        erased_at, ground = min(later)
        said = {"erased_at": instant_text(erased_at), "ground": ground, "of": "account"}
        raise erased_by(canonical(said).decode())


def require_readable(deps: Deps, kept: KeptLook) -> datetime | None:
    """Until when a member may read an answer again; None for one that handed nothing out.

    What the profile of that day says, in the version the look names; a row beside the body may have
    been altered, and the look is in the log's tree. Where this program has another version, what
    stands beside the body; without a body, what this version says.
    Raises: BadRequest `no_longer_readable` when that time has come
    """
    look = kept.look
    if look.outcome != "hit":
        return None
    made = made_under(deps, look.versions, look.as_of)
    if made is None and kept.readable_until is not None:
        until = kept.readable_until
    else:
        until, _ = kept_times(look.occurred_at, made or profile_on(deps, look.occurred_at))
    if look.member_id is not None and deps.clock() >= until:
        said = f"it could be read again until {instant_text(until)}"
        raise BadRequest("no_longer_readable", said)
    return until
