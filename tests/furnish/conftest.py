"""Staging made short for tests: a connection in a file, the lists, rows and faults as Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tallystick.formats import columns, load
from tallystick.furnish import Limits, Staged, stage_few, stage_file

DOMAINS: dict[str, list[str]] = {
    "currency": ["CNY", "JPY", "KWD"],
    "profile:buckets": ["0", "1", "2", "3", "4", "5", "C", "X"],
    "profile:furnishing_bases": ["consent", "legal_duty", "contract"],
    "profile:identifier_schemes": ["zz_id"],
}
SMALL = Limits(block_bytes=64, max_line_bytes=2000)


@dataclass(frozen=True)
class Outcome:
    """What staging gave: rows by column name, faults as (line, column, field, rule, seen).

    `places` are the faults' (byte offset, severity).
    """

    staged: Staged
    rows: list[dict[str, Any]]
    faults: list[tuple[Any, ...]]
    places: list[tuple[Any, ...]]

    @property
    def rules(self) -> list[str]:
        return [fault[3] for fault in self.faults]


Stager = Callable[..., Outcome]


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """One for a module: to open and close a file of tables takes 25 ms, and staging begins anew."""
    path = tmp_path_factory.mktemp("staged") / "stage.duckdb"
    with duckdb.connect(str(path), config={"threads": 1}) as connection:
        yield connection


@pytest.fixture
def stage(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> Stager:
    def run(content: bytes, dataset: str = "snapshot", **options: Any) -> Outcome:
        path = tmp_path / "sent"
        path.write_bytes(content)
        return stage_path(con, path, dataset, **options)

    return run


def stage_path(con: duckdb.DuckDBPyConnection, path: Path, dataset: str, **options: Any) -> Outcome:
    """Stage as a small file, as one of any size, and as one in memory: all find the same."""
    outcomes = []
    for most, left_out in ((10**9, ""), (-1, ""), (-1, "in_clause")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stage_few, "MOST_RECORDS", most)
            con.execute(f"SET disabled_optimizers = '{left_out}'")
            outcomes.append(_staged_once(con, path, dataset, **options))
    assert outcomes[0] == outcomes[1] == outcomes[2]
    return outcomes[0]


def _staged_once(
    con: duckdb.DuckDBPyConnection, path: Path, dataset: str, **options: Any
) -> Outcome:
    staged = stage_file(con, path, load()[dataset], DOMAINS, **options)
    # Instants are fetched as epoch microseconds: fetching them as such needs a further package.
    selected = ["line_no"] + [
        f"epoch_us({c.name}) AS {c.name}" if c.duckdb_type == "TIMESTAMPTZ" else f'"{c.name}"'
        for c in columns(load()[dataset])
    ]
    names = ["line_no", *(c.name for c in columns(load()[dataset]))]
    rows = con.execute(f'SELECT {", ".join(selected)} FROM "row" ORDER BY line_no').fetchall()
    found = con.execute(
        "SELECT line_no, column_no, field, rule_id, seen, byte_offset, severity FROM fault"
        " ORDER BY line_no, column_no NULLS FIRST, rule_id, seen"
    ).fetchall()
    typed = [dict(zip(names, row, strict=True)) for row in rows]
    return Outcome(staged, typed, [one[:5] for one in found], [one[5:] for one in found])
