"""Adding to files in place: months of events and payments that need no fold of all before them.

An event list and a payment list hold one record for each key, in the order of their keys; putting a
newer record in its key's place is what a fold would do, as the chunk being published is the newest
of all. Folding again would read every earlier statement of every account each month. Property
tests hold file and fold equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
import psycopg

from tallystick.ledger import fold, read, tables
from tallystick.ledger.fold import Record

#: Datasets whose records (no corrections, no deletions) can be added in place.
DATASETS = ("event", "payment")
#: JSON holds no control character, so texts travel joined: an array's quoting costs more than them.
_SEPARATOR = "\x1f"
_TEXTS = "string_to_array(%s, chr(31))"
Values = Mapping[str, Any]
_Key = Callable[[Record], tuple[str, ...]]


def extend(
    connection: psycopg.Connection[Any], dataset: str, rows: Sequence[Values], *, chunk_id: int
) -> frozenset[UUID]:
    """Put a chunk's records into the files they belong to, which are locked.

    Takes: the values of the chunk's rows as appended, of one of `DATASETS`
    Gives: accounts that are in nobody's file; whoever publishes folds them
    """
    if dataset == "payment":
        _extend_documents(connection, rows)
        return frozenset()
    return _extend_events(connection, rows, chunk_id=chunk_id)


def _extend_events(
    connection: psycopg.Connection[Any], rows: Sequence[Values], *, chunk_id: int
) -> frozenset[UUID]:
    added = _by(rows, "object_id")
    on_file = connection.execute(
        "select distinct on (account_id) account_id, events from file.account"
        " where account_id = any(%s) order by account_id, subject_id",
        (list(added),),
    ).fetchall()
    accounts, texts = [], []
    for account_id, events in on_file:
        new = [read.record_json("event", row) for row in added[account_id]]
        accounts.append(account_id)
        merged = _merged(orjson.loads(events or "[]"), new, _of_event, fold.place_of_event)
        texts.append(orjson.dumps(merged, option=orjson.OPT_SORT_KEYS).decode())
    connection.execute(
        "update file.account f set events = n.events, changed_by = %s"
        f" from unnest(%s::uuid[], {_TEXTS}) as n (account_id, events)"
        " where f.account_id = n.account_id",
        (chunk_id, accounts, _SEPARATOR.join(texts)),
    )
    return frozenset(added.keys() - set(accounts))


def _extend_documents(connection: psycopg.Connection[Any], rows: Sequence[Values]) -> None:
    added = _by(rows, "party_id")
    on_file = connection.execute(
        "select s.subject_id, s.document, array_agg(ps.party_id) from directory.party_subject ps"
        " join file.subject s using (subject_id) where ps.party_id = any(%s)"
        " group by s.subject_id, s.document",
        (list(added),),
    ).fetchall()
    subjects, texts = [], []
    for subject_id, text, parties in on_file:
        document = orjson.loads(text)
        new = [_payment(row) for party in parties for row in added[party]]
        document["payments"] = _merged(document["payments"], new, _of_payment, _of_payment)
        subjects.append(subject_id)
        texts.append(orjson.dumps(document, option=orjson.OPT_SORT_KEYS).decode())
    connection.execute(
        "update file.subject f set document = n.document"
        f" from unnest(%s::uuid[], {_TEXTS}) as n (subject_id, document)"
        " where f.subject_id = n.subject_id",
        (subjects, _SEPARATOR.join(texts)),
    )


def _by(rows: Iterable[Values], name: str) -> dict[UUID, list[Values]]:
    found: dict[UUID, list[Values]] = {}
    for row in rows:
        found.setdefault(row[name], []).append(row)
    return found


def _payment(row: Values) -> Record:
    """A payment as a subject's document carries it (`fold.fold_document`)."""
    ids = {name: tables.id_text(row[name]) for name in ("object_id", "furnisher_id", "party_id")}
    return read.record_json("payment", row) | ids


def _of_event(record: Record) -> tuple[str, ...]:
    return (record["item_key"] if "item_key" in record else record["event_id"],)


def _of_payment(record: Record) -> tuple[str, ...]:
    return (record["object_id"], record["period_end"])


def _merged(old: list[Record], new: Iterable[Record], key: _Key, place: _Key) -> list[Record]:
    """Old and new records, a new one in place of the old of its key, in the order of a fold.

    Takes: `old` in that order already
    """
    added = {key(record): record for record in new}
    kept = [record for record in old if key(record) not in added]
    last = sorted(added.values(), key=place)
    if not kept or place(kept[-1]) <= place(last[0]):
        return kept + last  # as nearly always: a month's records come after all before them
    return sorted(kept + last, key=place)
