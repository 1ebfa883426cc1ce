"""The sequencer: gives committed looks and publications their numbers and signs the tree's head.

It numbers what is *committed* in the outbox at that moment, never what lies before some instant: a
look that commits late is numbered later, never skipped. One call is one transaction, so a crash at
any instant leaves either all of it or nothing. Runs as `tallystick_sequencer`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import class_row, tuple_row

from tallystick.audit.tree import (
    TreeHead,
    head_message,
    look_leaf,
    publication_commitment,
    publication_leaf,
)
from tallystick.errors import require
from tallystick.model.merkle import Frontier

#: When the oldest look without a number happened; NULL when there is none.
OLDEST_UNNUMBERED = "SELECT min(occurred_at) FROM gate.look_outbox"

_LOCK = "SELECT 1 FROM log.sequencer FOR UPDATE"
_LAST_HEAD = "SELECT signed_at, frontier FROM log.tree_head ORDER BY size DESC LIMIT 1"
_PUBLICATIONS = """
    SELECT position, recorded_at, digest FROM ledger.publication
    WHERE position > coalesce((SELECT max(position) FROM log.entry), -1)
    ORDER BY position LIMIT %s
"""
_TAKE_LOOKS = """
    DELETE FROM gate.look_outbox WHERE look_id = ANY (ARRAY (
        SELECT look_id FROM gate.look_outbox ORDER BY occurred_at, look_id LIMIT %s))
    RETURNING occurred_at, look_id, commitment
"""
_ENTRIES = "COPY log.entry (number, kind, look_id, position, commitment, sequenced_at) FROM STDIN"
_HEAD = """
    INSERT INTO log.tree_head (size, root, signed_at, key_id, signature, frontier)
    VALUES (%s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceResult:
    """What one call numbered; `head` is None when there was nothing to number."""

    looks: int
    publications: int
    head: TreeHead | None
    #: Whether the limit was reached, so that calling again at once is worth it.
    more: bool


class _Publication(NamedTuple):
    position: int
    recorded_at: datetime
    digest: bytes


class _PendingLook(NamedTuple):
    occurred_at: datetime
    look_id: UUID
    commitment: bytes


def sequence(
    connection: psycopg.Connection[tuple[object, ...]],
    *,
    now: datetime,
    sign: Callable[[bytes], bytes],
    key_id: str,
    limit: int = 5000,
) -> SequenceResult:
    """Number what is committed and not numbered yet: publications first, then looks.

    Takes:  an idle connection; `sign` gives the Ed25519 signature of the key `key_id`; at most
            `limit` publications and `limit` looks are taken.
    Time:   the head is signed at the later of `now` and the last head's time.
    Raises: InvariantBroken when the connection is inside a transaction, or the log contradicts
            itself; psycopg errors, after which nothing was done and the call may be repeated.
    """
    require(
        connection.info.transaction_status is TransactionStatus.IDLE,
        "the sequencer needs a transaction of its own",
    )
    with connection.transaction():
        frontier, last_signed_at = _lock_and_resume(connection)
        signed_at = now if last_signed_at is None else max(now, last_signed_at)
        with connection.cursor(row_factory=class_row(_Publication)) as cursor:
            publications = cursor.execute(_PUBLICATIONS, (limit,)).fetchall()
        with connection.cursor(row_factory=class_row(_PendingLook)) as cursor:
            looks = sorted(cursor.execute(_TAKE_LOOKS, (limit,)).fetchall())
        more = limit in (len(publications), len(looks))
        if not publications and not looks:
            return SequenceResult(looks=0, publications=0, head=None, more=False)
        _write_entries(connection, frontier, publications, looks, signed_at=signed_at)
        root = frontier.root()
        head = TreeHead(
            size=frontier.size,
            root=root,
            signed_at=signed_at,
            key_id=key_id,
            signature=sign(head_message(frontier.size, root, signed_at)),
        )
        connection.execute(
            _HEAD,
            (head.size, root, signed_at, key_id, head.signature, frontier.to_bytes()),
        )
    return SequenceResult(looks=len(looks), publications=len(publications), head=head, more=more)


def oldest_unnumbered(connection: psycopg.Connection[tuple[object, ...]]) -> datetime | None:
    """When the oldest committed look without a number happened; None when all have theirs."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(OLDEST_UNNUMBERED).fetchone()
    oldest: datetime | None = row[0] if row else None
    return oldest


def _lock_and_resume(
    connection: psycopg.Connection[tuple[object, ...]],
) -> tuple[Frontier, datetime | None]:
    """Wait for the one sequencer's lock, then read (in a later statement) where the log ends."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        require(cursor.execute(_LOCK).fetchone() is not None, "log.sequencer has no row to lock")
        last = cursor.execute(_LAST_HEAD).fetchone()
    if last is None:
        return Frontier(), None
    return Frontier.from_bytes(last[1]), last[0]


def _write_entries(
    connection: psycopg.Connection[tuple[object, ...]],
    frontier: Frontier,
    publications: list[_Publication],
    looks: list[_PendingLook],
    *,
    signed_at: datetime,
) -> None:
    """Copy the entries in their order and extend the frontier by their leaves."""
    number = frontier.size
    leaves: list[bytes] = []
    with connection.cursor() as cursor, cursor.copy(_ENTRIES) as copy:
        for position, recorded_at, digest in publications:
            commitment = publication_commitment(position, recorded_at, digest)
            leaves.append(publication_leaf(position, commitment))
            copy.write_row((number, "publication", None, position, commitment, signed_at))
            number += 1
        for _, look_id, commitment in looks:
            leaves.append(look_leaf(look_id, commitment))
            copy.write_row((number, "look", look_id, None, commitment, signed_at))
            number += 1
    frontier.extend(leaves)
