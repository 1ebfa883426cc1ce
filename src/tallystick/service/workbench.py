"""Where a job's rows are judged: a DuckDB connection, kept for the next job when jobs are small.

Opening and closing one costs as much as judging a small file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue

import duckdb

#: Up to this size DuckDB runs statements as they are: finding a better plan takes longer.
PLAIN_PLAN_BYTES = 64 * 1024
#: Up to so many bytes a job's tables stay in memory: a file of tables costs a small one 0.2 s.
_IN_MEMORY_BYTES = 8 << 20
_CONFIG: dict[str, str | int | float | list[str]] = {
    "memory_limit": "400MB",
    "threads": 2,
    "preserve_insertion_order": True,
}


class Workbench:
    """Hands out DuckDB connections; those of small jobs are cleared and used again."""

    def __init__(self) -> None:
        self._spare: SimpleQueue[duckdb.DuckDBPyConnection] = SimpleQueue()

    @contextmanager
    def borrowed(self, size_bytes: int, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
        """An empty database for a job of so many bytes; what it spills stays in `folder`.

        One that a job failed on is never used again.
        """
        if size_bytes > PLAIN_PLAN_BYTES:
            is_small = size_bytes <= _IN_MEMORY_BYTES
            place = ":memory:" if is_small else str(folder / "job.duckdb")
            with duckdb.connect(place, config=_CONFIG) as con:
                con.execute(f"set temp_directory = '{folder / 'spill'}'")
                con.execute("pragma disable_checkpoint_on_shutdown")  # nobody opens it again
                yield con
            return
        con = self._small()
        try:
            yield con
            _clear(con)
        except BaseException:
            con.close()
            raise
        self._spare.put(con)

    def _small(self) -> duckdb.DuckDBPyConnection:
        try:
            return self._spare.get_nowait()
        except Empty:
            con = duckdb.connect(":memory:", config=_CONFIG | {"threads": 1, "temp_directory": ""})
            con.execute("pragma disable_optimizer")
            return con

    def close(self) -> None:
        """Close what is not lent out."""
        while True:
            try:
                self._spare.get_nowait().close()
            except Empty:
                return


def _clear(con: duckdb.DuckDBPyConnection) -> None:
    """Drop all tables and views."""
    found = con.execute(
        "select 'view', view_name from duckdb_views() where not internal union all"
        " select 'table', table_name from duckdb_tables()"
    ).fetchall()
    con.execute("; ".join(f'drop {kind} "{name}"' for kind, name in found) or "select 1")
