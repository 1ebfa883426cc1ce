"""Appending: a chunk's rows and its root in one commit, unseen until the chunk is published.

That commit is the acknowledgement: from here on no crash loses the rows. The same chunk number of
the same submission is appended once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from tallystick.ledger import tables
from tallystick.model import merkle

#: Tables outside the registry: name → (schema-qualified table, columns besides chunk, row, leaf).
OTHER: dict[str, tuple[str, tuple[str, ...]]] = {
    "deletion": (
        "ledger.deletion",
        ("party_id", "object_id", "dataset", "item_key", "furnisher_id", "reason"),
    ),
    "party_token": ("identity.party_token", ("party_id", "token")),
    "link": (
        "identity.link",
        ("party_id", "subject_id", "decision", "decided_by", "decided_at", "case_id"),
    ),
    "apart": ("identity.apart", ("party_id", "other_party_id")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row to append: its table (a dataset, deletion, party_token, link, apart) and values."""

    table: str
    values: dict[str, Any]

    @property
    def leaf(self) -> bytes:
        """The row's leaf in its chunk."""
        if self.table in OTHER:
            names = OTHER[self.table][1]
            return tables.leaf_of(self.table, *(_plain(self.values.get(n)) for n in names))
        return tables.leaf(self.table, self.values)


def _plain(value: Any) -> UUID | str | date | bytes | None:
    if isinstance(value, datetime):
        return str((value - tables.EPOCH) // timedelta(microseconds=1))
    return value  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkHead:
    """Whose chunk it is and where it stands in its submission (None: not from a submission)."""

    submission_id: UUID | None
    chunk_no: int
    furnisher_id: UUID | None
    dataset: str


def append(
    connection: psycopg.Connection[Any], head: ChunkHead, rows: Sequence[Row], now: datetime
) -> int:
    """Insert the chunk and its rows; gives the chunk's id. The caller commits.

    Takes:  rows in the order that becomes their row number
    Raises: psycopg.errors.UniqueViolation when the submission has a chunk of that number
    """
    leaves = [row.leaf for row in rows]
    chunk_id = insert_head(connection, head, len(rows), merkle.chunk_root(leaves), now=now)
    by_table: dict[str, list[tuple[int, Row]]] = {}
    for row_no, row in enumerate(rows):
        by_table.setdefault(row.table, []).append((row_no, row))
    for name, members in by_table.items():
        _copy(connection, name, members, leaves, chunk_id=chunk_id)
    return chunk_id


def insert_head(
    connection: psycopg.Connection[Any],
    head: ChunkHead,
    row_count: int,
    root: bytes,
    *,
    now: datetime,
) -> int:
    """Insert the chunk's own row; gives its id."""
    row = connection.execute(
        "insert into ledger.chunk (submission_id, chunk_no, furnisher_id, dataset, row_count, root,"
        " inserted_at) values (%s, %s, %s, %s, %s, %s, %s) returning chunk_id",
        (head.submission_id, head.chunk_no, head.furnisher_id, head.dataset, row_count, root, now),
    ).fetchone()
    return int(row[0])  # type: ignore[index]


def _copy(
    connection: psycopg.Connection[Any],
    name: str,
    members: Sequence[tuple[int, Row]],
    leaves: Sequence[bytes],
    *,
    chunk_id: int,
) -> None:
    if name in OTHER:
        target, names = OTHER[name]
    else:
        target = f"ledger.{name}"
        names = tuple(column for column, _ in tables.table(name).stated)
        if name == "snapshot":
            ensure_months(connection, {row.values["period_end"] for _, row in members})
    columns = (*names, "chunk_id", "row_no", "leaf")
    with connection.cursor().copy(f"copy {target} ({', '.join(columns)}) from stdin") as copy:
        for row_no, row in members:
            copy.write_row((*map(row.values.get, names), chunk_id, row_no, leaves[row_no]))


def ensure_months(connection: psycopg.Connection[Any], days: set[date]) -> None:
    """Make the ledger's month partitions those days lie in, where they are missing."""
    for first in sorted({day.replace(day=1) for day in days}):
        connection.execute("select ledger.ensure_month(%s)", (first,))


def last_chunk_no(connection: psycopg.Connection[Any], submission_id: UUID) -> int:
    """The highest chunk number of a submission; -1 when it has none."""
    row = connection.execute(
        "select coalesce(max(chunk_no), -1) from ledger.chunk where submission_id = %s",
        (submission_id,),
    ).fetchone()
    return int(row[0])  # type: ignore[index]
