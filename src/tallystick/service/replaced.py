"""What corrections replace: the records on file, by the digest their furnisher can compute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from tallystick.formats import columns, full_form, record_digest
from tallystick.ledger import seal, tables
from tallystick.service import beside_rows, carried, context
from tallystick.service.keys_of_rows import party_sql
from tallystick.service.port import Deps
from tallystick.service.references import Job

_BATCH = 500


class OnFile(NamedTuple):
    """The newest record of a key: who furnished it, and its digest.

    The digest is None where this very submission wrote the record, and of another's record, of
    which a sender is told no more than that it is there.
    """

    is_own: bool
    digest: str | None


class Said(NamedTuple):
    """One correction: the key in the ledger of what it replaces, and what it says of that.

    `leaf` is the newest record's on file, None where there is none, `is_own` whether this very
    submission wrote it; a member's facts have neither here. `replaces` is the digest as it was
    sent; `record` the typed row that it brings.
    """

    line_no: int
    party_id: UUID
    object_id: UUID
    item_key: str
    leaf: str | None
    is_own: bool | None
    replaces: str
    reason: str
    record: Mapping[str, Any]


def said(job: Job) -> Iterator[list[Said]]:
    """The corrections of a job in the order of the file, some at a time.

    Takes: the job after `context.build`, its corrections kept (`service/carried.py`)
    """
    if job.dataset == "member":
        member = f"'{job.furnisher_id}'::uuid"
        keys, joined = f"{member}, {member}, r.valid_from::varchar, null, null", ""
    else:
        keys = f"{party_sql(job.dataset)}, e.object_id, e.item_key, e.leaf, e.is_own"
        joined = context.joins(job)
    names, batches = job.read(
        f'select {keys}, w.replaces_digest, w.reason, r.* from "row" r {joined}'
        f" join {carried.KEPT} w on w.line_no = r.line_no order by r.line_no",
        _BATCH,
    )
    for batch in batches:
        records = [dict(zip(names[7:], row[7:], strict=True)) for row in batch]
        yield [
            Said._make((record["line_no"], *row[:7], record))
            for row, record in zip(batch, records, strict=True)
        ]


def digests(
    deps: Deps, connection: psycopg.Connection[Any], job: Job, some: Sequence[Said]
) -> dict[int, OnFile]:
    """By line, the newest record on file of the key of some corrections.

    Takes:   `connection`: under the intake role
    Missing: a line without such a record is left out
    """
    members = dict(connection.execute("select member_id, code from member.member").fetchall())
    if job.dataset == "member":
        return _of_member_facts(connection, job, some, members)
    named = {one.line_no: OnFile(is_own=True, digest=None) for one in some if one.is_own}
    others = [one for one in some if one.leaf is not None and not one.is_own]
    known = _of_statements(deps, connection, job, others, members=members)
    return named | {
        one.line_no: known[(one.object_id, one.leaf)]
        for one in others
        if one.leaf and (one.object_id, one.leaf) in known  # else it was erased meanwhile
    }


def _of_statements(
    deps: Deps,
    connection: psycopg.Connection[Any],
    job: Job,
    some: Sequence[Said],
    *,
    members: Mapping[UUID, str],
) -> dict[tuple[UUID, str], OnFile]:
    if not some:
        return {}
    dataset = job.dataset
    stated = [name for name, _ in tables.table(dataset).stated]
    key = "account_id" if dataset == "snapshot" else "object_id"
    rows = connection.execute(
        f"select encode(leaf, 'hex'), {', '.join(stated)} from ledger.{dataset}"
        f" where party_id = any(%s) and {key} = any(%s) and leaf = any(%s)",
        (
            [one.party_id for one in some],
            [one.object_id for one in some],
            [bytes.fromhex(one.leaf or "") for one in some],
        ),
    ).fetchall()
    keys = deps.vault.get(sorted({one.party_id for one in some}))
    found = {}
    for leaf, *values in rows:
        row = dict(zip(stated, values, strict=True))
        digest = _digest(dataset, row, keys, members)
        if digest is not None:
            is_own = row["furnisher_id"] == job.furnisher_id
            found[(row[key], leaf)] = OnFile(is_own=is_own, digest=digest if is_own else None)
    return found


def _digest(
    dataset: str, row: dict[str, Any], keys: Mapping[UUID, bytes], members: Mapping[UUID, str]
) -> str | None:
    """The digest of a row of the ledger; None where its person was erased."""
    if dataset != "member":
        key = keys.get(row["party_id"])
        if key is None:
            return None
        if row["sealed"] is not None:
            row = row | seal.unseal(key, bytes(row["sealed"]), dataset.encode())
    return record_digest(dataset, _native(dataset, row, members))


def _of_member_facts(
    connection: psycopg.Connection[Any],
    job: Job,
    some: Sequence[Said],
    members: Mapping[UUID, str],
) -> dict[int, OnFile]:
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
        digest = None if is_own else _digest("member", row, {}, members)
        on_file[(members[row["member_key"]], row["item_key"])] = OnFile(is_own=True, digest=digest)
    keyed = [(one.line_no, (one.record["member"], one.item_key)) for one in some]
    return {line: on_file[key] for line, key in keyed if key in on_file}


def _native(dataset: str, row: Mapping[str, Any], members: Mapping[UUID, str]) -> dict[str, Any]:
    """A row of the ledger as the record its furnisher sent, without the numbers it points with."""
    definition = beside_rows.definition(dataset)
    typed = dict(row)
    for column in columns(definition):
        if column.field is not None and column.field.type == "member":
            typed[column.name] = members.get(row[f"{column.name}_id"])
    return full_form(definition, typed)


def standing(
    deps: Deps,
    connection: psycopg.Connection[Any],
    job: Job,
    some: Sequence[Said],
    *,
    on_file: Mapping[int, OnFile],
) -> set[int]:
    """The lines of corrections that stand on file just as they were sent.

    Takes: `some`: corrections that do not name the newest record; `on_file`: of `digests`
    Note:  such a correction brings the record that is on file, for the reason given there, and
           names the one it took the place of
    """
    definition = beside_rows.definition(job.dataset)
    same = [
        one
        for one in some
        if record_digest(job.dataset, full_form(definition, one.record))
        == on_file[one.line_no].digest
    ]
    if not same:
        return set()
    members = dict(connection.execute("select member_id, code from member.member").fetchall())
    keys = deps.vault.get(sorted({one.party_id for one in same}))
    found = set()
    for one, (newest, before) in _two_newest(connection, job.dataset, same):
        # A member's facts are kept without the reason they were corrected for.
        is_for_it = job.dataset == "member" or newest["reason"] == one.reason
        if is_for_it and _digest(job.dataset, before, keys, members) == one.replaces.lower():
            found.add(one.line_no)
    return found


#: A deletion hides what came before it, so only one after the newest record matters.
_TWO_NEWEST = """
select a.no - 1, exists (select from ledger.deletion d
    join ledger.publication dp using (chunk_id)
    where d.party_id = a.party_id and d.object_id = a.object_id and dp.position > t.position
    and (d.dataset = 'account' or (d.dataset = %(dataset)s and d.item_key = a.item_key))),
  {stated}
from unnest(%(parties)s::uuid[], %(objects)s::uuid[], %(items)s::text[]) with ordinality
  as a (party_id, object_id, item_key, no)
cross join lateral (select x.*, p.position from ledger.{dataset} x
  join ledger.publication p using (chunk_id) where x.{party} = a.party_id
  and x.{object} = a.object_id and x.{item} order by p.position desc limit 2) t
order by a.no, t.position desc
"""


def _two_newest(
    connection: psycopg.Connection[Any], dataset: str, said: Sequence[Said]
) -> Iterator[tuple[Said, list[dict[str, Any]]]]:
    """Of each key that is not hidden and has them, its newest record and the one before."""
    stated = [name for name, _ in tables.table(dataset).stated]
    query = _TWO_NEWEST.format(
        dataset=dataset,
        stated=", ".join(f"t.{name}" for name in stated),
        party="member_key" if dataset == "member" else "party_id",
        object={"member": "member_key", "snapshot": "account_id"}.get(dataset, "object_id"),
        item="period_end = a.item_key::date" if dataset == "snapshot" else "item_key = a.item_key",
    )
    rows = connection.execute(
        query,
        {
            "dataset": dataset,
            "parties": [one.party_id for one in said],
            "objects": [one.object_id for one in said],
            "items": [one.item_key for one in said],
        },
    ).fetchall()
    for no, some in groupby(rows, key=itemgetter(0)):
        found = list(some)
        if len(found) == 2 and not found[0][1]:
            yield said[no], [dict(zip(stated, values, strict=True)) for _, _, *values in found]
