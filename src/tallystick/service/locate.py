"""Finding one record by its native key: where in the ledger it stands, and whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

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


def target(
    deps: Deps,
    connection: psycopg.Connection[Any],
    furnisher_id: UUID,
    dataset: str,
    *,
    key: Mapping[str, str],
) -> Target | None:
    """The newest record a key names; None when there is none.

    Takes: `key`: all native key fields (`record_keys.read`); for an account the whole account is
           meant, and `valid_from`, where it is named, must be that of a record of it
    """
    place = _place(deps, connection, furnisher_id, dataset, key=key)
    if place is None:
        return None
    party_id, object_id = place
    item_key = "|".join(key[name] for name in _ITEM.get(dataset, ()))
    if _is_shared(connection, party_id, furnisher_id, dataset, key=key):
        item_key += own_suffix(furnisher_id)
    sought = key.get("valid_from", "") if dataset == "account" else item_key
    # A member's facts hang on no person: party and object of their deletion are the member.
    party = "member_key" if dataset == "member" else "party_id"
    column = {"snapshot": "account_id", "member": "member_key"}.get(dataset, "object_id")
    item = "period_end::text" if dataset == "snapshot" else "item_key"
    row = connection.execute(
        f"select t.furnisher_id, p.position from ledger.{dataset} t"
        " join ledger.publication p using (chunk_id)"
        f" where t.{party} = %s and t.{column} = %s and (%s = '' or t.{item} = %s)"
        " order by p.position desc limit 1",
        (party_id, object_id, sought, sought),
    ).fetchone()
    if row is None:
        return None
    hidden_by = _hidden_by(
        connection, party_id, object_id, dataset, item_key=item_key, since=row[1]
    )
    return Target(
        party_id=party_id,
        object_id=object_id,
        item_key=item_key,
        furnisher_id=row[0],
        is_account=dataset not in ("subject", *_OWN_KIND) and object_id != party_id,
        hidden_by=hidden_by,
    )


def _is_shared(
    connection: psycopg.Connection[Any],
    party_id: UUID,
    furnisher_id: UUID,
    dataset: str,
    *,
    key: Mapping[str, str],
) -> bool:
    """Whether another speaks under the same key: of an event who had the account first, of a share
    its originator (`keys_of_rows.item_key_sql`).
    """
    if dataset == "funding":
        return _member(connection, key.get("originator")) not in (None, furnisher_id)
    if dataset != "event":
        return False
    row = connection.execute(
        "select furnisher_id from directory.party where party_id = %s", (party_id,)
    ).fetchone()
    return row is not None and row[0] != furnisher_id


def _member(connection: psycopg.Connection[Any], code: str | None) -> UUID | None:
    row = connection.execute(
        "select member_id from member.member where code = %s", (code,)
    ).fetchone()
    return row[0] if row else None


def _hidden_by(
    connection: psycopg.Connection[Any],
    party_id: UUID,
    object_id: UUID,
    dataset: str,
    *,
    item_key: str,
    since: int,
) -> frozenset[Hidden]:
    rows = connection.execute(
        "select d.dataset, d.item_key, d.furnisher_id, d.reason"
        " from ledger.deletion d join ledger.publication p using (chunk_id)"
        " where d.party_id = %s and d.object_id = %s and p.position > %s"
        " and (d.dataset = 'account' or (d.dataset = %s and d.item_key = %s))",
        (party_id, object_id, since, dataset, item_key),
    ).fetchall()
    return frozenset(Hidden(*row) for row in rows)


def _place(
    deps: Deps,
    connection: psycopg.Connection[Any],
    furnisher_id: UUID,
    dataset: str,
    *,
    key: Mapping[str, Any],
) -> tuple[UUID, UUID] | None:
    if dataset in _OWN_KIND:
        kind, name = _OWN_KIND[dataset]
        return _object(deps, connection, furnisher_id, kind, number=key.get(name))
    if dataset == "member":
        is_own = _member(connection, key.get("member")) == furnisher_id
        return (furnisher_id, furnisher_id) if is_own else None
    about_party = dataset == "remark" and key.get("object_type") == "party"
    if dataset == "subject" or about_party:
        return _party(deps, connection, furnisher_id, key)
    if dataset == "funding":
        originator = _member(connection, key.get("originator"))
        if originator is None:  # its account number is nobody's: not one of the sender's own
            return None
        furnisher_id = originator
    return _object(deps, connection, furnisher_id, "account", number=key.get("account_number"))


def _object(
    deps: Deps, connection: psycopg.Connection[Any], furnisher_id: UUID, kind: str, *, number: Any
) -> tuple[UUID, UUID] | None:
    token = deps.keys.number_token(furnisher_id, kind, str(number))
    row = connection.execute(
        "select party_id, object_id from directory.object"
        " where furnisher_id = %s and kind = %s and number_token = %s",
        (furnisher_id, kind, token),
    ).fetchone()
    return (row[0], row[1]) if row else None


def _party(
    deps: Deps, connection: psycopg.Connection[Any], furnisher_id: UUID, key: Mapping[str, Any]
) -> tuple[UUID, UUID] | None:
    if key.get("person_number"):
        holder = f"p{HOLDER}{key['person_number']}"
    else:
        parts = (
            "h",
            key.get("account_number"),
            key.get("role", "borrower"),
            key.get("holder_no", 1),
        )
        holder = HOLDER.join(str(part) for part in parts)
    token = deps.keys.number_token(furnisher_id, "person", holder)
    row = connection.execute(
        "select party_id from directory.party where furnisher_id = %s and person_token = %s",
        (furnisher_id, token),
    ).fetchone()
    return (row[0], row[0]) if row else None
