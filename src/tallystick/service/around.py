"""Months on file on both sides of one that comes late: sent after a newer one, or sent again.

The newest month of an account has its neighbour in its state (`beside_rows.load_previous`). For any
other the nearest months on file are read from the account's grid; few files hold such rows.
"""

from __future__ import annotations

from typing import Any

import psycopg

from tallystick.service import existing
from tallystick.service.references import Job
from tallystick.service.workbench import insert_rows
from tallystick.validate.context import AROUND

#: Rows whose accounts' grids are looked through by one query.
_ASKED_AT_ONCE = 10_000
#: A cell of a grid has 21 bytes: two of the month's number, then its bucket (`model.months`).
_NEAREST = """
with asked (line_no, subject_id, account_id, month_no) as (select * from unnest(
  %(lines)s::bigint[], %(subjects)s::uuid[], %(accounts)s::uuid[], %(months)s::integer[]))
select a.line_no, l.month_no, l.bucket, e.month_no, e.bucket
from asked a join file.account_now f using (subject_id, account_id)
cross join lateral (select array(select get_byte(f.months, at) * 256 + get_byte(f.months, at + 1)
  from generate_series(0, length(f.months) - 21, 21) as at) as numbers) g
left join lateral (select n as month_no, chr(get_byte(f.months, (place - 1)::integer * 21 + 2))
  as bucket from unnest(g.numbers) with ordinality as u (n, place)
  where n > a.month_no order by n limit 1) l on true
left join lateral (select n as month_no, chr(get_byte(f.months, (place - 1)::integer * 21 + 2))
  as bucket from unnest(g.numbers) with ordinality as u (n, place)
  where n < a.month_no order by n desc limit 1) e on true
where l.month_no is not null or e.month_no is not null
"""


def load(connection: psycopg.Connection[Any], job: Job) -> bool:
    """DuckDB table `around`: by line the nearest months on file, later and earlier.

    Asked of rows that come late and are not on file as they are, of accounts the sender holds. A
    later month is left out where the file has one as near, which is judged beside this row itself.

    Gives: whether there are any
    """
    differs = existing.differs_sql(job, f"'{job.furnisher_id}'::uuid")
    job.con.execute(
        "create or replace table late as select r.line_no, a.subject_id, a.object_id,"
        f" {_month_no('r.period_end')} as month_no"
        ' from "row" r join account_state a on a.number = r.account_number'
        " left join existing e on e.object_id = a.object_id"
        " and e.item_key = r.period_end::varchar"
        f" where r.period_end <= a.last_period_end and a.furnisher_id = '{job.furnisher_id}'"
        f" and coalesce({differs}, true)"
    )
    if job.con.execute("select 1 from late limit 1").fetchone() is None:
        return False
    job.con.execute(
        "create or replace table nearest (line_no bigint, next_no integer,"
        " next_bucket varchar, before_no integer, before_bucket varchar)"
    )
    names = ("lines", "subjects", "accounts", "months")
    for rows in job.read("from late", _ASKED_AT_ONCE)[1]:
        given = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
        insert_rows(job.con, "nearest", connection.execute(_NEAREST, given))
    job.con.execute(_AROUND.format(month_no=_month_no("z.period_end")))
    return job.con.execute("select 1 from around limit 1").fetchone() is not None


def expressions() -> dict[str, str]:
    """The context columns over the table `around`."""
    return {name: f"(select z.{name} from around z where z.line_no = r.line_no)" for name in AROUND}


def _month_no(day: str) -> str:
    """The number a grid has for a day's month."""
    return f"((year({day}) - 1900) * 12 + month({day}) - 1)::integer"


_AROUND = """
create or replace table around as
select t.line_no, n.rank as next_bucket_rank, n.kind as next_bucket_kind,
  s.next_no - t.month_no as next_months_later, b.rank as before_bucket_rank,
  b.kind as before_bucket_kind, t.month_no - s.before_no as before_months_earlier
from late t join nearest s using (line_no)
left join bucket_ref b on b.code = s.before_bucket
left join bucket_ref n on n.code = s.next_bucket and not exists (select 1
  from "row" r join account_state a on a.number = r.account_number
  join "row" z on z.account_number = r.account_number
  where r.line_no = t.line_no and {month_no} > t.month_no and {month_no} <= s.next_no)
"""
