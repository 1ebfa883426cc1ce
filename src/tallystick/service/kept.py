"""Kept answers: a body unsealed again with the keys of every party it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from tallystick.audit import Look
from tallystick.errors import BadRequest, Refused, require
from tallystick.ledger import seal
from tallystick.model.canonical import sha256
from tallystick.model.file import Coordinates
from tallystick.model.instant import instant_text
from tallystick.service import gate_sql as sql
from tallystick.service.answers import Answer, profile_on, receipt_of, unpacked
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


async def body_kept(deps: Deps, kept: KeptLook) -> bytes:
    """The body, opened with the keys of all its parties.

    Raises: BadRequest `erased` when a key was destroyed, `no_longer_readable` when the body's time
            is over
    """
    if kept.erasure is not None:
        raise erased_by(kept.erasure)
    if kept.sealed is None:
        raise BadRequest(
            "no_longer_readable", "the body of the answer was kept for its time and is gone"
        )
    keys = await deps.vault.aget(kept.parties)
    if len(keys) < len(set(kept.parties)):
        raise BadRequest(
            "erased", "a key of what the answer was made of was destroyed by an erasure"
        )
    key = seal.body_key(keys.values(), kept.look.look_id.bytes)
    body = unpacked(seal.unseal_body(key, kept.sealed))
    require(sha256(body) == kept.look.body_digest, "a kept body is not the one its look names")
    return body


def erased_by(statement: str) -> BadRequest:
    """What to raise for a look that an erasure took."""
    return BadRequest("erased", "its erasure is on record", extra={"statement": statement})


def too_old(kept: KeptLook) -> BadRequest:
    """What to raise for an answer whose `readable_until` has come."""
    require(kept.readable_until is not None, "an answer without an end cannot be too old")
    until = instant_text(cast(datetime, kept.readable_until))
    return BadRequest("no_longer_readable", f"it could be read again until {until}")


async def given_before(deps: Deps, look_id: UUID, token: bytes) -> Answer:
    """The answer of a request already answered; no look is added.

    Raises: Refused with the code it was refused with; BadRequest `erased`, `no_longer_readable`
    """
    kept = await kept_look(deps, look_id, by="token", whose=token)
    if kept is None:
        raise BadRequest("erased", "the answer to this Idempotency-Key's request was erased")
    look = kept.look
    if look.refusal_code is not None:
        raise Refused(
            look.refusal_code,
            "the request of this Idempotency-Key was refused so before; a new one needs a new key",
            extra={"look_id": str(look.look_id)},
        )
    body = None
    if look.outcome == "hit":
        if kept.readable_until is not None and deps.clock() >= kept.readable_until:
            raise too_old(kept)
        body = await body_kept(deps, kept)
    return Answer(
        look_id=look.look_id,
        outcome=look.outcome,
        body=body,
        body_digest=look.body_digest,
        receipt=receipt_of(deps, look, profile_on(deps, look.occurred_at)),
        occurred_at=look.occurred_at,
        is_replay=True,
        coordinates=kept.coordinates(),
        readable_until=kept.readable_until,
    )
