"""The log as the verifier reads it: its SQL, and the rows it gives.

The looks' columns come in the plain form the commitment covers (text, hex, integers), rendered by
PostgreSQL in its own process: that is a third of the verifier's time otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from tallystick.audit.look import COMMITTED
from tallystick.audit.tree import TreeHead
from tallystick.model.ids import edge_position

_INSTANTS = frozenset({"occurred_at", "as_of"})
_BYTES = frozenset({"token", "body_digest"})
_IDS = frozenset({"look_id", "member_id", "subject_id", "consent_id"})


def instant_sql(column: str) -> str:
    """SQL of an instant as `instant_text` has it; of a year Python has not, another text.

    The year alone would not tell an instant from the same one before Christ.
    """
    return f"""CASE WHEN {column} >= '0001-01-01Z' AND {column} < '10000-01-01Z'
        THEN to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        ELSE {column}::text END"""


def _plain(name: str) -> str:
    if name in _INSTANTS:
        return instant_sql(f"l.{name}")
    if name in _BYTES:
        return f"encode(l.{name}, 'hex')"
    return f"l.{name}::text" if name in _IDS else f"l.{name}"


_LOOK = ", ".join(["l.salt", *(_plain(name) for name in COMMITTED)])
_HEAD = "h.size, h.root, h.signed_at, h.key_id, h.signature, h.frontier"
_OCCURRED_AT = COMMITTED.index("occurred_at")

ENTRIES = f"""
    SELECT e.number, e.kind, e.look_id, e.position, e.commitment, e.sequenced_at,
           x.look_id IS NOT NULL, p.recorded_at, p.digest, {_LOOK}, {_HEAD}
    FROM log.entry e
    LEFT JOIN log.tree_head h ON h.size = e.number + 1
    LEFT JOIN log.look l ON l.look_id = e.look_id
    LEFT JOIN log.erasure x ON x.look_id = e.look_id
    LEFT JOIN ledger.publication p ON p.position = e.position
    ORDER BY e.number
"""
#: Heads whose last entry is not there, so that `ENTRIES` does not bring them.
STRAY_HEADS = f"""
    SELECT {_HEAD} FROM log.tree_head h
    WHERE NOT EXISTS (SELECT FROM log.entry e WHERE e.number = h.size - 1)
    ORDER BY h.size
"""
OUTBOX = f"""
    SELECT -1::bigint, 'look', o.look_id, NULL::bigint, o.commitment, NULL::timestamptz,
           x.look_id IS NOT NULL, NULL::timestamptz, NULL::bytea, {_LOOK}
    FROM gate.look_outbox o
    LEFT JOIN log.look l ON l.look_id = o.look_id
    LEFT JOIN log.erasure x ON x.look_id = o.look_id
    ORDER BY o.occurred_at, o.look_id
"""
ORPHAN_LOOKS = """
    SELECT l.look_id FROM log.look l
    WHERE NOT EXISTS (SELECT FROM log.entry e WHERE e.look_id = l.look_id)
      AND NOT EXISTS (SELECT FROM gate.look_outbox o WHERE o.look_id = l.look_id)
    ORDER BY l.occurred_at, l.look_id LIMIT %s
"""
SKIPPED_PUBLICATIONS = """
    SELECT p.position FROM ledger.publication p
    WHERE p.position < (SELECT max(position) FROM log.entry)
      AND NOT EXISTS (SELECT FROM log.entry e WHERE e.position = p.position)
    ORDER BY p.position LIMIT %s
"""
WHERE_COMMITTED = "SELECT commitment FROM log.entry WHERE commitment = ANY (%s)"

_HEAD_AT = 10 + len(COMMITTED)


class EntryRow(NamedTuple):
    """One entry with what it stands for, as far as that is there."""

    number: int
    kind: str
    look_id: UUID | None
    position: int | None
    commitment: bytes
    sequenced_at: datetime
    is_erased: bool
    recorded_at: datetime | None
    digest: bytes | None
    salt: bytes | None
    content: tuple[str | int | None, ...]

    @property
    def place(self) -> str | None:
        """A publication's position as the edges give it; None for looks."""
        return None if self.position is None else edge_position(self.position)

    @property
    def occurred_at(self) -> str | None:
        """When the look happened, as text that sorts; None for publications and erased looks."""
        occurred_at = self.content[_OCCURRED_AT]
        return occurred_at if isinstance(occurred_at, str) else None


def entry_row(row: tuple[Any, ...]) -> EntryRow:
    """The entry in a row of `ENTRIES` or `OUTBOX`."""
    return EntryRow._make((*row[:10], row[10:_HEAD_AT]))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredHead:
    """A head of the log and its frontier."""

    head: TreeHead
    frontier: bytes


def stored_head(row: tuple[Any, ...]) -> StoredHead | None:
    """The head that ends in a row of `ENTRIES` or `STRAY_HEADS`; None when none ends there."""
    size, root, signed_at, key_id, signature, frontier = row[-6:]
    if size is None:
        return None
    head = TreeHead(size=size, root=root, signed_at=signed_at, key_id=key_id, signature=signature)
    return StoredHead(head=head, frontier=frontier)
