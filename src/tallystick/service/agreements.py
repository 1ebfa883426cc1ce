"""The agreements that a file's accounts draw on: whose they are, and when they ended.

Only what the sender itself furnished is read: the agreement is found by its own number.
"""

from __future__ import annotations

from typing import Any

import psycopg

from tallystick.model.file import DEBT_ROLES
from tallystick.service.keys_of_rows import SHAPES
from tallystick.service.references import Job
from tallystick.service.workbench import insert_rows

#: Agreements or accounts asked of by one query.
_ASKED_AT_ONCE = 10_000
_DRAWN = """
create or replace table drawn as
select r.line_no, r.opened_on, g.object_id, g.party_id, p.subject_id, p.party_id as borrower_id,
  a.object_id as account_id
from "row" r join agreement_ref g on g.number = r.agreement_number
join person_ref p on p.number = {person} left join account_state a on a.number = r.account_number
where g.object_id is not null and p.subject_id is not null
"""
#: Of each version what was said last, unless it is deleted since. The newest says when the
#: agreement expires, and the newest active one; where it is over by its status, it ended then or
#: when that was first said in a row.
_ENDED = """
with said as (
  select distinct on (t.object_id, t.item_key) t.object_id, t.party_id, t.item_key, t.valid_from,
    t.expires_on, t.status, p.position
  from unnest(%(parties)s::uuid[], %(objects)s::uuid[]) as a (party_id, object_id)
  join ledger.agreement t using (party_id, object_id) join ledger.publication p using (chunk_id)
  order by t.object_id, t.item_key, p.position desc),
standing as (
  select * from said s where not exists (select from ledger.deletion d
    join ledger.publication dp using (chunk_id) where d.party_id = s.party_id
    and d.object_id = s.object_id and d.dataset = 'agreement' and d.item_key = s.item_key
    and dp.position > s.position)),
newest as (select distinct on (object_id) * from standing order by object_id, valid_from desc),
active as (
  select distinct on (object_id) * from standing where status = 'active'
  order by object_id, valid_from desc),
over as (
  select s.object_id, min(s.valid_from) as since from standing s left join active using (object_id)
  where s.valid_from > active.valid_from or active.object_id is null group by s.object_id)
select object_id, least(newest.expires_on, active.expires_on, over.since)
from newest left join active using (object_id) left join over using (object_id)
where coalesce(newest.expires_on, active.expires_on, over.since) is not null
"""
_HELD = """
select account_id, subject_id from file.account
where account_id = any(%s) and role = any(%s)
"""
_OTHERS = """
create or replace table drawn_of_other as
select w.line_no from drawn w left join owner_of_agreement o on o.party_id = w.party_id
where w.party_id <> w.borrower_id and o.subject_id is distinct from w.subject_id
  and not exists (select 1 from drawn_held h
  where h.account_id = w.account_id and h.subject_id = o.subject_id)
"""


def expressions(connection: psycopg.Connection[Any], job: Job) -> dict[str, str]:
    """What stands beside accounts that draw on an agreement on file; nothing where none does.

    Takes: the job with its references looked up; `connection`: under the intake role
    """
    if not job.says("agreement_number"):  # as in most files
        return {}
    person = dict(SHAPES[job.dataset].references)["person"]
    job.con.execute(_DRAWN.format(person=person))
    given: dict[str, str] = {}
    if _load_ended(connection, job):
        given["agreement_ended_on"] = (
            "(select z.ended_on from agreement_ended z where z.object_id = g.object_id)"
        )
    if _load_others(connection, job):
        given["agreement_is_others"] = "r.line_no in (select line_no from drawn_of_other)"
    return given


def _load_ended(connection: psycopg.Connection[Any], job: Job) -> bool:
    """DuckDB table `agreement_ended`: the last day of those that have one. Gives: whether any has.

    None is asked of where no account says when it was opened.
    """
    asked = job.con.execute(
        "select distinct party_id, object_id from drawn where opened_on is not null"
    ).fetchall()
    job.con.execute("create or replace table agreement_ended (object_id uuid, ended_on date)")
    is_any = False
    for start in range(0, len(asked), _ASKED_AT_ONCE):
        parties, objects = zip(*asked[start : start + _ASKED_AT_ONCE], strict=True)
        given = {"parties": list(parties), "objects": list(objects)}
        rows = connection.execute(_ENDED, given).fetchall()
        insert_rows(job.con, "agreement_ended", rows)
        is_any = is_any or bool(rows)
    return is_any


def _load_others(connection: psycopg.Connection[Any], job: Job) -> bool:
    """DuckDB table `drawn_of_other`: lines whose agreement is of somebody who is not the borrower,
    under any number, nor owes the account beside her by what is on file. Gives: whether any is.
    """
    owners = job.con.execute(
        "select distinct party_id from drawn where party_id <> borrower_id"
    ).fetchall()
    if not owners:
        return False
    job.con.execute(
        "create or replace table owner_of_agreement (party_id uuid, subject_id uuid);"
        " create or replace table drawn_held (account_id uuid, subject_id uuid)"
    )
    found = connection.execute(
        "select party_id, subject_id from directory.party_subject where party_id = any(%s)",
        ([row[0] for row in owners],),
    ).fetchall()
    insert_rows(job.con, "owner_of_agreement", found)
    accounts = job.con.execute(
        "select distinct account_id from drawn"
        " where party_id <> borrower_id and account_id is not null"
    ).fetchall()
    for start in range(0, len(accounts), _ASKED_AT_ONCE):
        some = [row[0] for row in accounts[start : start + _ASKED_AT_ONCE]]
        held = connection.execute(_HELD, (some, sorted(DEBT_ROLES))).fetchall()
        insert_rows(job.con, "drawn_held", held)
    job.con.execute(_OTHERS)
    return job.con.execute("select 1 from drawn_of_other limit 1").fetchone() is not None
