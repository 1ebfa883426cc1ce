"""Heads and tokens: the locks of a person, and the events that move her head's version.

A token's row exists from the first record, consent or inquiry and is the lock until there is a
subject. Consents and withdrawals take the subject's next head version; so does a token that comes
to a subject, with every consent it brings along.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

#: What a subject's queue is called among the advisory locks. A row that is shared can be shared by
#: more, however long somebody waits to change it; a queue lets nobody pass who comes later.
QUEUE = "uuid_hash_extended(subject_id, 11)"
#: Each queue takes a place in memory that all connections share: a file of many persons stands in
#: none, and waits as long as one of hers is asked about without a pause.
_MOST_QUEUES = 32


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
    queue(connection, subjects)
    connection.execute(
        "select from gate.head where subject_id = any(%s) order by subject_id for update",
        (list(subjects),),
    )


def queue(connection: psycopg.Connection[Any], subjects: Sequence[UUID]) -> None:
    """Stand in the queues of a few subjects, ascending, before their heads are locked for a change.

    Answers that began before are waited for; whoever asks later waits for the change.
    """
    if len(subjects) <= _MOST_QUEUES:
        connection.execute(
            f"select pg_advisory_xact_lock({QUEUE}) from (select unnest(%s::uuid[]) as subject_id"
            " order by 1) as changed",
            (list(subjects),),
        )


def subjects_of(
    connection: psycopg.Connection[Any], tokens: Sequence[bytes]
) -> dict[bytes, list[UUID]]:
    """Whom tokens are tied to, ascending; missing: a token without a subject is left out."""
    found = connection.execute(
        "select token, subject_id from directory.token_subject where token = any(%s)"
        " order by subject_id",
        (list(tokens),),
    )
    subjects: dict[bytes, list[UUID]] = {}
    for token, subject_id in found:
        subjects.setdefault(bytes(token), []).append(subject_id)
    return subjects


class Event(NamedTuple):
    """One step of a subject's head: what happened under which token, and when."""

    subject_id: UUID
    kind: str
    token: bytes
    happened_at: datetime
    consent_id: UUID | None = None


_ADD = """
with given as (
  select *, row_number() over (partition by subject_id order by place) as step
  from unnest(%s::uuid[], %s::text[], %s::bytea[], %s::timestamptz[], %s::uuid[]) with ordinality
    as g (subject_id, kind, token, happened_at, consent_id, place)
), moved as (
  update gate.head h set head_version = h.head_version + n.steps
  from (select subject_id, count(*) as steps from given group by subject_id) n
  where h.subject_id = n.subject_id returning h.subject_id, h.head_version - n.steps as before
)
insert into gate.head_event (subject_id, head_version, kind, token, consent_id, happened_at)
select g.subject_id, m.before + g.step, g.kind, g.token, g.consent_id, g.happened_at
from given g join moved m using (subject_id)
"""


def add_events(connection: psycopg.Connection[Any], events: Sequence[Event]) -> None:
    """Move heads (locked for update) by one version for each event, in the order given."""
    if events:
        connection.execute(_ADD, [list(column) for column in zip(*events, strict=True)])


def tie_tokens(
    connection: psycopg.Connection[Any], pairs: Sequence[tuple[bytes, UUID]], now: datetime
) -> None:
    """Tie tokens to subjects whose heads are locked; consents and withdrawals come along."""
    if not pairs:
        return
    tokens = [token for token, _ in pairs]
    connection.execute(
        "insert into directory.token_subject (token, subject_id)"
        " select * from unnest(%s::bytea[], %s::uuid[]) on conflict do nothing",
        (tokens, [subject_id for _, subject_id in pairs]),
    )
    found = connection.execute(
        "select c.token, c.consent_id, c.registered_at, w.withdrawn_at from gate.consent c"
        " left join gate.withdrawal w using (token, consent_id) where c.token = any(%s)"
        " order by c.registered_at, c.consent_id",
        (tokens,),
    ).fetchall()
    consents: dict[bytes, list[tuple[Any, ...]]] = {}
    for token, *consent in found:
        consents.setdefault(bytes(token), []).append(tuple(consent))
    events = []
    for token, subject_id in pairs:
        events.append(Event(subject_id, "token_linked", token, now))
        for consent_id, registered_at, withdrawn_at in consents.get(token, ()):
            events.append(Event(subject_id, "consent_given", token, registered_at, consent_id))
            if withdrawn_at is not None:
                events.append(
                    Event(subject_id, "consent_withdrawn", token, withdrawn_at, consent_id)
                )
    add_events(connection, events)


def untie_token(
    connection: psycopg.Connection[Any], token: bytes, subject_id: UUID, now: datetime
) -> None:
    """Take a token from a subject whose head is locked."""
    connection.execute(
        "delete from directory.token_subject where token = %s and subject_id = %s",
        (token, subject_id),
    )
    add_events(connection, [Event(subject_id, "token_unlinked", token, now)])
