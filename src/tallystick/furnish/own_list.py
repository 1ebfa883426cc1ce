"""What one field takes, in its own words: what a rule of all fields cannot name by itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from tallystick.formats import Dataset
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
    """What a field takes in its own words: its codes, bounds or length; "" where nothing fits."""
    field = next((item for item in dataset.fields if item.name == field_name), None)
    if field is None:
        return ""
    if field.type == "code":
        return ", ".join(field_domain(field, domains))
    if field.type in ("integer", "decimal"):
        return f"{field.minimum} … {field.maximum}"
    return f"≤ {field.max_length}" if field.max_length else ""
