"""The context beside each row: what the rules may read about the file and the ledger.

Builds the query of the rows to judge (the record's typed columns, `line_no`, and exactly the
columns of `validate.context_of`) from the staged rows and the tables of references. Files of a
million rows and single records go through the same query.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import psycopg

from tallystick.model.instant import microseconds
from tallystick.profile import ProfileAt
from tallystick.service import (
    agreements,
    around,
    beside_rows,
    closings,
    existing,
    first_days,
    former,
    former_places,
    hidden,
    holders,
    lived,
    overtaken,
    sold,
    whose,
)
from tallystick.service.keys_of_rows import SHAPES, item_key_sql
from tallystick.service.port import Deps
from tallystick.service.references import Job, look_up
from tallystick.service.workbench import insert_rows
from tallystick.validate import context_of
from tallystick.validate.columns import local_day_sql

_SQL_TYPES = {
    "text": "varchar",
    "date": "date",
    "integer": "integer",
    "bigint": "bigint",
    "boolean": "boolean",
    "instant": "timestamptz",
}
#: Datasets whose records name other members; `member_ref` holds these by their code.
_NAMES_MEMBERS = frozenset({"funding", "member"})
_ON_ACCOUNT = {
    "account_opened_on": "a.opened_on",
    "account_closed_on": "a.closed_on",
    "account_currency": "a.currency",
    "account_product": "a.product",
    "account_credit_limit_minor": "a.credit_limit_minor",
    "account_principal_minor": "a.principal_minor",
    "account_maturity_on": "a.maturity_on",
    "account_basis": "a.basis",
}


def build(
    deps: Deps,
    connection: psycopg.Connection[Any],
    job: Job,
    profile: ProfileAt,
    *,
    day: date,
    corrections: bool = False,
) -> str:
    """Look up what stands beside the job's table `row`; gives the query of the rows to judge.

    Takes: `day`: the day of judging; `connection`: under the intake role, in a transaction;
           `corrections`: the rows are corrections, which may reach beyond the open periods
    Time:  the query reads the tables when it runs: after `rows.compare`
    """
    _references(deps, connection, job)
    if job.dataset in ("event", "remark"):
        existing.load_taken_over(connection, job)
    if job.dataset == "account":
        former.load_accounts(deps, connection, job)
        sold.load_others_terms(connection, job)
    is_known = existing.load(connection, job)
    job.con.execute("create or replace table compared (line_no bigint, is_same boolean)")
    beside_rows.load_duplicates(job, corrections=corrections)
    has_sold = sold.load(connection, job)
    has_first_days = False
    if job.dataset in ("snapshot", "payment"):
        beside_rows.load_buckets(job, profile)
        has_first_days = beside_rows.load_previous(job)
    if job.dataset == "subject":
        beside_rows.load_identifiers(job, profile)
        former.load_persons(deps, connection, job)
    if job.dataset == "funding":
        existing.load_shares(connection, job)
    if "consent_ref" in beside_rows.row_columns(job):
        existing.load_consents(connection, job, deps.clock())
    given = _expressions(deps, job, profile, day)
    given |= _rarely(connection, job, profile)
    if is_known and job.dataset == "snapshot" and around.load(connection, job):
        given |= around.expressions()
    if has_first_days and first_days.load(connection, job, is_known=is_known):
        given |= first_days.expressions()
    if not is_known:
        given["exists_already"] = "false"
    given |= former_places.expressions(deps, connection, job)
    given |= whose.expressions(connection, job, given["exists_already"])
    given |= overtaken.expressions(connection, job, joins(job), given["exists_already"])
    if has_sold:
        given |= sold.expressions(job, given["exists_already"])
    if corrections:  # which say themselves what they replace
        given["is_open_period"] = "true"
        given["exists_already"] = "false"
        given.pop("on_file_first_delinquency_on", None)
        given["is_deleted"] = (
            f"({given['is_deleted']}) and not exists"
            " (select 1 from certified z where z.line_no = r.line_no)"
        )
    columns = ", ".join(
        f"({given.get(column.name, 'null')})::{_SQL_TYPES[column.type]} as {column.name}"
        for column in context_of(job.dataset)
    )
    return f'select r.*, {columns} from "row" r {joins_to_judge(job)}'


def _rarely(connection: psycopg.Connection[Any], job: Job, profile: ProfileAt) -> dict[str, str]:
    """What is asked of few accounts, where the file has any: terms of those that are funded or were
    closed before a month that owes, months of those that were closed or sold.
    """
    given: dict[str, str] = lived.expressions(connection, job)
    if job.dataset == "account":
        given |= agreements.expressions(connection, job)
        if existing.load_funded(connection, job):
            given |= {
                name: f"(select z.{name} from funded z where z.line_no = r.line_no)"
                for name in ("most_funded_minor", "largest_funded_minor")
            }
        terms = closings.terms_to_ask_of(job)
        if closings.load_owed(connection, job, terms, profile):
            given |= {
                name: f"(select z.{name} from owed z where z.line_no = r.line_no)"
                for name in closings.OWED
            }
        if closings.load_open_again(connection, job, terms):
            given["on_file_closed_on"] = (
                "if(f.state is distinct from 'goes_on' and r.line_no not in"
                " (select line_no from open_again), a.closed_on, null)"
            )
    if job.dataset == "account_party" and holders.load_beside(connection, job):
        given |= {
            name: f"r.line_no in (select z.line_no from held_beside z where z.{name})"
            for name in ("has_other_role", "is_taken")
        }
    if job.dataset == "event" and closings.load_left_open(connection, job, profile):
        given["leaves_account_open"] = "r.line_no in (select line_no from left_open)"
    if job.dataset == "event" and closings.load_running(connection, job):
        given["was_reopened"] = "r.line_no in (select line_no from running_again)"
    if job.dataset != "snapshot":
        return given
    closed = closings.closed_on_file(job)
    if closed and closings.load_reasons(connection, job):
        given["account_closed_reason"] = (
            "(select z.reason from closed_as z where z.object_id = a.object_id)"
        )
    if closed and closings.load_reopened(connection, job, closed):
        given["reopened_since"] = (
            "exists (select 1 from reopened z where z.account_id = a.object_id"
            " and z.occurred_on > v.period_end and z.occurred_on <= r.period_end)"
        )
        given["reopened_since_closing"] = (
            "exists (select 1 from reopened z where z.account_id = a.object_id"
            " and z.occurred_on >= a.closed_on and z.occurred_on <= r.period_end)"
        )
    if former.load_bought(connection, job):
        given["prev_status"] = (
            "case when v.status <> 'sold' or a.object_id not in (select object_id from bought)"
            " then v.status end"
        )
    return given


def _references(deps: Deps, connection: psycopg.Connection[Any], job: Job) -> None:
    members: list[tuple[str, UUID]] = []
    if job.dataset in _NAMES_MEMBERS:
        members = connection.execute("select code, member_id from member.member").fetchall()
        job.con.execute("create or replace table member_ref (code varchar, member_id uuid)")
        insert_rows(job.con, "member_ref", members)
    for kind, number in SHAPES[job.dataset].references:
        if job.dataset == "funding":
            _funding_accounts(deps, connection, job, members)
        else:
            look_up(
                deps,
                connection,
                job,
                kind=kind,
                numbers_sql=f'select {number} as number from "row" r',
                into=f"{kind}_ref",
            )
    hidden.load(connection, job)
    if "account" in {kind for kind, _ in SHAPES[job.dataset].references}:
        _account_state(job)


def _account_state(job: Job) -> None:
    """One row per account, of those it has in the files of several subjects (all say the same).

    Made once where some have several: a view would find them anew in each of a dozen statements.
    """
    by = "originator, no" if job.dataset == "funding" else "no"
    rows, accounts, objects, named = job.con.execute(
        f"select count(*), count(distinct ({by})), count(distinct object_id), count(object_id)"
        " from account_ref"
    ).fetchall()[0]
    one_each = "from account_ref"
    if rows != accounts:
        one_each = "from account_once"
        job.con.execute(
            "create or replace table account_once as from account_ref"
            f" qualify row_number() over (partition by {by} order by subject_id) = 1"
        )
    job.con.execute(f"create or replace view account_state as {one_each}")
    # An account that went on under another number may come under both in one file.
    twice = (
        " as select object_id from account_state where object_id is not null"
        " group by object_id having count(*) > 1"
    )
    is_none = rows == accounts and objects == named
    job.con.execute(
        f"create or replace table two_numbers{' (object_id uuid)' if is_none else twice}"
    )


def _funding_accounts(
    deps: Deps, connection: psycopg.Connection[Any], job: Job, members: list[tuple[str, UUID]]
) -> None:
    """Accounts cited by their originators: looked up under each originator named in the file."""
    known = dict(members)
    named = job.con.execute(
        'select distinct originator from "row" where originator is not null'
    ).fetchall()
    job.con.execute("drop table if exists account_ref_all")
    for (code,) in [*named, ("",)]:
        if code and code not in known:
            continue
        look_up(
            deps,
            connection,
            job,
            kind="account",
            numbers_sql=f"select account_number as number from \"row\" where originator = '{code}'",
            into="account_ref",
            furnisher_id=known.get(code, job.furnisher_id),
        )
        job.con.execute(
            "create table if not exists account_ref_all as"
            " select ''::varchar as originator, * from account_ref limit 0"
        )
        job.con.execute(f"insert into account_ref_all select '{code}', * from account_ref")
    job.con.execute("create or replace table account_ref as from account_ref_all")


def joins(job: Job) -> str:
    """The joins: `r` the row; `a`, `p`, `o` its references; `e` on file; `d` its duplicate.

    `q`: whether it says the same (snapshots have none, see `rows.compare`).
    Time: as the tables stand; only `compared` may be filled afterwards
    """
    return _joins_sql(job, _joined(job))


def joins_to_judge(job: Job) -> str:
    """`joins`, and what else the rules may read beside a row; `c` the consent it cites."""
    found = _joined(job)
    if job.dataset in ("snapshot", "payment"):
        found.append(("bucket_ref", "b", "b.code = r.bucket"))
        found.append(("previous", "v", "v.line_no = r.line_no"))
        found.append(("bucket_ref", "k", "k.code = v.bucket"))
    if job.dataset == "subject":
        found.append(("identifier_check", "i", "i.line_no = r.line_no"))
    if job.dataset == "funding":
        found.append(("shares", "s", "s.line_no = r.line_no"))
        found.append(("member_ref", "m", "m.code = r.funder"))
        found.append(("member_ref", "n", "n.code = r.originator"))
    if "consent_ref" in beside_rows.row_columns(job):
        is_of = f"c.consent_ref = r.consent_ref and c.party_id = {_party_sql(job.dataset)}"
        found.append(("consent_of", "c", is_of))
    return _joins_sql(job, found)


#: A table, its alias, and what its row has in common with the row it is laid beside.
_Join = tuple[str, str, str]
#: The tables laid beside rows that hold nothing in most files.
_OFTEN_EMPTY = frozenset(
    {"duplicate_of", "existing", "former", "agreement_ref", "previous", "consent_of"}
)


def _joined(job: Job) -> list[_Join]:
    shape = SHAPES[job.dataset]
    kinds = dict(shape.references)
    found = [("duplicate_of", "d", "d.line_no = r.line_no")]
    if "account" in kinds:
        originator = " and a.originator = r.originator" if job.dataset == "funding" else ""
        found.append(("account_state", "a", f"a.number = {kinds['account']}{originator}"))
    if "person" in kinds:
        found.append(("person_ref", "p", f"p.number = {kinds['person']}"))
    if shape.own in ("agreement", "guarantee", "payer_account"):
        found.append((f"{shape.own}_ref", "o", f"o.number = {kinds[shape.own]}"))
    item_key = item_key_sql(job)
    is_its_key = f"e.object_id = {object_sql(job.dataset)} and e.item_key = {item_key}"
    found.append(("existing", "e", is_its_key))
    if job.dataset != "snapshot":
        found.append(("compared", "q", "q.line_no = r.line_no"))
    if job.dataset in ("account", "subject"):
        found.append(("former", "f", "f.line_no = r.line_no"))
    if job.dataset == "account":
        found.append(("agreement_ref", "g", "g.number = r.agreement_number"))
    return found


def _joins_sql(job: Job, joined: Sequence[_Join]) -> str:
    """Left joins; one for all the tables that hold nothing, which in most files are most of them.

    Beside two rows a join with an empty table takes 0.7 ms of CPU, one of them all 0.3 ms.
    """
    asked = [table for table, _, _ in joined if table in _OFTEN_EMPTY]
    empty = set(asked) - job.filled(*asked)
    if "existing" in empty:
        empty.add("compared")  # which `rows.compare` fills from it, maybe after this
    nothing = " cross join ".join(
        f"{table} {alias}" for table, alias, _ in joined if table in empty
    )
    found = [f"left join ({nothing}) on false"] if nothing else []
    found += [
        f"left join {table} {alias} on {condition}"
        for table, alias, condition in joined
        if table not in empty
    ]
    return " ".join(found)


_PARENT_KNOWN = {
    "account": "a.subject_id is not null",
    "person": "p.subject_id is not null",
    "account_or_person": "coalesce(a.subject_id, p.subject_id) is not null",
}


def lacks_consent_sql(job: Job) -> str | None:
    """Whether a row has all but the consent it cites, over `joins`; None where none is cited."""
    parent = SHAPES[job.dataset].parent
    if parent is None or "consent_ref" not in beside_rows.row_columns(job):
        return None
    party = _party_sql(job.dataset)
    cites = f"r.consent_ref is not null and {party} is not null and c.state is null"
    return f"{_PARENT_KNOWN[parent]} and {cites}"


def _party_sql(dataset: str) -> str:
    """The person a consent must be of; NULL while nothing of her is on file."""
    return "coalesce(p.party_id, a.party_id)" if dataset == "account" else "p.party_id"


def object_sql(dataset: str) -> str:
    """The id of the object a row is about, over the view's joins; NULL while it is new."""
    if dataset in ("account", "account_party", "snapshot", "event", "funding"):
        return "a.object_id"
    if dataset == "subject":
        return "p.party_id"
    if dataset == "remark":
        return "coalesce(a.object_id, p.party_id)"
    if dataset == "member":
        return "(select m.member_id from member_ref m where m.code = r.member)"
    return "o.object_id"


def _is_open_sql(job: Job, profile: ProfileAt, day: date) -> str:
    """Whether the month a row is about may still be told otherwise; what has none always may."""
    if job.dataset == "event":
        about = local_day_sql("epoch_us(r.occurred_at)")
    elif "period_end" in beside_rows.row_columns(job):
        about = "r.period_end"
    else:
        return "true"
    open_since = day.year * 12 + day.month - profile.open_periods_months
    return f"year({about}) * 12 + month({about}) >= {open_since}"


def _expressions(deps: Deps, job: Job, profile: ProfileAt, day: date) -> dict[str, str]:
    dataset, parent = job.dataset, SHAPES[job.dataset].parent
    own = f"'{job.furnisher_id}'::uuid"
    given = {
        "judged_on": f"date '{day}'",
        "person_is_other": "false",
        "newer_was_taken": "false",
        "is_test_mode": str(deps.is_test_mode).lower(),
        "duplicate_line_no": "d.first_line_no",
        "duplicate_is_equal": "d.is_equal",
        "is_deleted": hidden.is_deleted_sql(dataset),
        "exists_already": f"coalesce({existing.differs_sql(job, own)}, false)",
    }
    if dataset == "event":
        given["judged_on"] = local_day_sql(microseconds(deps.clock()))
    given["is_open_period"] = _is_open_sql(job, profile, day)
    if parent:
        given["parent_exists"] = (
            hidden.parent_of_account_sql() if dataset == "account" else _PARENT_KNOWN[parent]
        )
        given["parent_is_own"] = "true"
    if dataset in ("snapshot", "event", "account_party", "funding", "guarantee", "remark"):
        given |= _ON_ACCOUNT
    if "consent_ref" in beside_rows.row_columns(job):
        # What says nothing new was taken under it: the same once more is unchanged.
        given["consent_state"] = (
            f"case when r.consent_ref is not null and {_party_sql(dataset)} is not null"
            " and not coalesce(q.is_same, false) then coalesce(c.state, 'unknown') end"
        )
    if dataset in ("snapshot", "payment"):
        given |= _monthly(profile)
    if dataset == "snapshot":
        given |= {"reopened_since": "false", "reopened_since_closing": "false"}
        given["on_file_is_own"] = f"e.furnisher_id = {own}"
    return given | _special(dataset, own)


def _monthly(profile: ProfileAt) -> dict[str, str]:
    worst = max((one.rank for one in profile.buckets.values() if one.rank is not None), default=0)
    return {
        "bucket_rank": "b.rank",
        "bucket_kind": "b.kind",
        "bucket_days_min": "b.days_min",
        "bucket_days_max": "b.days_max",
        "bucket_max_rank": str(worst),
        "prev_period_end": "v.period_end",
        "prev_bucket_rank": "k.rank",
        "prev_bucket_kind": "k.kind",
        "prev_balance_minor": "v.balance_minor",
        "prev_first_delinquency_on": "v.first_delinquency_on",
        "prev_status": "v.status",
        "prev_is_adjacent": "(year(r.period_end) * 12 + month(r.period_end))"
        " - (year(v.period_end) * 12 + month(v.period_end)) = 1",
    }


def _special(dataset: str, own: str) -> dict[str, str]:
    special: dict[str, dict[str, str]] = {
        "account": {
            "on_file_opened_on": "coalesce(a.opened_on, f.opened_on)",
            "on_file_product": "coalesce(a.product, f.product)",
            "on_file_currency": "coalesce(a.currency, f.currency)",
            # What its former holder closed as sold is open at the new one.
            "on_file_closed_on": "if(f.state is distinct from 'goes_on', a.closed_on, null)",
            "former_state": "f.state",
            "agreement_is_known": "r.agreement_number is null or g.object_id is not null",
        },
        "funding": {
            # An account number of nobody's names no account: there is none to wait for.
            "parent_exists": f"if(n.member_id is not null, {_PARENT_KNOWN['account']}, null)",
            "most_other_shares_ppb": "s.most_other_shares_ppb",
            "sent_shares": "s.sent_shares_ppb // 1000000000 || '.'"
            " || lpad((s.sent_shares_ppb % 1000000000)::varchar, 9, '0')",
            "account_whole_minor": "s.whole_minor",
            "funded_minor": "s.funded_minor",
            "most_other_funded_minor": "s.most_other_funded_minor",
            "sent_amounts": "s.sent_amounts",
            "is_stated_otherwise": "s.is_stated_otherwise",
            "is_over_with_claims": "s.is_over_with_claims",
            "funder_is_member": "m.member_id is not null",
            "originator_is_member": "n.member_id is not null",
            "caller_is_originator": f"n.member_id is not distinct from {own}",
            "caller_is_funder": f"m.member_id is not distinct from {own}",
        },
        "subject": {
            "former_state": "f.state",
            "identifier_check": "i.verdict",
            "identifier_is_placeholder": "i.is_placeholder",
            "identifier_birth_date": "i.birth_date",
            "identifier_sex": "i.sex",
        },
        "account_party": {
            "holder_is_known": "p.subject_id is not null",
            "holder_is_borrower": "p.party_id = a.party_id",
            "has_other_role": "false",
            "is_taken": "false",
        },
        "guarantee": {
            "guarantor_is_borrower": "p.party_id = a.party_id",
            "account_balance_minor": "a.last_balance_minor",
        },
    }
    return special.get(dataset, {})
