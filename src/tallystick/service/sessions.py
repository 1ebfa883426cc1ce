"""Sessions: who is signed in, by a random secret of which only the digest is kept."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tallystick.errors import BadRequest
from tallystick.service.port import Deps

_SECRET_BYTES = 24
_PERSONAS = frozenset({"person", "furnisher", "lender", "operator"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Who is signed in: a member's staff by `member_id`, a person by `subject_id` and token."""

    persona: str
    member_id: UUID | None
    subject_id: UUID | None
    token: bytes | None
    expires_at: datetime


def open_session(
    deps: Deps,
    *,
    persona: str,
    member_id: UUID | None = None,
    subject_id: UUID | None = None,
    token: bytes | None = None,
    hours: int = 12,
) -> str:
    """Open a session and give its secret, this once.

    Raises: BadRequest `invalid_request` when the persona lacks what it stands for
    """
    needs_member = persona in ("furnisher", "lender")
    if (
        persona not in _PERSONAS
        or (needs_member and member_id is None)
        or (persona == "person" and subject_id is None)
    ):
        raise BadRequest("invalid_request", "a session stands for a member, a person or operator")
    secret = base64.urlsafe_b64encode(deps.random_bytes(_SECRET_BYTES)).decode()
    now = deps.clock()
    with deps.database.connect("serve") as connection:
        connection.execute(
            "insert into access.session (session_digest, persona, member_id, subject_id, token,"
            " issued_at, expires_at) values (%s, %s, %s, %s, %s, %s, %s)",
            (_digest(secret), persona, member_id, subject_id, token, now,
             now + timedelta(hours=hours)),
        )  # fmt: skip
    return secret


def session(deps: Deps, secret: str) -> Session | None:
    """The session a secret opens; None when there is none, or at its end and after."""
    with deps.database.connect("serve") as connection:
        row = connection.execute(
            "select persona, member_id, subject_id, token, expires_at from access.session"
            " where session_digest = %s",
            (_digest(secret),),
        ).fetchone()
    if row is None or deps.clock() >= row[4]:
        return None
    return Session(
        persona=row[0], member_id=row[1], subject_id=row[2], token=row[3], expires_at=row[4]
    )


def close_session(deps: Deps, secret: str) -> None:
    """Sign out: the secret opens nothing any more."""
    with deps.database.connect("serve") as connection:
        connection.execute(
            "delete from access.session where session_digest = %s", (_digest(secret),)
        )


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
