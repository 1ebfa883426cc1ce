"""The digest of a record: what a correction names the record by that it replaces.

Made of nothing but what the furnisher sent, so that it can be computed with no bureau: SHA-256 of
the canonical JSON (RFC 8785) of `{"dataset": ..., "record": ...}`, the record in its full form
without the numbers that only point to another record.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta, timezone
from typing import Any

from tallystick.formats.registry import Dataset
from tallystick.model.canonical import canonical, sha256
from tallystick.model.money import format_minor

#: Numbers by which records name each other, with the dataset that introduces each.
POINTERS = {
    "account_number": "account",
    "person_number": "subject",
    "agreement_number": "agreement",
}
_PPB = 10**9


def is_pointer(dataset: str, field: str) -> bool:
    """Whether the field only points to another record: a token in a directory, not content."""
    return field in POINTERS and POINTERS[field] != dataset


def full_form(dataset: Dataset, row: Mapping[str, Any]) -> dict[str, Any]:
    """A typed row as the native record it came from, each value written in one way only.

    Gives:    text for every value: amounts with all their currency's digits, shares with nine
              places, instants to the second with their offset
    Missing:  fields without a value are left out; a stated absence is `{"absent": reason}`
    """
    record: dict[str, Any] = {}
    for field in dataset.fields:
        value = _text(field.type, field.name, row)
        if value is not None:
            record[field.name] = value
    for part in (row.get("absent") or "").split(","):
        if part:
            name, reason = part.split(":")
            if reason != "not_valid":
                record[name] = {"absent": reason}
    return record


def record_digest(dataset: str, record: Mapping[str, Any]) -> str:
    """The digest of a record in its full form, in hex."""
    said = {name: value for name, value in record.items() if not is_pointer(dataset, name)}
    return sha256(canonical({"dataset": dataset, "record": said})).hex()


def _text(kind: str, name: str, row: Mapping[str, Any]) -> str | None:
    if kind == "money":
        minor = row.get(f"{name}_minor")
        return None if minor is None else format_minor(minor, row["currency"])
    if kind == "decimal":
        share = row.get(f"{name}_ppb")
        return None if share is None else f"{share // _PPB}.{share % _PPB:09d}"
    value = row.get(name)
    if value is None:
        return None
    if kind == "instant":
        offset = timezone(timedelta(minutes=row[f"{name}_offset_minutes"]))
        return str(value.astimezone(offset).isoformat())
    if kind == "boolean":
        return "true" if value else "false"
    return str(value)
