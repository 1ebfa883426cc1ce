"""Folding: from visible statements to what an account's line or a subject's document says.

Pure functions over statements already read. The file is this fold written down; a rebuild and a
question about the past run the same code (property test: file = fold).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from tallystick.model import months as grid

#: A record's place and content as JSON-ready values (`ledger.read.record_json`).
Record = dict[str, Any]
#: How the ledger keeps the reason `duplicate` of a person's deletion where another number of hers
#: stood at that furnisher: what hangs on the deleted number goes on while one does.
CONTINUED = "duplicate_continued"
#: Before a furnisher's id at the end of an item key, where another may speak under what precedes.
OWN_MARK = "\x1f"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One visible statement. `position` orders; `is_deletion` hides its key from there on.

    `reason`: of a deletion, as the ledger keeps it.
    """

    dataset: str
    object_id: UUID
    item_key: str
    position: int
    row_no: int
    furnisher_id: UUID
    party_id: UUID
    record: Record = field(default_factory=dict)
    is_deletion: bool = False
    reason: str = ""


def standing(statements: Iterable[Statement]) -> list[Statement]:
    """The statements that stand: the last of each key, deletions applied.

    A deletion with an empty item key hides the whole object from its position on, with all that
    hangs on it; a later reinsertion of a key shows that key again.
    """
    ordered = sorted(statements, key=lambda one: (one.position, one.row_no))
    last: dict[tuple[str, str], Statement] = {}
    for one in ordered:
        if one.is_deletion and not one.item_key:
            last.clear()
        elif one.is_deletion:
            last.pop((one.dataset, one.item_key), None)
        else:
            last[(one.dataset, one.item_key)] = one
    return sorted(last.values(), key=lambda one: (one.dataset, one.item_key))


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFold:
    """One account folded: what a file's row is written from.

    `holders` are (party, role, holder_no, valid_from, valid_to) in a fixed order, the first
    borrower first; `terms` is the JSON the row carries; `latest` the newest snapshot, whole.
    """

    account_id: UUID
    party_id: UUID
    furnisher_id: UUID
    terms: Record
    events: list[Record]
    months: bytes = b""
    latest: Record | None = None

    @property
    def newest_terms(self) -> Record:
        """The terms with the latest `valid_from`."""
        versions: list[Record] = self.terms["versions"]
        return versions[-1]

    @property
    def holder_roles(self) -> dict[str, str]:
        """Role by party id; a party in two roles keeps the stronger one (first listed)."""
        roles: dict[str, str] = {}
        for holder in self.terms["holders"]:
            roles.setdefault(holder["party_id"], holder["role"])
        return roles


def place_of_event(record: Record) -> tuple[str, ...]:
    """Where an event stands among an account's; two furnishers may have given the same id."""
    return record["occurred_at"], record["event_id"], record.get("item_key", "")


def fold_account(statements: Sequence[Statement]) -> AccountFold | None:
    """Fold everything said about one account; None when no terms of it stand."""
    kept = standing(statements)
    terms = terms_in_order(kept, statements)
    if not terms:
        return None
    first = terms[0]
    by: dict[str, list[Statement]] = {}
    for one in kept:
        by.setdefault(one.dataset, []).append(one)
    months, latest = fold_months(by.get("snapshot", ()))
    events = sorted(
        (one.record for one in by.get("event", ())),
        key=place_of_event,
    )
    return AccountFold(
        account_id=first.object_id,
        party_id=first.party_id,
        furnisher_id=terms[-1].furnisher_id,
        terms={
            "versions": [one.record for one in terms],
            "holders": _holders(first, by.get("account_party", ())),
            "fundings": [
                {**one.record, "stated_by": str(one.furnisher_id)} for one in by.get("funding", ())
            ],
            "remarks": [one.record for one in by.get("remark", ())],
        },
        events=events,
        months=months,
        latest=latest,
    )


def terms_in_order(kept: Iterable[Statement], said: Iterable[Statement]) -> list[Statement]:
    """The terms of one account among its statements that stand, the newest last.

    Takes: `said`: all that was said of it. Of terms that begin on one day, as a seller's closing
           and its buyer's first ones may, those of who took the account over later are newer,
           whoever corrected its own last
    """
    terms = [one for one in kept if one.dataset == "account"]
    terms.sort(key=lambda one: one.item_key)
    if len({one.record["valid_from"] for one in terms}) == len(terms):  # nearly always
        return terms
    taken: dict[UUID, tuple[int, int]] = {}
    for one in said:
        if one.dataset == "account" and _takes_over(one):
            place = (one.position, one.row_no)
            taken[one.furnisher_id] = min(place, taken.get(one.furnisher_id, place))
    terms.sort(key=lambda one: (one.record["valid_from"], taken.get(one.furnisher_id, (-1, -1))))
    return terms


def _takes_over(one: Statement) -> bool:
    return one.record.get("formerly_furnisher_id") not in (None, str(one.furnisher_id))


def _holders(first: Statement, others: Iterable[Statement]) -> list[Record]:
    holders: list[Record] = [{"party_id": str(first.party_id), "role": "borrower", "holder_no": 1}]
    rank = {"borrower": 0, "co_borrower": 1, "guarantor": 2, "authorised_user": 3}
    more = sorted(
        (one.record for one in others),
        key=lambda record: (rank[record["role"]], record["holder_no"], record["valid_from"]),
    )
    for record in more:
        holder = {"party_id": record["holder_party_id"], "role": record["role"]}
        holder["holder_no"] = record["holder_no"]
        for name in ("valid_from", "valid_to", "responsibility_minor", "currency"):
            if name in record:
                holder[name] = record[name]
        holders.append(holder)
    return holders


def fold_months(snapshots: Iterable[Statement]) -> tuple[bytes, Record | None]:
    """The packed grid of the newest months, and the newest snapshot in full."""
    ordered = sorted((one.record for one in snapshots), key=lambda record: record["period_end"])
    if not ordered:
        return b"", None
    packed = grid.pack(
        grid.Month(
            grid.period_of(date.fromisoformat(record["period_end"])),
            record["bucket"],
            record.get("days_past_due"),
            record.get("balance_minor"),
            record.get("payment_due_minor"),
        )
        for record in ordered
    )
    return packed, ordered[-1]


def fold_document(
    parties: Sequence[tuple[UUID, UUID]],
    statements: Sequence[Statement],
    erased: Sequence[Record] = (),
) -> dict[str, Any]:
    """A subject's document: identity by party, agreements, guarantees, payments, remarks.

    Takes: (party id, furnisher id) of every party of the subject, and the statements kept under
           those parties that belong to no account; `erased`: the accounts an erasure took
           (`erased.erased_accounts`), a block that is there only where there is one
    """
    by_object: dict[UUID, list[Statement]] = {}
    for one in statements:
        by_object.setdefault(one.object_id, []).append(one)
    document: dict[str, Any] = {"parties": [], "agreements": [], "guarantees": [], "payments": []}
    document["remarks"] = []
    kept = [one for group in by_object.values() for one in standing(group)]
    kept.sort(key=lambda one: (one.dataset, str(one.object_id), one.item_key))
    for party_id, furnisher_id in sorted(parties, key=lambda pair: str(pair[0])):
        versions = [
            one.record for one in kept if one.dataset == "subject" and one.party_id == party_id
        ]
        party: Record = {
            "party_id": str(party_id),
            "furnisher_id": str(furnisher_id),
            "versions": versions,
        }
        if not versions and _is_continued(by_object.get(party_id, ())):
            party["is_continued"] = True
        document["parties"].append(party)
    for dataset, block in _BLOCKS.items():
        for one in kept:
            if one.dataset == dataset:
                document[block].append(
                    {
                        **one.record,
                        "object_id": str(one.object_id),
                        "furnisher_id": str(one.furnisher_id),
                        "party_id": str(one.party_id),
                    }
                )
    if erased:
        document["erased"] = list(erased)
    return document


def _is_continued(statements: Iterable[Statement]) -> bool:
    """Whether the last word on a person without records is that another number continues hers."""
    said = [one for one in statements if one.dataset == "subject"]
    last = max(said, key=lambda one: (one.position, one.row_no), default=None)
    return last is not None and last.reason == CONTINUED


_BLOCKS = {
    "agreement": "agreements",
    "guarantee": "guarantees",
    "payment": "payments",
    "remark": "remarks",
}
