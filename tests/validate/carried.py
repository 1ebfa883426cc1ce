"""Both carriers side by side: judge rows in DuckDB and in Python and give what each found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb

from tallystick.validate import judge_record, judge_table
from tallystick.validate.columns import OCCURRED_ON, columns_of
from tallystick.validate.registry import Rule

SQL_TYPES = {
    "text": "VARCHAR",
    "date": "DATE",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "boolean": "BOOLEAN",
    "instant": "TIMESTAMPTZ",
}
Hit = tuple[int, str, str | None, str | None]


def fill(con: duckdb.DuckDBPyConnection, dataset: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """A table `judged` with every column of the dataset, NULL where a row says nothing."""
    names = {n: c.type for n, c in columns_of(dataset).items() if n != OCCURRED_ON}
    columns = ", ".join(f'"{name}" {SQL_TYPES[kind]}' for name, kind in names.items())
    con.execute(f"CREATE OR REPLACE TABLE judged (line_no BIGINT, {columns})")
    marks = ", ".join("?" * (len(names) + 1))
    values = [
        [number, *(row.get(name) for name in names)] for number, row in enumerate(rows, start=1)
    ]
    con.executemany(f"INSERT INTO judged VALUES ({marks})", values)


def by_table(
    con: duckdb.DuckDBPyConnection,
    dataset: str,
    rows: Sequence[Mapping[str, Any]],
    rules: Sequence[Rule],
) -> list[Hit]:
    fill(con, dataset, rows)
    judge_table(con, dataset, rules)
    found = con.execute("SELECT line_no, rule_id, field, seen FROM finding").fetchall()
    return sorted(found, key=str)


def by_record(dataset: str, rows: Sequence[Mapping[str, Any]], rules: Sequence[Rule]) -> list[Hit]:
    found = [
        (number, finding.rule_id, finding.field, finding.seen)
        for number, row in enumerate(rows, start=1)
        for finding in judge_record(dataset, row, rules)
    ]
    return sorted(found, key=str)
