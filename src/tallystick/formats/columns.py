"""The typed columns a dataset's fields become in DuckDB; `formats.kept` says where each is kept."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.formats.registry import Dataset, Field

_INT32 = 2**31 - 1
#: DuckDB's type of an instant.
INSTANT = "TIMESTAMPTZ"
_TYPES = {
    "text": "VARCHAR",
    "code": "VARCHAR",
    "member": "VARCHAR",
    "json": "VARCHAR",
    "date": "DATE",
    "boolean": "BOOLEAN",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One typed column. `field` is None for `absent`, which speaks of all fields."""

    name: str
    duckdb_type: str
    field: Field | None


def columns(dataset: Dataset) -> tuple[Column, ...]:
    """The typed columns of a dataset, in the order of its fields, `absent` last.

    Money becomes `<name>_minor`, a decimal `<name>_ppb`, an instant itself and
    `<name>_offset_minutes`; everything else keeps its name.
    """
    found = [column for field in dataset.fields for column in field_columns(field)]
    return (*found, Column("absent", "VARCHAR", None))


def field_columns(field: Field) -> tuple[Column, ...]:
    """The one or two typed columns of a field."""
    if field.type == "money":
        return (Column(f"{field.name}_minor", "BIGINT", field),)
    if field.type == "decimal":
        return (Column(f"{field.name}_ppb", "BIGINT", field),)
    if field.type == "instant":
        return (
            Column(field.name, INSTANT, field),
            Column(f"{field.name}_offset_minutes", "INTEGER", field),
        )
    if field.type == "integer":
        bounds = (abs(field.minimum or 0), abs(field.maximum or 0))
        narrow = max(bounds) <= _INT32
        return (Column(field.name, "INTEGER" if narrow else "BIGINT", field),)
    return (Column(field.name, _TYPES[field.type], field),)


def csv_header(dataset: Dataset) -> str:
    """The header line of a CSV file of that dataset, without its line end."""
    return ",".join(field.name for field in dataset.fields)
