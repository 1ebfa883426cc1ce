"""A number in JSON is judged and shown as it was written, by file and by the records API alike."""

from __future__ import annotations

import csv
import io

import orjson
import pytest
from records import ask, subject

ACCOUNT = {
    "account_number": "A1", "valid_from": "2024-01-01", "person_number": "P1",
    "product": "instalment_loan", "currency": "CNY", "opened_on": "2024-01-01",
    "basis": "legal_duty", "instalment_count": 12, "principal": "1000.00",
}  # fmt: skip
JSON = {"content-type": "application/json"}
#: A JSON number where a text must be; a number that is not written as digits, or is out of range.
TYPE, FORM, RANGE = "FMT-CELL-022", "FMT-CELL-015", "FMT-CELL-016"


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
        ("instalment_count", "9" * 5000, [RANGE]),
        ("instalment_count", "1", []),
        ("instalment_count", "0", [RANGE]),
        ("instalment_count", "-0", [FORM]),
        ("instalment_count", "-1", [RANGE]),
        ("instalment_count", "-0.0", [FORM]),
        ("instalment_count", "1e2", [FORM]),
        ("instalment_count", "1.0", [FORM]),
        ("principal", "1000.10", [TYPE]),
        ("principal", "0.1000000000000000055511151231257827", [TYPE]),
        ("instalment_count", "1e308", [FORM]),
        ("instalment_count", "1e400", [FORM]),
        ("instalment_count", "-1e309", [FORM]),
        ("instalment_count", "1e-400", [FORM]),
        ("principal", "1e308", [TYPE]),
        ("principal", "1e400", [TYPE]),
        ("principal", "1.5E+99999", [TYPE]),
    ],
)
def test_a_number_is_told_alike_by_file_and_api(site, field, number, rules):
    site.send("POST", "/v1/records", json={"dataset": "subject", "records": [subject(1)]})
    line = orjson.dumps({**ACCOUNT, field: orjson.Fragment(number)})
    path, kind = "/v1/submissions?dataset=account", {"content-type": "application/x-ndjson"}
    job = site.send("POST", path, content=line, headers=kind).json()
    site.work_off()
    by_file = found(site, site.send("GET", job["url"]).json())
    body = b'{"dataset":"account","records":[%b]}' % line
    by_api = found(site, site.send("POST", "/v1/records", content=body, headers=JSON).json())
    assert by_file == by_api == [(rule, field, number[:200]) for rule in rules]


@pytest.mark.parametrize(
    ("field", "number"),
    [
        ("principal", "100"),
        ("principal", "100.0"),
        ("principal", "100.00"),
        ("principal", "1E2"),
        ("principal", "-0.0"),
        ("principal", "1e308"),
        ("principal", "1e400"),
        ("principal", "0.1000000000000000055511151231257827"),
        ("principal", '[1.00,{"a":2.50}]'),
        ("instalment_count", "100.00"),
        ("instalment_count", "1e2"),
        ("instalment_count", "-0"),
    ],
)
def test_a_number_a_correction_carries_is_shown_as_written(site, field, number):
    record = orjson.dumps({**ACCOUNT, field: orjson.Fragment(number)})
    sent = {
        "reason": "furnisher_error", "record_dataset": "account", "replaces_digest": "0" * 64,
    }  # fmt: skip
    line = orjson.dumps({**sent, "record": orjson.Fragment(record)})
    cells = [*sent.values(), record.decode().replace('"', '""')]
    table = f'{",".join([*sent, "record"])}\n{",".join(cells[:3])},"{cells[3]}"\n'.encode()
    jobs = [site.send("POST", "/v1/records", headers=JSON,
                      content=b'{"dataset":"correction","records":[%b]}' % line)]  # fmt: skip
    for content, kind in ((line, "application/x-ndjson"), (table, "text/csv")):
        path, headers = "/v1/submissions?dataset=correction", {"content-type": kind}
        jobs.append(site.send("POST", path, content=content, headers=headers))
    site.work_off()
    told = [found(site, site.send("GET", job.json()["url"]).json()) for job in jobs]
    rule = TYPE if field == "principal" else FORM
    assert [[one for one in of_job if one[1]] for of_job in told] == [[(rule, field, number)]] * 3
    rejects = site.send("GET", jobs[2].json()["results"]["rejects_csv"])
    assert next(csv.DictReader(io.StringIO(rejects.text)))["seen_value"].endswith(f" | {number}")


def test_a_number_beyond_a_double_refuses_no_other_record(site):
    body = b'{"dataset":"subject","records":[%b,%b,%b]}' % (
        orjson.dumps(subject(1)),
        orjson.dumps({**subject(2), "name": orjson.Fragment("1e400")}),
        orjson.dumps(subject(3)),
    )
    answer = site.send("POST", "/v1/records", content=body, headers=JSON)
    assert answer.status_code == 201
    assert [answer.json()["funnel"][name] for name in ("sent", "accepted", "rejected")] == [3, 2, 1]
    [told] = site.send("GET", answer.json()["results"]["findings"]).json()["data"]
    assert (told["rule_id"], told["line"], told["field"], told["seen"]) == (
        TYPE,
        2,
        "name",
        "1e400",
    )
    assert told["allowed"]["en"]
    assert told["how_to_fix"]["en"]


@pytest.mark.parametrize(
    ("text", "status", "code", "places"),
    [
        ('{"dataset": 1e308, "records": [{}]}', 422, "invalid_request", ["/dataset"]),
        ('{"dataset": 1e400, "records": [{}]}', 422, "invalid_request", ["/dataset"]),
        ('{"dataset": "subject", "records": 1e400}', 422, "invalid_request", ["/records"]),
        ('{"dataset": "subject", "records": [1e400]}', 422, "invalid_request", ["/records/0"]),
        ('{"dataset": "subject", "x": 1e400, "records": [{}]}', 422, "unknown_key", ["/x"]),
        ('{"dataset": "a", "dataset": 1e400, "records": [{}]}', 422, "doubled_key", ["/dataset"]),
        ("1e400", 422, "invalid_request", ["", "/dataset", "/records"]),
        ('{"dataset": 1e400, "records": [NaN]}', 400, "malformed_json", []),
        ('{"dataset": 1e400, "records": [-Infinity]}', 400, "malformed_json", []),
        ('{"dataset": 1e400, "records": ["\\ud800"]}', 400, "malformed_json", []),
        ('{"dataset": 1e400, "records": [{}]', 400, "malformed_json", []),
        ('{"dataset": 1e400, "records": %s}' % ("[" * 65 + "]" * 65), 400, "malformed_json", []),
        ('{"dataset": 1e400, "records": %s}' % ("[" * 9999 + "]" * 9999), 400, "malformed_json",
         []),
    ],
)  # fmt: skip
def test_a_number_beyond_a_double_in_its_place_is_named_by_it(site, text, status, code, places):
    answer = site.send("POST", "/v1/records", content=text.encode(), headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert [fault["pointer"] for fault in answer.json()["errors"]] == places


def test_an_inquiry_with_a_number_beyond_a_double_is_told_where(site):
    text = orjson.dumps({**ask(1), "purpose": orjson.Fragment("1e400")})
    answer = site.send("POST", "/v1/inquiries", content=text, headers=JSON)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/purpose"]
