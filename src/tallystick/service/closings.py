"""What is asked of few accounts, those closed before a month that owes or runs: whether they go on.

A closing and a month after it may come in either order, so both ask: months about the terms on
file (`load_reopened`, `load_reasons`), terms about the months on file (`load_owed`). Events that
end an account ask whether anything on file closes it (`load_left_open`), events after a closing
whether it was opened again between (`load_running`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from tallystick.profile import ProfileAt
from tallystick.service import beside_rows, months_told
from tallystick.service.beside_rows import EVENT_DAY
from tallystick.service.references import Job
from tallystick.service.workbench import insert_rows

#: Of each event what was said last, unless it is deleted since.
_REOPENED = """
select object_id, (occurred_at at time zone 'UTC'
  + occurred_at_offset_minutes * interval '1 minute')::date
from (select distinct on (e.object_id, e.item_key) e.*, p.position from ledger.event e
  join ledger.publication p using (chunk_id)
  where e.party_id = any(%(parties)s) and e.object_id = any(%(objects)s)
  order by e.object_id, e.item_key, p.position desc) t
where event_type = 'reopened' and not exists (select 1 from ledger.deletion d
  join ledger.publication dp using (chunk_id) where d.party_id = t.party_id
  and d.object_id = t.object_id and dp.position > t.position
  and (d.dataset = 'account' or (d.dataset = 'event' and d.item_key = t.item_key)))
"""
#: What is read of months on file after a closing: that it owes, or runs, or is late.
OWED = ("owed_on", "owed_given_up_on", "ran_on", "late_given_up_on")
#: Of one day those of who took the account over are newer than the sender's.
_IS_NEWER = "(z.valid_from > c.valid_from or (z.valid_from = c.valid_from and z.is_anothers))"
_OWED = f"""
create or replace table owed as
with later as (
  select c.line_no, c.closed_on, m.period_end, m.balance_minor > 0 as owes,
    m.status in ('written_off', 'sold', 'in_recovery') as is_given_up,
    coalesce(b.kind in ('late', 'loss'), false) or coalesce(m.past_due_minor > 0, false) as is_late,
    coalesce(b.kind = 'current', false) as is_current
  from closing c join month_told m on m.object_id = c.object_id
  left join bucket_ref b on b.code = m.bucket
  where m.period_end >= c.closed_on
  and not exists (select 1 from reopened z where z.account_id = c.object_id
    and z.occurred_on >= c.closed_on and z.occurred_on <= m.period_end)
  and not exists (select 1 from newest_on_file z where z.object_id = c.object_id
    and {_IS_NEWER} and coalesce(z.closed_on > m.period_end, true))
  and not exists (select 1 from "row" z where z.account_number = c.account_number
    and z.valid_from > c.valid_from and coalesce(z.closed_on > m.period_end, true))
)
select line_no, max(period_end) filter (owes and not is_given_up) as owed_on,
  max(period_end) filter (owes and is_given_up) as owed_given_up_on,
  max(period_end) filter ((is_late or is_current) and not is_given_up and period_end > closed_on)
    as ran_on,
  max(period_end) filter (is_late and is_given_up and period_end > closed_on) as late_given_up_on
from later group by line_no
having coalesce(owed_on, owed_given_up_on, ran_on, late_given_up_on) is not null
"""
#: Events that end an account the sender has, unless its closing or its newest month says so.
_ENDING = """
create or replace table ending as
select r.line_no, a.party_id, a.object_id, a.closed_on, {day} as occurred_on
from "row" r join account_state a on a.number = r.account_number
where r.event_type in ('closed', 'sold') and a.furnisher_id = $own
  and coalesce(a.closed_on < {day}, true)
  and not coalesce((a.last_status in ('closed', 'sold') or list_contains($closing, a.last_bucket))
    and a.last_period_end >= date_trunc('month', {day}), false)
"""
_LEFT_OPEN = """
create or replace table left_open as
with again as (select account_id, occurred_on from reopened
  union all select a.object_id, {day} from "row" r
  join account_state a on a.number = r.account_number where r.event_type = 'reopened')
select e.line_no from ending e
where not exists (select 1 from again z where z.account_id = e.object_id
    and z.occurred_on >= e.occurred_on)
  and (e.closed_on is null or exists (select 1 from again z where z.account_id = e.object_id
    and z.occurred_on >= e.closed_on))
"""
#: Events after a closing; which of them only a running account has, EVT-CLOSE-001 says.
_AFTER_CLOSING = """
create or replace table after_closing as
select r.line_no, a.party_id, a.object_id, a.closed_on, {day} as occurred_on
from "row" r join account_state a on a.number = r.account_number
where a.closed_on < {day} and r.event_type <> 'reopened'
"""
_RUNNING_AGAIN = """
create or replace table running_again as
with again as (select account_id, occurred_on from reopened
  union all select a.object_id, {day} from "row" r
  join account_state a on a.number = r.account_number where r.event_type = 'reopened'
    and not exists (select 1 from fault x where x.line_no = r.line_no and x.severity = 'reject'))
select e.line_no from after_closing e where exists (select 1 from again z
  where z.account_id = e.object_id and z.occurred_on >= e.closed_on
  and z.occurred_on <= e.occurred_on)
"""
_NEWEST_TERMS = """
select distinct on (account_id) account_id,
  (terms::json -> 'versions' -> -1 ->> 'valid_from')::date,
  (terms::json -> 'versions' -> -1 ->> 'closed_on')::date,
  terms::json -> 'versions' -> -1 ->> 'closed_reason', furnisher_id
from file.account where account_id = any(%s) order by account_id, subject_id
"""


def closed_on_file(job: Job) -> list[tuple[UUID, UUID]]:
    """The file's accounts that are closed on file, as (party, account): no others need
    `load_reasons` or `load_reopened`.
    """
    return job.con.execute(
        "select distinct party_id, object_id from account_ref"
        " where object_id is not null and (closed_on is not null or last_status = 'closed')"
    ).fetchall()


def load_reasons(connection: psycopg.Connection[Any], job: Job) -> bool:
    """DuckDB table `closed_as`: why accounts were closed that a month of the file still shows as
    given up (all others cannot need it).

    Gives: whether there are any
    """
    accounts = job.con.execute(
        'select distinct a.object_id from "row" r join account_state a'
        " on a.number = r.account_number where a.object_id is not null"
        " and a.closed_on <= r.period_end"
        " and r.status in ('written_off', 'sold', 'in_recovery')"
    ).fetchall()
    if not accounts:
        return False
    job.con.execute("create or replace table closed_as (object_id uuid, reason varchar)")
    newest = _newest_terms(connection, [one[0] for one in accounts])
    insert_rows(job.con, "closed_as", [(account, reason) for account, _, _, reason, _ in newest])
    return bool(newest)


class Terms(NamedTuple):
    """Terms of a file that months or a closing on file may contradict."""

    line_no: int
    account_number: str
    valid_from: date
    closed_on: date | None
    on_file_closed_on: date | None
    object_id: UUID
    party_id: UUID


def terms_to_ask_of(job: Job) -> list[Terms]:
    """Terms that close an account whose newest month is at or after that day, and terms without a
    closing day of one that is closed on file (no others need `load_owed` or `load_open_again`).
    """
    closing_days = (
        'select closed_on from "row" where closed_on is not null union all'
        " select closed_on from account_ref where closed_on is not null limit 1"
    )
    if job.con.execute(closing_days).fetchone() is None:
        return []  # as in most files; the joins below cost five times this
    found = job.con.execute(
        "select r.line_no, r.account_number, r.valid_from, r.closed_on, a.closed_on,"
        " coalesce(a.object_id, f.object_id), coalesce(a.party_id, f.party_id)"
        ' from "row" r left join account_state a on a.number = r.account_number'
        " left join former f on f.line_no = r.line_no"
        " where r.closed_on <= coalesce(a.last_period_end, f.last_period_end)"
        " or (r.closed_on is null and a.closed_on is not null)"
    ).fetchall()
    return [Terms(*row) for row in found]


def load_owed(
    connection: psycopg.Connection[Any], job: Job, asked: Sequence[Terms], profile: ProfileAt
) -> bool:
    """DuckDB table `owed`: by line of terms that close an account the newest months on file, of an
    account not given up and of one that is, that contradict it: those of `OWED`.

    A month is left out where the account ran on until it: a reopened event lies between, or newer
    terms, on file or in the file, close it later or not at all.

    Takes: `asked`: `terms_to_ask_of`
    Gives: whether there are any
    """
    days = {one: one.closed_on for one in asked if one.closed_on is not None}
    if not days:
        return False
    accounts = _load_asked(connection, job, list(days))
    months_told.load(connection, job, accounts, since=min(days.values()))
    beside_rows.load_buckets(job, profile)
    job.con.execute(_OWED)
    return job.con.execute("select 1 from owed limit 1").fetchone() is not None


def load_open_again(connection: psycopg.Connection[Any], job: Job, asked: Sequence[Terms]) -> bool:
    """DuckDB table `open_again`: lines of terms without a closing day, of accounts that are closed
    on file, that drop nothing: the account was opened again since, or the terms are older ones.

    Takes: `asked`: `terms_to_ask_of`
    Gives: whether there are any
    """
    running = [one for one in asked if one.closed_on is None]
    if not running:
        return False
    _load_asked(connection, job, running)
    job.con.execute(
        "create or replace table open_again as select line_no from closing c where"
        " exists (select 1 from reopened z where z.account_id = c.object_id"
        " and z.occurred_on >= c.on_file_closed_on)"
        " or exists (select 1 from newest_on_file z where z.object_id = c.object_id"
        f" and {_IS_NEWER})"
    )
    return job.con.execute("select 1 from open_again limit 1").fetchone() is not None


def load_left_open(connection: psycopg.Connection[Any], job: Job, profile: ProfileAt) -> bool:
    """DuckDB table `left_open`: lines of events that end an account which nothing on file closes:
    neither its terms nor its newest month, by its status or, as a report takes it, by its code.

    One that was opened again, on file or in the file, is open: after the event it may be, before
    it its closing is over.

    Gives: whether there are any
    """
    ends = "select 1 from \"row\" where event_type in ('closed', 'sold') limit 1"
    if job.con.execute(ends).fetchone() is None:
        return False
    closing = [one.code for one in profile.buckets.values() if one.kind == "closed"]
    job.con.execute(
        _ENDING.format(day=EVENT_DAY), {"own": str(job.furnisher_id), "closing": closing}
    )
    return _ask_again(connection, job, "ending", _LEFT_OPEN, made="left_open")


def load_running(connection: psycopg.Connection[Any], job: Job) -> bool:
    """DuckDB table `running_again`: lines of events after the closing of an account that was opened
    again between, on file or in the file.

    Gives: whether there are any
    """
    if not closed_on_file(job):
        return False
    job.con.execute(_AFTER_CLOSING.format(day=EVENT_DAY))
    return _ask_again(connection, job, "after_closing", _RUNNING_AGAIN, made="running_again")


def _ask_again(
    connection: psycopg.Connection[Any], job: Job, asked: str, query: str, *, made: str
) -> bool:
    """Run a query that knows whether the accounts of table `asked` were opened again.

    Gives: whether the table it makes, `made`, has any row; without accounts it is not made
    """
    accounts = job.con.execute(f"select distinct party_id, object_id from {asked}").fetchall()
    if not accounts:
        return False
    load_reopened(connection, job, accounts)
    job.con.execute(query.format(day=EVENT_DAY))
    return job.con.execute(f"select 1 from {made} limit 1").fetchone() is not None


def _load_asked(
    connection: psycopg.Connection[Any], job: Job, asked: Sequence[Terms]
) -> list[tuple[UUID, UUID]]:
    """DuckDB tables `closing` (the terms asked of), `reopened`, and `newest_on_file`: of their
    accounts the newest terms' days. Gives the accounts, as (party, account).
    """
    job.con.execute(
        "create or replace table closing (line_no bigint, account_number varchar, valid_from date,"
        " closed_on date, on_file_closed_on date, object_id uuid, party_id uuid);"
        " create or replace table newest_on_file (object_id uuid, valid_from date, closed_on date,"
        " is_anothers boolean)"
    )
    insert_rows(job.con, "closing", asked)
    accounts = sorted({(one.party_id, one.object_id) for one in asked})
    load_reopened(connection, job, accounts)
    newest = _newest_terms(connection, [one[1] for one in accounts])
    own = job.furnisher_id
    insert_rows(job.con, "newest_on_file", [(*row[:3], row[4] != own) for row in newest])
    return accounts


def load_reopened(
    connection: psycopg.Connection[Any], job: Job, accounts: Sequence[tuple[UUID, UUID]]
) -> bool:
    """DuckDB table `reopened`: the days (party, account) were opened again, in their own offset.

    Gives: whether there are any
    """
    job.con.execute("create or replace table reopened (account_id uuid, occurred_on date)")
    rows = connection.execute(
        _REOPENED,
        {"parties": [row[0] for row in accounts], "objects": [row[1] for row in accounts]},
    ).fetchall()
    insert_rows(job.con, "reopened", rows)
    return bool(rows)


def _newest_terms(
    connection: psycopg.Connection[Any], accounts: Sequence[UUID]
) -> list[tuple[Any, ...]]:
    """By account the newest terms on file: from when, until when, why they ended, and whose."""
    return connection.execute(_NEWEST_TERMS, (list(accounts),)).fetchall()
