"""JSON Schema of one record, as NDJSON and the JSON API take it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tallystick.errors import ProfileError
from tallystick.formats.registry import ABSENT_REASONS, DECIMAL_PLACES, Dataset, Field
from tallystick.formats.schema_patterns import (
    DAY,
    NO_INSTANT,
    NO_YEAR,
    decimal_pattern,
    whole_pattern,
)
from tallystick.model.money import CURRENCY_DIGITS
from tallystick.model.unshown import UNSHOWN

#: A member's code: what a `member` field must match.
MEMBER_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"
DATE_PATTERN = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
#: An instant always carries its offset; `-00:00` (offset unknown) is refused beside it, and so are
#: days that are none.
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
#: What counts as a blank at the ends of a value (other white space is a control character).
EDGE_BLANKS = " \u00a0\u3000"
#: What stands before the reason of a value that is not there, in CSV and as text in JSON.
ABSENT_MARK = "absent:"
_UNSHOWN = f"[{UNSHOWN}]"
#: Of a value: no character that is not shown, no blank at an end, no reason of absence.
_NO_VALUE = f"{_UNSHOWN}|^[{EDGE_BLANKS}]|[{EDGE_BLANKS}]$|^{ABSENT_MARK}"
#: Of words of a person's own: blanks around them may stand, but not alone.
_NO_WORDS = f"{_UNSHOWN}|^[{EDGE_BLANKS}]*$|^{ABSENT_MARK}"


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
        **_amounts(dataset, profile_domains),
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
    described = {"title": field.label_en, "description": field.label_zh}
    value = _value_schema(field, domains)
    if field.presence == "required":
        return {**described, **value}
    return {**described, "anyOf": [value, *_nothing(field)]}


def _nothing(field: Field) -> list[dict[str, Any]]:
    """What may stand where there is no value."""
    if field.presence == "optional":
        return [{"enum": [None, ""]}]
    reasons = list(ABSENT_REASONS)
    absent = {
        "type": "object",
        "properties": {"absent": {"enum": reasons}},
        "required": ["absent"],
        "additionalProperties": False,
    }
    return [absent, {"enum": [ABSENT_MARK + reason for reason in reasons]}]


def _amounts(dataset: Dataset, domains: Mapping[str, Collection[str]]) -> dict[str, Any]:
    """What the amounts of a record may be, by its currency: its digits; without one, nothing."""
    amounts = [field for field in dataset.fields if field.type == "money"]
    if not amounts:
        return {}
    found = []
    codes = field_domain(dataset.field("currency"), domains)
    for digits in sorted({CURRENCY_DIGITS[code] for code in codes}):
        these = {"enum": [code for code in codes if CURRENCY_DIGITS[code] == digits]}
        fits = {"not": {"type": "string", "pattern": f"[.][0-9]{{{digits + 1},}}$"}}
        if digits == 0:
            fits = {"not": {"type": "string", "pattern": "[.]"}}
        found.append(
            {
                "if": {"properties": {"currency": these}, "required": ["currency"]},
                "then": {"properties": {field.name: fits for field in amounts}},
            }
        )
    named = {"properties": {"currency": {"enum": list(codes)}}, "required": ["currency"]}
    nothing = {field.name: {"anyOf": _nothing(field)} for field in amounts
               if field.presence != "required"}  # fmt: skip
    return {"allOf": [*found, {"if": {"not": named}, "then": {"properties": nothing}}]}


def _value_schema(field: Field, domains: Mapping[str, Collection[str]]) -> dict[str, Any]:
    if field.type == "code":
        return {"enum": list(field_domain(field, domains))}
    if field.type == "integer":
        low, high = field.minimum or 0, field.maximum or 0
        number = {"type": "integer", "minimum": low, "maximum": high}
        return {"anyOf": [{**_DIGITS_ONLY, **number}, _text(whole_pattern(low, high))]}
    if field.type == "boolean":
        return {"anyOf": [{"type": "boolean"}, {"enum": ["true", "false"]}]}
    if field.type == "json":
        written = {"type": "string", "pattern": r"^[ \t\r\n]*\{"}
        return {"anyOf": [{"type": "object"}, {**written, "contentMediaType": "application/json"}]}
    if field.type == "text":
        refused = _NO_WORDS if field.is_free_text else _NO_VALUE
        return {
            "type": "string",
            "minLength": 1,
            "maxLength": field.max_length,
            "not": {"pattern": refused},
        }
    if field.type == "date":
        # An impossible date that is kept must pass here, so the calendar is not asked.
        shape = _text(DATE_PATTERN)
        return shape if field.keep_impossible else {**_text(f"{DAY}$", NO_YEAR), "format": "date"}
    if field.type == "instant":
        shape = {**_text(INSTANT_PATTERN, NO_INSTANT), "format": "date-time"}
        return {**shape, "allOf": [{"pattern": f"{DAY}T"}]}
    if field.type == "member":
        return _text(MEMBER_PATTERN)
    if field.type == "money":
        return _text(MONEY_PATTERN, MINUS_ZERO_PATTERN)
    return _text(decimal_pattern(field.minimum or 0, field.maximum or 0, DECIMAL_PLACES))


def _text(pattern: str, refused: str | None = None) -> dict[str, Any]:
    """Text of a form; a line end after it is none of it, whatever a validator makes of `$`."""
    ends = f"{_UNSHOWN}|{refused}" if refused else _UNSHOWN
    return {"type": "string", "pattern": pattern, "not": {"pattern": ends}}
