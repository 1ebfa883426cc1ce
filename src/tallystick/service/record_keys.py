"""The key a deletion names: all fields of its dataset's key, no others, each of its type."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tallystick.formats import Dataset
from tallystick.furnish import as_written, read_record

_LONGEST_SHOWN, _MOST_SHOWN = 24, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKey:
    """A key as it was read: its values as text by field, or what is wrong with it.

    The faults are texts for a finding: the fields it speaks of, then the whole key.
    """

    values: Mapping[str, str] | None
    missing: str | None = None
    unknown: str | None = None
    unreadable: str | None = None


def read(
    dataset: Dataset, key: Mapping[str, Any], domains: Mapping[str, Collection[str]]
) -> RecordKey:
    """The key of one record of a dataset, or every fault of it.

    Takes: `key` as `read_json` gives it; `domains`: the code lists of the profile in force
    """
    form = _form(dataset, key)
    whole = "; key: " + ", ".join(form)
    missing = [name for name in form if key.get(name) in (None, "")]
    unknown = [name for name in key if name not in form]
    fields = tuple(dataset.field(name) for name in form)
    as_required = tuple(replace(field, presence="required") for field in fields)
    given = {name: key[name] for name in form if name not in missing}
    row, found = read_record(replace(dataset, fields=as_required), given, domains)
    wrong = {one.field for one in found} - set(missing)
    unreadable = [
        f"{field.name} = {'…' if field.personal else _shown(key[field.name])}"
        for field in fields
        if field.name in wrong
    ]
    if missing or unknown or unreadable:
        return RecordKey(
            values=None,
            missing=_told(missing, whole),
            unknown=_told([_shown(name) for name in unknown], whole),
            unreadable=_told(unreadable, whole),
        )
    return RecordKey(values={name: str(row[name]) for name in form})


def forms(dataset: Dataset) -> tuple[tuple[str, ...], ...]:
    """The sets of fields that each make a whole key of a dataset, the preferred one first.

    A key is written as parts that all stand in it; a part may offer choices ("a | b, c").
    """
    found: list[tuple[str, ...]] = [()]
    for part in dataset.key:
        choices = [tuple(name.strip() for name in one.split(",")) for one in part.split("|")]
        found = [(*before, *choice) for choice in choices for before in found]
    return tuple(found)


def _form(dataset: Dataset, key: Mapping[str, Any]) -> tuple[str, ...]:
    """The set of fields a key is held against: the one it fits, or else is nearest to."""
    known = forms(dataset)
    if dataset.name == "remark":
        about = "person_number" if key.get("object_type") == "party" else "account_number"
        known = tuple(form for form in known if about in form)
    return min(known, key=lambda form: (len(key.keys() - set(form)), len(set(form) - key.keys())))


def _told(names: Sequence[str], whole: str) -> str | None:
    if not names:
        return None
    more = ["…"] if len(names) > _MOST_SHOWN else []
    return ", ".join([*names[:_MOST_SHOWN], *more]) + whole


def _shown(value: Any) -> str:
    """A value as JSON on one line, cut where it is long."""
    text = as_written(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
