"""Stages a file: its bytes become the tables `"row"` and `fault` of a DuckDB connection.

Streaming: numpy cleans blocks into a spill file, DuckDB judges and types all cells in one scan.
A row with a faulty cell stands in `"row"` with NULL there, so that rules between fields still see
the rest of it; who takes rows on leaves out the lines that `fault` rejects.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb

from tallystick.errors import InvariantBroken
from tallystick.formats import Dataset, columns
from tallystick.furnish import check_sql, rule_ids, stage_few
from tallystick.furnish.check_sql import literal, name
from tallystick.furnish.checks import ABSENT, lists
from tallystick.furnish.csv_lines import CsvLines
from tallystick.furnish.csv_record import seen_text
from tallystick.furnish.header import Header, HeaderFault, no_header, read_header
from tallystick.furnish.json_lines import JsonLines
from tallystick.furnish.source import (
    DEFAULT_LIMITS,
    Block,
    Blocks,
    Limits,
    UnreadableFile,
    require_proportion,
)
from tallystick.furnish.spill import SEPARATOR, Spill, Spilled

Format = Literal["csv", "ndjson"]
_UNIT = 31
#: A spilled record is at most as long as the line it came from and its two numbers.
_MAX_LINE_BYTES = 1 << 20
_BUFFER_BYTES = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """What was read: `sent` = `rows` (in the table `"row"`) + `broken` (never became a row).

    `rejected` counts lines with a rejecting fault, `broken` ones among them. `is_readable` is
    False when the file as a whole could not be read; then all counts are 0. `places` is the column
    of each field the file has, from 1; NDJSON has none.
    """

    format: Format
    is_readable: bool
    sent: int
    rows: int
    broken: int
    rejected: int
    faults: int
    places: Mapping[str, int]


def stage_file(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    dataset: Dataset,
    domains: Mapping[str, Collection[str]],
    *,
    format: Format | None = None,  # noqa: A002 - the word of the command line
    limits: Limits = DEFAULT_LIMITS,
    folder: Path | None = None,
) -> Staged:
    """Read a file into the tables `"row"`, `line_start` and `fault`, which are made anew.

    Takes:    CSV or NDJSON, plain or gzip; the code lists "currency", "profile:buckets", …;
              `folder`: where the spill stands while this runs (default: a temporary folder)
    Gives:    `"row"(line_no, <typed columns>, absent)`, `line_start(line_no, byte_offset)`,
              `fault(line_no, column_no, byte_offset, field, rule_id, seen, severity)`
    Missing:  `format` None asks the first byte: `{` is NDJSON
    Raises:   ProfileError when a code list is missing; OSError when the file cannot be opened
    """
    judged_by = lists(dataset, domains)
    chosen: Format = format or guess_format(path, limits)
    _make_tables(con, dataset)
    with ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        spill = stack.enter_context(Spill(place, limits))
        try:
            require_proportion(path, limits)
            header = _clean(path, dataset, spill, chosen=chosen, limits=limits)
            if not isinstance(header, Header):
                return _unreadable(con, chosen, header)
            if spill.records + spill.broken == 0:
                raise UnreadableFile(rule_ids.FILE_NO_RECORDS)
        except UnreadableFile as reason:
            return _unreadable(con, chosen, [HeaderFault(reason.rule_id, None, None, reason.seen)])
        spill.close()
        is_few = spill.records <= stage_few.MOST_RECORDS
        judge = stage_few.judge_few if is_few else _judge
        judge(con, Spilled(dataset=dataset, judged_by=judged_by, header=header, spill=spill))
        if spill.faults:
            con.execute(f"INSERT INTO fault SELECT *, NULL FROM {_told(spill)}")
        return _counted(con, spill, chosen, header)


def start_of(con: duckdb.DuckDBPyConnection, line_no: int) -> int | None:
    """The byte at which the record of a line starts in the staged file; None where none is known.

    Takes: a connection that a file was staged in
    """
    found = con.execute("SELECT byte_offset FROM line_start WHERE line_no = ?", [line_no])
    row = found.fetchone()
    return None if row is None else row[0]


def guess_format(path: Path, limits: Limits = DEFAULT_LIMITS) -> Format:
    """NDJSON when the first byte that is no blank is `{`, else CSV."""
    try:
        for block in Blocks(path, limits):
            data = block.data if block.too_long is None else block.too_long[2]
            start = data.lstrip()[:1]
            if start or block.too_long is not None:
                return "ndjson" if start == b"{" else "csv"
    except UnreadableFile:
        pass  # staging finds it again, and says so
    return "csv"


def _clean(
    path: Path, dataset: Dataset, spill: Spill, *, chosen: Format, limits: Limits
) -> Header | list[HeaderFault]:
    """Fill the spill; gives the header the spill's columns follow, or what is wrong with it."""
    blocks = Blocks(path, limits)
    if chosen == "ndjson":
        reader = JsonLines(dataset, spill, limits)
        for block in blocks:
            reader.take(block)
        return Header(tuple(field.name for field in dataset.fields), 0, is_named_only=True)
    lines: CsvLines | None = None
    header: Header | list[HeaderFault] = []
    for block in blocks:
        if lines is None:
            if not block.data and block.too_long is None and not block.is_last:
                continue  # the header is longer than the block
            end = block.data.find(b"\n") + 1 or len(block.data)
            if block.too_long is not None or end > limits.max_line_bytes:
                head = block.data[:end] if block.too_long is None else block.too_long[2]
                return [_long_header(head)]
            header = read_header(block.data[:end], dataset)
            if not isinstance(header, Header):
                return header
            lines = CsvLines(dataset, header, spill, limits)
            block = Block(block.data[end:], 2, block.offset + end, block.is_last)
        lines.take(block, blocks)
    return header


def _long_header(head: bytes) -> HeaderFault:
    """Why no header ends where one may: it is none at all, or is too long."""
    too_long = HeaderFault(rule_ids.FILE_HEADER_LONG, None, None, seen_text(head))
    return no_header(head) or too_long


def _make_tables(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> None:
    typed = ", ".join(f"{name(column.name)} {column.duckdb_type}" for column in columns(dataset))
    con.execute(f'CREATE OR REPLACE TABLE "row" (line_no BIGINT, {typed})')
    con.execute("CREATE OR REPLACE TABLE line_start (line_no BIGINT, byte_offset BIGINT)")
    con.execute(
        "CREATE OR REPLACE TABLE fault (line_no BIGINT, column_no INTEGER, byte_offset BIGINT,"
        " field VARCHAR, rule_id VARCHAR, seen VARCHAR, severity VARCHAR)"
    )


def _unreadable(
    con: duckdb.DuckDBPyConnection, chosen: Format, faults: list[HeaderFault]
) -> Staged:
    for fault in faults:
        con.execute(
            "INSERT INTO fault VALUES (1, ?, 0, ?, ?, ?, 'reject')",
            [fault.column_no, fault.field, fault.rule_id, fault.seen],
        )
    return Staged(
        format=chosen, is_readable=False, sent=0, rows=0, broken=0, rejected=0, faults=len(faults),
        places={},
    )  # fmt: skip


def _judge(con: duckdb.DuckDBPyConnection, spilled: Spilled) -> None:
    """One scan of the spill: codes, typed values, then the faults of the rows that have any."""
    con.execute(f'CREATE OR REPLACE TABLE "row" AS {judging_sql(spilled)}')
    con.execute(
        f"""
        INSERT INTO fault
        SELECT line_no, TRY_CAST(nullif(part[4:6], '000') AS INTEGER), byte_offset,
               list_extract({_list(field.name for field in spilled.dataset.fields)},
                            CAST(part[7:9] AS INTEGER)),
               'FMT-CELL-' || part[1:3], nullif(part[10:], ''), NULL
        FROM (SELECT line_no, byte_offset, unnest(string_split(faults, chr({_UNIT}))) AS part
              FROM "row" WHERE faults IS NOT NULL)
        """
    )
    con.execute('CREATE OR REPLACE TABLE line_start AS SELECT line_no, byte_offset FROM "row"')
    for column in ("faults", "byte_offset"):
        con.execute(f'ALTER TABLE "row" DROP COLUMN {column}')


def judging_sql(spilled: Spilled) -> str:
    """The query that judges and types every cell of the spill."""
    dataset, judged_by, header = spilled.dataset, spilled.judged_by, spilled.header
    fields = dataset.fields
    here = set(header.names)
    # DuckDB 2.0 pushes casts of bare columns into its CSV reader, where a failing TRY_CAST stops
    # the scan; a function around each column keeps the casts here.
    raw = ", ".join(
        f"nullif({name(f'f_{field.name}')}, '') AS {name(field.name)}"
        if field.name in here
        else f"CAST(NULL AS VARCHAR) AS {name(field.name)}"
        for field in fields
    )
    codes = ", ".join(
        f"{check_sql.code_expression(field, judged_by)} AS {name(f'c_{field.name}')}"
        for field in fields
    )
    values = ", ".join(
        f"CASE WHEN {name(f'c_{field.name}')} IS NULL"
        + (
            f" AND NOT starts_with({name(field.name)}, '{ABSENT}')"
            if field.presence == "stated"
            else ""
        )
        + f" THEN {name(field.name)} END AS {name(f'v_{field.name}')}"
        for field in fields
    )
    expressions = [e for field in fields for e in check_sql.value_expressions(field, judged_by)]
    typed = ", ".join(
        f"{expression} AS {name(column.name)}"
        for expression, column in zip(expressions, columns(dataset)[:-1], strict=True)
    )
    has_currency = any(field.name == "currency" for field in fields)
    currency = f", {check_sql.currency_columns(judged_by)}" if has_currency else ""
    return f"""
        SELECT line_no, {typed}, {check_sql.absent_expression(dataset)} AS absent,
               byte_offset, {_faults(dataset, header)} AS faults
        FROM (SELECT *, {values} FROM (SELECT *, {codes} FROM (SELECT *{currency} FROM (
            SELECT CAST(nullif(f_line_no, '') AS BIGINT) AS line_no,
                   CAST(nullif(f_byte_offset, '') AS BIGINT) AS byte_offset, {raw}
            FROM {_records(header, spilled.spill)}))))
    """


def _faults(dataset: Dataset, header: Header) -> str:
    """The row's faults in one string: rule number, column, field (three digits each), then seen."""
    codes = [name(f"c_{field.name}") for field in dataset.fields]
    places = header.places
    parts = []
    for field_no, (field, code) in enumerate(zip(dataset.fields, codes, strict=True), 1):
        column_no = places.get(field.name, 0)
        parts.append(
            f"CASE WHEN {code} > 0 THEN lpad(CAST({code} AS VARCHAR), 3, '0')"
            f" || '{column_no:03d}{field_no:03d}' || coalesce({name(field.name)}[1:200], '') END"
        )
    worst = f"greatest({', '.join(codes)}, 0)"
    return f"CASE WHEN {worst} > 0 THEN concat_ws(chr({_UNIT}), {', '.join(parts)}) END"


def _records(header: Header, spill: Spill) -> str:
    names = ["line_no", "byte_offset", *header.names, *(f"extra {n}" for n in range(header.extra))]
    typed = ", ".join(f"{literal(f'f_{column}')}: 'VARCHAR'" for column in names)
    return _read_csv(spill.records_path, typed)


def _told(spill: Spill) -> str:
    typed = (
        "'line_no': 'BIGINT', 'column_no': 'INTEGER', 'byte_offset': 'BIGINT',"
        " 'field': 'VARCHAR', 'rule_id': 'VARCHAR', 'seen': 'VARCHAR'"
    )
    return _read_csv(spill.faults_path, typed)


def _read_csv(path: Path, typed: str) -> str:
    return (
        f"read_csv({literal(str(path))}, columns = {{{typed}}}, auto_detect = false,"
        f" header = false, delim = {literal(SEPARATOR)}, quote = '', escape = '', comment = '',"
        f" new_line = '\\n', strict_mode = true, max_line_size = {_MAX_LINE_BYTES},"
        f" buffer_size = {_BUFFER_BYTES})"
    )


def _list(values: object) -> str:
    if not hasattr(values, "__iter__"):
        raise InvariantBroken("a list of names was asked for")
    return "[" + ", ".join(literal(str(value)) for value in values) + "]"


def _counted(
    con: duckdb.DuckDBPyConnection, spill: Spill, chosen: Format, header: Header
) -> Staged:
    ((faults, rows),) = con.execute(
        'SELECT count(*), (SELECT count(*) FROM "row") FROM fault'
    ).fetchall()
    if rows != spill.records:
        raise InvariantBroken("rows were lost between reading and judging")
    return Staged(
        format=chosen,
        is_readable=True,
        sent=spill.records + spill.broken,
        rows=spill.records,
        broken=spill.broken,
        rejected=_rejected(con) if faults else 0,
        faults=faults,
        places=header.places,
    )


def _rejected(con: duckdb.DuckDBPyConnection) -> int:
    """Give each fault its severity; gives how many lines are rejected."""
    con.execute(
        "UPDATE fault SET severity = CASE WHEN"
        f" list_contains({_list(sorted(rule_ids.WARNINGS))}, rule_id) THEN 'warn' ELSE 'reject' END"
    )
    ((lines,),) = con.execute(
        "SELECT count(DISTINCT line_no) FROM fault WHERE severity = 'reject'"
    ).fetchall()
    return int(lines)
