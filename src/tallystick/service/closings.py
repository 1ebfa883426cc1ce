"""What is asked of few accounts, those closed before a month that owes: whether they run on.

A closing and a month after it may come in either order, so both ask: months about the terms on
file (`load_reopened`, `load_reasons`), terms about the newest month on file (`load_runs_on`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg

from tallystick.service.references import Job
from tallystick.service.workbench import insert_rows

_REOPENED = """
select object_id, (occurred_at at time zone 'UTC'
  + occurred_at_offset_minutes * interval '1 minute')::date from ledger.event
join ledger.publication using (chunk_id) where party_id = any(%s)
  and object_id = any(%s) and event_type = 'reopened'
"""
_NEWEST_TERMS = """
select distinct on (account_id) account_id,
  (terms::json -> 'versions' -> -1 ->> 'valid_from')::date,
  terms::json -> 'versions' -> -1 ->> 'closed_on' is null,
  terms::json -> 'versions' -> -1 ->> 'closed_reason'
from file.account where account_id = any(%s) order by account_id, subject_id
"""


def load_reopened(connection: psycopg.Connection[Any], job: Job) -> bool:
    """Reopened events of accounts that are closed on file (all others cannot need them).

    Gives: whether there are any
    """
    closed = job.con.execute(
        "select distinct party_id, object_id from account_ref"
        " where object_id is not null and (closed_on is not null or last_status = 'closed')"
    ).fetchall()
    return _load_reopened(connection, job, closed)


def load_reasons(connection: psycopg.Connection[Any], job: Job) -> bool:
    """DuckDB table `closed_as`: why accounts were closed that a month of the file still shows as
    given up (all others cannot need it).

    Gives: whether there are any
    """
    accounts = job.con.execute(
        'select distinct a.object_id from "row" r join account_state a'
        " on a.number = r.account_number where a.object_id is not null"
        " and a.closed_on <= r.period_end and r.balance_minor > 0"
        " and r.status in ('written_off', 'sold', 'in_recovery')"
    ).fetchall()
    if not accounts:
        return False
    job.con.execute("create or replace table closed_as (object_id uuid, reason varchar)")
    newest = _newest_terms(connection, [one[0] for one in accounts])
    insert_rows(job.con, "closed_as", [(account, reason) for account, _, _, reason in newest])
    return bool(newest)


def load_runs_on(connection: psycopg.Connection[Any], job: Job) -> bool:
    """DuckDB table `runs_on`: lines of terms that close an account which went on after that day.

    It did where a reopened event lies between the closing and the newest month on file, or where
    newer terms, on file or in the file, have no closing day. Asked only of accounts whose newest
    month, at or after the closing, has a balance.

    Gives: whether there are any
    """
    job.con.execute(
        "create or replace table closing as select r.line_no, r.account_number,"
        " r.valid_from, r.closed_on, coalesce(a.object_id, f.object_id) as object_id,"
        " coalesce(a.party_id, f.party_id) as party_id,"
        " coalesce(a.last_period_end, f.last_period_end) as last_period_end"
        ' from "row" r left join account_state a on a.number = r.account_number'
        " left join former f on f.line_no = r.line_no"
        " where r.closed_on <= coalesce(a.last_period_end, f.last_period_end)"
        " and coalesce(a.last_balance_minor, f.last_balance_minor) > 0"
    )
    accounts = job.con.execute("select distinct party_id, object_id from closing").fetchall()
    if not accounts:
        return False
    _load_reopened(connection, job, accounts)
    job.con.execute("create or replace table open_terms (object_id uuid, valid_from date)")
    newest = _newest_terms(connection, [one[1] for one in accounts])
    insert_rows(
        job.con, "open_terms", [(account, day) for account, day, is_open, _ in newest if is_open]
    )
    job.con.execute(
        "create or replace table runs_on as select line_no from closing c where"
        " exists (select 1 from reopened z where z.account_id = c.object_id"
        " and z.occurred_on >= c.closed_on and z.occurred_on <= c.last_period_end)"
        " or exists (select 1 from open_terms z where z.object_id = c.object_id"
        " and z.valid_from > c.valid_from)"
        ' or exists (select 1 from "row" z where z.account_number = c.account_number'
        " and z.valid_from > c.valid_from and z.closed_on is null)"
    )
    return job.con.execute("select 1 from runs_on limit 1").fetchone() is not None


def _load_reopened(
    connection: psycopg.Connection[Any], job: Job, accounts: Sequence[tuple[UUID, UUID]]
) -> bool:
    """DuckDB table `reopened`: the days (party, account) were opened again, in their own offset."""
    job.con.execute("create or replace table reopened (account_id uuid, occurred_on date)")
    if not accounts:
        return False
    rows = connection.execute(
        _REOPENED, ([row[0] for row in accounts], [row[1] for row in accounts])
    ).fetchall()
    insert_rows(job.con, "reopened", rows)
    return bool(rows)


def _newest_terms(
    connection: psycopg.Connection[Any], accounts: Sequence[UUID]
) -> list[tuple[Any, ...]]:
    """By account the newest terms on file: from when, whether they are open, why they are not."""
    return connection.execute(_NEWEST_TERMS, (list(accounts),)).fetchall()
