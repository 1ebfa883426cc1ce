"""Dates of first delinquency in the months around one, and in the month itself as it is on file.

Where a month and the newest one before it are late and both say the date, they are compared as
they stand (`beside_rows.load_previous`). A month between that says nothing, or the same month sent
again, must not hide that the date was moved: for the few rows where one may, the account's other
months are read from the ledger (a grid has no such dates).
"""

from __future__ import annotations

from typing import Any

import psycopg

from tallystick.service import months_told
from tallystick.service.references import Job
from tallystick.service.workbench import insert_rows
from tallystick.validate.context import FIRST_DAYS


def load(connection: psycopg.Connection[Any], job: Job, *, is_known: bool) -> bool:
    """DuckDB table `first_days`: by line what the months around it say (`context.FIRST_DAYS`).

    Takes: `is_known`: some of the file's months may be on file (then `around` made table `late`)
    Gives: whether there are any
    """
    late = "r.line_no in (select line_no from late)" if is_known else "false"
    asked = job.con.execute(_ASKED.format(late=late)).fetchall()
    if not asked:
        return False
    job.con.execute(
        "create or replace table dated (line_no bigint, account varchar, party_id uuid,"
        " object_id uuid, period_end date, first_on date, is_late boolean, is_compared boolean)"
    )
    insert_rows(job.con, "dated", asked)
    accounts = {(row[2], row[3]) for row in asked if row[3] is not None}
    # Months that ended before every date asked about cannot tell that it was moved.
    months_told.load(connection, job, accounts, since=min(row[5] for row in asked))
    job.con.execute(_FIRST_DAYS)
    return True


def expressions() -> dict[str, str]:
    """The context columns over the table `first_days`."""
    return {
        name: f"(select z.{name} from first_days z where z.line_no = r.line_no)"
        for name in FIRST_DAYS
    }


#: Rows with a date that the newest earlier month does not answer for, or that come late.
_ASKED = """
select * exclude (prev_end, prev_kind) from (select r.line_no,
    coalesce(a.object_id::varchar, r.account_number) as account, a.party_id, a.object_id,
    r.period_end, r.first_delinquency_on as first_on, {late} as is_late,
    coalesce(b.kind <> 'unknown' and k.kind in ('late', 'loss')
      and v.first_delinquency_on is not null, false) as is_compared,
    v.period_end as prev_end, k.kind as prev_kind
  from "row" r join bucket_ref b on b.code = r.bucket
  left join account_state a on a.number = r.account_number
  left join previous v on v.line_no = r.line_no left join bucket_ref k on k.code = v.bucket
  where r.first_delinquency_on is not null and b.kind in ('late', 'loss', 'unknown'))
where is_late or (first_on <= prev_end and prev_kind in ('late', 'loss', 'unknown')
  and not is_compared)
"""
#: `telling`: months that say since when the account is late, or (without a date) that it is not.
_FIRST_DAYS = """
create or replace table first_days as
with sent as (
  select coalesce(a.object_id::varchar, r.account_number) as account, r.period_end, r.bucket,
    r.first_delinquency_on as first_on
  from "row" r left join account_state a on a.number = r.account_number),
said as (
  select *, true as is_sent from sent where account in (select account from dated)
  union all select object_id::varchar, period_end, bucket, first_on, false from month_told t
  where not exists (select 1 from sent s
    where s.account = t.object_id::varchar and s.period_end = t.period_end)),
telling as (
  select account, period_end, is_sent,
    if(k.kind in ('late', 'loss', 'unknown'), first_on, null) as first_on
  from said join bucket_ref k on k.code = said.bucket
  where first_on is not null or k.kind not in ('late', 'loss', 'unknown'))
select d.line_no, if(d.is_compared, null, b.first_on) as held_first_delinquency_on,
  if(d.is_compared, null, b.period_end) as held_period_end,
  if(d.is_late and not n.is_sent, n.first_on, null) as next_first_delinquency_on,
  if(d.is_late and k.kind in ('late', 'loss', 'unknown'), f.first_on, null)
    as on_file_first_delinquency_on
from dated d
asof left join telling b on b.account = d.account and d.period_end > b.period_end
asof left join telling n on n.account = d.account and d.period_end < n.period_end
left join month_told f on f.object_id = d.object_id and f.period_end = d.period_end
left join bucket_ref k on k.code = f.bucket
"""
