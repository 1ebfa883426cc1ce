"""The JSON Schema of a record holds what the intake takes: no more and no less, field by field."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from tallystick.formats import Dataset, Field, json_schema, load
from tallystick.formats.schema_patterns import decimal_pattern, whole_pattern
from tallystick.furnish import read_json
from tallystick.furnish.check_record import read_record

DOMAINS = {
    "currency": ["CNY", "JPY", "KWD"],
    "profile:buckets": ["0", "1", "C"],
    "profile:furnishing_bases": ["consent", "legal_duty"],
    "profile:identifier_schemes": ["zz_id"],
}
GOOD: dict[str, Any] = {
    "text": "x", "json": {}, "date": "2024-02-29", "instant": "2024-02-29T10:00:00+08:00",
    "money": "1", "decimal": "0.5", "boolean": True, "member": "bank1",
}  # fmt: skip
#: What any field is tried with; leaving the field out is tried beside.
EVERYWHERE: tuple[Any, ...] = (
    None, "", " ", "\u3000", "absent:not_held", "absent:lost", "absent:", "ABSENT:not_held",
    " absent:not_held", {"absent": "not_held"}, {"absent": "lost"}, {"absent": None},
    {"absent": "not_held", "x": 1}, {}, [], ["x"], 0, 1, -1, 7, 1.5, True, False, "x", "X", "0",
    "1", "-1", "1\n", "x\n", "\nx", "x\ty", "\ufeffx", "a\u202eb", "a\u200db", " x", "x ",
    "\u00a0x", "x\u3000", "x x", "true", "TRUE", "陈䶮", "null",
)  # fmt: skip
BY_TYPE: dict[str, tuple[Any, ...]] = {
    "date": (
        "2023-02-29", "2024-02-30", "2000-02-29", "1900-02-29", "2024-04-30", "2024-04-31",
        "2024-12-31", "2024-12-32", "2024-13-01", "2024-00-01", "2024-01-00", "0000-01-01",
        "0001-01-01", "9999-12-31", "2024-1-01", "20240101", "2024-01-01 ", "2024-01-01\n",
        "2024-01-01T00:00:00Z", "２０２４-01-01", "02024-01-01", "0004-02-29", "0100-02-29",
    ),
    "instant": (
        "2024-01-01T00:00:00Z", "2024-01-01T00:00:00-00:00", "2024-01-01T00:00:00+00:00",
        "2024-01-01T00:00:00", "2024-01-01T24:00:00Z", "2024-01-01T23:59:60Z",
        "2024-01-01T23:59:59.123456Z", "2024-01-01T23:59:59.1234567Z", "2024-01-01T00:00:00z",
        "2024-01-01T00:00:00+14:00", "2024-01-01T00:00:00+14:01", "2024-01-01T00:00:00-13:59",
        "2023-02-29T00:00:00Z", "0001-01-01T00:00:00Z", "0001-01-02T00:00:00Z",
        "9999-12-30T23:59:59Z", "9999-12-31T00:00:00Z", "0000-05-05T00:00:00Z",
        "2024-01-01T00:00:00Z\n", "2024-01-01 00:00:00Z", "2024-01-01",
    ),
    "money": (
        "0", "-0", "-0.0", "00", "01", "1.2", "1.23", "1.234", "1.2345", "-1.2", "1.", ".5", "1e3",
        "1e400", "+1", "999999999999999", "1000000000000000", "1\n", "１", "1,000", "0.00",
    ),
    "decimal": (
        "0", "1", "-0", "0.0", "1.0", "1.000000000", "1.000000001", "1.0000000000", "-0.1",
        "0.000000001", "0.0000000001", "0.999999999", "2", "1.1", "01", "1e-1", ".5", "+0.5",
        "0.5\n", "10", "1000000000",
    ),
    "member": ("a" * 40, "a" * 41, "-a", "a-b_c.d", "a b", "é", "a\n"),
    "boolean": ("false", "True", "0"),
    "code": ("CNY", "CNY\n", " CNY", "cny"),
    "json": ('{"a": 1}', "{}", ' {"a":1} ', "\n{}", "[]", "x{}", {"a": {"b": [1]}}, '"x"'),
}  # fmt: skip


def whole(field: Field) -> tuple[Any, ...]:
    low, high = field.minimum or 0, field.maximum or 0
    near = [low - 1, low, low + 1, high - 1, high, high + 1, 10 * high, 10**25 + 1, -(10**25)]
    forms = ("00", "-0", "+1", "1.0", "1e1", "01", f"{high}\n", f" {high}", "１")
    return (*near, *(str(number) for number in near), *forms)


def tried(field: Field) -> list[Any]:
    values = [*EVERYWHERE, *BY_TYPE.get(field.type, ())]
    if field.type == "integer":
        values += whole(field)
    if field.type == "text":
        longest = field.max_length or 0
        values += ["a" * longest, "a" * (longest + 1), "䶮" * longest, "𬀩" * (longest + 1)]
    if isinstance(field.domain, tuple):
        values += [*field.domain, field.domain[0].upper() + "_", field.domain[0] + "\n"]
    return values


def good(dataset: Dataset) -> dict[str, Any]:
    """A record with a value in every field."""

    def value(field: Field) -> Any:
        if field.type == "integer":
            return field.minimum
        if field.type == "code":
            given = field.domain if isinstance(field.domain, tuple) else DOMAINS[field.domain or ""]
            return given[0]
        return GOOD[field.type]

    return {field.name: value(field) for field in dataset.fields}


def disagreements(dataset: Dataset, records: list[dict[str, Any]]) -> list[Any]:
    validator = jsonschema.Draft202012Validator(json_schema(dataset, DOMAINS))
    found = []
    for record in records:
        text = json.dumps(record)
        _, findings = read_record(dataset, read_json(text), DOMAINS)
        is_taken = not any(one.severity == "reject" for one in findings)
        if validator.is_valid(json.loads(text)) is not is_taken:
            found.append((record, is_taken, [one.rule_id for one in findings]))
    return found


@pytest.mark.parametrize("name", list(load()))
def test_a_record_is_taken_where_its_schema_is_kept(name: str) -> None:
    dataset = load()[name]
    base = good(dataset)
    assert disagreements(dataset, [base]) == []
    for field in dataset.fields:
        left_out = {key: value for key, value in base.items() if key != field.name}
        records = [left_out, *({**base, field.name: value} for value in tried(field))]
        found = disagreements(dataset, records)
        told = [(one.get(field.name, "left out"), taken, rules) for one, taken, rules in found]
        assert told == [], field.name
    assert disagreements(dataset, [{**base, "no_such_field": "x"}]) == []


@pytest.mark.parametrize(
    "name", [one for one in load() if any(f.type == "money" for f in load()[one].fields)]
)
def test_amounts_have_the_digits_of_the_currency_beside_them(name: str) -> None:
    dataset = load()[name]
    amounts = [field.name for field in dataset.fields if field.type == "money"]
    bare = {key: value for key, value in good(dataset).items() if key not in amounts}
    stated = [field.name for field in dataset.fields if field.presence == "stated"]
    bare |= {amount: "absent:not_held" for amount in amounts if amount in stated}
    no_currency = {key: value for key, value in bare.items() if key != "currency"}
    beside = [no_currency, *({**bare, "currency": one} for one in (*DOMAINS["currency"], "XYZ",
              "", None, "absent:not_held"))]  # fmt: skip
    values = ("1", "1.2", "1.23", "1.234", "1.2345", "-1.20", "-0.00", "x", "", None)
    records = [{**one, amount: value} for one in beside for amount in amounts for value in values]
    assert disagreements(dataset, [*beside, *records]) == []


@pytest.mark.parametrize(
    ("low", "high"), [(0, 0), (0, 1), (0, 99), (1, 99), (1, 600), (7, 1200), (0, 3200), (123, 456)]
)
def test_a_pattern_of_whole_numbers_holds_its_range_and_nothing_else(low: int, high: int) -> None:
    validator = jsonschema.Draft202012Validator({"pattern": whole_pattern(low, high)})
    for number in range(-2, 10 * high + 11):
        assert validator.is_valid(str(number)) is (low <= number <= high), number
    assert not any(validator.is_valid(f"0{number}") for number in range(low, high + 1))


def test_a_pattern_of_decimals_holds_its_range() -> None:
    validator = jsonschema.Draft202012Validator({"pattern": decimal_pattern(2, 4, 2)})
    taken = ["2", "2.0", "2.00", "3.99", "4", "4.0", "4.00"]
    refused = ["1.99", "2.000", "4.01", "4.1", "5", "02", "-2", "2.", "24", "42"]
    assert [one for one in taken + refused if validator.is_valid(one)] == taken
