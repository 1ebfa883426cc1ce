"""The columns a rule of one dataset may read: the record's typed columns and its context.

The record's columns come from the registry of native records; the instant of an event is not
comparable in the rule language, its local day (`occurred_on`) is, and is derived here for both
carriers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from tallystick import formats
from tallystick.validate.context import ColumnType, Needs, context_of

_TYPES: Mapping[str, ColumnType] = {
    "VARCHAR": "text",
    "DATE": "date",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "BOOLEAN": "boolean",
    "TIMESTAMPTZ": "instant",
}
OCCURRED_ON = "occurred_on"


@dataclass(frozen=True, slots=True)
class Column:
    """One column a rule may read. `field` is its name in the native record, None for context."""

    name: str
    type: ColumnType
    needs: Needs
    field: str | None = None
    field_type: str | None = None
    is_personal: bool = False


@cache
def columns_of(dataset: str) -> Mapping[str, Column]:
    """Every column of a dataset by its typed name: record first, then context."""
    found: dict[str, Column] = {}
    for column in formats.columns(formats.load()[dataset]):
        field = column.field
        found[column.name] = Column(
            name=column.name,
            type=_TYPES[column.duckdb_type],
            needs="row",
            field=field.name if field else None,
            field_type=field.type if field else None,
            is_personal=field.personal if field else False,
        )
    if "occurred_at" in found:
        found[OCCURRED_ON] = Column(OCCURRED_ON, "date", "row", "occurred_at", "instant")
    for context in context_of(dataset):
        found[context.name] = Column(context.name, context.type, context.needs)
    return found


def column_of_field(dataset: str, field: str) -> Column | None:
    """The typed column of a native field; the derived day for an instant; None if unknown."""
    found = [column for column in columns_of(dataset).values() if column.field == field]
    return found[-1] if found else None


def derived_sql(name: str) -> str:
    """DuckDB's text of a derived column (without time-zone tables, which are an extension)."""
    if name == OCCURRED_ON:
        return local_day_sql("epoch_us(occurred_at)")
    return f'"{name}"'


def local_day_sql(microseconds: str) -> str:
    """DuckDB's text of the day an instant is in an event's own offset.

    Takes: SQL of the instant, as microseconds since 1970
    """
    offset = "CAST(occurred_at_offset_minutes AS BIGINT) * 60000000"
    return f"CAST(make_timestamp(CAST({microseconds} AS BIGINT) + {offset}) AS DATE)"


def with_derived(dataset: str, record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record with its derived columns."""
    moment, offset = record.get("occurred_at"), record.get("occurred_at_offset_minutes")
    if dataset != "event" or not isinstance(moment, datetime) or offset is None:
        return record
    local = moment - (moment.utcoffset() or timedelta()) + timedelta(minutes=offset)
    return {**record, OCCURRED_ON: local.date()}
