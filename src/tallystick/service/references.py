"""References of a file's rows: furnishers' own numbers to the ids on file, in bulk.

The distinct numbers of a column become tokens (keyed hashes), go to PostgreSQL as one temporary
table, and come back joined with what is on file: two COPYs, whatever the size of the file or of the
directory. Numbers never travel; tokens do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import numpy as np
import psycopg

from tallystick.service.port import Deps
from tallystick.service.workbench import beside, insert_rows

#: The separator inside a holder's key, so that no two different holders share one.
HOLDER = "\x1f"

#: A few tokens, numbered from 0, without a table made for them (`_send`).
_ASKED = """
with asked (no, token) as (select * from unnest(%(numbers)s::integer[], %(tokens)s::bytea[]))
"""
_ACCOUNT_QUERY = """
select a.no, encode(a.token, 'hex') as token, o.object_id, o.party_id, f.subject_id, f.changed_by,
  f.opened_on, f.closed_on, f.maturity_on, f.currency, f.product, f.credit_limit_minor,
  f.principal_minor, f.basis, f.first_delinquency_on, f.last_period_end, f.last_bucket,
  f.last_status, f.last_balance_minor, f.furnisher_id,
  strpos(f.events, '"event_type":"closed"') > 0 as has_closed_event
from asked a
left join directory.object o
  on o.furnisher_id = %(furnisher)s and o.kind = 'account' and o.number_token = a.token
left join file.account_now f on f.account_id = o.object_id
"""
_ACCOUNT_COLUMNS = """
  no integer, token varchar, object_id uuid, party_id uuid, subject_id uuid, changed_by bigint,
  opened_on date, closed_on date, maturity_on date, currency varchar, product varchar,
  credit_limit_minor bigint, principal_minor bigint, basis varchar, first_delinquency_on date,
  last_period_end date, last_bucket varchar, last_status varchar, last_balance_minor bigint,
  furnisher_id uuid, has_closed_event boolean
"""
_OBJECT_QUERY = """
select a.no, encode(a.token, 'hex') as token, o.object_id, o.party_id
from asked a left join directory.object o
  on o.furnisher_id = %(furnisher)s and o.kind = %(kind)s and o.number_token = a.token
"""
_OBJECT_COLUMNS = "no integer, token varchar, object_id uuid, party_id uuid"
_PARTY_QUERY = """
select a.no, encode(a.token, 'hex') as token, p.party_id, ps.subject_id
from asked a left join directory.party p
  on p.furnisher_id = %(furnisher)s and p.person_token = a.token
left join directory.party_subject ps on ps.party_id = p.party_id
"""
_PARTY_COLUMNS = "no integer, token varchar, party_id uuid, subject_id uuid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One submission being processed: its DuckDB, its folder, its furnisher.

    `is_small` says that all rows may be read at once; `places` is the column of each field in the
    file that came, from 1, where it has columns. `sent_in` is the submission that rows judged again
    were sent in; None for rows that are judged as they come.
    """

    con: duckdb.DuckDBPyConnection
    folder: Path
    furnisher_id: UUID
    dataset: str
    submission_id: UUID
    is_small: bool = False
    sent_in: UUID | None = None
    places: Mapping[str, int] = field(default_factory=dict)

    def filled(self, *tables: str) -> set[str]:
        """Those of some of its tables that hold rows."""
        asked = " union all ".join(f"(select '{table}' from {table} limit 1)" for table in tables)
        return {table for (table,) in self.con.execute(asked).fetchall()}

    def says(self, column: str) -> bool:
        """Whether any row has a value in a column.

        Asked before a join that needs one: in most files none has, and a join costs ten times this.
        """
        asked = f'select 1 from "row" where {column} is not null limit 1'
        return self.con.execute(asked).fetchone() is not None

    def read(self, query: str, size: int) -> tuple[list[str], Iterator[list[tuple[Any, ...]]]]:
        """A query's column names and its rows, `size` at a time; other statements may run between.

        Few rows are read at once: a cursor of its own would look for a better plan, and that takes
        longer than they do.
        """
        source = self.con if self.is_small else beside(self.con)
        source.execute(query)
        names = [column[0] for column in source.description or ()]
        if self.is_small:
            rows = source.fetchall()
            return names, (rows[start : start + size] for start in range(0, len(rows), size))
        return names, iter(lambda: source.fetchmany(size), [])


def look_up(
    deps: Deps,
    connection: psycopg.Connection[Any],
    job: Job,
    *,
    kind: str,
    numbers_sql: str,
    into: str,
    furnisher_id: UUID | None = None,
) -> None:
    """Make DuckDB table `into` (number, token, ids and state) for the distinct numbers of a query.

    Takes: `kind`: account, agreement, guarantee, payer_account, or person (holder keys);
           `numbers_sql`: a query of one text column `number` over the job's tables
    Gives: one row per number, more for an account in several files; ids NULL where unknown
    """
    furnisher = furnisher_id or job.furnisher_id
    numbers = job.con.execute(
        f"select distinct number from ({numbers_sql}) where number is not null"
    ).fetchnumpy()["number"]
    texts: list[str] = numbers.tolist()
    query, columns = _query(kind)
    given = {"furnisher": furnisher, "kind": kind}
    if job.is_small:
        tokens = deps.keys.number_tokens(furnisher, kind, texts)
        found = connection.execute(
            _ASKED + query, {**given, "numbers": list(range(len(texts))), "tokens": tokens}
        )
        job.con.execute(f"create or replace table {into} (number varchar, {columns})")
        insert_rows(job.con, into, ((texts[row[0]], *row) for row in found))
        return
    parts = (texts[at : at + _SENT_AT_ONCE] for at in range(0, len(texts), _SENT_AT_ONCE))
    _send(connection, (deps.keys.number_tokens(furnisher, kind, part) for part in parts))
    # Rows are narrow and tables are not: reading them is worth a second process, if one is free.
    connection.execute(
        "set local max_parallel_workers_per_gather = 0"
        if deps.gives_way
        else "set local parallel_tuple_cost = 0.001"
    )
    _load(connection, job, numbers, query=query, columns=columns, given=given, into=into)


def _load(
    connection: psycopg.Connection[Any],
    job: Job,
    numbers: np.ndarray[Any, Any],
    *,
    query: str,
    columns: str,
    given: Mapping[str, Any],
    into: str,
) -> None:
    """Make table `into` of what the query finds for the tokens sent, through a file."""
    path = job.folder / f"{into}.csv"
    names = [part.split()[0] for part in columns.replace("\n", " ").split(",")]
    connection.execute("set local work_mem = '256MB'")
    copied = f"copy ({_as_csv(query, names)}) to stdout (format binary)"
    with path.open("wb") as file, connection.cursor().copy(copied, given) as copy:
        copy.set_types(["text"])
        for (lines,) in copy.rows():
            file.write(lines.encode())
            file.write(b"\n")
    asked = {"no": np.arange(len(numbers), dtype=np.int32), "number": numbers}
    job.con.register("asked_numbers", asked)
    typed = ", ".join(
        f"'{part.split()[0]}': '{part.split()[1]}'"
        for part in columns.replace("\n", " ").split(",")
    )
    job.con.execute(
        f"create or replace table {into} as select n.number, {', '.join('c.' + n for n in names)}"
        f" from read_csv('{path}', auto_detect = false, delim = ',', quote = '\"',"
        f" escape = '\"', header = false, columns = {{{typed}}}) c"
        " join asked_numbers n using (no)"
    )
    job.con.unregister("asked_numbers")
    path.unlink()


def _as_csv(query: str, names: Sequence[str]) -> str:
    """The query's rows as CSV text, thousands to a value.

    A plain COPY would send every row as a message of its own, each of which costs us more than the
    row, and a cursor could not be read by several of the server's processes. No column here holds a
    comma or a quote (ids, codes, dates, numbers).
    """
    fields = ", ".join(f"coalesce({name}::text, '')" for name in names)
    return (
        f"select string_agg(concat_ws(',', {fields}), E'\\n') from ({query}) found"
        " group by no / 4096"
    )


def _query(kind: str) -> tuple[str, str]:
    if kind == "account":
        return _ACCOUNT_QUERY, _ACCOUNT_COLUMNS
    if kind == "person":
        return _PARTY_QUERY, _PARTY_COLUMNS
    return _OBJECT_QUERY, _OBJECT_COLUMNS


def _send(connection: psycopg.Connection[Any], parts: Iterable[Sequence[bytes]]) -> None:
    """Copy tokens, numbered from 0, into the temporary table `asked`; it takes one part while the
    next is made.
    """
    connection.execute(
        "create temporary table if not exists asked (no integer, token bytea) on commit drop"
    )
    connection.execute("truncate asked")
    header, sent = b"PGCOPY\n\xff\r\n\0" + bytes(8), 0
    with connection.cursor().copy("copy asked from stdin (format binary)") as copy:
        copy.write(header)
        for tokens in parts:
            rows = np.zeros(len(tokens), dtype=_ROW)
            rows["n"], rows["l1"], rows["l2"] = 2, 4, 16
            rows["no"] = np.arange(sent, sent + len(tokens))
            rows["token"] = np.frombuffer(b"".join(tokens), dtype="V16")
            copy.write(rows.tobytes())
            sent += len(tokens)
        copy.write(b"\xff\xff")
    connection.execute("analyze asked")


#: A row of `asked` as a binary COPY has it: the number of fields, and each with its length.
_ROW = np.dtype([("n", ">i2"), ("l1", ">i4"), ("no", ">i4"), ("l2", ">i4"), ("token", "V16")])
_SENT_AT_ONCE = 50_000


def place_key(account_number: str, role: str, holder_no: int) -> str:
    """The key of a holder without a person number, as `holder_sql` makes it."""
    return HOLDER.join(("h", account_number, role, str(holder_no)))


def holder_sql(alias: str = "") -> str:
    """SQL for a holder's key: the person number, or account, role and holder number."""
    at = f"{alias}." if alias else ""
    return (
        f"case when {at}person_number is not null then 'p' || chr(31) || {at}person_number"
        f" when {at}account_number is not null then 'h' || chr(31) || {at}account_number"
        f" || chr(31) || coalesce({at}role, 'borrower') || chr(31)"
        f" || coalesce({at}holder_no, 1)::varchar end"
    )
