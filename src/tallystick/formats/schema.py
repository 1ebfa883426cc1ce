"""JSON Schema of one record, as NDJSON and the JSON API take it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tallystick.errors import ProfileError
from tallystick.formats.registry import ABSENT_REASONS, DECIMAL_PLACES, Dataset, Field
from tallystick.model.unshown import UNSHOWN

#: A member's code: what a `member` field must match.
MEMBER_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"
DATE_PATTERN = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
#: An instant always carries its offset; `-00:00` (offset unknown) is refused beside it.
INSTANT_PATTERN = (
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    "([.][0-9]{1,6})?(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)$"
)
INTEGER_PATTERN = "^(0|-?[1-9][0-9]*)$"
#: The widest decimal string of any currency; the currency's own digits are checked with it.
MONEY_PATTERN = "^-?(0|[1-9][0-9]{0,14})([.][0-9]{1,3})?$"
DECIMAL_PATTERN = f"^-?(0|[1-9][0-9]{{0,8}})([.][0-9]{{1,{DECIMAL_PLACES}}})?$"
#: Refused beside what the patterns of amounts and decimals leave: they must do without lookahead.
MINUS_ZERO_PATTERN = "^-0([.]0+)?$"
#: To JSON Schema 12.0 is a whole number: it knows values, and not how they are written.
_DIGITS_ONLY = {
    "title": "Written in digits: 12.0, 1e1 and -0 pass a validator and are refused",
    "description": "只用数字书写：12.0、1e1、-0 可通过模式校验，但不予接收",
}
_NOTHING_UNSHOWN = f"^[^{UNSHOWN}]*$"


def json_schema(dataset: Dataset, profile_domains: Mapping[str, Collection[str]]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one record.

    Takes:    the code lists that live outside the registry: "currency", "profile:buckets", …
    Raises:   ProfileError when one of them is not given.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:tallystick:record:{dataset.name}:v{dataset.version}",
        "title": dataset.label_en,
        "description": dataset.meaning,
        "type": "object",
        "properties": {
            field.name: _field_schema(field, profile_domains) for field in dataset.fields
        },
        "required": [field.name for field in dataset.fields if field.presence != "optional"],
        "additionalProperties": False,
    }


def field_domain(field: Field, domains: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """The codes a code field may hold, sorted unless the registry gives their order.

    Raises: ProfileError when the list lives elsewhere and is not given.
    """
    if isinstance(field.domain, tuple):
        return field.domain
    if field.domain is None or field.domain not in domains:
        raise ProfileError(f"the code list {field.domain!r} of `{field.name}` is not given")
    return tuple(sorted(domains[field.domain]))


def _field_schema(field: Field, domains: Mapping[str, Collection[str]]) -> dict[str, Any]:
    value = _value_schema(field, domains)
    described = {"title": field.label_en, "description": field.label_zh}
    if field.presence == "stated":
        absent = {
            "type": "object",
            "properties": {"absent": {"enum": list(ABSENT_REASONS)}},
            "required": ["absent"],
            "additionalProperties": False,
        }
        return {**described, "anyOf": [value, absent]}
    if field.presence == "optional":
        return {**described, "anyOf": [value, {"type": "null"}]}
    return {**described, **value}


def _value_schema(field: Field, domains: Mapping[str, Collection[str]]) -> dict[str, Any]:
    string = {"type": "string"}
    if field.type == "code":
        return {"enum": list(field_domain(field, domains))}
    if field.type == "integer":
        number = {"type": "integer", "minimum": field.minimum, "maximum": field.maximum}
        return {"anyOf": [{**_DIGITS_ONLY, **number}, {**string, "pattern": INTEGER_PATTERN}]}
    if field.type == "boolean":
        return {"anyOf": [{"type": "boolean"}, {"enum": ["true", "false"]}]}
    if field.type == "json":
        return {"type": "object"}
    if field.type == "text":
        return {
            **string,
            "minLength": 1,
            "maxLength": field.max_length,
            "pattern": _NOTHING_UNSHOWN,
        }
    if field.type == "date":
        shape = {**string, "pattern": DATE_PATTERN}
        # An impossible date that is kept must pass here, so the calendar is not asked.
        return shape if field.keep_impossible else {**shape, "format": "date"}
    if field.type == "instant":
        return {**string, "pattern": INSTANT_PATTERN, "format": "date-time"}
    if field.type == "member":
        return {**string, "pattern": MEMBER_PATTERN}
    form = MONEY_PATTERN if field.type == "money" else DECIMAL_PATTERN
    return {**string, "pattern": form, "not": {"pattern": MINUS_ZERO_PATTERN}}
