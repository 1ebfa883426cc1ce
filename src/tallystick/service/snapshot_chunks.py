"""Publishing planned snapshots: one connection appends the next chunk while another publishes.

Appending (a COPY and its commit) and publishing (files brought up to date, a position taken) wait
on different things, so the two overlap; a chunk is published only after it was appended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any

import psycopg

from tallystick.ledger import append, order, publish, tables
from tallystick.model import merkle
from tallystick.model import months as grid
from tallystick.service import snapshots
from tallystick.service.port import Deps
from tallystick.service.references import Job

OnChunk = Callable[[psycopg.Connection[Any], int, int, order.Place], None]

_CHANGE = """
create temporary table change (chunk_no integer, subject_id uuid, account_id uuid,
  changed_by bigint, months bytea, latest text, first_delinquency_on date, last_period_end date,
  last_bucket text, last_status text, last_balance_minor bigint)
"""

# Joined by nested loop from the sorted changes, so rows are locked in ascending order; a row whose
# file changed since it was judged does not match and the chunk is judged again.
_UPDATE = f"""
update file.account f set
  months = substr(f.months || n.months,
    greatest(1, length(f.months) + length(n.months) - {grid.KEPT_MONTHS * grid.SIZE} + 1)),
  latest = n.latest, first_delinquency_on = n.first_delinquency_on,
  last_period_end = n.last_period_end, last_bucket = n.last_bucket, last_status = n.last_status,
  last_balance_minor = n.last_balance_minor, changed_by = %(chunk_id)s
from (select * from change where chunk_no = %(chunk_no)s order by subject_id, account_id) n
where f.subject_id = n.subject_id and f.account_id = n.account_id
  and f.changed_by = n.changed_by
"""


def publish_fast(
    deps: Deps, job: Job, sizes: list[int], *, first_chunk_no: int, on_chunk: OnChunk
) -> None:
    """Append and publish the planned chunks in order.

    Takes:  `on_chunk(connection, chunk number, rows, place)` runs inside each publishing
            transaction (the funnel's step); `deps.breathe` is called between chunks, so that
            answering keeps its share of the machine
    Raises: ledger.publish.Stale when an account changed meanwhile; what was published before
            stays, what was appended and not published is given up by the next round
    """
    ledger, change = snapshots.write_files(job)
    periods = {row[0] for row in job.con.execute("select distinct period_end from fast").fetchall()}
    with (
        deps.database.connect("intake") as appending,
        deps.database.connect("intake") as publishing,
        ledger.open("rb") as source,
        ThreadPoolExecutor(1, thread_name_prefix="append") as ahead,
    ):
        append.ensure_months(appending, periods)
        appending.commit()
        with _changes(publishing, change) as expected:
            chunks = _Appender(deps, appending, job, source)
            waiting: Future[int] = ahead.submit(chunks.append, first_chunk_no, sizes[0])
            for number, size in enumerate(sizes):
                chunk_id = waiting.result()
                if number + 1 < len(sizes):
                    following = first_chunk_no + number + 1
                    waiting = ahead.submit(chunks.append, following, sizes[number + 1])
                _publish(publishing, chunk_id, number, expected[number])
                place = order.take_place(publishing, [chunk_id], deps.clock())
                on_chunk(publishing, first_chunk_no + number, size, place)
                publishing.commit()
                deps.breathe()
    ledger.unlink()
    change.unlink()


@contextmanager
def _changes(connection: psycopg.Connection[Any], path: Path) -> Iterator[dict[int, int]]:
    """The changes of files as a temporary table; gives how many rows each chunk changes."""
    connection.execute("drop table if exists change")
    connection.execute(_CHANGE)
    with (
        path.open("rb") as rows,
        connection.cursor().copy("copy change from stdin (format csv)") as copy,
    ):
        while data := rows.read(1 << 20):
            copy.write(data)
    connection.execute("create index on change (chunk_no)")
    connection.execute("analyze change")
    counts = connection.execute("select chunk_no, count(*) from change group by 1").fetchall()
    connection.execute("set enable_hashjoin = off")
    connection.execute("set enable_mergejoin = off")
    connection.commit()
    try:
        yield dict(counts)
    finally:
        connection.rollback()
        connection.execute("reset enable_hashjoin")
        connection.execute("reset enable_mergejoin")
        connection.execute("drop table if exists change")


class _Appender:
    """Appends chunk after chunk from the file of ledger rows, each in its own commit."""

    def __init__(
        self, deps: Deps, connection: psycopg.Connection[Any], job: Job, source: IO[bytes]
    ):
        self._deps, self._connection, self._job, self._source = deps, connection, job, source
        names = ", ".join(name for name, _ in tables.table("snapshot").stated)
        self._copy = (
            f"copy ledger.snapshot (chunk_id, leaf, row_no, {names}) from stdin (format csv)"
        )

    def append(self, chunk_no: int, size: int) -> int:
        """Append the next `size` rows as a chunk; gives its id after the commit."""
        lines = list(islice(self._source, size))
        leaves = [bytes.fromhex(line[2:66].decode()) for line in lines]
        head = append.ChunkHead(
            submission_id=self._job.submission_id,
            chunk_no=chunk_no,
            furnisher_id=self._job.furnisher_id,
            dataset="snapshot",
        )
        chunk_id = append.insert_head(
            self._connection, head, size, merkle.chunk_root(leaves), now=self._deps.clock()
        )
        prefix = f"{chunk_id},".encode()
        with self._connection.cursor().copy(self._copy) as copy:
            copy.write(prefix + prefix.join(lines))
        self._connection.commit()
        return chunk_id


def _publish(
    connection: psycopg.Connection[Any], chunk_id: int, number: int, expected: int
) -> None:
    """Bring the chunk's files up to date under their locks.

    Raises: ledger.publish.Stale when one of them changed since its rows were judged
    """
    given = {"chunk_id": chunk_id, "chunk_no": number}
    if connection.execute(_UPDATE, given).rowcount != expected:
        raise publish.Stale(frozenset())
