"""What the ledger already holds of a file's keys, laid beside the rows in DuckDB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import psycopg

from tallystick.ledger import tables
from tallystick.model.ids import cited_id
from tallystick.service import funding_sums
from tallystick.service.keys_of_rows import SHAPES, item_key_sql
from tallystick.service.references import Job
from tallystick.service.workbench import insert_rows

#: By dataset: the kind of number whose object the existing statements hang on.
_OBJECT_KINDS = {
    "account": "account",
    "account_party": "account",
    "event": "account",
    "funding": "account",
    "agreement": "agreement",
    "guarantee": "guarantee",
    "payment": "payer_account",
}

_QUERY = """
select distinct on (t.{object}, t.{item}) t.{object}, t.{item}::text, encode(t.leaf, 'hex'),
  t.operation, t.reason, c.submission_id is not distinct from %(submission)s as is_own,
  exists (select 1 from ledger.deletion d join ledger.publication dp using (chunk_id)
    where d.party_id = t.party_id and d.object_id = t.{object} and dp.position > p.position
    and (d.dataset = 'account' or (d.dataset = %(dataset)s and d.item_key = t.{item}::text))),
  {furnisher}
from asked_key a join ledger.{dataset} t on t.party_id = a.party_id and t.{object} = a.object_id
  and {within}
join ledger.chunk c using (chunk_id) left join ledger.publication p using (chunk_id)
where (p.position is not null or c.submission_id = %(submission)s)
  and t.chunk_id <> all (array(select chunk_id from ledger.abandoned))
order by t.{object}, t.{item}, p.position desc nulls first
"""


#: A few keys without a table made for them.
_ASKED = """
with asked_key (party_id, object_id, item_key) as
  (select * from unnest(%(parties)s::uuid[], %(objects)s::uuid[], %(items)s::text[]))
"""


def load(connection: psycopg.Connection[Any], job: Job) -> bool:
    """DuckDB table `existing`: per object and item key the newest statement's leaf and state.

    `is_own` marks statements of this very submission: a job resumed after a crash meets them.
    `furnisher_id` is given of snapshots only.
    For snapshots only periods up to the newest on file are asked for; later ones cannot be there,
    unless the newest was deleted.

    Gives: whether anything may be on file
    """
    job.con.execute(
        "create or replace table existing (object_id uuid, item_key varchar, leaf varchar,"
        " operation varchar, reason varchar, is_own boolean, is_deleted boolean,"
        " furnisher_id uuid)"
    )
    keys = _asked(connection, job)
    if not keys:
        return False
    within, given = _within(job)
    is_snapshot = job.dataset == "snapshot"
    query = _QUERY.format(
        dataset=job.dataset,
        object="account_id" if is_snapshot else "object_id",
        item="period_end" if is_snapshot else "item_key",
        furnisher="t.furnisher_id" if is_snapshot else "null",
        within=within,
    )
    given |= {"dataset": job.dataset, "submission": job.submission_id}
    if job.is_small:
        parties, objects, items = zip(*keys, strict=True)
        given |= {"parties": list(parties), "objects": list(objects), "items": list(items)}
        insert_rows(job.con, "existing", connection.execute(_ASKED + query, given))
        return True
    _send(connection, keys)
    with connection.cursor(name="existing") as cursor:
        cursor.itersize = 20000
        cursor.execute(query, given)
        insert_rows(job.con, "existing", cursor)
    return True


def _send(connection: psycopg.Connection[Any], keys: Iterable[tuple[Any, ...]]) -> None:
    """Copy keys into the temporary table `asked_key`."""
    connection.execute(
        "create temporary table if not exists asked_key (party_id uuid, object_id uuid,"
        " item_key text) on commit drop"
    )
    connection.execute("truncate asked_key")
    with connection.cursor().copy("copy asked_key from stdin") as copy:
        for key in keys:
            copy.write_row(key)
    connection.execute("analyze asked_key")


def differs_sql(job: Job, furnisher_sql: str) -> str:
    """SQL over the joins of `service/context.py`: a record of the key is on file and differs.

    Months are compared here by their leaf, and only those on file; everything else has a sealed
    part, which DuckDB cannot make again: `rows.compare` did it.
    """
    if job.dataset != "snapshot":
        return "not q.is_same"
    given = {name: f"r.{name}" for name, _ in tables.table(job.dataset).stated}
    given |= {"furnisher_id": furnisher_sql, "operation": "e.operation", "reason": "e.reason"}
    given |= {"party_id": "a.party_id", "account_id": "a.object_id", "sealed": "null"}
    return (
        "case when e.leaf is not null and not e.is_own and not e.is_deleted"
        f" then e.leaf <> {tables.leaf_duckdb(job.dataset, given)} end"
    )


def _asked(connection: psycopg.Connection[Any], job: Job) -> list[tuple[Any, ...]]:
    """(party, object, item key) of what may be on file; months are asked for by account."""
    if job.dataset == "member":
        return []
    if job.dataset == "snapshot":
        _load_months_deleted(connection, job)
        return job.con.execute(
            "select distinct a.party_id, a.object_id, null from account_ref a join (select"
            ' account_number, min(period_end) as first_end from "row" group by account_number) r'
            " on r.account_number = a.number where a.object_id is not null and"
            " (a.last_period_end >= r.first_end or a.object_id in"
            " (select object_id from month_deleted))"
        ).fetchall()
    shape = SHAPES[job.dataset]
    if job.dataset == "remark":
        tables_of = {"account": "object_id", "person": "party_id"}
    elif job.dataset == "subject":
        tables_of = {"person": "party_id"}
    else:
        tables_of = {_OBJECT_KINDS[job.dataset]: "object_id"}
    asked = " union ".join(
        f"select o.party_id, o.{column} as object_id,"
        f' {item_key_sql(job, account=f"o.{column}")} as item_key from "row" r'
        f" join {kind}_ref o on o.number = {dict(shape.references)[kind]}"
        f" where o.{column} is not null"
        for kind, column in tables_of.items()
    )
    # As text, as they go on: a UUID made of each cell took a tenth of the time of a file of events.
    as_text = "party_id::varchar, object_id::varchar, item_key"
    return job.con.execute(f"select {as_text} from ({asked})").fetchall()


def load_taken_over(connection: psycopg.Connection[Any], job: Job) -> None:
    """DuckDB table `taken_over`: the file's accounts that were another furnisher's first."""
    job.con.execute("create or replace table taken_over (object_id uuid)")
    accounts = job.con.execute(
        "select distinct object_id, party_id from account_ref where object_id is not null"
    ).fetchall()
    if not accounts:
        return
    rows = connection.execute(
        "select a.object_id from unnest(%s::uuid[], %s::uuid[]) as a (object_id, party_id)"
        " join directory.party p using (party_id) where p.furnisher_id <> %s",
        ([one[0] for one in accounts], [one[1] for one in accounts], job.furnisher_id),
    )
    insert_rows(job.con, "taken_over", rows)


def _load_months_deleted(connection: psycopg.Connection[Any], job: Job) -> None:
    """DuckDB table `month_deleted`: accounts whose newest month on file may not be the newest said.

    An account that was hidden whole has none on file, back or not. Deletions are few, so all that
    may be of the furnisher's accounts are taken; a buyer may have made one.
    """
    job.con.execute("create or replace table month_deleted (object_id uuid)")
    given: dict[str, Any] = {"furnisher": job.furnisher_id}
    if job.is_small:
        whose = "d.party_id = any(%(parties)s) and d.object_id = any(%(objects)s)"
        asked = job.con.execute(
            "select distinct party_id, object_id from account_ref where object_id is not null"
        ).fetchall()
        if not asked:
            return
        given |= {"parties": [one[0] for one in asked], "objects": [one[1] for one in asked]}
    else:
        whose = (
            "(d.furnisher_id = %(furnisher)s or exists (select from directory.object o"
            " where o.object_id = d.object_id and o.furnisher_id = %(furnisher)s))"
        )
    rows = connection.execute(
        "select distinct d.object_id from ledger.deletion d join ledger.publication using"
        f" (chunk_id) where d.dataset in ('account', 'snapshot') and {whose}",
        given,
    )
    insert_rows(job.con, "month_deleted", rows)


def _within(job: Job) -> tuple[str, dict[str, Any]]:
    if job.dataset != "snapshot":
        return "t.item_key = a.item_key", {}
    low, high = job.con.execute('select min(period_end), max(period_end) from "row"').fetchall()[0]
    return "t.period_end between %(low)s and %(high)s", {"low": low, "high": high}


_SHARE_COLUMNS = """
  account_id uuid, funder_id uuid, valid_from date, valid_to date, share_ppb bigint, role varchar,
  currency varchar, funded_amount_minor bigint, stated_by uuid
"""


def load_shares(connection: psycopg.Connection[Any], job: Job) -> None:
    """DuckDB table `shares` (`funding_sums`), from what is on file and in the file."""
    job.con.execute(f"create or replace table on_file_share ({_SHARE_COLUMNS})")
    accounts = [
        row[0]
        for row in job.con.execute(
            "select distinct object_id from account_ref where object_id is not null"
        ).fetchall()
    ]
    rows = connection.execute(
        "select distinct on (account_id) account_id, terms from file.account"
        " where account_id = any(%s) order by account_id, subject_id",
        (accounts,),
    )
    shares = [one for account, terms in rows for one in _shares(account, orjson.loads(terms))]
    if shares:
        insert_rows(job.con, "on_file_share", shares)
    funding_sums.make(job)


def load_funded(connection: psycopg.Connection[Any], job: Job) -> bool:
    """DuckDB table `funded` (`funding_sums`): what is on file beside the file's account terms.

    Gives: whether any of the file's accounts is funded
    """
    accounts = job.con.execute(
        "select object_id, party_id from account_ref where object_id is not null union"
        " select object_id, party_id from former where object_id is not null"
    ).fetchall()
    shares: list[tuple[Any, ...]] = []
    newest: list[tuple[Any, ...]] = []
    for start in range(0, len(accounts), _ASKED_AT_ONCE):
        some = accounts[start : start + _ASKED_AT_ONCE]
        given = {"objects": [one[0] for one in some], "parties": [one[1] for one in some]}
        for account, text, furnisher_id in connection.execute(_FUNDED, given):
            terms = orjson.loads(text)
            shares += _shares(account, terms)
            is_anothers = furnisher_id != job.furnisher_id
            newest.append((account, terms["versions"][-1]["valid_from"], is_anothers))
    if not shares:
        return False
    job.con.execute(f"create or replace table on_file_share ({_SHARE_COLUMNS})")
    insert_rows(job.con, "on_file_share", shares)
    job.con.execute(
        "create or replace table newest_terms (account_id uuid, valid_from date,"
        " is_anothers boolean)"
    )
    insert_rows(job.con, "newest_terms", newest)
    funding_sums.make_beside_terms(job)
    return True


_ASKED_AT_ONCE = 10_000
#: Few accounts are funded by others, so they are found by their fundings.
_FUNDED = """
select distinct on (f.account_id) f.account_id, f.terms, f.furnisher_id from file.account f
where f.account_id in (select t.object_id
  from unnest(%(objects)s::uuid[], %(parties)s::uuid[]) as a (object_id, party_id)
  join ledger.funding t using (party_id, object_id))
order by f.account_id, f.subject_id
"""


def _shares(account: UUID, terms: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The fundings of an account's row of a file, as `_SHARE_COLUMNS`."""
    return [
        (account, one["funder_id"], one["valid_from"], one.get("valid_to"), one.get("share_ppb"),
         one["role"], one.get("currency"), one.get("funded_amount_minor"), one["stated_by"])
        for one in terms["fundings"]
    ]  # fmt: skip


def load_consents(connection: psycopg.Connection[Any], job: Job, now: datetime) -> None:
    """DuckDB table `consent_of` (consent_ref, party_id, state): does the consent cover the row?

    Time: a consent holds from its first instant up to, not including, its last
    """
    job.con.execute(
        "create or replace table consent_of (consent_ref varchar, party_id uuid, state varchar)"
    )
    if not job.says("consent_ref"):
        return
    number = dict(SHAPES[job.dataset].references)["person"]
    pairs = job.con.execute(
        'select distinct r.consent_ref, p.party_id from "row" r'
        f" join person_ref p on p.number = {number}"
        " where r.consent_ref is not null and p.party_id is not null"
    ).fetchall()
    if not pairs:
        return
    rows = connection.execute(
        _CONSENTS,
        {
            "refs": [pair[0] for pair in pairs],
            "cited": [cited_id("cns", pair[0]) for pair in pairs],
            "parties": [pair[1] for pair in pairs],
            "furnisher": job.furnisher_id,
            "now": now,
        },
    )
    insert_rows(job.con, "consent_of", rows)


_CONSENTS = """
select cited.ref, cited.party_id,
  case
    when w.consent_id is not null then 'withdrawn'
    when not exists (select 1 from identity.party_token t
      where t.party_id = cited.party_id and t.token = c.token) then 'other_subject'
    when c.captured_by <> %(furnisher)s then 'other_recipient'
    when c.purpose <> 'furnishing' then 'other_purpose'
    when greatest(c.valid_from, c.given_at) > %(now)s then 'not_yet'
    when c.valid_to <= %(now)s then 'expired'
    else 'active'
  end
from unnest(%(refs)s::text[], %(cited)s::uuid[], %(parties)s::uuid[])
  as cited (ref, consent_id, party_id)
join directory.consent k on k.consent_id = cited.consent_id
join gate.consent c on c.token = k.token and c.consent_id = k.consent_id
left join gate.withdrawal w on w.token = c.token and w.consent_id = c.consent_id
"""
