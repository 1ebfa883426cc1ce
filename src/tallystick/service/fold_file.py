"""The same material folded from the ledger alone: what was on file at a place in history.

Nothing of the projection is read: statements visible at the position, links visible at it, and the
events of the head up to its version. At the present place it equals the file (property test).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
import psycopg

from tallystick.errors import require
from tallystick.ledger import fold, order, read
from tallystick.ledger.erased import erased_accounts
from tallystick.ledger.files import account_values
from tallystick.ledger.publish import first_borrowers
from tallystick.model.file import LookLine, SubjectFile
from tallystick.model.months import period_of
from tallystick.service import funded
from tallystick.service import gate_sql as sql
from tallystick.service.gate import look_line
from tallystick.service.her_events import asked_at
from tallystick.service.port import Deps
from tallystick.service.read_file import AccountRow, ConsentRow, Material, subject_file

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place in the bureau's history; `recorded_at` is when its position was published."""

    position: int
    log_size: int
    head_version: int
    recorded_at: datetime | None = None


_PARTIES = """
select held.party_id, p.furnisher_id from (
  select distinct on (k.party_id) k.party_id, k.subject_id
  from identity.link k join ledger.publication p using (chunk_id)
  where k.party_id in (select party_id from identity.link where subject_id = %(subject)s)
    and p.position <= %(position)s
  order by k.party_id, p.position desc) held
join directory.party p using (party_id)
where held.subject_id = %(subject)s order by 1
"""
_ACCOUNTS = """
select object_id from directory.object where party_id = any (%(parties)s) and kind = 'account'
union select object_id from ledger.account_party where holder_party_id = any (%(parties)s)
"""
_EVENTS = """
select v.kind, v.token, v.consent_id, c.captured_by, c.recipient_id, c.purpose, c.data_classes,
  c.valid_from, c.valid_to, c.given_at, w.withdrawn_at, c.uses_allowed
from gate.head_event v
left join gate.consent c on c.token = v.token and c.consent_id = v.consent_id
left join gate.withdrawal w on w.token = v.token and w.consent_id = v.consent_id
where v.subject_id = %(subject)s and v.head_version <= %(head_version)s order by v.head_version
"""
#: Events are in the order of their versions; one brought along by a token happened earlier than it
#: came to the subject, so each counts from the latest instant up to it.
_HEAD_THEN = """
select coalesce(max(head_version), 0) from (
  select head_version, max(happened_at) over (order by head_version) as since
  from gate.head_event where subject_id = %(subject)s) as event where since <= %(known_at)s
"""
_LOG_THEN = """
select number + 1 from log.entry where sequenced_at <= %(known_at)s order by number desc limit 1
"""


def place_known_at(connection: Connection, subject_id: UUID, known_at: datetime) -> Place:
    """Where the bureau stood for a subject at an instant."""
    given = {"subject": subject_id, "known_at": known_at}
    place = order.place_known_at(connection, known_at)
    size = connection.execute(_LOG_THEN, given).fetchone()
    version = connection.execute(_HEAD_THEN, given).fetchone()
    return Place(
        position=place.position,
        log_size=size[0] if size else 0,
        head_version=version[0] if version else 0,
        recorded_at=place.recorded_at,
    )


def fold_file(
    connection: Connection, deps: Deps, subject_id: UUID, *, as_of: datetime, position: int
) -> SubjectFile:
    """A person's file as of an instant, folded from what was published up to a position."""
    place = Place(position=position, log_size=0, head_version=0)
    profile = deps.profile.at(as_of)
    material = fold_material(connection, subject_id, place, day=profile.day)
    keys = deps.vault.get([UUID(party) for party in material.parties()])
    by_text = {str(party): key for party, key in keys.items()}
    asked = asked_at(profile, as_of)
    return subject_file(material, by_text, day=profile.day, in_full="*", asked=asked)


def fold_material(
    connection: Connection,
    subject_id: UUID,
    place: Place,
    *,
    day: date,
    furnisher_id: UUID | None = None,
) -> Material:
    """Everything about a subject at a place; months after `day` are left out.

    Takes: `furnisher_id` keeps to what that furnisher said of accounts
    """
    given = {"subject": subject_id, "position": place.position}
    pairs = connection.execute(_PARTIES, given).fetchall()
    parties = [party for party, _ in pairs]
    tokens, consents = _consents(connection, subject_id, place.head_version)
    accounts, fundings = _accounts(
        connection, parties, place.position, day=day, furnisher_id=furnisher_id
    )
    return Material(
        subject_id=str(subject_id),
        position=place.position,
        log_size=place.log_size,
        head_version=place.head_version,
        document=_document(connection, pairs, place.position),
        tokens=tokens,
        accounts=accounts,
        fundings=fundings,
        consents=consents,
        looks=_looks(connection, subject_id, parties, tokens, log_size=place.log_size),
    )


def furnished_by(deps: Deps, material: Material, furnisher_id: UUID, *, day: date) -> Material:
    """Material with what one furnisher said of its accounts, at the same place.

    The file says of an account what stands, whoever said it; who that was only the ledger knows.
    """
    parties = [UUID(party["party_id"]) for party in material.document.get("parties", ())]
    with deps.database.connect("serve") as connection:
        accounts, fundings = _accounts(
            connection, parties, material.position, day=day, furnisher_id=furnisher_id
        )
    return replace(material, accounts=accounts, fundings=fundings)


def _document(
    connection: Connection, pairs: Sequence[tuple[UUID, UUID]], position: int
) -> dict[str, Any]:
    parties = [party for party, _ in pairs]
    found = read.statements(connection, read.PARTY_DATASETS, parties=parties, position=position)
    erased = erased_accounts(connection, parties, position=position)
    about = [
        one
        for one in found
        if one.dataset != "remark" or one.record.get("object_type") != "account"
    ]
    document: dict[str, Any] = orjson.loads(orjson.dumps(fold.fold_document(pairs, about, erased)))
    return document


def _accounts(
    connection: Connection,
    parties: Sequence[UUID],
    position: int,
    *,
    day: date,
    furnisher_id: UUID | None,
) -> tuple[list[AccountRow], list[dict[str, Any]]]:
    """The accounts, and what the furnisher (if one is given) said of its funding of others'."""
    tied = connection.execute(_ACCOUNTS, {"parties": list(parties)}).fetchall()
    accounts = [row[0] for row in tied]
    owners = first_borrowers(connection, accounts)
    found = read.statements(
        connection,
        (*read.ACCOUNT_DATASETS, "snapshot"),
        parties=set(owners.values()),
        objects=accounts,
        position=position,
    )
    by_account: dict[UUID, list[fold.Statement]] = {account: [] for account in accounts}
    for one in found:
        if one.object_id in by_account and not _is_after(one, day):
            by_account[one.object_id].append(one)
    own = {str(party) for party in parties}
    rows: list[AccountRow] = []
    fundings: list[dict[str, Any]] = []
    for statements in by_account.values():
        others: frozenset[int] = frozenset()
        if furnisher_id is not None:
            fundings += funded.furnished(statements, furnisher_id, own)
            statements, others = _own_words(statements, furnisher_id)
        folded = fold.fold_account(statements)
        row = None if folded is None else _row(folded, own)
        if row is not None:
            rows.append(row._replace(others=others))
    return rows, fundings


def _own_words(
    statements: Sequence[fold.Statement], furnisher_id: UUID
) -> tuple[list[fold.Statement], frozenset[int]]:
    """What stands of an account as one furnisher said it, and the months only others speak of."""
    kept = fold.standing(statements)
    own = [one for one in kept if one.furnisher_id == furnisher_id]
    return own, _months(kept) - _months(own)


def _months(statements: Iterable[fold.Statement]) -> frozenset[int]:
    return frozenset(
        period_of(date.fromisoformat(one.item_key))
        for one in statements
        if one.dataset == "snapshot"
    )


def _is_after(statement: fold.Statement, day: date) -> bool:
    return (
        statement.dataset == "snapshot"
        and not statement.is_deletion
        and date.fromisoformat(statement.item_key) > day
    )


def _row(folded: fold.AccountFold, own: Collection[str]) -> AccountRow | None:
    """The account's row as the projection would hold it; None when nobody of hers holds it."""
    for party, role in folded.holder_roles.items():
        if party in own:
            values = account_values(folded)
            return AccountRow(
                account_id=str(folded.account_id),
                party_id=str(folded.party_id),
                furnisher_id=str(folded.furnisher_id),
                role=role,
                terms=values["terms"],
                latest=values["latest"],
                events=values["events"],
                months=values["months"],
            )
    return None


def _consents(
    connection: Connection, subject_id: UUID, head_version: int
) -> tuple[frozenset[bytes], list[ConsentRow]]:
    """Her tokens and consents after the events up to a version."""
    held: dict[bytes, dict[str, ConsentRow]] = {}
    for row in connection.execute(_EVENTS, {"subject": subject_id, "head_version": head_version}):
        kind, token, consent_id = row[0], bytes(row[1]), row[2]
        if kind == "token_linked":
            held[token] = {}
        elif kind == "token_unlinked":
            held.pop(token, None)
        elif token in held:
            consent = _consent(row, token, is_withdrawn=kind == "consent_withdrawn")
            held[token][str(consent_id)] = consent
    rows = [row for consents in held.values() for row in consents.values()]
    return frozenset(held), rows


def _consent(row: Sequence[Any], token: bytes, *, is_withdrawn: bool) -> ConsentRow:
    require(row[3] is not None, "a head's event names a consent that is not there")
    return ConsentRow(
        consent_id=str(row[2]),
        captured_by=str(row[3]),
        recipient_id=None if row[4] is None else str(row[4]),
        purpose=row[5],
        data_classes=tuple(row[6]),
        valid_from=row[7],
        valid_to=row[8],
        given_at=row[9],
        withdrawn_at=row[10] if is_withdrawn else None,
        uses_allowed=row[11],
        token=token,
    )


def _looks(
    connection: Connection,
    subject_id: UUID,
    parties: Sequence[UUID],
    tokens: Collection[bytes],
    *,
    log_size: int,
) -> list[LookLine]:
    given = {
        "subject": subject_id,
        "parties": list(parties),
        "tokens": list(tokens),
        "log_size": log_size,
    }
    rows = connection.execute(sql.LOOKS_THEN, given).fetchall()
    return list({row[1]: look_line(row) for row in rows}.values())
