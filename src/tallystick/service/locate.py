"""Finding records by their native keys: where in the ledger they stand, and whose they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from tallystick.service.hidden import said_reason
from tallystick.service.keys_of_rows import own_suffix
from tallystick.service.port import Deps
from tallystick.service.references import HOLDER

_OWN_KIND = {
    "agreement": ("agreement", "agreement_number"),
    "guarantee": ("guarantee", "guarantee_number"),
    "payment": ("payer_account", "payer_account_number"),
}
_ITEM = {
    "subject": ("valid_from",),
    "account_party": ("role", "holder_no", "valid_from"),
    "snapshot": ("period_end",),
    "event": ("event_id",),
    "agreement": ("valid_from",),
    "guarantee": ("valid_from",),
    "funding": ("funder", "valid_from"),
    "payment": ("period_end",),
    "remark": ("kind", "valid_from"),
    "member": ("valid_from",),
}


class Hidden(NamedTuple):
    """A deletion that hides a record: the key it named (an account's is empty), by whom, why."""

    dataset: str
    item_key: str
    furnisher_id: UUID
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A record: under which party and object, its item key, who furnished it.

    `hidden_by`: the deletions since, the whole account's among them; a record that stands has none.
    """

    party_id: UUID
    object_id: UUID
    item_key: str
    furnisher_id: UUID
    is_account: bool
    hidden_by: frozenset[Hidden]


class _Asked(NamedTuple):
    """A key of a list: its number there, and what it names."""

    no: int
    party_id: UUID
    object_id: UUID
    item_key: str


def targets(
    deps: Deps,
    connection: psycopg.Connection[Any],
    furnisher_id: UUID,
    dataset: str,
    *,
    keys: Sequence[Mapping[str, str]],
) -> list[Target | None]:
    """The newest record each key of a dataset names; None where there is none.

    Takes: `keys`: each all native key fields (`record_keys.read`); for an account the whole account
           is meant, and `valid_from`, where it is named, must be that of a record of it
    """
    members = dict(connection.execute("select code, member_id from member.member").fetchall())
    places = _places(deps, connection, furnisher_id, dataset, keys=keys, members=members)
    shared = _shared(connection, furnisher_id, dataset, keys=keys, places=places, members=members)
    asked = []
    for no, place in places.items():
        item_key = "|".join(keys[no][name] for name in _ITEM.get(dataset, ()))
        asked.append(
            _Asked(no, *place, item_key + own_suffix(furnisher_id) if no in shared else item_key)
        )
    newest = _newest(connection, furnisher_id, dataset, asked=asked, keys=keys)
    found = [one for one in asked if one.no in newest]
    hidden = _hidden_by(connection, dataset, found, [newest[one.no][1] for one in found])
    made: list[Target | None] = [None] * len(keys)
    for one in found:
        made[one.no] = Target(
            party_id=one.party_id,
            object_id=one.object_id,
            item_key=one.item_key,
            furnisher_id=newest[one.no][0],
            is_account=dataset not in ("subject", *_OWN_KIND) and one.object_id != one.party_id,
            hidden_by=frozenset(hidden.get(one.no, ())),
        )
    return made


_NEWEST = """
select a.no - 1, n.furnisher_id, n.position
from unnest(%(parties)s::uuid[], %(objects)s::uuid[], %(sought)s::text[])
  with ordinality as a (party_id, object_id, sought, no)
cross join lateral (select t.furnisher_id, p.position from ledger.{dataset} t
  join ledger.publication p using (chunk_id)
  where t.{party} = a.party_id and t.{object} = a.object_id and {item}
  order by {first} p.position desc limit 1) n
"""
#: Two furnishers' terms may begin on one day (`keys_of_rows.own_suffix`): the sender's are meant.
_TERMS = "(a.sought = '' or t.item_key in (a.sought, a.sought || %(suffix)s))"
_OWN_TERMS = "(a.sought <> '' and t.furnisher_id = %(furnisher)s) desc,"


def _newest(
    connection: psycopg.Connection[Any],
    furnisher_id: UUID,
    dataset: str,
    *,
    asked: Sequence[_Asked],
    keys: Sequence[Mapping[str, str]],
) -> dict[int, tuple[UUID, int]]:
    """By number of the key, who furnished the newest record it names, and at which position."""
    if not asked:
        return {}
    is_account = dataset == "account"
    sought = [keys[one.no].get("valid_from", "") if is_account else one.item_key for one in asked]
    # A member's facts hang on no person: party and object of their deletion are the member.
    query = _NEWEST.format(
        dataset=dataset,
        party="member_key" if dataset == "member" else "party_id",
        object={"snapshot": "account_id", "member": "member_key"}.get(dataset, "object_id"),
        item={"snapshot": "t.period_end = a.sought::date", "account": _TERMS}.get(
            dataset, "(a.sought = '' or t.item_key = a.sought)"
        ),
        first=_OWN_TERMS if is_account else "",
    )
    given = {
        "parties": [one.party_id for one in asked], "objects": [one.object_id for one in asked],
        "sought": sought, "suffix": own_suffix(furnisher_id), "furnisher": furnisher_id,
    }  # fmt: skip
    rows = connection.execute(query, given).fetchall()
    return {asked[at].no: (furnisher_id, position) for at, furnisher_id, position in rows}


def _shared(
    connection: psycopg.Connection[Any],
    furnisher_id: UUID,
    dataset: str,
    *,
    keys: Sequence[Mapping[str, str]],
    places: Mapping[int, tuple[UUID, UUID]],
    members: Mapping[str, UUID],
) -> set[int]:
    """The keys another speaks under too: of an event or a remark who had the account first, of a
    share its originator (`keys_of_rows.item_key_sql`).
    """
    if dataset == "funding":
        return {
            no for no in places
            if members.get(keys[no].get("originator", "")) not in (None, furnisher_id)
        }  # fmt: skip
    if dataset not in ("event", "remark"):
        return set()
    others = connection.execute(
        "select party_id from directory.party where party_id = any(%s) and furnisher_id <> %s",
        ([party_id for party_id, _ in places.values()], furnisher_id),
    ).fetchall()
    found = {row[0] for row in others}
    return {no for no, (party_id, _) in places.items() if party_id in found}


def _hidden_by(
    connection: psycopg.Connection[Any],
    dataset: str,
    asked: Sequence[_Asked],
    since: Sequence[int],
) -> dict[int, list[Hidden]]:
    """By number of the key, the deletions that hide what it names.

    Takes: `since`: of each, the position of its newest record: what came before hides it no more
    """
    if not asked:
        return {}
    rows = connection.execute(
        "select a.no - 1, d.dataset, d.item_key, d.furnisher_id, d.reason"
        " from unnest(%s::uuid[], %s::uuid[], %s::text[], %s::bigint[])"
        " with ordinality as a (party_id, object_id, item_key, since, no)"
        " join ledger.deletion d on d.party_id = a.party_id and d.object_id = a.object_id"
        " and (d.dataset = 'account' or (d.dataset = %s and d.item_key = a.item_key))"
        " join ledger.publication p using (chunk_id) where p.position > a.since",
        (
            [one.party_id for one in asked], [one.object_id for one in asked],
            [one.item_key for one in asked], list(since), dataset,
        ),
    ).fetchall()  # fmt: skip
    found: dict[int, list[Hidden]] = {}
    for at, of, item_key, by, reason in rows:
        found.setdefault(asked[at].no, []).append(Hidden(of, item_key, by, said_reason(reason)))
    return found


def _places(
    deps: Deps,
    connection: psycopg.Connection[Any],
    furnisher_id: UUID,
    dataset: str,
    *,
    keys: Sequence[Mapping[str, str]],
    members: Mapping[str, UUID],
) -> dict[int, tuple[UUID, UUID]]:
    """By number of the key, the party and the object it names, where both are known."""
    places: dict[int, tuple[UUID, UUID]] = {}
    persons: dict[int, bytes] = {}
    objects: dict[int, tuple[UUID, bytes]] = {}
    kind, name = _OWN_KIND.get(dataset, ("account", "account_number"))
    for no, key in enumerate(keys):
        whose: UUID | None = furnisher_id
        if dataset == "member":
            if members.get(key.get("member", "")) == furnisher_id:
                places[no] = (furnisher_id, furnisher_id)
            continue
        if dataset == "subject" or (dataset == "remark" and key.get("object_type") == "party"):
            persons[no] = deps.keys.number_token(furnisher_id, "person", _holder(key))
            continue
        if dataset == "funding":
            whose = members.get(key.get("originator", ""))
        if whose is not None:  # else its account number is nobody's: not one of the sender's own
            objects[no] = (whose, deps.keys.number_token(whose, kind, str(key.get(name))))
    return (
        places | _parties(connection, furnisher_id, persons) | _objects(connection, kind, objects)
    )


def _holder(key: Mapping[str, Any]) -> str:
    if key.get("person_number"):
        return f"p{HOLDER}{key['person_number']}"
    parts = ("h", key.get("account_number"), key.get("role", "borrower"), key.get("holder_no", 1))
    return HOLDER.join(str(part) for part in parts)


def _parties(
    connection: psycopg.Connection[Any], furnisher_id: UUID, persons: Mapping[int, bytes]
) -> dict[int, tuple[UUID, UUID]]:
    if not persons:
        return {}
    rows = connection.execute(
        "select person_token, party_id from directory.party"
        " where furnisher_id = %s and person_token = any(%s)",
        (furnisher_id, list(persons.values())),
    ).fetchall()
    party_of = {bytes(token): party_id for token, party_id in rows}
    return {no: (party_of[one],) * 2 for no, one in persons.items() if one in party_of}


def _objects(
    connection: psycopg.Connection[Any], kind: str, objects: Mapping[int, tuple[UUID, bytes]]
) -> dict[int, tuple[UUID, UUID]]:
    if not objects:
        return {}
    numbers = list(objects)
    rows = connection.execute(
        "select a.no - 1, o.party_id, o.object_id"
        " from unnest(%s::uuid[], %s::bytea[]) with ordinality as a (furnisher_id, token, no)"
        " cross join lateral (select party_id, object_id from directory.object d"
        " where d.furnisher_id = a.furnisher_id and d.kind = %s and d.number_token = a.token"
        " order by d.valid_from limit 1) o",
        ([objects[no][0] for no in numbers], [objects[no][1] for no in numbers], kind),
    ).fetchall()
    return {numbers[at]: (party_id, object_id) for at, party_id, object_id in rows}
