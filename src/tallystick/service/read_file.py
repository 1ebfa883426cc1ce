"""From rows to a person's file as a report sees it: one day's terms, sealed fields opened.

`Material` is the same whether it was read from the projection (the present) or folded from the
ledger (`service/fold_file.py`), so that both give the same bytes.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

import orjson

from tallystick.ledger import seal
from tallystick.ledger.fold import OWN_MARK
from tallystick.model.file import (
    DEBT_ROLES,
    AccountLine,
    ConsentLine,
    LookLine,
    PartyIdentity,
    Record,
    SubjectFile,
)
from tallystick.model.instant import instant_text
from tallystick.service.her_events import Asked, events_of
from tallystick.service.her_time import HerTime, her_time, periods_unowed
from tallystick.service.numbers import number_of
from tallystick.service.port import Keys
from tallystick.service.roles import RoleOn, other_roles, role_on

#: Stands for the bureau where a consent is one to furnish.
BUREAU = "bureau"


class AccountRow(NamedTuple):
    """One account of a file; JSON as text, as the projection keeps it.

    `others`: the periods another furnished, where all else is one furnisher's own (`fold_file`).
    """

    account_id: str
    party_id: str
    furnisher_id: str
    role: str
    terms: str
    latest: str | None
    events: str | None
    months: bytes
    others: frozenset[int] = frozenset()


class ConsentRow(NamedTuple):
    """One consent under a token of hers."""

    consent_id: str
    captured_by: str
    recipient_id: str | None
    purpose: str
    data_classes: tuple[str, ...]
    valid_from: datetime
    valid_to: datetime
    given_at: datetime
    withdrawn_at: datetime | None
    uses_allowed: int | None
    token: bytes


@dataclass(slots=True, kw_only=True)
class Material:
    """Everything about one subject at one place in history, still sealed."""

    subject_id: str
    position: int
    log_size: int
    head_version: int
    document: Record
    tokens: frozenset[bytes] = frozenset()
    accounts: list[AccountRow] = field(default_factory=list)
    #: What a member that verifies its own said of its shares of others' accounts (`funded`).
    fundings: Sequence[Record] = ()
    consents: list[ConsentRow] = field(default_factory=list)
    looks: list[LookLine] = field(default_factory=list)
    #: What was unsealed of identities, by its sealed text: compared first, shown later.
    unsealed: dict[str, Record] = field(default_factory=dict, repr=False)

    def parties(self) -> frozenset[str]:
        """Every party whose key something in the file is sealed under."""
        return frozenset(self.own_parties()).union(row.party_id for row in self.accounts)

    def own_parties(self) -> dict[str, str]:
        """The parties she is, one a furnisher's person, each with its furnisher."""
        return {
            party["party_id"]: party["furnisher_id"] for party in self.document.get("parties", ())
        }

    def gone(self) -> set[tuple[str, str]]:
        """(party, furnisher) of whom every record is deleted: what hangs on them is hidden.

        Not if another number of hers continues the deleted one (`gone_parties`). An account another
        furnisher has taken over hangs on the person that one knows.
        """
        return gone_parties(self.document)

    def erased_parties(self) -> set[UUID]:
        """The parties under which accounts of hers were kept that an erasure took."""
        return {UUID(one["party_id"]) for one in self.document.get("erased", ())}

    def standing_accounts(self) -> list[AccountRow]:
        """Her accounts, without those of a person of hers that is deleted."""
        gone = self.gone()
        if not gone:  # nearly always
            return self.accounts
        return [row for row in self.accounts if (row.party_id, row.furnisher_id) not in gone]

    def consent_lines(self) -> list[ConsentLine]:
        """Her consents (those under her own tokens) as a report shows them."""
        return [consent_line(one) for one in self.consents if one.token in self.tokens]


def gone_parties(document: Record) -> set[tuple[str, str]]:
    """(party, furnisher) of whom every record is deleted, of a person's document.

    Not one that was a duplicate of another of hers at that furnisher, while such a one stands.
    """
    parties = document.get("parties", ())
    deleted = [party for party in parties if not party["versions"]]
    if not deleted:  # nearly always
        return set()
    known_by = {party["furnisher_id"] for party in parties if party["versions"]}
    return {
        (party["party_id"], party["furnisher_id"])
        for party in deleted
        if not (party.get("is_continued") and party["furnisher_id"] in known_by)
    }


def utc_text(moment: datetime) -> str:
    """`instant_text`, short for the usual case: the database's sessions give UTC."""
    text = moment.isoformat(timespec="microseconds")
    return f"{text[:-6]}Z" if text.endswith("+00:00") else instant_text(moment)


def consent_line(row: ConsentRow) -> ConsentLine:
    """A consent as a report shows it."""
    return ConsentLine(
        consent_id=row.consent_id,
        captured_by=row.captured_by,
        recipient_id=row.recipient_id or BUREAU,
        purpose=row.purpose,
        data_classes=row.data_classes,
        valid_from=utc_text(row.valid_from),
        valid_to=utc_text(row.valid_to),
        given_at=utc_text(row.given_at),
        withdrawn_at=None if row.withdrawn_at is None else utc_text(row.withdrawn_at),
    )


def opened_identities(
    material: Material, keys: Mapping[str, bytes], *, furnisher_id: str | None = None
) -> list[tuple[str, str | None]]:
    """Name and birth date of every version of every party that can still be opened.

    Takes: `furnisher_id` keeps to the parties of one furnisher
    """
    found: list[tuple[str, str | None]] = []
    for party in material.document.get("parties", ()):
        key = keys.get(party["party_id"])
        if key is None or furnisher_id not in (None, party["furnisher_id"]):
            continue
        for version in party["versions"]:
            fields = _identity(material, version, key)
            if "name" in fields:
                found.append((fields["name"], fields.get("birth_date")))
    return found


def numbers_of(
    material: Material, keys: Mapping[str, bytes], bureau_keys: Keys
) -> frozenset[bytes]:
    """The tokens of the identity numbers that versions of her parties give, if they can be opened.

    Her `tokens` are more: every number that any record of hers ever gave.
    """
    given = {  # her furnishers mostly give one: its token is made once
        number_of(version, _identity(material, version, keys[party["party_id"]]))
        for party in material.document.get("parties", ())
        if party["party_id"] in keys
        for version in party["versions"]
    }
    return frozenset(bureau_keys.identity_token(*one) for one in given if one is not None)


def subject_file(
    material: Material,
    keys: Mapping[str, bytes],
    *,
    day: date,
    in_full: str | None,
    asked: Asked | None,
) -> SubjectFile:
    """The file on a day.

    Takes: `keys` by party id; `in_full` is the member whose own account numbers are opened, "*"
           for the person herself; `asked`: the instant on that day (`events_of`)
    """
    today = day.isoformat()
    document = _without(material.document, {party for party, _ in material.gone()})
    own = material.own_parties()
    lines = [
        account_line(row, own, keys, today=today, in_full=in_full, asked=asked)
        for row in material.standing_accounts()
    ]
    return SubjectFile(
        subject_id=material.subject_id,
        identities=tuple(_identities(material, keys, today)),
        accounts=tuple(line for line in lines if line is not None),
        fundings=tuple(_plain(one) for one in material.fundings if one["valid_from"] <= today),
        agreements=_standing(document, "agreements", today),
        guarantees=_standing(document, "guarantees", today),
        payments=tuple(
            _plain(record)
            for record in document.get("payments", ())
            if record["period_end"] <= today
        ),
        remarks=tuple(
            _remark(record, keys)
            for record in document.get("remarks", ())
            if record["valid_from"] <= today
        ),
        erased=tuple(
            {
                one["account_id"]: one
                for one in document.get("erased", ())
                if one["valid_from"] <= today
            }.values()
        ),
    )


def _without(document: Record, parties: set[str]) -> Record:
    """A document without what is kept under some parties."""
    if not parties:
        return document
    return {
        block: [one for one in records if one["party_id"] not in parties]
        for block, records in document.items()
    }


def _identities(
    material: Material, keys: Mapping[str, bytes], today: str
) -> Iterable[PartyIdentity]:
    for party in material.document.get("parties", ()):
        key = keys.get(party["party_id"])
        version = _valid(party["versions"], today)
        if key is not None and version is not None:
            fields = {**_plain(version), **_identity(material, version, key)}
            yield PartyIdentity(
                party_id=party["party_id"], furnisher_id=party["furnisher_id"], fields=fields
            )


def _identity(material: Material, version: Record, key: bytes) -> Record:
    """What a version of a party seals, unsealed once however often it is asked for."""
    sealed = version.get("sealed")
    if sealed is None:
        return {}
    known = material.unsealed.get(sealed)
    if known is None:
        known = material.unsealed[sealed] = _opened(version, key, b"subject")
    return known


def account_line(
    row: AccountRow,
    own: Mapping[str, str],
    keys: Mapping[str, bytes],
    *,
    today: str,
    in_full: str | None,
    asked: Asked | None,
) -> AccountLine | None:
    """The account on a day; None before its first terms, and before a role of hers has begun.

    Takes: `own` are her parties, each with its furnisher; `keys`, `in_full` and `asked` as
           `subject_file` takes them
    Time:  terms are those of her last day; events and months those of her time (`her_time`)
    """
    terms = orjson.loads(row.terms)
    holders = terms["holders"]
    version = _valid(terms["versions"], today)
    role = RoleOn(row.role) if len(holders) == 1 else role_on(holders, own, today)
    if version is None or role is None:
        return None
    day = role.ended_on or today
    if role.ended_on is not None:
        version = _valid(terms["versions"], day) or terms["versions"][0]
    time = None if len(holders) == 1 else her_time(holders, own, today)
    latest, before = _latest(row, time, is_over=role.ended_on is not None)
    months, others = (row.months, row.others) if time is None else time.part(row.months, row.others)
    key = keys.get(row.party_id)
    private: Record = {}
    if key is not None and in_full in ("*", row.furnisher_id):
        private = _opened(version, key, b"account")
    events = events_of(row.events, time=time, ended_on=role.ended_on, today=today, asked=asked)
    return AccountLine(
        account_id=row.account_id,
        party_id=row.party_id,
        furnisher_id=row.furnisher_id,
        role=role.name,
        role_ended_on=role.ended_on,
        responsibility=role.responsibility,
        other_roles=other_roles(holders, own, day) if len(holders) > 1 else (),
        terms=_plain(version),
        months=months,
        latest=latest,
        before=before,
        events=events,
        others_events=_of_others(events, row, terms["versions"], own.get(row.party_id)),
        fundings=tuple(
            {**one, "furnisher_id": one["stated_by"]}
            for one in terms["fundings"]
            if one["valid_from"] <= today
        ),
        remarks=tuple(
            {
                **_remark(one, keys, row.party_id),
                "stated_by": _stated_by(one, row, terms["versions"], own.get(row.party_id)),
            }
            for one in terms["remarks"]
            if one["valid_from"] <= today
        ),
        private=private,
        others=others,
        unowed=periods_unowed(months, holders, own, day)
        if time is not None and role.name in DEBT_ROLES
        else frozenset(),
    )


def _latest(
    row: AccountRow, time: HerTime | None, *, is_over: bool
) -> tuple[Record | None, Record | None]:
    """The newest snapshot if it is of her time; else what it says of the account's state.

    Missing: the state is of no account where her role `is_over`: what came later is not hers
    """
    if not row.latest:
        return None, None
    latest = _plain(orjson.loads(row.latest))
    if time is None or time.has_month_of(latest["period_end"]):
        return latest, None
    state = {name: latest[name] for name in ("bucket", "status") if name in latest}
    return None, None if is_over else state


def _of_others(
    events: Sequence[Record], row: AccountRow, versions: Sequence[Record], first: str | None
) -> frozenset[int]:
    """The places of events that another than the account's furnisher sent, or may have sent.

    Takes: `first`: who had the account first, whose events have no key of their own (`keys_of_rows`
           says which have); None where its first borrower is another person: then its terms tell
           whether it ever went on from another furnisher
    """
    if not events:
        return frozenset()
    if first is None:
        named = {version.get("formerly_furnisher_id") for version in versions}
        first = row.furnisher_id if named <= {None, row.furnisher_id} else None
    own = f"{OWN_MARK}{row.furnisher_id}"
    is_first = first == row.furnisher_id
    return frozenset(
        at
        for at, one in enumerate(events)
        if not (one["item_key"].endswith(own) if "item_key" in one else is_first)
    )


def _stated_by(
    record: Record, row: AccountRow, versions: Sequence[Record], first: str | None
) -> str:
    """Who stated what hangs on an account: its key tells whoever did not have the account first.

    Takes: `first`: as `_of_others`; where it is None the first terms that went on from another tell
    """
    if "item_key" in record:
        return str(record["item_key"]).rpartition(OWN_MARK)[2]
    if first is not None:
        return first
    named = (version.get("formerly_furnisher_id") for version in versions)
    return next((one for one in named if one is not None), row.furnisher_id)


def _valid(versions: list[Record], today: str) -> Record | None:
    """The newest version that holds on a day."""
    if len(versions) == 1:  # nearly always
        return versions[0] if versions[0]["valid_from"] <= today else None
    held = [one for one in versions if one["valid_from"] <= today]
    # Of an account's that begin on one day the last one holds (`fold.terms_in_order`).
    return max(reversed(held), key=lambda one: one["valid_from"]) if held else None


def _standing(document: Record, block: str, today: str) -> tuple[Record, ...]:
    """The version of each agreement or guarantee that holds on a day."""
    by_object: dict[str, list[Record]] = {}
    for record in document.get(block, ()):
        by_object.setdefault(record["object_id"], []).append(record)
    held = [_valid(versions, today) for versions in by_object.values()]
    return tuple(_plain(record) for record in held if record is not None)


def _remark(record: Record, keys: Mapping[str, bytes], party_id: str | None = None) -> Record:
    key = keys.get(party_id or record["party_id"])
    opened = {} if key is None else _opened(record, key, b"remark")
    return {**_plain(record), **({"text": opened["text"]} if "text" in opened else {})}


def _opened(record: Record, key: bytes, label: bytes) -> Record:
    sealed = record.get("sealed")
    return {} if sealed is None else seal.unseal(key, base64.b64decode(sealed), label)


def _plain(record: Record) -> Record:
    """A record with what is absent as a map; nothing sealed."""
    absent = record.get("absent")
    if absent is None:
        return record
    return {**record, "absent": _absent(absent)}


@lru_cache(maxsize=4096)
def _absent(text: str) -> dict[str, str]:
    return dict(part.split(":", 1) for part in text.split(","))
