"""Rows of one file that have the same key: which an earlier one stands before.

A row that cannot be read says nothing: no other is held against it, whichever comes first. Of those
that can be read the first one stands, whatever the rules find in it: nobody knows which is meant.
"""

from __future__ import annotations

import duckdb

from tallystick.validate import UNREADABLE


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
