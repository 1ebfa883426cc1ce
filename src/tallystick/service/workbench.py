"""Where a job's rows are judged: an empty DuckDB database, in a connection kept for the next job.

Opening and closing a connection costs more than judging a small file, so jobs whose tables stay in
memory use one that is kept. Each has a database of its own there, which is dropped at its end; one
of which nothing is read beside it is a transaction, which is rolled back (a tenth of the time of a
single record: sixteen tables are made and dropped, and fifty statements committed).
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, cast

import duckdb

#: Up to this size DuckDB runs statements as they are: finding better plans takes longer (measured:
#: a month of 900 accounts, 80 KB, takes 220 ms of CPU as it is, and 250 ms with better plans).
PLAIN_PLAN_BYTES = 96 * 1024
#: Up to so many bytes a job's tables stay in memory: a file of tables costs a small one 0.2 s.
_IN_MEMORY_BYTES = 8 << 20
_CONFIG: dict[str, str | int | float | list[str]] = {
    "memory_limit": "400MB",
    "preserve_insertion_order": True,
}
#: A code list (180 currencies) is compared as it stands: by default DuckDB makes a join of each,
#: several times over, and planning these takes longer than the rows of a file kept in memory.
_LISTS_AS_THEY_STAND = {"disabled_optimizers": "in_clause"}
_AS_THEY_ARE = frozenset({type(None), bool, int, str})
#: The database of a job, which its connection uses.
_JOB = "job"
#: Texts a kept connection remembers parsed: those of all datasets on one day are some 350.
_TEXTS_KEPT = 512


class Workbench:
    """Hands out DuckDB connections; those of jobs in memory are cleared and used again.

    Takes: `threads`: processors a large job may use at once
    """

    def __init__(self, threads: int = 2) -> None:
        self._threads = threads
        self._small: SimpleQueue[duckdb.DuckDBPyConnection] = SimpleQueue()
        self._middling: SimpleQueue[duckdb.DuckDBPyConnection] = SimpleQueue()
        weakref.finalize(self, _close, self._small, self._middling)

    @contextmanager
    def borrowed(
        self, size_bytes: int, folder: Path, *, is_alone: bool
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """An empty database for a job of so many bytes; what it spills stays beside `folder`.

        Takes: `is_alone`: nothing is read `beside` it. After a statement that failed there is
               nothing more to be asked of it then
        A connection that a job failed on is never used again. A temporary table would outlive the
        job: none may be made.
        """
        if size_bytes > _IN_MEMORY_BYTES:
            with self._opened(folder / "spill") as con:
                con.execute("pragma disable_checkpoint_on_shutdown")  # nobody opens it again
                _begin(con, str(folder / "job.duckdb"))
                yield con
            return
        is_small = size_bytes <= PLAIN_PLAN_BYTES
        spare = self._small if is_small else self._middling
        try:
            con = spare.get_nowait()
        except Empty:
            con = _plain() if is_small else self._middling_one(folder)
            con = cast(duckdb.DuckDBPyConnection, _ParsingOnce(con))
        try:
            if is_alone:
                con.execute("begin")
            else:
                _begin(con, ":memory:")
            yield con
            con.execute("rollback" if is_alone else f"use memory; detach {_JOB}")
        except BaseException:
            con.close()
            raise
        spare.put(con)

    def _middling_one(self, folder: Path) -> duckdb.DuckDBPyConnection:
        return self._opened(folder.parent / "spill", **_LISTS_AS_THEY_STAND)

    def _opened(self, spill: Path, **more: str) -> duckdb.DuckDBPyConnection:
        here = {**_CONFIG, "threads": self._threads, "temp_directory": str(spill), **more}
        return duckdb.connect(":memory:", config=here)

    def close(self) -> None:
        """Close what is not lent out; done at the program's end where nobody did."""
        _close(self._small, self._middling)


class _ParsingOnce:
    """A connection that remembers statements as parsed, and is otherwise the connection it holds.

    The next job's statements are nearly all the last one's to the letter; parsing them again was a
    quarter of their time (18,005 of 19,060 statements of a demo's small files; 4.6 of 18.5 s).
    """

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self._parsed: dict[str, list[duckdb.Statement]] = {}

    def execute(self, query: str, *parameters: Any) -> duckdb.DuckDBPyConnection:
        """`execute` of the connection; parameters belong to the last of several statements."""
        statements = self._parsed.pop(query, None) or self._con.extract_statements(query)
        self._parsed[query] = statements  # the last one used stands last
        if len(self._parsed) > _TEXTS_KEPT:
            del self._parsed[next(iter(self._parsed))]
        for statement in statements[:-1]:
            self._con.execute(statement)
        return self._con.execute(statements[-1], *parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._con, name)


def _close(*spares: SimpleQueue[duckdb.DuckDBPyConnection]) -> None:
    for spare in spares:
        while True:
            try:
                spare.get_nowait().close()
            except Empty:
                break


def beside(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A cursor over a lent connection's tables, whose rows may be read while others run.

    Takes: a connection that was not lent `is_alone`
    """
    cursor = con.cursor()
    cursor.execute(f"use {_JOB}")
    return cursor


def insert_rows(con: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows into a DuckDB table in batches, as columns."""
    batch: list[Sequence[Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == 20000:
            _insert_batch(con, table, batch)
            batch = []
    if batch:
        _insert_batch(con, table, batch)


def _insert_batch(
    con: duckdb.DuckDBPyConnection, table: str, batch: Sequence[Sequence[Any]]
) -> None:
    columns = [_as_given(column) for column in zip(*batch, strict=True)]
    names = ", ".join(f"unnest($c{number})" for number in range(len(columns)))
    con.execute(
        f"insert into {table} select {names}",
        {f"c{number}": column for number, column in enumerate(columns)},
    )


def _as_given(column: Sequence[Any]) -> list[Any]:
    """Values DuckDB is given as they are, and ids, days and the like as text."""
    if _AS_THEY_ARE.issuperset(map(type, column)):
        return list(column)  # as most are: to look at each value once more takes longer
    return [value if type(value) in _AS_THEY_ARE else str(value) for value in column]


def _begin(con: duckdb.DuckDBPyConnection, place: str) -> None:
    con.execute(f"attach '{place}' as {_JOB}; use {_JOB}")


def _plain() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(":memory:", config=_CONFIG | {"threads": 1, "temp_directory": ""})
    con.execute("pragma disable_optimizer")
    return con
