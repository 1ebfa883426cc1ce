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
from tallystick.service import beside_rows, context
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


def digests(deps: Deps, connection: psycopg.Connection[Any], job: Job) -> dict[int, OnFile]:
    """By line, the newest record on file of the row's key.

    Takes:   the job after `context.build`; `connection`: under the intake role
    Missing: a line without such a record is left out
    """
    members = dict(connection.execute("select member_id, code from member.member").fetchall())
    if job.dataset == "member":
        return _of_member_facts(connection, job, members)
    found = job.con.execute(
        f"select r.line_no, {party_sql(job.dataset)}, e.object_id, e.leaf, e.is_own"
        f' from "row" r {context.joins(job)} where e.leaf is not null order by r.line_no'
    ).fetchall()
    named = {line: OnFile(is_own=True, digest=None) for line, *_, own in found if own}
    others = [row[:4] for row in found if not row[4]]
    for start in range(0, len(others), _BATCH):
        part = others[start : start + _BATCH]
        known = _of_statements(deps, connection, job, part, members=members)
        named |= {
            line: known[(object_id, leaf)]
            for line, _, object_id, leaf in part
            if (object_id, leaf) in known  # else it was erased since the context was built
        }
    return named


def _of_statements(
    deps: Deps,
    connection: psycopg.Connection[Any],
    job: Job,
    part: list[tuple[Any, ...]],
    *,
    members: Mapping[UUID, str],
) -> dict[tuple[UUID, str], OnFile]:
    dataset = job.dataset
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
    connection: psycopg.Connection[Any], job: Job, members: Mapping[UUID, str]
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


class _Said(NamedTuple):
    """A correction that may stand already: its key in the ledger, and its record's digest."""

    line_no: int
    party_id: UUID
    object_id: UUID
    item_key: str
    digest: str


def standing(
    deps: Deps,
    connection: psycopg.Connection[Any],
    job: Job,
    *,
    sent: Mapping[int, Mapping[str, Any]],
    on_file: Mapping[int, OnFile],
) -> set[int]:
    """The lines of corrections that stand on file just as they were sent.

    Takes: `sent`: by line, corrections that do not name the newest record; `on_file`: of `digests`
    Note:  such a correction brings the record that is on file, for the reason given there, and
           names the one it took the place of
    """
    said = [one for one in _said(job, sent) if one.digest == on_file[one.line_no].digest]
    members = dict(connection.execute("select member_id, code from member.member").fetchall())
    found = set()
    for start in range(0, len(said), _BATCH):
        part = said[start : start + _BATCH]
        keys = deps.vault.get(sorted({one.party_id for one in part}))
        for one, (newest, before) in _two_newest(connection, job.dataset, part):
            row = sent[one.line_no]
            named = row["replaces_digest"].lower()
            # A member's facts are kept without the reason they were corrected for.
            is_for_it = job.dataset == "member" or newest["reason"] == row["reason"]
            if is_for_it and _digest(job.dataset, before, keys, members) == named:
                found.add(one.line_no)
    return found


def _said(job: Job, sent: Mapping[int, Mapping[str, Any]]) -> list[_Said]:
    if not sent:
        return []
    if job.dataset == "member":
        member = f"'{job.furnisher_id}'::uuid"
        keys, joined = f"{member}, {member}, r.valid_from::varchar", ""
    else:
        keys = f"{party_sql(job.dataset)}, e.object_id, e.item_key"
        joined = context.joins(job)
    cursor = job.con.execute(
        f'select {keys}, r.* from "row" r {joined} where r.line_no in (select unnest(?))',
        [list(sent)],
    )
    names = [column[0] for column in cursor.description or ()][3:]
    definition = beside_rows.definition(job.dataset)
    said = []
    for party_id, object_id, item_key, *values in cursor.fetchall():
        row = dict(zip(names, values, strict=True))
        digest = record_digest(job.dataset, full_form(definition, row))
        said.append(_Said(row["line_no"], party_id, object_id, item_key, digest))
    return said


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
    connection: psycopg.Connection[Any], dataset: str, said: Sequence[_Said]
) -> Iterator[tuple[_Said, list[dict[str, Any]]]]:
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
