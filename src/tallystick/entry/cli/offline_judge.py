"""Judging with no bureau: beside each row what it and its file say, and the rules over both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

import duckdb

from tallystick.formats import Dataset, load
from tallystick.furnish import read_json
from tallystick.model.instant import microseconds
from tallystick.profile import ProfileAt
from tallystick.service import domains, duplicates, record_keys
from tallystick.service.keys_of_rows import SHAPES, file_key_sql
from tallystick.service.workbench import insert_rows
from tallystick.validate import Rule, judge_table, take_back
from tallystick.validate.columns import local_day_sql

_MONTHLY: Final = ("snapshot", "payment")


def judge(
    con: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    at: ProfileAt,
    *,
    rules: Sequence[Rule],
    day: date,
    now: datetime,
    is_test_mode: bool,
    is_carried: bool = False,
) -> None:
    """Put the context beside each row and fill `finding`, `duplicate_of` and `paired`.

    Takes: `is_carried`: the rows are what a file's corrections carry (`service/carried.py`)
    """
    if dataset.name == "deletion":
        _keys(con, at)
    _duplicates(con, dataset, is_carried=is_carried)
    given = {
        "judged_on": f"date '{day.isoformat()}'",
        "is_test_mode": str(is_test_mode).lower(),
        "duplicate_line_no": "d.first_line_no",
        "duplicate_is_equal": "d.is_equal",
    }
    if dataset.name == "event":
        given["judged_on"] = local_day_sql(microseconds(now))
    joins = ["left join duplicate_of d on d.line_no = r.line_no"]
    if dataset.name in _MONTHLY:
        _buckets(con, at)
        worst = max((one.rank or 0 for one in at.buckets.values()), default=0)
        given |= {
            f"bucket_{name}": f"b.{name}" for name in ("rank", "kind", "days_min", "days_max")
        }
        given["bucket_max_rank"] = str(worst)
        joins.append("left join bucket_ref b on b.code = r.bucket")
    if dataset.name == "subject":
        _identifiers(con, at)
        given |= {
            "identifier_check": "i.verdict",
            "identifier_is_placeholder": "i.is_placeholder",
            "identifier_birth_date": "i.birth_date",
            "identifier_sex": "i.sex",
        }
        joins.append(
            "left join identifier_ref i"
            " on i.scheme = r.identifier_scheme and i.number = r.identifier_number"
        )
    if dataset.name == "deletion":
        given |= {f"key_{fault}": f"k.{fault}" for fault in ("missing", "unknown", "unreadable")}
        joins.append("left join key_fault k on k.line_no = r.line_no")
    columns = ", ".join(f"{expression} as {name}" for name, expression in given.items())
    con.execute(
        f'create or replace view judged as select r.*, {columns} from "row" r {" ".join(joins)}'
    )
    judged = [rule for rule in rules if rule.needs != "ledger"]
    judge_table(con, dataset.name, judged)
    take_back(con, judged)
    duplicates.share_rejects(con, judged)
    con.execute("create or replace table paired (rule_id varchar)")
    paired = [
        [rule.rule_id]
        for rule in judged
        if rule.expression and "duplicate_line_no" in rule.expression.columns
    ]
    if paired:
        con.executemany("insert into paired values (?)", paired)


def _duplicates(con: duckdb.DuckDBPyConnection, dataset: Dataset, *, is_carried: bool) -> None:
    """For each later row of a key: the first line that has it, and whether it says the same."""
    if dataset.name == "consent":
        key = "r.consent_id"
    elif dataset.name in SHAPES:
        key = file_key_sql(dataset.name)
    elif dataset.name == "deletion":
        duplicates.load(con, "k.file_key", "r.reason", " join named_key k on k.line_no = r.line_no")
        return
    else:  # corrections name another record; what they carry is judged itself
        duplicates.none(con)
        return
    names = [row[0] for row in con.execute('describe "row"').fetchall() if row[0] != "line_no"]
    content, joins = ", ".join(f'r."{name}"' for name in sorted(names)), ""
    if is_carried:
        content, joins = f"{content}, {duplicates.KEPT_SAYS}", duplicates.KEPT_JOIN
    duplicates.load(con, key, content, joins)


def _buckets(con: duckdb.DuckDBPyConnection, at: ProfileAt) -> None:
    con.execute(
        "create or replace table bucket_ref"
        " (code varchar, rank integer, kind varchar, days_min integer, days_max integer)"
    )
    con.executemany(
        "insert into bucket_ref values (?, ?, ?, ?, ?)",
        [(b.code, b.rank, b.kind, b.days_min, b.days_max) for b in at.buckets.values()],
    )


def _identifiers(con: duckdb.DuckDBPyConnection, at: ProfileAt) -> None:
    """What each distinct identity number of the file says about itself."""
    con.execute(
        "create or replace table identifier_ref (scheme varchar, number varchar, verdict varchar,"
        " is_placeholder boolean, birth_date date, sex varchar)"
    )
    pairs = con.execute(
        'select distinct identifier_scheme, identifier_number from "row"'
        " where identifier_scheme is not null and identifier_number is not null"
    ).fetchall()
    rows = [
        (scheme, number, at.check_identifier(scheme, number), at.is_placeholder(number),
         *at.identifier_facts(scheme, number))
        for scheme, number in pairs
    ]  # fmt: skip
    if rows:
        con.executemany("insert into identifier_ref values (?, ?, ?, ?, ?, ?)", rows)


def _keys(con: duckdb.DuckDBPyConnection, at: ProfileAt) -> None:
    """The keys that deletions name (`named_key`), and what is wrong with them (`key_fault`).

    A row that cannot be read names none.
    """
    con.execute("create or replace table named_key (line_no bigint, file_key varchar)")
    con.execute(
        "create or replace table key_fault"
        " (line_no bigint, missing varchar, unknown varchar, unreadable varchar)"
    )
    known, lists = load(), domains.of(at)
    rows = con.cursor()  # the connection itself inserts meanwhile
    rows.execute(
        'select line_no, record_dataset, record_key from "row" where line_no not in'
        " (select line_no from fault where severity = 'reject' and line_no is not null)"
    )
    while batch := rows.fetchmany(5000):
        read = [
            (line, name, record_keys.read(known[name], read_json(key), lists))
            for line, name, key in batch
        ]
        named = (
            (line, repr((name, sorted(one.values.items()))))
            for line, name, one in read
            if one.values is not None
        )
        insert_rows(con, "named_key", named)
        wrong = [
            (line, one.missing, one.unknown, one.unreadable)
            for line, _, one in read
            if one.values is None
        ]
        if wrong:
            con.executemany("insert into key_fault values (?, ?, ?, ?)", wrong)
