"""Rows of one file that have the same key: which an earlier one stands before.

A row that cannot be read says nothing: no other is held against it, whichever comes first. Of those
that can be read the first one stands, whatever the rules find in it: nobody knows which is meant.
An equal one shares its fate: what rejects the first rejects all, so none counts as unchanged beside
a first one that was not taken.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from tallystick.service.carried import KEPT
from tallystick.validate import UNREADABLE, Rule

#: What a correction says beside the record it carries: a join to rows `r`, and the expressions.
KEPT_JOIN = f" join {KEPT} w on w.line_no = r.line_no"
KEPT_SAYS = "lower(w.replaces_digest), w.reason"


def load(con: duckdb.DuckDBPyConnection, key: str, content: str, joins: str = "") -> None:
    """DuckDB tables `duplicate_of` (lines whose key an earlier line has, and whether it says the
    same) and `unread_twin` (lines that cannot be read where another of the file has the key).

    Takes: `key`, `content`: expressions over the rows `r` and `joins`: what makes two lines the
           same record, and what each says; `fault` as staging makes it
    """
    rows = f'from "row" r{joins}'
    if con.execute(f"select 1 {rows} group by hash({key}) having count(*) > 1 limit 1").fetchone():
        con.execute(_DUPLICATES.format(key=key, content=content, rows=rows, unread=UNREADABLE))
    else:  # as nearly always
        none(con)


def none(con: duckdb.DuckDBPyConnection) -> None:
    """The same tables with nothing in them."""
    con.execute(
        "create or replace table duplicate_of"
        " (line_no bigint, first_line_no bigint, is_equal boolean);"
        " create or replace table unread_twin (line_no bigint)"
    )


def share_rejects(con: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> None:
    """Add to the table `finding` what rejects a row for those that are equal to it and come later.

    Most rules hit equal rows alike; those that weigh a file's rows together name the first alone.

    Takes: the tables of `load`; `finding` as `judge_table` makes it from those rules
    """
    if con.execute("select 1 from duplicate_of where is_equal limit 1").fetchone() is None:
        return
    con.execute(
        "insert into finding select d.line_no, f.rule_id, f.field, f.seen"
        " from duplicate_of d join finding f on f.line_no = d.first_line_no"
        " where d.is_equal and f.rule_id in (select unnest($rejecting)) and not exists"
        " (select 1 from finding g where g.line_no = d.line_no and g.rule_id = f.rule_id)",
        {"rejecting": [rule.rule_id for rule in rules if rule.severity == "reject"]},
    )


_DUPLICATES = """
create or replace table keyed as
select r.line_no, hash({key}) as file_key, hash({content}) as content,
  r.line_no in ({unread}) as is_unread {rows};
create or replace table duplicate_of as
select * from (select line_no, first_value(line_no) over w as first_line_no,
    first_value(content) over w = content as is_equal from keyed where not is_unread
  window w as (partition by file_key order by line_no))
where first_line_no <> line_no;
create or replace table unread_twin as
select line_no from keyed
where is_unread and file_key in (select file_key from keyed where not is_unread);
drop table keyed
"""
