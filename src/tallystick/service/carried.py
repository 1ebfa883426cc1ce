"""The records that corrections carry: staged as rows of their own dataset, each in its line.

The bureau and the check without one stage them by the same way. They stream, as files of any other
dataset do: memory does not grow with how many there are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import duckdb

from tallystick.formats import Dataset
from tallystick.furnish import stage_file

#: The DuckDB table that keeps a file's corrections while `"row"` holds what they carry.
KEPT: Final = "kept_correction"
_KEPT_STARTS: Final = "kept_line_start"
#: What corrections may carry, in the order they are published: parents before what hangs on them.
ORDER: Final = ("member", "subject", "account", "account_party", "agreement", "guarantee",
                "funding", "snapshot", "event", "payment", "remark")  # fmt: skip
_BATCH = 1_000


def keep(con: duckdb.DuckDBPyConnection) -> None:
    """Make table `kept_correction` of the staged corrections that could be read.

    Where the lines of the file start is kept too, for `stage`.
    """
    con.execute(
        f'create or replace table {KEPT} as select * from "row" where line_no not in'
        " (select line_no from fault where severity = 'reject' and line_no is not null)"
        " order by line_no"
    )
    con.execute(f"create or replace table {_KEPT_STARTS} as from line_start")


def counted(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many records of each dataset the kept corrections carry, in `ORDER`; none left out."""
    counts = dict(
        con.execute(f"select record_dataset, count(*) from {KEPT} group by all").fetchall()
    )
    return {dataset: counts[dataset] for dataset in ORDER if dataset in counts}


def stage(
    con: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    domains: Mapping[str, Collection[str]],
    folder: Path,
) -> None:
    """Stage what the kept corrections carry of one dataset: `"row"` and `fault` are made anew.

    Takes: `domains` as `stage_file` takes them; `folder`: where the records stand meanwhile
    Gives: rows and faults with the line of their correction and the byte at which it starts
    """
    of_dataset = f"from {KEPT} where record_dataset = '{dataset.name}'"
    path = folder / "corrections.ndjson"
    con.execute(f"select record {of_dataset} order by line_no")
    with path.open("wb") as file:
        while batch := con.fetchmany(_BATCH):
            file.writelines(f"{record}\n".encode() for (record,) in batch)
    stage_file(con, path, dataset, domains, format="ndjson", folder=folder)
    path.unlink()
    con.execute(
        "create or replace table line_map as"
        f" select row_number() over (order by line_no) as staged, line_no {of_dataset}"
    )
    for table in ('"row"', "fault"):
        con.execute(
            f"update {table} set line_no = m.line_no from line_map m"
            f" where m.staged = {table}.line_no"
        )
    con.execute(f"create or replace table line_start as from {_KEPT_STARTS}")
    con.execute(
        "update fault set byte_offset = s.byte_offset from line_start s"
        " where s.line_no = fault.line_no"
    )


def places(sent: Mapping[str, int], dataset: Dataset) -> dict[str, int]:
    """The column of each field of a record that a correction carries: all of it is in one cell.

    Takes:   `sent`: the columns of the file of corrections, from 1
    Missing: no columns where that file has none
    """
    if "record" not in sent:
        return {}
    return {**{field.name: sent["record"] for field in dataset.fields}, **sent}
