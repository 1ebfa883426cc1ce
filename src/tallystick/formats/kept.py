"""Where a field is kept: the table of a dataset, and the columns of PostgreSQL a field becomes.

A test holds both against the catalogue of a migrated database.
"""

from __future__ import annotations

from typing import Final

from tallystick.formats.columns import field_columns
from tallystick.formats.digest import is_pointer
from tallystick.formats.registry import Dataset, Field

#: Column name and type, as PostgreSQL writes it.
Kept = tuple[str, str]

_POSTGRES: Final = {
    "VARCHAR": "text",
    "DATE": "date",
    "BOOLEAN": "boolean",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "TIMESTAMPTZ": "timestamp with time zone",
}
#: What is kept elsewhere than in a table of statements of its own.
_TABLES: Final = {
    "consent": "gate.consent",
    "correction": None,
    "deletion": "ledger.deletion",
}
_TOKEN: Final = (("token", "bytea"),)
_ELSEWHERE: Final[dict[tuple[str, str], tuple[Kept, ...]]] = {
    ("consent", "consent_id"): (("consent_id", "uuid"),),
    ("consent", "identifier_scheme"): _TOKEN,
    ("consent", "identifier_number"): _TOKEN,
    ("consent", "salt"): (("salt_sealed", "bytea"),),
    ("correction", "record_dataset"): (),
    ("correction", "record"): (),
    ("correction", "replaces_digest"): (),
    ("deletion", "record_dataset"): (("dataset", "text"),),
    ("deletion", "record_key"): (
        ("party_id", "uuid"),
        ("object_id", "uuid"),
        ("item_key", "text"),
    ),
}
#: The id a number that only points to another record is kept as; by dataset where it differs.
_POINTED: Final = {
    "account_number": "object_id",
    "person_number": "party_id",
    "agreement_number": "agreement_id",
    ("snapshot", "account_number"): "account_id",
    ("guarantee", "account_number"): "account_id",
    ("subject", "account_number"): "party_id",
    ("account_party", "person_number"): "holder_party_id",
}


def kept_table(dataset: Dataset) -> str | None:
    """The table a dataset's records are kept in; None: in that of the record they are about."""
    return _TABLES.get(dataset.name, f"ledger.{dataset.name}")


def kept_columns(dataset: Dataset, field: Field) -> tuple[Kept, ...]:
    """The columns a field is kept in.

    Missing: none where nothing is kept of it but what it says of another record
    """
    place = (dataset.name, field.name)
    if place in _ELSEWHERE:
        return _ELSEWHERE[place]
    if field.personal and is_pointer(*place):
        return ((_POINTED.get(place) or _POINTED[field.name], "uuid"),)
    if field.personal:
        return (("sealed", "bytea"),)
    if field.type == "member":
        return ((f"{field.name}_id", "uuid"),)
    return tuple(
        # No offset is more than fourteen hours: two bytes are enough.
        (column.name, "smallint")
        if column.name.endswith("_offset_minutes")
        else (column.name, _POSTGRES[column.duckdb_type])
        for column in field_columns(field)
    )
