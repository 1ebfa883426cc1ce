"""What one field takes, in its own words: what a rule of all fields cannot name by itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from tallystick.formats import Dataset, Field, load
from tallystick.formats.schema import field_domain
from tallystick.furnish import rule_ids

_WITH_OWN_LIST = frozenset(
    {rule_ids.CELL_CODE, rule_ids.CELL_RANGE, rule_ids.CELL_TOO_LONG, rule_ids.CELL_JSON}
)


def own_list(
    rule_id: str, field_name: str | None, dataset: Dataset, domains: Mapping[str, Collection[str]]
) -> str:
    """What follows a rule's text of what is allowed: ": " and the field's codes, bounds or length.

    "" for a rule whose text says all there is to say, and where the field holds nothing of it.
    """
    own = allowed_values(dataset, field_name, domains) if rule_id in _WITH_OWN_LIST else ""
    return f": {own}" if own else ""


def allowed_values(
    dataset: Dataset, field_name: str | None, domains: Mapping[str, Collection[str]]
) -> str:
    """What a field takes in its own words: its codes, bounds or length; "" where nothing fits.

    A field that a correction does not have is of a record it carries. A finding does not say of
    which dataset: where fields of a name differ, each dataset's stands behind its own name.
    """
    field = next((item for item in dataset.fields if item.name == field_name), None)
    if field is not None:
        return _of_field(field, domains)
    if dataset.name != "correction" or field_name is None:
        return ""
    found: dict[str, list[str]] = {}
    for carried in _carried_datasets(dataset):
        own = allowed_values(carried, field_name, domains)
        if own:
            found.setdefault(own, []).append(carried.name)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{', '.join(names)}: {own}" for own, names in found.items())


def _carried_datasets(correction: Dataset) -> Iterator[Dataset]:
    """The datasets whose records a correction may carry."""
    known = load()
    (named,) = (field for field in correction.fields if field.name == "record_dataset")
    return (known[name] for name in field_domain(named, {}))


def _of_field(field: Field, domains: Mapping[str, Collection[str]]) -> str:
    if field.type == "code":
        return ", ".join(field_domain(field, domains))
    if field.type in ("integer", "decimal"):
        return f"{field.minimum} … {field.maximum}"
    return f"≤ {field.max_length}" if field.max_length else ""
