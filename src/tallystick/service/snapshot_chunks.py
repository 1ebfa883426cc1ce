"""Publishing planned snapshots: several things at once, as each waits for something else.

One thread writes the next piece of rows to files, one connection appends the next chunk (a COPY
and its commit), and lanes publish those before it (files brought up to date, a position taken). A
chunk is published only after it was appended; which of two is published first does not matter, as
no account is in both.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import groupby, islice
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from tallystick.ledger import append, order, publish, tables, tail
from tallystick.model import merkle
from tallystick.service import snapshots
from tallystick.service.port import Deps
from tallystick.service.references import Job

OnChunk = Callable[[psycopg.Connection[Any], int, int, order.Place], None]
#: Chunks published at once: more would only wait for each other's positions.
LANES = 2


class _Chunk(NamedTuple):
    """One chunk as CSV lines: its ledger rows, and the changes of files."""

    rows: list[bytes]
    changes: list[bytes]


class _Appended(NamedTuple):
    """A chunk that is in the ledger and not published yet."""

    chunk_no: int
    chunk_id: int
    row_count: int
    changes: list[bytes]


def publish_fast(
    deps: Deps, job: Job, planned: snapshots.Plan, *, first_chunk_no: int, on_chunk: OnChunk
) -> Iterator[int]:
    """Append and publish the planned chunks; yields the rows of each as it is published.

    Takes:  `on_chunk(connection, chunk number, rows, place)` runs inside each publishing
            transaction (the funnel's step), in a thread of its own; each is a block of
            `deps.paced`
    Raises: ledger.publish.Stale when an account changed meanwhile; what was published before
            stays, what was appended and not published is given up by the next round
    """
    sizes = planned.sizes
    periods = {row[0] for row in job.con.execute("select distinct period_end from fast").fetchall()}
    with ExitStack() as stack:
        appending = stack.enter_context(_connected(deps))
        append.ensure_months(appending, periods)
        appending.commit()
        # While an only chunk is published nothing is appended: one connection does both.
        publishing = [
            appending if len(sizes) == 1 else stack.enter_context(_connected(deps))
            for _ in sizes[:LANES]
        ]
        lanes = [stack.enter_context(_lane(deps, one, on_chunk)) for one in publishing]
        writer = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="write"))
        ahead = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="append"))
        appender = _Appender(deps, appending, job, _chunks(deps, job, planned, writer))
        numbers = range(first_chunk_no, first_chunk_no + len(sizes))
        waiting: Future[_Appended] = ahead.submit(appender.append, numbers[0])
        under_way: deque[Future[int]] = deque()
        for number in numbers:
            appended = waiting.result()
            if number != numbers[-1]:
                waiting = ahead.submit(appender.append, number + 1)
            if len(under_way) == len(lanes):
                yield under_way.popleft().result()
            under_way.append(lanes[number % len(lanes)](appended))
        yield from (published.result() for published in under_way)


@contextmanager
def _connected(deps: Deps) -> Iterator[psycopg.Connection[Any]]:
    with deps.database.connect("intake") as connection, _unhurried(connection):
        yield connection


@contextmanager
def _lane(
    deps: Deps, connection: psycopg.Connection[Any], on_chunk: OnChunk
) -> Iterator[Callable[[_Appended], Future[int]]]:
    """A thread that publishes one chunk after another on a connection."""

    def publish_one(appended: _Appended) -> int:
        with deps.paced():
            if not tail.add(connection, appended.changes, chunk_id=appended.chunk_id):
                raise publish.Stale(frozenset())
            place = order.take_place(connection, [appended.chunk_id], deps.clock())
            on_chunk(connection, appended.chunk_no, appended.row_count, place)
            connection.commit()
        return appended.row_count

    with ThreadPoolExecutor(1, thread_name_prefix="publish") as thread:
        yield lambda appended: thread.submit(publish_one, appended)


def _chunks(
    deps: Deps, job: Job, planned: snapshots.Plan, writer: ThreadPoolExecutor
) -> Iterator[_Chunk]:
    """The planned chunks one after another; the next piece is written while one is read.

    The job's DuckDB belongs to the writer until the last piece is there.
    """
    sizes = planned.sizes

    def write(piece: range) -> Future[tuple[Path, Path]]:
        return writer.submit(written, piece)

    def written(piece: range) -> tuple[Path, Path]:
        with deps.paced():
            return snapshots.write_piece(job, piece, has_several=planned.has_several)

    pieces = list(_pieces(len(sizes)))
    waiting = write(pieces[0])
    for at, piece in enumerate(pieces):
        ledger, change = waiting.result()
        if at + 1 < len(pieces):
            waiting = write(pieces[at + 1])
        with ledger.open("rb") as rows, change.open("rb") as changes:
            by_chunk = groupby(changes, key=lambda line: line[: line.index(b",")])
            for number, (_, changed) in zip(piece, by_chunk, strict=True):
                without_number = [line[line.index(b",") + 1 :] for line in changed]
                yield _Chunk(list(islice(rows, sizes[number])), without_number)
        ledger.unlink()
        change.unlink()


def _pieces(chunks: int) -> Iterator[range]:
    """Chunks to write at once: few at first, as all wait for them."""
    start, stop = 0, min(snapshots.FIRST_CHUNKS, chunks)
    while start < chunks:
        yield range(start, stop)
        start, stop = stop, min(stop + snapshots.PIECE_CHUNKS, chunks)


@contextmanager
def _unhurried(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Commits of chunks do not wait for the disk, nor do answers for them.

    The file was acknowledged when it was received, and a job that lost chunks goes on with them;
    the commit that ends it waits, and with it all before. An answer that saw a chunk commits its
    look later than the chunk, so the look cannot be kept without it.
    Source: postgresql.org/docs/current/wal-async-commit.html
    """
    connection.execute("set synchronous_commit = off")
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute("reset synchronous_commit")


class _Appender:
    """Appends chunk after chunk, each in its own commit."""

    def __init__(
        self, deps: Deps, connection: psycopg.Connection[Any], job: Job, chunks: Iterator[_Chunk]
    ):
        self._deps, self._connection, self._job, self._chunks = deps, connection, job, chunks
        names = ", ".join(name for name, _ in tables.table("snapshot").stated)
        self._copy = (
            f"copy ledger.snapshot (chunk_id, leaf, row_no, {names}) from stdin (format csv)"
        )

    def append(self, chunk_no: int) -> _Appended:
        """Append the next chunk; gives it after the commit."""
        lines, changes = next(self._chunks)
        with self._deps.paced():
            chunk_id = self._append(chunk_no, lines)
        return _Appended(chunk_no, chunk_id, len(lines), changes)

    def _append(self, chunk_no: int, lines: Sequence[bytes]) -> int:
        leaves = [bytes.fromhex(line[2:66].decode()) for line in lines]
        head = append.ChunkHead(
            submission_id=self._job.submission_id,
            chunk_no=chunk_no,
            furnisher_id=self._job.furnisher_id,
            dataset="snapshot",
        )
        chunk_id = append.insert_head(
            self._connection, head, len(lines), merkle.chunk_root(leaves), now=self._deps.clock()
        )
        prefix = f"{chunk_id},".encode()
        with self._connection.cursor().copy(self._copy) as copy:
            copy.write(prefix + prefix.join(lines))
        self._connection.commit()
        return chunk_id
