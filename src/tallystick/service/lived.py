"""Whether an account lives on after an event closed it.

The closed event and a month after it may come in either order, so both ask. Only what the sender
itself said counts: what a seller closed goes on at its buyer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import psycopg

from tallystick.service.beside_rows import EVENT_DAY
from tallystick.service.references import Job
from tallystick.service.workbench import insert_rows

#: Accounts asked of by one query.
_ASKED_AT_ONCE = 10_000
_OWN_DAY = "(occurred_at at time zone 'UTC' + occurred_at_offset_minutes * interval '1 minute')"
#: Of each event what was said last, unless it is deleted since.
_EVENTS = f"""
select object_id, event_type, {_OWN_DAY}::date
from (select distinct on (e.object_id, e.item_key) e.*, p.position
  from unnest(%(parties)s::uuid[], %(objects)s::uuid[]) as a (party_id, object_id)
  join ledger.event e using (party_id, object_id) join ledger.publication p using (chunk_id)
  where e.furnisher_id = %(furnisher)s
  order by e.object_id, e.item_key, p.position desc) t
where event_type in ('closed', 'reopened') and not exists (select 1 from ledger.deletion d
  join ledger.publication dp using (chunk_id) where d.party_id = t.party_id
  and d.object_id = t.object_id and dp.position > t.position
  and (d.dataset = 'account' or (d.dataset = 'event' and d.item_key = t.item_key)))
"""
#: The months that stand and live: they have a balance or an open status.
_MONTHS = """
select account_id, 'month', period_end
from (select distinct on (t.account_id, t.period_end) t.*, p.position
  from unnest(%(parties)s::uuid[], %(objects)s::uuid[]) as a (party_id, account_id)
  join ledger.snapshot t using (party_id, account_id) join ledger.publication p using (chunk_id)
  where t.period_end >= %(since)s
  order by t.account_id, t.period_end, p.position desc) m
where furnisher_id = %(furnisher)s
  and (balance_minor > 0 or status in ('open', 'frozen', 'inactive'))
  and not exists (select 1 from ledger.deletion d join ledger.publication dp using (chunk_id)
  where d.party_id = m.party_id and d.object_id = m.account_id and dp.position > m.position
  and (d.dataset = 'account' or (d.dataset = 'snapshot' and d.item_key = m.period_end::text)))
"""
_CLOSING_EVENT = """(select max(c.on_day) from lived c where c.object_id = a.object_id
  and c.what = 'closed' and c.on_day <= r.period_end and not exists (select 1 from lived o
    where o.object_id = c.object_id and o.what = 'reopened'
    and o.on_day >= c.on_day and o.on_day <= r.period_end))"""
_LIVED_ON = f"""if(r.event_type = 'closed', (select max(m.on_day) from lived m
  where m.object_id = a.object_id and m.what = 'month' and m.on_day >= {EVENT_DAY}
  and not exists (select 1 from lived o where o.object_id = m.object_id
    and o.what = 'reopened' and o.on_day >= {EVENT_DAY} and o.on_day <= m.on_day)), null)"""

_Account = tuple[UUID, UUID]


def expressions(connection: psycopg.Connection[Any], job: Job) -> dict[str, str]:
    """What stands beside months, and beside events that close an account; nothing for most files.

    Takes: the job with its references looked up; `connection`: under the intake role
    """
    if job.dataset == "event":
        return _beside_events(connection, job)
    given: dict[str, str] = {}
    if job.dataset == "snapshot":
        closed = job.con.execute(
            "select distinct party_id, object_id from account_ref where has_closed_event"
        ).fetchall()
        if _load(connection, job, closed, {_EVENTS: {}}):
            given["closing_event_on"] = _CLOSING_EVENT
    return given


def _beside_events(connection: psycopg.Connection[Any], job: Job) -> dict[str, str]:
    """Months on file at or after the file's closed events, and when accounts were opened again."""
    if not job.says("if(event_type = 'closed', 1, null)"):
        return {}
    closing = job.con.execute(
        f'select a.party_id, a.object_id, min({EVENT_DAY}) from "row" r join account_state a'
        " on a.number = r.account_number where r.event_type = 'closed'"
        f" and a.object_id is not null and a.last_period_end >= {EVENT_DAY} group by 1, 2"
    ).fetchall()
    since = min((day for _, _, day in closing), default=date.max)
    accounts = [(party, account) for party, account, _ in closing]
    if not _load(connection, job, accounts, {_EVENTS: {}, _MONTHS: {"since": since}}):
        return {}
    job.con.execute(
        f'insert into lived select a.object_id, r.event_type, {EVENT_DAY} from "row" r'
        " join account_state a on a.number = r.account_number where r.event_type = 'reopened'"
    )
    return {"lived_on": _LIVED_ON}


def _load(
    connection: psycopg.Connection[Any],
    job: Job,
    accounts: Sequence[_Account],
    queries: dict[str, dict[str, Any]],
) -> bool:
    """DuckDB table `lived`: by account what happened on which day. Gives: whether anything did."""
    if not accounts:
        return False
    job.con.execute("create or replace table lived (object_id uuid, what varchar, on_day date)")
    for some in _portions(accounts):
        parties, objects = zip(*some, strict=True)
        given: dict[str, Any] = {"parties": list(parties), "objects": list(objects)}
        given["furnisher"] = job.furnisher_id
        for query, more in queries.items():
            insert_rows(job.con, "lived", connection.execute(query, given | more).fetchall())
    return job.con.execute("select 1 from lived limit 1").fetchone() is not None


def _portions(accounts: Sequence[_Account]) -> Iterable[Sequence[_Account]]:
    for start in range(0, len(accounts), _ASKED_AT_ONCE):
        yield accounts[start : start + _ASKED_AT_ONCE]
