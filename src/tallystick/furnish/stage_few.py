"""Judging and typing the cells of few records in Python: DuckDB would plan longer than that takes.

The checks are those of `check_record`, the twin of the SQL that judges files of any size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np

from tallystick.formats import columns
from tallystick.furnish.check_record import read_cells
from tallystick.furnish.check_sql import name
from tallystick.furnish.spill import SEPARATOR, Spilled

#: Up to so many records Python is the quicker one: measured over six datasets where DuckDB runs the
#: statements of a file this small as they are, planning takes as long as 500 to 600 rows.
MOST_RECORDS = 600
_FAULT = ("line_no", "column_no", "byte_offset", "field", "rule_id", "seen")


def judge_few(con: duckdb.DuckDBPyConnection, spilled: Spilled) -> None:
    """Fill the empty tables `"row"`, `line_start` and `fault` from the spill."""
    dataset, header = spilled.dataset, spilled.header
    places = header.places
    found: list[list[Any]] = []
    starts: list[list[Any]] = []
    faults: list[list[Any]] = []
    for record in spilled.spill.records_path.read_text(encoding="utf-8").split("\n")[:-1]:
        line_no, offset, *cells = record.split(SEPARATOR)
        by_name = dict(zip(header.names, cells[: len(header.names)], strict=True))
        row, findings = read_cells(dataset, by_name, spilled.judged_by)
        found.append([int(line_no), *row.values()])
        starts.append([int(line_no), int(offset)])
        for one in findings:
            place = places.get(one.field or "")
            faults.append([int(line_no), place, int(offset), one.field, one.rule_id, one.seen])
    _insert(con, "row", ["line_no", *(column.name for column in columns(dataset))], found)
    _insert(con, "line_start", ["line_no", "byte_offset"], starts)
    _insert(con, "fault", _FAULT, faults)


def _insert(
    con: duckdb.DuckDBPyConnection, table: str, names: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    if not rows:
        return
    given = {}
    for column, values in zip(names, zip(*rows, strict=True), strict=True):
        given[column] = np.array([_plain(value) for value in values], dtype=object)
    con.register("few", given)
    listed = ", ".join(name(column) for column in names)
    con.execute(f"INSERT INTO {name(table)} ({listed}) SELECT {listed} FROM few")
    con.unregister("few")


def _plain(value: Any) -> Any:
    """Dates and instants as text, which DuckDB casts."""
    return value if value is None or isinstance(value, bool | int | str) else str(value)
