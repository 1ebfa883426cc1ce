"""Verifying the log of looks: is every number there, does every content match, does the tree hold?

Streams the log once in one read-only snapshot, beside the sequencer if need be. What it cannot see
from inside is a log cut short together with its last heads: give `kept_heads`, heads somebody kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from tallystick.audit.content import content_fault
from tallystick.audit.fault import KEPT_FAULTS, Fault, LogReport, in_order
from tallystick.audit.kept_heads import KeptHeads
from tallystick.audit.log_rows import (
    ENTRIES,
    ORPHAN_LOOKS,
    OUTBOX,
    SKIPPED_PUBLICATIONS,
    STRAY_HEADS,
    WHERE_COMMITTED,
    StoredHead,
    entry_row,
    stored_head,
)
from tallystick.audit.tree import PublicKeys, TreeHead
from tallystick.audit.walk import Walk
from tallystick.errors import require
from tallystick.model.ids import edge_position

Connection = psycopg.Connection[tuple[Any, ...]]
_BATCH = 1_000
_PROGRESS_STEP = 10_000


def verify(
    connection: Connection,
    *,
    public_keys: PublicKeys,
    kept_heads: Iterable[TreeHead] = (),
    progress: Callable[[int], None] | None = None,
) -> LogReport:
    """Check the whole log; `report.first` names the first altered, missing or moved entry.

    Takes:   an idle connection that may read `log`, `gate.look_outbox` and `ledger.publication`;
             `kept_heads` are from outside the database, in any order, each to be a prefix of the
             log; `progress` is told how many entries were read.
    Missing: an erased look is accepted with its bare commitment and its erasure statement.
    Raises:  InvariantBroken when the connection is inside a transaction; psycopg errors.
    """
    require(
        connection.info.transaction_status is TransactionStatus.IDLE,
        "verifying needs a transaction of its own",
    )
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute("SET LOCAL work_mem = '128MB'")
        kept = KeptHeads(kept_heads, keys=public_keys)
        walk = Walk(_heads_without_entry(connection), keys=public_keys, kept=kept)
        for count, row in enumerate(_rows(connection), start=1):
            head = stored_head(row)
            if head is not None:
                walk.expect(head)
            walk.entry(entry_row(row))
            if progress is not None and count % _PROGRESS_STEP == 0:
                progress(count)
        walk.finish()
        unnumbered, outside = _outside_the_tree(connection)
        found = _name_the_missing([*walk.faults, *kept.faults, *outside])
        faults = _name_what_moved(connection, found)
    if progress is not None:
        progress(walk.entries)
    return LogReport(
        entries=walk.entries,
        looks=walk.looks,
        publications=walk.publications,
        erased=walk.erased,
        unnumbered=unnumbered,
        heads=walk.heads,
        size=walk.size,
        root=walk.root(),
        faults=tuple(sorted(faults, key=in_order)),
        kept_heads=kept.count,
    )


def _rows(connection: Connection) -> Iterator[tuple[Any, ...]]:
    """The rows of `ENTRIES`, streamed: PostgreSQL goes on while the rows before are checked."""
    size = _BATCH if psycopg.capabilities.has_stream_chunked() else 1
    with connection.cursor(row_factory=tuple_row) as cursor:
        yield from cursor.stream(ENTRIES, binary=True, size=size)


def _heads_without_entry(connection: Connection) -> list[StoredHead]:
    """Heads no entry brings along, as their last entry is gone; by size."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        found = [stored_head(row) for row in cursor.execute(STRAY_HEADS, binary=True)]
    return [head for head in found if head]


def _outside_the_tree(connection: Connection) -> tuple[int, list[Fault]]:
    """How many looks wait for a number, and what is wrong outside the numbered entries."""
    faults: list[Fault] = []
    unnumbered = 0
    with connection.cursor("log_outbox", row_factory=tuple_row) as cursor:
        for row in cursor.execute(OUTBOX, binary=True):
            unnumbered += 1
            fault = content_fault(entry_row(row))
            if fault is not None and len(faults) < KEPT_FAULTS:
                faults.append(replace(fault, number=None, until=None))
    for (look_id,) in connection.execute(ORPHAN_LOOKS, (KEPT_FAULTS,)).fetchall():
        faults.append(Fault(what="unlogged", look_id=look_id))
    for (position,) in connection.execute(SKIPPED_PUBLICATIONS, (KEPT_FAULTS,)).fetchall():
        faults.append(Fault(what="unlogged", position=edge_position(position)))
    return unnumbered, faults


def _name_the_missing(faults: list[Fault]) -> list[Fault]:
    """Where one number is missing and one look has no number, they belong together."""
    gaps = [fault for fault in faults if fault.what == "missing" and fault.is_gap]
    orphans = [f for f in faults if f.what == "unlogged" and f.look_id is not None]
    if len(gaps) != 1 or len(orphans) != 1 or gaps[0].number != gaps[0].until:
        return faults
    named = replace(gaps[0], look_id=orphans[0].look_id)
    return [named if fault is gaps[0] else fault for fault in faults]


def _name_what_moved(connection: Connection, faults: list[Fault]) -> list[Fault]:
    """An altered look whose commitment stands at another number was not altered but moved."""
    computed = [fault.computed for fault in faults if fault.computed is not None]
    if not computed:
        return faults
    elsewhere = {row[0] for row in connection.execute(WHERE_COMMITTED, (computed,)).fetchall()}
    return [
        replace(fault, what="moved") if fault.computed in elsewhere else fault for fault in faults
    ]
