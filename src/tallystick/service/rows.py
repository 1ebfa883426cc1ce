"""Records on their way into the ledger: typed rows of a job become rows of the ledger's tables.

Everything but monthly files of snapshots (`service/snapshots.py`) goes this way: batches of rows
with their references, numbers turned into ids, personal fields sealed, equality with what is on
file seen by the leaf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from functools import cache
from typing import Any, Literal
from uuid import UUID

import psycopg

from tallystick.formats import INSTANT, columns, full_form, is_pointer
from tallystick.ledger import append, extend, publish, seal, tables
from tallystick.resolve import AGREEING_FIELDS, Identity, agreements, normal_name
from tallystick.service import accepted_rows, beside_rows, context, disagreed, former, refused_rows
from tallystick.service.keys_of_rows import SHAPES, Shape
from tallystick.service.pending import CONSENT_KIND, consent_token
from tallystick.service.places import NewParty
from tallystick.service.port import Deps
from tallystick.service.references import Job, place_key
from tallystick.service.workbench import insert_rows

#: Rows that wait are read so many at a time: all of a file may, where it came before its accounts.
_WAITING_ROWS = 2_000
#: Of some lines that are corrections, each one's operation and reason.
Operations = Callable[[Sequence[int]], Mapping[int, tuple[str, str]]]


@dataclass(slots=True, kw_only=True)
class Prepared:
    """One chunk's rows ready to append, and what publishing them touches."""

    rows: list[append.Row] = field(default_factory=list)
    accounts: set[UUID] = field(default_factory=set)
    parties: set[UUID] = field(default_factory=set)
    judged_at: dict[UUID, int | None] = field(default_factory=dict)
    new_parties: list[NewParty] = field(default_factory=list)
    accepted: int = 0
    unchanged: int = 0
    parents: list[tuple[str, bytes]] = field(default_factory=list)
    words: list[disagreed.Word] = field(default_factory=list)
    #: By account, the first line of its terms.
    lines: dict[UUID, int] = field(default_factory=dict)

    def added(self, dataset: str) -> list[dict[str, Any]]:
        """The rows' values where all of them can be put in place; else none (`ledger.extend`)."""
        values = [row.values for row in self.rows]
        if dataset in extend.DATASETS and all(one["operation"] == "record" for one in values):
            return values
        return []


def prepare(
    deps: Deps,
    connection: psycopg.Connection[Any],
    job: Job,
    batch: Sequence[Mapping[str, Any]],
    *,
    operations: Operations | None = None,
) -> Prepared:
    """Turn a batch into ledger rows; new parties and objects get their directory entries.

    Takes:  `operations`: asked where the rows are corrections
    Raises: ledger.publish.Stale: judge again
    """
    fresh = [row for row in batch if row["duplicate_of"] is None and not row["is_same"]]
    prepared = Prepared(unchanged=len(batch) - len(fresh))
    said = operations([row["line_no"] for row in fresh]) if operations else {}
    ids = _Ids(deps, connection, job, fresh)
    members = dict(connection.execute("select code, member_id from member.member").fetchall())
    for row in fresh:
        operation = said.get(row["line_no"], ("record", None))
        values = _values(job, row, ids, members)
        values["operation"], values["reason"] = operation
        if _is_unchanged(job.dataset, row, values):
            prepared.unchanged += 1
            continue
        prepared.rows.append(append.Row(table=job.dataset, values=values))
        prepared.accepted += 1
        _touch(deps, job, row, values, ids=ids, prepared=prepared)
    return prepared


def compare(deps: Deps, connection: psycopg.Connection[Any], job: Job) -> None:
    """Fill DuckDB table `compared`: by line whose key is on file, whether it says the same.

    Rows that cannot be read are left out, and monthly snapshots, which `existing.differs_sql`
    compares; `prepare` need not make again what is the same.
    """
    if job.dataset == "snapshot" or not job.filled("existing"):
        return
    job.con.execute(
        "create or replace table left_out as select distinct line_no, true as is_rejected"
        " from fault where severity = 'reject' and line_no is not null"
    )
    members = dict(connection.execute("select code, member_id from member.member").fetchall())
    for batch in accepted_rows.batches(job, only="e.leaf is not null and not e.is_deleted"):
        ids = _Ids(deps, connection, job, batch)
        found = [
            (row["line_no"], _is_unchanged(job.dataset, row, _values(job, row, ids, members)))
            for row in batch
        ]
        insert_rows(job.con, "compared", found)


def _is_unchanged(dataset: str, row: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    if row["on_file_leaf"] is None or row["is_deleted"]:
        return False
    as_on_file = {
        **values,
        "operation": row["on_file_operation"],
        "reason": row["on_file_reason"],
    }
    return bool(tables.leaf(dataset, as_on_file).hex() == row["on_file_leaf"])


class _Ids:
    """Ids and keys of a batch: those on file, and new ones for what is new."""

    def __init__(
        self,
        deps: Deps,
        connection: psycopg.Connection[Any],
        job: Job,
        batch: Sequence[Mapping[str, Any]],
    ):
        self._job = job
        self.parties: dict[str, UUID] = {}
        self.objects: dict[str, tuple[UUID, UUID]] = {}
        self.new_objects: set[str] = set()
        self._sealed: dict[tuple[Any, ...], bytes] = {}
        own = SHAPES[job.dataset].own
        if own == "person":
            self._make_parties(deps, connection, {row["ref_person_token"] for row in batch})
        elif own is not None:
            self._make_objects(deps, connection, own, batch)
        needed = {self.party(row) for row in batch}
        if own == "person":
            self.keys = deps.vault.create(sorted(needed), deps.clock())
        else:
            self.keys = deps.vault.get(sorted(needed))
        if self.keys.keys() != needed:
            raise publish.Stale(frozenset())  # somebody was erased since the rows were judged

    def sealed(self, party_id: UUID, personal: dict[str, Any]) -> bytes:
        """Personal fields sealed under the party's key."""
        key = (party_id, *personal.items())
        if key not in self._sealed:  # a payer's months all say the same of her
            label = self._job.dataset.encode()
            self._sealed[key] = seal.seal(self.keys[party_id], personal, label)
        return self._sealed[key]

    def _make_parties(
        self, deps: Deps, connection: psycopg.Connection[Any], tokens: Iterable[str]
    ) -> None:
        wanted = [(bytes.fromhex(token), deps.new_id()) for token in sorted(tokens)]
        connection.execute(
            "insert into directory.party (furnisher_id, person_token, party_id)"
            " select %s, t, p from unnest(%s::bytea[], %s::uuid[]) as given (t, p)"
            " on conflict (furnisher_id, person_token) do nothing",
            (self._job.furnisher_id, [one[0] for one in wanted], [one[1] for one in wanted]),
        )
        rows = connection.execute(
            "select person_token, party_id from directory.party"
            " where furnisher_id = %s and person_token = any(%s)",
            (self._job.furnisher_id, [one[0] for one in wanted]),
        )
        self.parties = {bytes(token).hex(): party for token, party in rows}

    def _make_objects(
        self,
        deps: Deps,
        connection: psycopg.Connection[Any],
        kind: str,
        batch: Sequence[Mapping[str, Any]],
    ) -> None:
        token_name = "ref_account_token" if kind == "account" else "ref_own_token"
        wanted: dict[str, tuple[UUID, UUID]] = {}
        for row in batch:
            if row["ref_account" if kind == "account" else "ref_own"] is None:
                wanted.setdefault(
                    row[token_name], _former(row) or (deps.new_id(), row["ref_person_party"])
                )
        if not wanted:
            return
        tokens = sorted(wanted)
        connection.execute(
            "insert into directory.object (furnisher_id, kind, number_token, object_id, party_id)"
            " select %s, %s, t, o, p from unnest(%s::bytea[], %s::uuid[], %s::uuid[])"
            " as given (t, o, p) on conflict do nothing",
            (
                self._job.furnisher_id, kind, [bytes.fromhex(token) for token in tokens],
                [wanted[token][0] for token in tokens], [wanted[token][1] for token in tokens],
            ),
        )  # fmt: skip
        rows = connection.execute(
            "select number_token, object_id, party_id from directory.object"
            " where furnisher_id = %s and kind = %s and number_token = any(%s)",
            (self._job.furnisher_id, kind, [bytes.fromhex(token) for token in tokens]),
        )
        self.objects = {bytes(token).hex(): (one, party) for token, one, party in rows}
        if any(self.objects[token][1] != wanted[token][1] for token in tokens):
            raise publish.Stale(frozenset())  # somebody sent the number first, for another party
        self.new_objects = set(tokens)

    def party(self, row: Mapping[str, Any]) -> UUID:
        """The party a row is kept under."""
        dataset = self._job.dataset
        if dataset == "subject":
            return self.parties[row["ref_person_token"]]
        if dataset == "account":
            return row["ref_account_party"] or self.objects[row["ref_account_token"]][1]
        if dataset in ("account_party", "event", "funding", "snapshot"):
            party: UUID = row["ref_account_party"]
        elif dataset == "remark":
            party = row["ref_account_party"] or row["ref_person_party"]
        else:  # the number's own person, by whichever number of hers the row names her
            party = row["ref_own_party"] or self.objects[row["ref_own_token"]][1]
        return party

    def object(self, row: Mapping[str, Any]) -> UUID:
        """The object a row is about."""
        dataset = self._job.dataset
        if dataset == "subject":
            return self.party(row)
        if dataset == "remark":
            about: UUID = row["ref_account"] or row["ref_person_party"]
            return about
        if dataset == "account":
            return row["ref_account"] or self.objects[row["ref_account_token"]][0]
        if dataset in ("account_party", "event", "funding", "snapshot"):
            account: UUID = row["ref_account"]
            return account
        return row["ref_own"] or self.objects[row["ref_own_token"]][0]


def _former(row: Mapping[str, Any]) -> tuple[UUID, UUID] | None:
    """The account this row's new number continues, and its party: the same id of ours goes on."""
    if row.get("former_state") != "goes_on":
        return None
    return row["former_account"], row["former_party"]


#: What becomes of a column in the ledger's row.
_Kept = Literal["as it is", "as an id", "in UTC", "sealed"]


@cache
def _kept(dataset: str) -> tuple[tuple[str, _Kept], ...]:
    """By column of a dataset, what becomes of it; those that only point elsewhere are left out."""
    kept: list[tuple[str, _Kept]] = []
    for column in columns(beside_rows.definition(dataset)):
        if column.field is not None and column.field.personal:
            if not is_pointer(dataset, column.name):
                kept.append((column.name, "sealed"))
        elif column.field is not None and column.field.type == "member":
            kept.append((column.name, "as an id"))
        else:
            kept.append((column.name, "in UTC" if column.duckdb_type == INSTANT else "as it is"))
    return tuple(kept)


def _values(
    job: Job, row: Mapping[str, Any], ids: _Ids, members: Mapping[str, UUID]
) -> dict[str, Any]:
    party_id = ids.party(row)
    values: dict[str, Any] = {
        "party_id": party_id,
        "furnisher_id": job.furnisher_id,
        "item_key": row["ref_item_key"],
    }
    values["account_id" if job.dataset == "snapshot" else "object_id"] = ids.object(row)
    personal: dict[str, Any] = {}
    for name, how in _kept(job.dataset):
        value = row[name]
        if how == "as it is":
            values[name] = value
        elif how == "in UTC":
            values[name] = None if value is None else value.replace(tzinfo=UTC)
        elif how == "as an id":
            values[f"{name}_id"] = members.get(value)
        elif value is not None:
            personal[name] = value if isinstance(value, int) else str(value)
    if job.dataset == "account":
        values["agreement_id"] = row["ref_agreement"]
        is_named = row["formerly_account_number"] is not None
        values["formerly_account_id"] = row["former_account"] if is_named else None
    elif job.dataset == "account_party":
        values["holder_party_id"] = row["ref_person_party"]
    elif job.dataset == "guarantee":
        values["account_id"] = row["ref_account"]
    values["sealed"] = ids.sealed(party_id, personal) if personal else None
    return values


def _touch(
    deps: Deps,
    job: Job,
    row: Mapping[str, Any],
    values: Mapping[str, Any],
    *,
    ids: _Ids,
    prepared: Prepared,
) -> None:
    dataset = job.dataset
    if dataset == "subject":
        _touch_subject(deps, job, row, values, prepared=prepared)
    elif dataset in ("agreement", "guarantee", "payment") or (
        dataset == "remark" and row["ref_account"] is None
    ):
        prepared.parties.add(values["party_id"])
    else:
        account = ids.object(row)
        prepared.accounts.add(account)
        continued = row["ref_account"] is None and _former(row) is not None
        prepared.judged_at[account] = row["former_changed_by" if continued else "ref_changed_by"]
        if dataset == "account":
            prepared.lines.setdefault(account, row["line_no"])
        if dataset == "account" and row["ref_account"] is None:
            prepared.parents.append(("account", bytes.fromhex(row["ref_account_token"])))
        if dataset == "account_party":
            prepared.parties.add(row["ref_person_party"])
        if dataset == "funding":
            key = {name: str(row[name]) for name in beside_rows.definition(dataset).key}
            prepared.words.append(disagreed.Word(key=key, values=values))


def _touch_subject(
    deps: Deps,
    job: Job,
    row: Mapping[str, Any],
    values: Mapping[str, Any],
    *,
    prepared: Prepared,
) -> None:
    scheme, number = row["identifier_scheme"], row["identifier_number"]
    token = deps.keys.identity_token(scheme, number) if scheme and number else None
    birth_date = str(row["birth_date"]) if row["birth_date"] else None
    name = row["name"] or ""
    party_id = values["party_id"]
    if token is not None and all(
        (one.party_id, one.identity.token) != (party_id, token) for one in prepared.new_parties
    ):
        prepared.rows.append(
            append.Row(table="party_token", values={"party_id": party_id, "token": token})
        )
    key_tokens: tuple[bytes, ...] = ()
    if birth_date is not None and name:
        text = f"{normal_name(name)}|{birth_date}"
        key_tokens = (deps.keys.number_token(UUID(int=0), "name and birth date", text),)
    personal = {name: row[name] for name in AGREEING_FIELDS}
    own_token = bytes.fromhex(row["ref_person_token"])
    prepared.new_parties.append(
        NewParty(
            party_id=party_id,
            furnisher_id=job.furnisher_id,
            identity=Identity(
                name=name,
                birth_date=birth_date,
                token=token,
                agreements=agreements(personal, str(job.furnisher_id)),
            ),
            scheme=scheme,
            key_tokens=key_tokens,
            own_place=own_token if row["person_number"] is None else None,
            former_place=_former_place(deps, job, row),
        )
    )
    prepared.parents.append(("person", own_token))


def _former_place(deps: Deps, job: Job, row: Mapping[str, Any]) -> bytes | None:
    """The place a person with a number was known by before, where all of it is said."""
    place = (row["account_number"], row["role"], row["holder_no"])
    if row["person_number"] is None or None in place:
        return None
    return deps.keys.number_token(job.furnisher_id, "person", place_key(*place))


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A row that waits for its parent: what it waits for, and the record as it was sent."""

    line_no: int
    waits_kind: str
    waits_token: bytes
    record: dict[str, Any]


def _lacks_second_sql(shape: Shape) -> str:
    """Whether a row's parent is on file and the other one it hangs on is not, over the joins."""
    if shape.second == "agreement":
        return "p.subject_id is not null and r.agreement_number is not null and g.object_id is null"
    there, lacking = ("a", "p") if shape.second == "person" else ("p", "a")
    return f"{there}.subject_id is not null and {lacking}.subject_id is null"


def waiting(deps: Deps, job: Job) -> Iterator[list[Waiting]]:
    """The rows that only wait, some at a time, as records that can be judged again.

    Those of which nobody can say what they wait for are refused.
    """
    shape = SHAPES[job.dataset]
    kinds = dict(shape.references)
    parts = ["r.*"]
    if job.dataset == "account":
        parts += ["f.state as former_state", "f.token as former_token"]
        parts.append("g.token as ref_agreement_token")
    parts += [
        f"{alias}.token as ref_{kind}_token"
        for kind, alias in (("account", "a"), ("person", "p"))
        if kind in kinds
    ]
    if shape.second is not None:
        parts.append(f"{_lacks_second_sql(shape)} as lacks_second")
    under_consent = context.lacks_consent_sql(job)
    if under_consent is not None:
        parts.append(f"{under_consent} as lacks_consent")
    some = job.con.execute("select 1 from left_out where not is_rejected limit 1").fetchall()
    if not some:
        return
    names, batches = job.read(
        f'select {", ".join(parts)} from "row" r {context.joins_to_judge(job)}'
        " where r.line_no in (select line_no from left_out where not is_rejected)",
        _WAITING_ROWS,
    )
    for batch in batches:
        found = []
        for values in batch:
            row = dict(zip(names, values, strict=True))
            try:
                found.append(_waiting(job, row))
            except refused_rows.FAULTS as error:  # what it waits for cannot be said: never comes
                refused_rows.refuse(deps, job, row["line_no"], error)
        yield found


def _waiting(job: Job, row: Mapping[str, Any]) -> Waiting:
    shape = SHAPES[job.dataset]
    kind = "person" if shape.parent == "person" else "account"
    if shape.parent == "account_or_person" and row.get("ref_account_token") is None:
        kind = "person"
    if shape.second is not None and row["lacks_second"]:
        kind = shape.second
    token = row[f"ref_{kind}_token"]
    if row.get("former_state") in ("unknown", "unproved"):
        kind, token = former.WAITS_KIND, row["former_token"]
    elif row.get("lacks_consent"):
        kind, token = CONSENT_KIND, consent_token(row["consent_ref"]).hex()
    return Waiting(
        line_no=row["line_no"],
        waits_kind=kind,
        waits_token=bytes.fromhex(token),
        record=full_form(beside_rows.definition(job.dataset), row),
    )
