"""A number in JSON is judged and shown as it was written, by file and by the records API alike."""

from __future__ import annotations

import orjson
import pytest
from records import subject

ACCOUNT = {
    "account_number": "A1", "valid_from": "2024-01-01", "person_number": "P1",
    "product": "instalment_loan", "currency": "CNY", "opened_on": "2024-01-01",
    "basis": "legal_duty", "instalment_count": 12, "principal": "1000.00",
}  # fmt: skip
FORM, RANGE = "FMT-CELL-022", "FMT-CELL-016"


def found(site, answer):
    """Rule, field and what was seen."""
    listed = site.send("GET", answer["results"]["findings"]).json()["data"]
    return [(one["rule_id"], one["field"], one["seen"]) for one in listed]


@pytest.mark.parametrize(
    ("field", "number", "rules"),
    [
        ("instalment_count", "1200", []),
        ("instalment_count", "1201", [RANGE]),
        ("instalment_count", "9223372036854775808", [RANGE]),
        ("instalment_count", "18446744073709551615", [RANGE]),
        ("instalment_count", "18446744073709551616", [RANGE]),
        ("instalment_count", "99999999999999999999", [RANGE]),
        ("instalment_count", "1e2", [FORM]),
        ("instalment_count", "1.0", [FORM]),
        ("principal", "1000.10", [FORM]),
        ("principal", "0.1000000000000000055511151231257827", [FORM]),
    ],
)
def test_a_number_is_told_alike_by_file_and_api(site, field, number, rules):
    site.send("POST", "/v1/records", json={"dataset": "subject", "records": [subject(1)]})
    line = orjson.dumps({**ACCOUNT, field: orjson.Fragment(number)})
    path, kind = "/v1/submissions?dataset=account", {"content-type": "application/x-ndjson"}
    job = site.send("POST", path, content=line, headers=kind).json()
    site.work_off()
    by_file = found(site, site.send("GET", job["url"]).json())
    body, kind = (
        b'{"dataset":"account","records":[%b]}' % line,
        {"content-type": "application/json"},
    )
    by_api = found(site, site.send("POST", "/v1/records", content=body, headers=kind).json())
    assert by_file == by_api == [(rule, field, number) for rule in rules]
