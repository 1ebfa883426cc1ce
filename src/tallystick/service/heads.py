"""Heads and tokens: the locks of a person, and the events that move her head's version.

A token's row exists from the first record, consent or inquiry and is the lock until there is a
subject. Consents and withdrawals take the subject's next head version; so does a token that comes
to a subject, with every consent it brings along.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg


def lock_tokens(
    connection: psycopg.Connection[Any],
    tokens: Sequence[bytes],
    schemes: Sequence[str],
    now: datetime,
    *,
    key_version: int = 1,
) -> None:
    """Make the tokens' rows where they are missing and lock them, ascending."""
    connection.execute(
        "insert into directory.token (token, scheme, key_version, first_seen_at)"
        " select t, s, %s, %s from unnest(%s::bytea[], %s::text[]) as given (t, s)"
        " order by t on conflict do nothing",
        (key_version, now, list(tokens), list(schemes)),
    )
    connection.execute(
        "select from directory.token where token = any(%s) order by token for update",
        (list(tokens),),
    )


def lock(connection: psycopg.Connection[Any], subjects: Sequence[UUID]) -> None:
    """Make the heads where they are missing and lock them for a change, ascending."""
    connection.execute(
        "insert into gate.head (subject_id) select unnest(%s::uuid[]) on conflict do nothing",
        (sorted(subjects),),
    )
    connection.execute(
        "select from gate.head where subject_id = any(%s) order by subject_id for update",
        (list(subjects),),
    )


def add_event(
    connection: psycopg.Connection[Any],
    subject_id: UUID,
    kind: str,
    token: bytes,
    *,
    happened_at: datetime,
    consent_id: UUID | None = None,
) -> int:
    """Move a head (locked for update) by one version with its event; gives the version."""
    row = connection.execute(
        "update gate.head set head_version = head_version + 1 where subject_id = %s"
        " returning head_version",
        (subject_id,),
    ).fetchone()
    version = int(row[0])  # type: ignore[index]
    connection.execute(
        "insert into gate.head_event (subject_id, head_version, kind, token, consent_id,"
        " happened_at) values (%s, %s, %s, %s, %s, %s)",
        (subject_id, version, kind, token, consent_id, happened_at),
    )
    return version


def tie_token(
    connection: psycopg.Connection[Any], token: bytes, subject_id: UUID, now: datetime
) -> None:
    """Tie a token to a subject whose head is locked; its consents and withdrawals come along."""
    connection.execute(
        "insert into directory.token_subject (token, subject_id) values (%s, %s)"
        " on conflict do nothing",
        (token, subject_id),
    )
    add_event(connection, subject_id, "token_linked", token, happened_at=now)
    consents = connection.execute(
        "select c.consent_id, c.registered_at, w.withdrawn_at from gate.consent c"
        " left join gate.withdrawal w using (token, consent_id) where c.token = %s"
        " order by c.registered_at, c.consent_id",
        (token,),
    ).fetchall()
    for consent_id, registered_at, withdrawn_at in consents:
        add_event(
            connection,
            subject_id,
            "consent_given",
            token,
            happened_at=registered_at,
            consent_id=consent_id,
        )
        if withdrawn_at is not None:
            add_event(
                connection,
                subject_id,
                "consent_withdrawn",
                token,
                happened_at=withdrawn_at,
                consent_id=consent_id,
            )


def untie_token(
    connection: psycopg.Connection[Any], token: bytes, subject_id: UUID, now: datetime
) -> None:
    """Take a token from a subject whose head is locked."""
    connection.execute(
        "delete from directory.token_subject where token = %s and subject_id = %s",
        (token, subject_id),
    )
    add_event(connection, subject_id, "token_unlinked", token, happened_at=now)
