"""Reading statements: what is visible at a position, under given parties and objects."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from functools import cache
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from tallystick.ledger import tables
from tallystick.ledger.fold import Record, Statement

#: Datasets kept under an account's first borrower; `remark` may also be about the party itself.
ACCOUNT_DATASETS = ("account", "account_party", "event", "funding", "remark")
PARTY_DATASETS = ("subject", "agreement", "guarantee", "payment", "remark")
_HIDDEN = frozenset(
    {"party_id", "object_id", "account_id", "item_key", "furnisher_id", "chunk_id", "row_no"}
)
_LAST = 2**62
#: What a record's item key is where nobody else may speak under it (`keys_of_rows.own_suffix`).
_SHARED: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "event": lambda row: str(row["event_id"]),
    "remark": lambda row: f"{row['kind']}|{row['valid_from']}",
}


def record_json(dataset: str, row: Mapping[str, Any]) -> Record:
    """A row as JSON-ready values: ISO dates, strings for ids, base64 under `sealed`; no NULLs.

    An instant keeps the offset it came with.
    """
    record: Record = {}
    for name, kind in _told(dataset):
        value = row.get(name)
        if value is None:
            continue
        if kind in ("uuid", "date"):
            record[name] = str(value)
        elif kind == "instant":
            record[name] = _offset_text(value, row.get(f"{name}_offset_minutes") or 0)
        elif kind == "bytes":
            record[name] = base64.b64encode(value).decode()
        else:
            record[name] = value
    if dataset == "snapshot":
        record["period_end"] = str(row["period_end"])
    if dataset in _SHARED and row["item_key"] != _SHARED[dataset](row):
        record["item_key"] = row["item_key"]  # a buyer's may have the id or day of a seller's
    return record


@cache
def _told(dataset: str) -> tuple[tuple[str, tables.Kind], ...]:
    """The columns a record says, with their kinds."""
    hidden = {*_HIDDEN, "operation"} - ({"account_id"} if dataset == "guarantee" else set())
    return tuple(
        (name, kind)
        for name, kind in tables.table(dataset).stated
        if name not in hidden and not name.endswith("_offset_minutes")
    )


def _offset_text(moment: datetime, offset_minutes: int) -> str:
    return moment.astimezone(_zone(offset_minutes)).isoformat()


@cache
def _zone(offset_minutes: int) -> timezone:
    return timezone(timedelta(minutes=offset_minutes))


def statements(
    connection: psycopg.Connection[Any],
    datasets: Sequence[str],
    *,
    parties: Collection[UUID],
    objects: Collection[UUID] | None = None,
    position: int | None = None,
    own_chunk: int | None = None,
) -> list[Statement]:
    """The visible statements of some datasets under some parties, in no order.

    Takes: `objects` narrows to those objects; `position` None means all that is published now;
           `own_chunk` is a chunk being published, seen as the newest of all
    """
    found: list[Statement] = []
    if not parties:
        return found
    given = {
        "parties": list(parties),
        "objects": None if objects is None else list(objects),
        "position": _LAST if position is None else position,
        "own": -1 if own_chunk is None else own_chunk,
    }
    with connection.cursor(row_factory=dict_row) as cursor:
        for dataset in datasets:
            found += _of_dataset(cursor, dataset, given)
        found += _deletions(cursor, datasets, given)
    return found


def _of_dataset(
    cursor: psycopg.Cursor[dict[str, Any]], dataset: str, given: Mapping[str, Any]
) -> list[Statement]:
    object_column = "account_id" if dataset == "snapshot" else "object_id"
    narrowed = "" if given["objects"] is None else f" and t.{object_column} = any(%(objects)s)"
    cursor.execute(
        f"select t.*, coalesce(p.position, {_LAST}) as position from ledger.{dataset} t"
        " left join ledger.publication p using (chunk_id)"
        f" where t.party_id = any(%(parties)s){narrowed}"
        " and (p.position <= %(position)s or t.chunk_id = %(own)s)",
        given,
    )
    found = []
    for row in cursor:
        is_snapshot = dataset == "snapshot"
        found.append(
            Statement(
                dataset=dataset,
                object_id=row[object_column],
                item_key=str(row["period_end"]) if is_snapshot else row["item_key"],
                position=row["position"],
                row_no=row["row_no"],
                furnisher_id=row["furnisher_id"],
                party_id=row["party_id"],
                record=record_json(dataset, row),
            )
        )
    return found


def _deletions(
    cursor: psycopg.Cursor[dict[str, Any]], datasets: Sequence[str], given: Mapping[str, Any]
) -> list[Statement]:
    narrowed = "" if given["objects"] is None else " and t.object_id = any(%(objects)s)"
    cursor.execute(
        f"select t.*, coalesce(p.position, {_LAST}) as position from ledger.deletion t"
        " left join ledger.publication p using (chunk_id)"
        f" where t.party_id = any(%(parties)s){narrowed}"
        " and (p.position <= %(position)s or t.chunk_id = %(own)s)",
        given,
    )
    return [
        Statement(
            dataset=row["dataset"],
            object_id=row["object_id"],
            item_key="" if row["dataset"] == "account" else row["item_key"],
            position=row["position"],
            row_no=row["row_no"],
            furnisher_id=row["furnisher_id"],
            party_id=row["party_id"],
            is_deletion=True,
            reason=row["reason"],
        )
        for row in cursor
        if row["dataset"] in datasets or row["dataset"] == "account"
    ]


def last_day(record: Record, name: str) -> date | None:
    """A date field of a folded record; None where it is not there."""
    value = record.get(name)
    return None if value is None else date.fromisoformat(value)
