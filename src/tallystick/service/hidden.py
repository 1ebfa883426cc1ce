"""Accounts and persons that a deletion hides: what hangs on them waits until they come back.

A deletion of one of an account's records hides the account; a person is hidden once every record of
hers is deleted. Either comes back by a certified correction of such a record, and by no other key.
An account of a hidden person goes on where it is somebody's still: hers under another number that
continues the deleted one, or that of a person who holds it with her.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

import psycopg

from tallystick.ledger.fold import CONTINUED
from tallystick.service.keys_of_rows import SHAPES
from tallystick.service.references import Job
from tallystick.service.workbench import insert_rows

#: SQL: whether every record of a person was deleted since it was said; `{party}` names her party.
#: Deletions are few, so she is looked for among them first.
PERSON_IS_HIDDEN = """(exists (select from ledger.deletion hd
    join ledger.publication using (chunk_id)
    where hd.party_id = {party} and hd.object_id = {party} and hd.dataset = 'subject')
  and not exists (select from ledger.subject hs join ledger.publication hp using (chunk_id)
    where hs.party_id = {party} and hs.object_id = {party}
    and not exists (select from ledger.deletion hd join ledger.publication dp using (chunk_id)
      where hd.party_id = {party} and hd.object_id = {party} and hd.dataset = 'subject'
      and hd.item_key = hs.item_key and dp.position > hp.position)))"""
#: SQL, of a hidden person: whether another number of hers continues the deleted one (`CONTINUED`)
#: and stands. Equal to what `read_file.gone_parties` says of her file.
_ANOTHER_STANDS = f"""exists (select from directory.party gy
    join directory.party_subject gs using (party_id)
    join directory.party_subject gt on gt.subject_id = gs.subject_id and gt.party_id <> gs.party_id
    join directory.party gz on gz.party_id = gt.party_id and gz.furnisher_id = gy.furnisher_id
    where gy.party_id = {{party}} and not {PERSON_IS_HIDDEN.format(party="gz.party_id")})"""
PERSON_GOES_ON = f"""(coalesce((select gd.reason = '{CONTINUED}' from ledger.deletion gd
    join ledger.publication gp using (chunk_id)
    where gd.party_id = {{party}} and gd.object_id = {{party}} and gd.dataset = 'subject'
    order by gp.position desc, gd.row_no desc limit 1), false)
  and {_ANOTHER_STANDS})"""
#: SQL: whether an account `{account}` kept under a hidden person `{party}` goes on. A holder whose
#: role has ended counts: months of that time may still come.
ACCOUNT_GOES_ON = f"""({PERSON_GOES_ON}
  or exists (select from (select ft.terms from file.account ft
      where ft.account_id = {{account}} limit 1) ft
    cross join lateral json_array_elements(ft.terms::json -> 'holders') h
    join directory.party hy on hy.party_id = (h ->> 'party_id')::uuid
    where hy.party_id <> {{party}} and not ({PERSON_IS_HIDDEN.format(party="hy.party_id")}
      and not {PERSON_GOES_ON.format(party="hy.party_id")})))"""
#: Of accounts without terms on file, those that are there and were deleted since their last terms.
_ACCOUNTS = """
select distinct d.object_id
from unnest(%(parties)s::uuid[], %(objects)s::uuid[]) as a (party_id, object_id)
join ledger.deletion d on d.party_id = a.party_id and d.object_id = a.object_id
  and d.dataset = 'account'
join ledger.publication dp using (chunk_id)
where not exists (select from ledger.account t join ledger.publication p using (chunk_id)
  where t.party_id = a.party_id and t.object_id = a.object_id and p.position > dp.position)
"""
#: A person is her furnisher's: what another says of her hides nothing.
_PERSONS = f"""
select y.party_id, y.furnisher_id
from (select distinct party_id from ledger.deletion where dataset = 'subject'
  and object_id = party_id and ({{whose}})) d
join directory.party y using (party_id) where {PERSON_IS_HIDDEN.format(party="d.party_id")}
"""
_GO_ON = f"""
select a.object_id from unnest(%s::uuid[], %s::uuid[]) as a (object_id, party_id)
where {ACCOUNT_GOES_ON.format(account="a.object_id", party="a.party_id")}
"""
_ACCOUNT_OF_HIDDEN = (
    "create or replace table account_of_hidden (object_id uuid, party_id uuid, goes_on boolean)"
)
#: Terms of a hidden person's account that name another number of hers would be seen by nobody.
_BY = {"account": "a.object_id in (select object_id from hidden_account)"
                  " or (p.subject_id is not null and a.object_id in"
                  " (select object_id from account_of_hidden where not goes_on))",
       "subject": "p.party_id in (select party_id from hidden_person)"}  # fmt: skip


def load(connection: psycopg.Connection[Any], job: Job) -> None:
    """DuckDB tables `hidden_account` (object_id) and `hidden_person` (party_id, furnisher_id).

    Takes: `account_ref` and `person_ref` as looked up; afterwards a hidden person, and an account
           of hers that does not go on, has no `subject_id` there, as what is not on file: what
           hangs on it waits. A subject's own row keeps it: whose it is was decided. Of an account
           itself `account_of_hidden` (object_id, party_id, goes_on) says it
    """
    kinds = {kind for kind, _ in SHAPES[job.dataset].references}
    if job.dataset == "account":
        _load_accounts(connection, job)
        job.con.execute(_ACCOUNT_OF_HIDDEN)
    if not _load_persons(connection, job, kinds):
        return
    if "account" in kinds:
        _load_going_on(connection, job)
    if "person" in kinds and job.dataset != "subject":
        job.con.execute(
            "update person_ref set subject_id = null"
            " where party_id in (select party_id from hidden_person)"
        )
    if "account" in kinds and job.dataset != "account":
        job.con.execute(
            "update account_ref set subject_id = null"
            " where object_id in (select object_id from account_of_hidden where not goes_on)"
        )


def parent_of_account_sql() -> str:
    """SQL over the joins of `service/context.py`: an account's person, or the account, is there."""
    goes_on = "select (object_id, party_id) from account_of_hidden where goes_on"
    return f"(p.subject_id is not null or (a.object_id, p.party_id) in ({goes_on}))"


def continued(connection: psycopg.Connection[Any], parties: Collection[UUID]) -> set[UUID]:
    """Those of some parties of whose person another number stands at the same furnisher."""
    if not parties:  # nearly always: few deletions are of persons
        return set()
    stands = _ANOTHER_STANDS.format(party="a.party_id")
    rows = connection.execute(
        f"select a.party_id from unnest(%s::uuid[]) as a (party_id) where {stands}",
        (list(parties),),
    )
    return {row[0] for row in rows}


def said_reason(kept: str) -> str:
    """The reason of a deletion as its furnisher gave it."""
    return "duplicate" if kept == CONTINUED else kept


def is_deleted_sql(dataset: str) -> str:
    """SQL over the joins of `service/context.py`: the row's own key, or all it is of, is hidden."""
    found = "coalesce(e.is_deleted, false)"
    return f"{found} or coalesce({_BY[dataset]}, false)" if dataset in _BY else found


def _load_accounts(connection: psycopg.Connection[Any], job: Job) -> None:
    job.con.execute("create or replace table hidden_account (object_id uuid)")
    # One that is on file is not hidden, and one that is new has no id: few are asked for.
    asked = job.con.execute(
        "select distinct party_id, object_id from account_ref"
        " where object_id is not null and changed_by is null"
    ).fetchall()
    if asked:
        parties, objects = zip(*asked, strict=True)
        given = {"parties": list(parties), "objects": list(objects)}
        insert_rows(job.con, "hidden_account", connection.execute(_ACCOUNTS, given))


def _load_going_on(connection: psycopg.Connection[Any], job: Job) -> None:
    """DuckDB table `account_of_hidden`: the accounts kept under a hidden person.

    An account that another furnisher has taken over since is no more the hidden person's.
    """
    found = job.con.execute(
        "select distinct object_id, party_id from account_ref where (party_id, furnisher_id) in"
        " (select (party_id, furnisher_id) from hidden_person)"
    ).fetchall()
    objects, parties = [one[0] for one in found], [one[1] for one in found]
    on = {row[0] for row in connection.execute(_GO_ON, (objects, parties))} if found else set()
    job.con.execute(_ACCOUNT_OF_HIDDEN)
    insert_rows(job.con, "account_of_hidden", [(*one, one[0] in on) for one in found])


def _load_persons(connection: psycopg.Connection[Any], job: Job, kinds: set[str]) -> bool:
    job.con.execute("create or replace table hidden_person (party_id uuid, furnisher_id uuid)")
    named = " union ".join(
        f"select party_id from {kind}_ref where party_id is not null"
        for kind in ("account", "person")
        if kind in kinds
    )
    if not named:
        return False
    given: dict[str, Any] = {}
    if job.is_small:
        parties = [one[0] for one in job.con.execute(named).fetchall()]
        if not parties:
            return False
        whose, given = "party_id = any(%(parties)s)", {"parties": parties}
    elif job.dataset == "funding":  # which cites others' accounts
        whose = "true"
    else:
        whose, given = "furnisher_id = %(furnisher)s", {"furnisher": job.furnisher_id}
    found = connection.execute(_PERSONS.format(whose=whose), given).fetchall()
    if found:
        insert_rows(job.con, "hidden_person", found)
    return bool(found)
