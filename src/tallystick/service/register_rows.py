"""Rows with a way of their own: consents go to the gate, a member's facts to the ledger.

Neither hangs on a person's file: a consent stands under a token, a member's facts under the member.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from tallystick.errors import BadRequest
from tallystick.ledger import append, order
from tallystick.service import (
    duplicates,
    intake_store,
    refused_consents,
    refused_rows,
    registering,
)
from tallystick.service.members import Member
from tallystick.service.port import Deps
from tallystick.service.references import Job
from tallystick.service.workbench import insert_rows
from tallystick.validate import context_of

#: Rows of one transaction, which holds everybody it names locked.
_CHUNK = 50
#: ... of consents, which go by sets.
_CONSENTS = 250


def build(
    deps: Deps, connection: psycopg.Connection[Any], job: Job, *, day: date, corrections: bool
) -> str:
    """As `context.build` for consents and members: duplicates in the file, and the day.

    Takes: `corrections`: the rows are corrections, which say themselves what they replace
    """
    key = "r.consent_id" if job.dataset == "consent" else "r.member || '|' || r.valid_from::varchar"
    names = [row[0] for row in job.con.execute('describe "row"').fetchall()]
    content, joins = ", ".join(f"r.{name}" for name in names if name != "line_no"), ""
    if corrections:
        content, joins = f"{content}, {duplicates.KEPT_SAYS}", duplicates.KEPT_JOIN
    duplicates.load(job.con, key, content, joins)
    job.con.execute("create or replace table replaces (line_no bigint, is_deleted boolean)")
    if job.dataset == "member":
        insert_rows(job.con, "replaces", _members_replaced(connection, job))
    certified = "select line_no from certified" if corrections else "select 0"
    own = connection.execute(
        "select code from member.member where member_id = %s", (job.furnisher_id,)
    ).fetchone()
    given = {
        "judged_on": f"date '{day}'",
        "is_test_mode": str(deps.is_test_mode).lower(),
        "duplicate_line_no": "d.first_line_no",
        "duplicate_is_equal": "d.is_equal",
        "is_open_period": "true",
        "exists_already": "false" if corrections else "not coalesce(x.is_deleted, true)",
        "is_deleted": f"coalesce(x.is_deleted, false) and r.line_no not in ({certified})",
        "parent_exists": "true",
        "parent_is_own": f"r.member = '{own[0] if own else ''}'"
        if job.dataset == "member"
        else "true",
    }
    columns = ", ".join(
        f"{given.get(column.name, 'null')} as {column.name}" for column in context_of(job.dataset)
    )
    return (
        f'select r.*, {columns} from "row" r'
        " left join duplicate_of d on d.line_no = r.line_no"
        " left join replaces x on x.line_no = r.line_no"
    )


def members(deps: Deps, job: Job) -> int:
    """Publish a member's facts; gives how many were unchanged, rows sent twice among them."""
    accepted = _accepted(job)
    rows = [row for row in accepted if row["first_line_no"] is None]
    publish_part = partial(_publish_facts, deps, job)
    unchanged = len(accepted) - len(rows)
    for start in range(0, len(rows), _CHUNK):
        part = rows[start : start + _CHUNK]
        unchanged += sum(refused_rows.each(deps, job, part, publish_part))
    return unchanged


def _publish_facts(deps: Deps, job: Job, rows: Sequence[Mapping[str, Any]]) -> int:
    """Publish one chunk of facts; gives how many were unchanged."""
    unchanged = 0
    with deps.database.connect("intake") as connection:
        codes = dict(connection.execute("select code, member_id from member.member").fetchall())
        fresh = []
        for row in rows:
            values = _member_values(job, row, codes)
            known = _on_file(connection, job, values)
            one = append.Row(table="member", values=values)
            if (
                known is not None
                and known.leaf == one.leaf
                and (known.is_own or not known.is_deleted)
            ):
                unchanged += not known.is_own
            else:
                fresh.append(one)
        if fresh:
            number = intake_store.next_chunk_no(connection, job.submission_id)
            head = append.ChunkHead(
                submission_id=job.submission_id, chunk_no=number,
                furnisher_id=job.furnisher_id, dataset="member",
            )  # fmt: skip
            chunk_id = append.append(connection, head, fresh, deps.clock())
            place = order.take_place(connection, [chunk_id], deps.clock())
            intake_store.add_funnel(
                connection, job.submission_id, number + 1,
                position=place.position, accepted=len(fresh),
            )  # fmt: skip
    return unchanged


class _Known(NamedTuple):
    """The newest record of a member's key; `is_own`: this submission sent it."""

    leaf: bytes
    is_own: bool
    is_deleted: bool


def _on_file(
    connection: psycopg.Connection[Any], job: Job, values: dict[str, Any]
) -> _Known | None:
    found = connection.execute(
        "select t.leaf, c.submission_id = %s, exists (select from ledger.deletion d"
        "  join ledger.publication dp using (chunk_id) where d.party_id = t.member_key"
        "  and d.object_id = t.member_key and d.dataset = 'member' and d.item_key = t.item_key"
        "  and dp.position > p.position)"
        " from ledger.member t join ledger.chunk c"
        " using (chunk_id) join ledger.publication p using (chunk_id)"
        " where t.member_key = %s and t.item_key = %s order by p.position desc limit 1",
        (job.submission_id, values["member_key"], values["item_key"]),
    ).fetchone()
    return _Known(bytes(found[0]), found[1], found[2]) if found else None


def _members_replaced(connection: psycopg.Connection[Any], job: Job) -> list[tuple[int, bool]]:
    """The lines whose key is on file with other content, or was deleted, and which of the two."""
    codes = dict(connection.execute("select code, member_id from member.member").fetchall())
    cursor = job.con.execute(
        'select * from "row" where line_no not in (select line_no from fault'
        " where severity = 'reject' and line_no is not null)"
    )
    names = [column[0] for column in cursor.description or ()]
    found = []
    for row in (dict(zip(names, values, strict=True)) for values in cursor.fetchall()):
        if row["member"] in codes:
            values = _member_values(job, row, codes)
            known = _on_file(connection, job, values)
            leaf = append.Row(table="member", values=values).leaf
            if known is not None and not known.is_own and (known.is_deleted or known.leaf != leaf):
                found.append((row["line_no"], known.is_deleted))
    return found


#: Of a row of a member's facts, what is none of them.
_NO_VALUES = frozenset({"line_no", "first_line_no", "member"})


def _member_values(job: Job, row: Mapping[str, Any], codes: Mapping[str, UUID]) -> dict[str, Any]:
    values = {name: value for name, value in row.items() if name not in _NO_VALUES}
    member_id = codes[row["member"]]
    values |= {
        "member_id": member_id,
        "member_key": member_id,
        "item_key": str(row["valid_from"]),
        "furnisher_id": job.furnisher_id,
        "operation": "record",
    }
    return values


def consents(deps: Deps, job: Job) -> int:
    """Register the consents of a file; those the gate refuses become findings.

    A consent takes no position (it moves the subject's head), so its funnel step has none. A step
    that is there was counted by a job that was killed later: what it registered is not met again.

    Gives: 0: consents that stand already are counted in their steps
    """
    with deps.database.connect("serve") as connection:
        found = connection.execute(
            "select member_id, code, name_en, name_zh, member_class from member.member"
            " where member_id = %s",
            (job.furnisher_id,),
        ).fetchone()
    if found is None:
        raise BadRequest("not_found", "the submission's furnisher is not registered")
    member = Member(*found)
    with deps.database.connect("intake") as connection:
        done = intake_store.steps(connection, job.submission_id)
    register_part = partial(_register_part, deps, job, member)
    for number, part in groupby(_accepted(job), key=_step_no):
        if number in done:
            continue
        registered = list(refused_rows.each(deps, job, list(part), register_part))
        _reject(deps, job, [refused for one in registered for refused in one.refused])
        with deps.database.connect("intake") as connection:
            intake_store.add_funnel(
                connection, job.submission_id, number,
                accepted=sum(one.accepted for one in registered),
                unchanged=sum(one.unchanged for one in registered),
            )  # fmt: skip
    return 0


def _step_no(row: Mapping[str, Any]) -> int:
    """The funnel's step of a row: the same one when its job is run again, whoever was left out."""
    return (int(row["line_no"]) - 1) // _CONSENTS + 1


class _Part(NamedTuple):
    """What became of some rows of consents."""

    accepted: int
    unchanged: int
    refused: list[refused_consents.Refused]


def _register_part(
    deps: Deps, job: Job, member: Member, rows: Sequence[Mapping[str, Any]]
) -> _Part:
    sent = [
        registering.Sent(
            artefact=row["artefact"], salt=row["salt"], scheme=row["identifier_scheme"],
            number=row["identifier_number"], named=row["consent_id"],
        )
        for row in rows
    ]  # fmt: skip
    with deps.database.connect("serve") as connection:
        outcomes = registering.register_all(deps, connection, member, sent)
    refused = [
        refused_consents.finding(job, row, outcome)
        for row, outcome in zip(rows, outcomes, strict=True)
        if isinstance(outcome, BadRequest)
    ]
    accepted = sum(isinstance(one, registering.Registered) and one.is_new for one in outcomes)
    return _Part(accepted, len(rows) - accepted - len(refused), refused)


def _reject(deps: Deps, job: Job, refused: Sequence[refused_consents.Refused]) -> None:
    if not refused:
        return
    key = deps.vault.get([job.submission_id])[job.submission_id]
    with deps.database.connect("intake") as connection:
        intake_store.insert_findings(connection, job.submission_id, key, refused)
    insert_rows(job.con, "left_out", ((one.line_no, True) for _, one in refused))


def _accepted(job: Job) -> list[dict[str, Any]]:
    """The rows that no rule rejects, by line; `first_line_no`: where the same row stands before."""
    cursor = job.con.execute(
        'select r.*, d.first_line_no from "row" r left join duplicate_of d using (line_no)'
        " where line_no not in (select line_no from left_out) order by line_no"
    )
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
