"""Accounts that were sold: their seller speaks of the time before it, their buyer of the whole."""

from __future__ import annotations

from typing import Any

import psycopg

from tallystick.service import beside_rows
from tallystick.service.former import told
from tallystick.service.references import Job
from tallystick.service.workbench import insert_rows

#: The first day, or the day after the last, that a seller may not speak of, by dataset.
_SINCE = {
    "snapshot": "r.period_end >= z.sold_on",
    "event": f"{beside_rows.EVENT_DAY} > z.sold_on",
}
#: Terms of the very day of the sale that the seller said before, as its closing, stay its own.
_NOT_SAID = """ and (r.valid_from > z.sold_on or (e.leaf is null and not exists
  (select 1 from others_terms y where y.object_id = a.object_id and y.is_own_too
    and y.item_key = r.valid_from::varchar)))"""
#: Of shares the loan's originator alone is bound: a funder speaks of its own at any time, and cites
#: accounts that never were its own.
_OWN_LOANS = " and originator in (select code from member_ref where member_id = $own)"


def load(connection: psycopg.Connection[Any], job: Job) -> bool:
    """DuckDB table `sold_account`: accounts of the file that are another's now, and since when.

    Beside fundings also `after_sale` (line_no): those that speak of the time after it.

    Takes: `account_ref`, beside fundings `member_ref`, as looked up
    Gives: whether there are any
    """
    is_funding = job.dataset == "funding"
    if is_funding:
        job.con.execute("create or replace table after_sale (line_no bigint)")
    elif job.dataset not in beside_rows.BY_HOLDER:
        return False
    accounts = dict(
        job.con.execute(
            "select distinct object_id, party_id from account_ref where furnisher_id <> $own"
            + (_OWN_LOANS if is_funding else ""),
            {"own": str(job.furnisher_id)},
        ).fetchall()
    )
    rows = [
        (account, one.held_until(job.furnisher_id))
        for account, one in told(connection, accounts).items()
    ]
    if rows:
        job.con.execute("create or replace table sold_account (object_id uuid, sold_on date)")
        insert_rows(job.con, "sold_account", rows)
        if is_funding:
            job.con.execute(_AFTER_SALE, {"own": str(job.furnisher_id)})
    return bool(rows)


def load_others_terms(connection: psycopg.Connection[Any], job: Job) -> None:
    """DuckDB table `others_terms`: days of the file's accounts of which another's terms are kept
    under the day alone, as a seller's closing where its buyer's terms begin on that day.

    `is_own_too`: the sender spoke under that key before, when one key was both's.

    Takes: `account_ref` and `former` as looked up
    """
    job.con.execute(
        "create or replace table others_terms (object_id uuid, item_key varchar,"
        " is_own_too boolean)"
    )
    accounts = job.con.execute(
        "select object_id, party_id from account_ref where object_id is not null union"
        " select object_id, party_id from former where object_id is not null"
    ).fetchall()
    if not accounts:
        return
    given = {"objects": [one[0] for one in accounts], "parties": [one[1] for one in accounts]}
    rows = connection.execute(_OTHERS_TERMS, {**given, "own": job.furnisher_id})
    insert_rows(job.con, "others_terms", rows)


#: Few accounts ever had two furnishers: they have a number at each.
_OTHERS_TERMS = """
select t.object_id, t.item_key, bool_or(t.furnisher_id = %(own)s)
from unnest(%(objects)s::uuid[], %(parties)s::uuid[]) as a (object_id, party_id)
join ledger.account t on t.party_id = a.party_id and t.object_id = a.object_id
  and t.item_key = t.valid_from::text
join ledger.publication p using (chunk_id)
where exists (select from directory.object o
  where o.object_id = a.object_id and o.furnisher_id <> %(own)s)
group by t.object_id, t.item_key
having (array_agg(t.furnisher_id order by p.position desc))[1] <> %(own)s
"""
_AFTER_SALE = """
insert into after_sale select r.line_no
from "row" r join member_ref n on n.code = r.originator and n.member_id = $own
join account_state a on a.number = r.account_number and a.originator = r.originator
join sold_account z on z.object_id = a.object_id and r.valid_from >= z.sold_on
"""


def expressions(job: Job, exists_already: str) -> dict[str, str]:
    """Who sold an account still speaks of its time before; a row that takes it over may begin.

    Takes: `exists_already`: the expression of that column
    Gives: what `parent_is_own` says beside a row, over the joins of `service/context.py`
    """
    if job.dataset == "funding":
        is_own = "r.line_no not in (select line_no from after_sale)"
    else:
        since = _SINCE.get(job.dataset, "r.valid_from >= z.sold_on")
        if job.dataset == "account":
            since += _NOT_SAID
        is_own = (
            f"not exists (select 1 from sold_account z where z.object_id = a.object_id and {since})"
        )
        if job.dataset == "account":
            is_own = f"(f.state is not distinct from 'goes_on' or {is_own})"
    # What is refused for it takes the place of nothing, and hears nothing of what the buyer said.
    return {"parent_is_own": is_own, "exists_already": f"({exists_already}) and {is_own}"}
