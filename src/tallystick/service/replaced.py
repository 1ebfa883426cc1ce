"""What corrections replace: the records on file, by the digest their furnisher can compute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import psycopg

from tallystick.formats import columns, full_form, record_digest
from tallystick.ledger import seal, tables
from tallystick.service import beside_rows, context
from tallystick.service.port import Deps
from tallystick.service.references import Job

_BATCH = 500
_PARTY = {
    "subject": "p.party_id",
    "remark": "coalesce(a.party_id, p.party_id)",
    "agreement": "o.party_id",
    "guarantee": "o.party_id",
    "payment": "o.party_id",
}


def digests(deps: Deps, connection: psycopg.Connection[Any], job: Job) -> dict[int, str | None]:
    """By line, the digest of the newest record on file of the row's key.

    Takes:   the job after `context.build`; `connection`: under the intake role
    Missing: a line without such a record is left out; None where this very submission wrote it
    """
    members = dict(connection.execute("select member_id, code from member.member").fetchall())
    if job.dataset == "member":
        return _of_member_facts(connection, job, members)
    found = job.con.execute(
        f"select r.line_no, {_PARTY.get(job.dataset, 'a.party_id')}, e.object_id, e.leaf, e.is_own"
        f' from "row" r {context.joins(job)} where e.leaf is not null order by r.line_no'
    ).fetchall()
    named: dict[int, str | None] = {line: None for line, *_, own in found if own}
    others = [row[:4] for row in found if not row[4]]
    for start in range(0, len(others), _BATCH):
        part = others[start : start + _BATCH]
        known = _of_statements(deps, connection, job.dataset, part, members=members)
        named |= {
            line: known[(object_id, leaf)]
            for line, _, object_id, leaf in part
            if (object_id, leaf) in known  # else it was erased since the context was built
        }
    return named


def _of_statements(
    deps: Deps,
    connection: psycopg.Connection[Any],
    dataset: str,
    part: list[tuple[Any, ...]],
    *,
    members: Mapping[UUID, str],
) -> dict[tuple[UUID, str], str]:
    stated = [name for name, _ in tables.table(dataset).stated]
    key = "account_id" if dataset == "snapshot" else "object_id"
    rows = connection.execute(
        f"select encode(leaf, 'hex'), {', '.join(stated)} from ledger.{dataset}"
        f" where party_id = any(%s) and {key} = any(%s) and leaf = any(%s)",
        (
            [row[1] for row in part],
            [row[2] for row in part],
            [bytes.fromhex(row[3]) for row in part],
        ),
    ).fetchall()
    keys = deps.vault.get(sorted({row[1] for row in part}))
    found = {}
    for leaf, *values in rows:
        row = dict(zip(stated, values, strict=True))
        if row["party_id"] not in keys:
            continue
        if row["sealed"] is not None:
            key_of = keys[row["party_id"]]
            row |= seal.unseal(key_of, bytes(row["sealed"]), dataset.encode())
        found[(row[key], leaf)] = record_digest(dataset, _native(dataset, row, members))
    return found


def _of_member_facts(
    connection: psycopg.Connection[Any], job: Job, members: Mapping[UUID, str]
) -> dict[int, str | None]:
    """The same for an institution's own facts, which hang on no person and are not sealed."""
    stated = [name for name, _ in tables.table("member").stated]
    rows = connection.execute(
        f"select distinct on (item_key) c.submission_id = %s, {', '.join(f't.{n}' for n in stated)}"
        " from ledger.member t join ledger.chunk c using (chunk_id)"
        " join ledger.publication p using (chunk_id) where t.member_key = %s"
        " order by item_key, p.position desc",
        (job.submission_id, job.furnisher_id),
    ).fetchall()
    on_file = {}
    for is_own, *values in rows:
        row = dict(zip(stated, values, strict=True))
        digest = None if is_own else record_digest("member", _native("member", row, members))
        on_file[(members[row["member_key"]], row["item_key"])] = digest
    sent = job.con.execute('select line_no, member, valid_from::varchar from "row"').fetchall()
    return {line: on_file[key] for line, *key_ in sent if (key := tuple(key_)) in on_file}


def _native(dataset: str, row: Mapping[str, Any], members: Mapping[UUID, str]) -> dict[str, Any]:
    """A row of the ledger as the record its furnisher sent, without the numbers it points with."""
    definition = beside_rows.definition(dataset)
    typed = dict(row)
    for column in columns(definition):
        if column.field is not None and column.field.type == "member":
            typed[column.name] = members.get(row[f"{column.name}_id"])
    return full_form(definition, typed)
