"""Sessions: who is signed in, by a random secret of which only the digest is kept.

A sign-in link is a secret of its own: it works once, for a short while, and brings a session. Both
stand in one table. A link's digest is taken under a prefix, so a link is never itself a session.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from tallystick.errors import BadRequest, Refused
from tallystick.service.port import Deps

_SECRET_BYTES = 24
_PERSONAS = frozenset({"person", "furnisher", "lender", "operator"})
_LINK = b"tallystick sign-in link\0"
SESSION_LIFE = timedelta(hours=12)
#: How long a link waits to be opened.
LINK_LIFE = timedelta(minutes=30)


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
    life: timedelta = SESSION_LIFE,
) -> str:
    """Open a session and give its secret, this once.

    Raises: BadRequest `invalid_request` when the persona lacks what it stands for
    """
    return _issue(
        deps, _digest, life,
        persona=persona, member_id=member_id, subject_id=subject_id, token=token,
    )  # fmt: skip


def issue_link(
    deps: Deps,
    *,
    persona: str,
    member_id: UUID | None = None,
    subject_id: UUID | None = None,
    token: bytes | None = None,
    life: timedelta = LINK_LIFE,
) -> str:
    """Make a sign-in link and give its secret, this once; `redeem` turns it into a session.

    Raises: BadRequest `invalid_request` when the persona lacks what it stands for
    """
    return _issue(
        deps, _link_digest, life,
        persona=persona, member_id=member_id, subject_id=subject_id, token=token,
    )  # fmt: skip


def redeem(deps: Deps, link: str) -> tuple[str, Session]:
    """Use a link up: a fresh session's secret, and the session.

    Raises: Refused `sign_in_link_invalid` when it was used, has ended, or never was; which of them
            is not said
    """
    now = deps.clock()
    with deps.database.connect("serve") as connection:
        row = connection.execute(
            "delete from access.session where session_digest = %s"
            " returning persona, member_id, subject_id, token, expires_at",
            (_link_digest(link),),
        ).fetchone()
        if row is not None and now < row[4]:
            who = _session(row, now + SESSION_LIFE)
            secret = _secret(deps)
            _write(connection, _digest(secret), who, now=now)
            return secret, who
    raise Refused("sign_in_link_invalid")


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
    return _session(row, row[4])


def close_session(deps: Deps, secret: str) -> None:
    """Sign out: the secret opens nothing any more."""
    with deps.database.connect("serve") as connection:
        connection.execute(
            "delete from access.session where session_digest = %s", (_digest(secret),)
        )


def end_sessions(deps: Deps, now: datetime) -> int:
    """Delete sessions and links that have ended; gives how many. The worker runs it once a day."""
    with deps.database.connect("eraser") as connection:
        return connection.execute(
            "delete from access.session where expires_at <= %s", (now,)
        ).rowcount


def _issue(
    deps: Deps, digest_of: Callable[[str], bytes], life: timedelta, *, persona: str, **more: Any
) -> str:
    """Write a fresh secret's digest with whom it stands for; gives the secret."""
    now = deps.clock()
    who = _who(persona, now + life, **more)
    secret = _secret(deps)
    with deps.database.connect("serve") as connection:
        _write(connection, digest_of(secret), who, now=now)
    return secret


def _who(persona: str, end: datetime, **more: Any) -> Session:
    """Who is to be signed in. Raises: BadRequest `invalid_request` when the persona lacks its."""
    needs_member = persona in ("furnisher", "lender")
    if (
        persona not in _PERSONAS
        or (needs_member and more["member_id"] is None)
        or (persona == "person" and more["subject_id"] is None)
    ):
        raise BadRequest(
            "invalid_request",
            f"a session is of one of {', '.join(sorted(_PERSONAS))}; furnisher and lender need"
            " their member, a person needs to be on file",
        )
    return Session(persona=persona, expires_at=end, **more)


def _session(row: Sequence[Any], end: datetime) -> Session:
    return Session(
        persona=row[0], member_id=row[1], subject_id=row[2], token=row[3], expires_at=end
    )


def _write(
    connection: psycopg.Connection[Any], digest: bytes, who: Session, *, now: datetime
) -> None:
    connection.execute(
        "insert into access.session (session_digest, persona, member_id, subject_id, token,"
        " issued_at, expires_at) values (%s, %s, %s, %s, %s, %s, %s)",
        (digest, who.persona, who.member_id, who.subject_id, who.token, now, who.expires_at),
    )


def _secret(deps: Deps) -> str:
    return base64.urlsafe_b64encode(deps.random_bytes(_SECRET_BYTES)).decode()


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _link_digest(secret: str) -> bytes:
    return hashlib.sha256(_LINK + secret.encode()).digest()
