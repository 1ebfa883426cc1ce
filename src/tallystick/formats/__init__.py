"""The native record formats: one registry from which everything about a record's shape follows.

Takes the tables in `native/*.toml`; gives frozen values, typed column names, CSV headers, JSON
Schemas and the reference page. Keeps true that a field is described once. Refuses a table with an
unknown key, a missing label or a wrong type (`ProfileError` with file and path).
"""

from tallystick.formats.columns import INSTANT, Column, columns, csv_header
from tallystick.formats.digest import full_form, is_pointer, record_digest
from tallystick.formats.registry import (
    ABSENT_REASONS,
    AbsentReason,
    Dataset,
    Field,
    FieldType,
    Presence,
    Registry,
    load,
    load_folder,
)
from tallystick.formats.schema import json_schema

__all__ = [
    "ABSENT_REASONS",
    "INSTANT",
    "AbsentReason",
    "Column",
    "Dataset",
    "Field",
    "FieldType",
    "Presence",
    "Registry",
    "columns",
    "csv_header",
    "full_form",
    "is_pointer",
    "json_schema",
    "load",
    "load_folder",
    "record_digest",
]
