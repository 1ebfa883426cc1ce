"""The one order: positions and the times they were recorded at.

Publishing inserts the publication as the last act of its transaction, under the lock of the one
counter row: what is visible is always a prefix of one order, and nothing is updated to become
visible.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the order: the position and when it was recorded."""

    position: int
    recorded_at: datetime


def take_place(connection: psycopg.Connection[Any], chunk_ids: list[int], now: datetime) -> Place:
    """Publish chunks at the next positions, in the order given; gives the last place.

    Time: recorded_at is the later of `now` and the last one plus a microsecond, so it rises
          strictly whatever the clock does
    """
    row = connection.execute(
        "select position, recorded_at from ledger.counter where only_row for update"
    ).fetchone()
    position, recorded_at = int(row[0]), row[1]  # type: ignore[index]
    for chunk_id in chunk_ids:
        position += 1
        recorded_at = max(now, recorded_at + timedelta(microseconds=1))
        connection.execute(
            "insert into ledger.publication (position, recorded_at, chunk_id, digest)"
            " select %s, %s, chunk_id, root from ledger.chunk where chunk_id = %s",
            (position, recorded_at, chunk_id),
        )
    connection.execute(
        "update ledger.counter set position = %s, recorded_at = %s where only_row",
        (position, recorded_at),
    )
    return Place(position, recorded_at)


def last_place(connection: psycopg.Connection[Any]) -> Place:
    """Where the order stands now."""
    row = connection.execute("select position, recorded_at from ledger.counter").fetchone()
    return Place(int(row[0]), row[1])  # type: ignore[index]


def place_known_at(connection: psycopg.Connection[Any], known_at: datetime) -> Place:
    """The last place recorded at or before an instant (position 0 before the first)."""
    row = connection.execute(
        "select position, recorded_at from ledger.publication where recorded_at <= %s"
        " order by position desc limit 1",
        (known_at,),
    ).fetchone()
    if row is None:
        return Place(0, known_at)
    return Place(int(row[0]), row[1])
