"""One fault at a time beside a value that is off by one and stands; three ways, one answer."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tallystick.formats import columns, load
from tallystick.furnish import Limits, read_record, rule_ids

from .conftest import DOMAINS, Stager

BASE: dict[str, dict[str, str]] = {
    "snapshot": {
        "account_number": "A-1", "period_end": "2025-10-31", "bucket": "0", "days_past_due": "0",
        "currency": "CNY", "balance": "1.00", "payment_due": "1", "amount_paid": "1",
        "amount_past_due": "0", "status": "open",
    },
    "subject": {
        "valid_from": "2025-01-01", "identifier_scheme": "zz_id", "identifier_number": "990101",
        "name": "测试 甲", "birth_date": "1990-01-01",
    },
    "event": {
        "account_number": "A-1", "event_id": "E-1", "event_type": "opened",
        "occurred_at": "2025-03-01T09:30:00+08:00",
    },
    "funding": {
        "originator": "platform-a", "account_number": "A-1", "funder": "bank_b", "role": "funder",
        "valid_from": "2025-01-01", "share": "0.7",
    },
    "agreement": {
        "agreement_number": "G-1", "person_number": "P-1", "valid_from": "2025-01-01",
        "currency": "JPY", "credit_limit": "100", "is_revolving": "true", "status": "active",
        "basis": "contract",
    },
    "deletion": {"record_dataset": "event", "record_key": '{"event_id":"E-1"}', "reason": "other"},
}  # fmt: skip
#: dataset, field, value, the rule it breaks (None: it stands)
CASES: list[tuple[str, str, str, str | None]] = [
    ("snapshot", "account_number", "", rule_ids.CELL_MISSING),
    ("snapshot", "account_number", "x" * 60, None),
    ("snapshot", "account_number", "x" * 61, rule_ids.CELL_TOO_LONG),
    ("snapshot", "account_number", "账" * 60, None),
    ("snapshot", "account_number", "账" * 61, rule_ids.CELL_TOO_LONG),
    ("snapshot", "account_number", " A", rule_ids.CELL_BLANKS),
    ("snapshot", "account_number", "A\u3000", rule_ids.CELL_BLANKS),
    ("snapshot", "account_number", "A\u00a0", rule_ids.CELL_BLANKS),
    ("snapshot", "account_number", "A B", None),
    ("snapshot", "account_number", "A\tB", rule_ids.CELL_CONTROL),
    ("snapshot", "account_number", "A\nB", rule_ids.CELL_CONTROL),
    ("snapshot", "account_number", "A\rB", rule_ids.CELL_CONTROL),
    ("snapshot", "account_number", "A\x7f", rule_ids.CELL_CONTROL),
    ("snapshot", "account_number", "A\u0085B", rule_ids.CELL_CONTROL),
    ("snapshot", "account_number", "A\x01", rule_ids.CELL_CONTROL),
    ("snapshot", "account_number", "\x01", rule_ids.CELL_CONTROL),
    ("snapshot", "account_number", "A\u2027B", None),
    ("snapshot", "account_number", "A\u2028B", rule_ids.CELL_CONTROL),
    ("snapshot", "account_number", "A\u202eB", rule_ids.CELL_CONTROL),
    ("snapshot", "account_number", "A\u2030B", None),
    ("snapshot", "account_number", "A\u2065B", None),
    ("snapshot", "account_number", "A\u2066B", rule_ids.CELL_CONTROL),
    ("snapshot", "account_number", "A\u2069B", rule_ids.CELL_CONTROL),
    ("snapshot", "account_number", "A\u200dB", None),
    ("snapshot", "account_number", "账\ufeff", rule_ids.CELL_CONTROL),
    ("snapshot", "account_number", "账\ufefe", None),
    ("snapshot", "account_number", "absent:not_held", rule_ids.CELL_REASON_NOT_HERE),
    ("snapshot", "account_number", "#1", None),
    ("snapshot", "account_number", "NULL", None),
    ("snapshot", "account_number", 'A"1', None),
    ("snapshot", "account_number", "A,1", None),
    ("snapshot", "account_number", "=1+1", None),
    ("snapshot", "period_end", "2024-02-29", None),
    ("snapshot", "period_end", "2023-02-29", rule_ids.CELL_DATE_CALENDAR),
    ("snapshot", "period_end", "2025-04-31", rule_ids.CELL_DATE_CALENDAR),
    ("snapshot", "period_end", "0000-01-01", rule_ids.CELL_DATE_CALENDAR),
    ("snapshot", "period_end", "2025-1-3", rule_ids.CELL_DATE_FORM),
    ("snapshot", "period_end", "20250131", rule_ids.CELL_DATE_FORM),
    ("snapshot", "period_end", "2025/01/31", rule_ids.CELL_DATE_FORM),
    ("snapshot", "period_end", "infinity", rule_ids.CELL_DATE_FORM),
    ("snapshot", "period_end", "10000-01-01", rule_ids.CELL_DATE_FORM),
    ("snapshot", "period_end", "2025-01-31T00:00:00", rule_ids.CELL_DATE_FORM),
    ("snapshot", "period_end", "２０２５-01-31", rule_ids.CELL_DATE_FORM),
    ("snapshot", "period_end", " 2025-01-31", rule_ids.CELL_BLANKS),
    ("snapshot", "bucket", "5", None),
    ("snapshot", "bucket", "6", rule_ids.CELL_CODE),
    ("snapshot", "bucket", "c", rule_ids.CELL_CODE),
    ("snapshot", "status", "Open", rule_ids.CELL_CODE),
    ("snapshot", "status", "open ", rule_ids.CELL_BLANKS),
    ("snapshot", "days_past_due", "", rule_ids.CELL_UNSTATED),
    ("snapshot", "days_past_due", "absent:not_held", None),
    ("snapshot", "days_past_due", "absent:", rule_ids.CELL_REASON_UNKNOWN),
    ("snapshot", "days_past_due", "absent:lost", rule_ids.CELL_REASON_UNKNOWN),
    ("snapshot", "days_past_due", "absent:not_valid", rule_ids.CELL_REASON_UNKNOWN),
    ("snapshot", "days_past_due", "Absent:not_held", rule_ids.CELL_INTEGER_FORM),
    ("snapshot", "days_past_due", "32000", None),
    ("snapshot", "days_past_due", "32001", rule_ids.CELL_RANGE),
    ("snapshot", "days_past_due", "-1", rule_ids.CELL_RANGE),
    ("snapshot", "days_past_due", "9" * 30, rule_ids.CELL_RANGE),
    ("snapshot", "days_past_due", "-0", rule_ids.CELL_INTEGER_FORM),
    ("snapshot", "days_past_due", "01", rule_ids.CELL_INTEGER_FORM),
    ("snapshot", "days_past_due", "+5", rule_ids.CELL_INTEGER_FORM),
    ("snapshot", "days_past_due", "1.5", rule_ids.CELL_INTEGER_FORM),
    ("snapshot", "days_past_due", "1_0", rule_ids.CELL_INTEGER_FORM),
    ("snapshot", "days_past_due", "0x10", rule_ids.CELL_INTEGER_FORM),
    ("snapshot", "days_past_due", " 12 ", rule_ids.CELL_BLANKS),
    ("snapshot", "days_past_due", "١٢", rule_ids.CELL_INTEGER_FORM),
    ("snapshot", "currency", "KWD", None),
    ("snapshot", "currency", "cny", rule_ids.CELL_CODE),
    ("snapshot", "currency", "", rule_ids.CELL_MISSING),
    ("snapshot", "balance", "0", None),
    ("snapshot", "balance", "-1.5", None),
    ("snapshot", "balance", "-0.01", None),
    ("snapshot", "balance", "0.00", None),
    ("snapshot", "balance", "1.23", None),
    ("snapshot", "balance", "1.234", rule_ids.CELL_AMOUNT_DIGITS),
    ("snapshot", "balance", "1.230", rule_ids.CELL_AMOUNT_DIGITS),
    ("snapshot", "balance", "9" * 15 + ".99", None),
    ("snapshot", "balance", "-" + "9" * 15 + ".99", None),
    ("snapshot", "balance", "9" * 16, rule_ids.CELL_AMOUNT_LONG),
    ("snapshot", "balance", "9" * 26, rule_ids.CELL_AMOUNT_LONG),
    ("snapshot", "balance", "-" + "9" * 26 + ".00", rule_ids.CELL_AMOUNT_LONG),
    ("snapshot", "balance", "0" + "9" * 26, rule_ids.CELL_AMOUNT_FORM),
    ("snapshot", "balance", "1e400", rule_ids.CELL_AMOUNT_FORM),
    ("snapshot", "balance", "1e3", rule_ids.CELL_AMOUNT_FORM),
    ("snapshot", "balance", "١٢٣", rule_ids.CELL_AMOUNT_FORM),
    ("snapshot", "balance", "１２３", rule_ids.CELL_AMOUNT_FORM),
    ("snapshot", "balance", "0000_0005", rule_ids.CELL_AMOUNT_FORM),
    ("snapshot", "balance", "-0", rule_ids.CELL_AMOUNT_FORM),
    ("snapshot", "balance", "-0.00", rule_ids.CELL_AMOUNT_FORM),
    ("snapshot", "balance", "+5", rule_ids.CELL_AMOUNT_FORM),
    ("snapshot", "balance", "05", rule_ids.CELL_AMOUNT_FORM),
    ("snapshot", "balance", "1.", rule_ids.CELL_AMOUNT_FORM),
    ("snapshot", "balance", ".5", rule_ids.CELL_AMOUNT_FORM),
    ("snapshot", "balance", "1,234", rule_ids.CELL_AMOUNT_FORM),
    ("snapshot", "balance", "NaN", rule_ids.CELL_AMOUNT_FORM),
    ("snapshot", "balance", "inf", rule_ids.CELL_AMOUNT_FORM),
    ("snapshot", "balance", "0x10", rule_ids.CELL_AMOUNT_FORM),
    ("snapshot", "balance", "--1", rule_ids.CELL_AMOUNT_FORM),
    ("snapshot", "balance", "¥5", rule_ids.CELL_AMOUNT_FORM),
    ("snapshot", "balance", " 12 ", rule_ids.CELL_BLANKS),
    ("snapshot", "credit_limit", "absent:not_held", rule_ids.CELL_REASON_NOT_HERE),
    ("agreement", "credit_limit", "1.0", rule_ids.CELL_AMOUNT_DIGITS),
    ("agreement", "is_revolving", "false", None),
    ("agreement", "is_revolving", "True", rule_ids.CELL_BOOLEAN),
    ("agreement", "is_revolving", "1", rule_ids.CELL_BOOLEAN),
    ("event", "amount", "5", rule_ids.CELL_AMOUNT_CURRENCY),
    ("event", "occurred_at", "2025-03-01T01:30:00Z", None),
    ("event", "occurred_at", "2025-03-01T09:30:00.123456-14:00", None),
    ("event", "occurred_at", "2025-03-01T09:30:00.5+05:30", None),
    ("event", "occurred_at", "2025-03-01T09:30:00.1234567Z", rule_ids.CELL_INSTANT_FORM),
    ("event", "occurred_at", "2025-03-01T09:30:00+14:01", rule_ids.CELL_INSTANT_FORM),
    ("event", "occurred_at", "2025-03-01T09:30:00-00:00", rule_ids.CELL_INSTANT_FORM),
    ("event", "occurred_at", "2025-03-01T09:30:00", rule_ids.CELL_INSTANT_FORM),
    ("event", "occurred_at", "2025-03-01 09:30:00Z", rule_ids.CELL_INSTANT_FORM),
    ("event", "occurred_at", "2025-03-01T09:30Z", rule_ids.CELL_INSTANT_FORM),
    ("event", "occurred_at", "2025-03-01T23:59:59Z", None),
    ("event", "occurred_at", "2025-03-01T24:00:00Z", rule_ids.CELL_INSTANT_FORM),
    ("event", "occurred_at", "2025-03-01T23:59:60Z", rule_ids.CELL_INSTANT_FORM),
    ("event", "occurred_at", "2025-02-29T09:30:00Z", rule_ids.CELL_INSTANT_CALENDAR),
    ("event", "occurred_at", "0001-01-02T00:00:00+14:00", None),
    ("event", "occurred_at", "0001-01-01T23:59:59Z", rule_ids.CELL_INSTANT_CALENDAR),
    ("event", "occurred_at", "9999-12-30T23:59:59-14:00", None),
    ("event", "occurred_at", "9999-12-31T00:00:00Z", rule_ids.CELL_INSTANT_CALENDAR),
    ("funding", "share", "1", None),
    ("funding", "share", "0.000000001", None),
    ("funding", "share", "1.000000001", rule_ids.CELL_RANGE),
    ("funding", "share", "-0.1", rule_ids.CELL_RANGE),
    ("funding", "share", "0.0000000001", rule_ids.CELL_DECIMAL_FORM),
    ("funding", "share", "-0", rule_ids.CELL_DECIMAL_FORM),
    ("funding", "share", "9" * 10, rule_ids.CELL_RANGE),
    ("funding", "share", "-" + "9" * 26 + ".5", rule_ids.CELL_RANGE),
    ("funding", "share", "9" * 10 + ".0000000001", rule_ids.CELL_DECIMAL_FORM),
    ("funding", "share", "30%", rule_ids.CELL_DECIMAL_FORM),
    ("funding", "share", "1e-1", rule_ids.CELL_DECIMAL_FORM),
    ("funding", "funder", "x" * 40, None),
    ("funding", "funder", "x" * 41, rule_ids.CELL_MEMBER),
    ("funding", "funder", "bank b", rule_ids.CELL_MEMBER),
    ("subject", "birth_date", "1990-02-28", None),
    ("subject", "birth_date", "1990-02-30", rule_ids.CELL_DATE_KEPT),
    ("subject", "birth_date", "0000-00-00", rule_ids.CELL_DATE_KEPT),
    ("subject", "birth_date", "1990", rule_ids.CELL_DATE_FORM),
    ("subject", "birth_date", "absent:refused", None),
    ("subject", "name", " 甲 ", None),
    ("subject", "name", "  ", rule_ids.CELL_BLANKS),
    ("subject", "name", "甲" * 121, rule_ids.CELL_TOO_LONG),
    ("subject", "name", "𠮷田", None),
    ("subject", "address_line", "a, \"b\" c", None),
    ("deletion", "record_key", "{}", None),
    ("deletion", "record_key", "[]", rule_ids.CELL_JSON),
    ("deletion", "record_key", "{", rule_ids.CELL_JSON),
    ("deletion", "record_key", '{"a":NaN}', rule_ids.CELL_JSON),
    ("deletion", "record_key", '{"a":1,"a":2}', rule_ids.CELL_JSON),
    ("deletion", "record_key", '{"a":"\\u0000"}', rule_ids.CELL_JSON),
    ("deletion", "record_key", '{"a":"\\ud800"}', rule_ids.CELL_JSON),
    ("deletion", "record_key", '{"a":"\\\\u0000"}', None),
    ("deletion", "record_key", '{"a":"' + "x" * 1992 + '"}', None),
    ("deletion", "record_key", '{"a":"' + "x" * 1993 + '"}', rule_ids.CELL_JSON),
]  # fmt: skip


def csv_of(records: list[dict[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    names = list(dict.fromkeys(name for record in records for name in record))
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode()


def ndjson_of(records: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def comparable(row: dict[str, Any]) -> dict[str, Any]:
    """A row of `read_record` as a fetched row: instants as epoch microseconds."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return {
        name: (value - epoch) // timedelta(microseconds=1) if isinstance(value, datetime) else value
        for name, value in row.items()
    }


@pytest.mark.parametrize("dataset", sorted(BASE))
def test_file_and_record_judge_every_value_alike(stage: Stager, dataset: str) -> None:
    cases = [case for case in CASES if case[0] == dataset]
    records = [{**BASE[dataset], field: value} for _, field, value, _ in cases]
    from_csv = stage(csv_of(records), dataset, format="csv")
    from_ndjson = stage(ndjson_of(records), dataset, format="ndjson")
    assert from_csv.staged.rows == from_ndjson.staged.rows == len(cases)
    lines = [row["line_no"] for row in from_csv.rows]
    for index, (_, field, value, rule) in enumerate(cases):
        wanted = [] if rule is None else [(field, rule)]
        row, findings = read_record(load()[dataset], records[index], DOMAINS)
        told = [fault[2:] for fault in from_csv.faults if fault[0] == lines[index]]
        told_json = [fault[2:] for fault in from_ndjson.faults if fault[0] == index + 1]
        assert [(f.field, f.rule_id) for f in findings] == wanted, (field, value)
        assert told == told_json == [(f.field, f.rule_id, f.seen) for f in findings]
        as_read = {name: cell for name, cell in from_csv.rows[index].items() if name != "line_no"}
        assert as_read == comparable(row), (field, value)
        in_json = {k: cell for k, cell in from_ndjson.rows[index].items() if k != "line_no"}
        assert in_json == as_read


def test_every_cell_rule_is_tried() -> None:
    tried = {rule for *_, rule in CASES if rule} | {rule_ids.CELL_JSON_TYPE}  # tried below
    assert tried == {rule for rule in rule_ids.ALL if rule.startswith("FMT-CELL-")}


@pytest.mark.parametrize(
    ("dataset", "field", "value", "rule"),
    [
        ("snapshot", "balance", 1, rule_ids.CELL_JSON_TYPE),
        ("snapshot", "balance", 1.5, rule_ids.CELL_JSON_TYPE),
        ("snapshot", "days_past_due", 30, None),
        ("snapshot", "days_past_due", 32001, rule_ids.CELL_RANGE),
        ("snapshot", "days_past_due", 10**40, rule_ids.CELL_RANGE),
        ("snapshot", "days_past_due", 30.0, rule_ids.CELL_INTEGER_FORM),
        ("snapshot", "days_past_due", True, rule_ids.CELL_JSON_TYPE),
        ("snapshot", "days_past_due", {"absent": "not_held"}, None),
        ("snapshot", "days_past_due", {"absent": "lost"}, rule_ids.CELL_REASON_UNKNOWN),
        ("snapshot", "days_past_due", {"absent": 1}, rule_ids.CELL_JSON_TYPE),
        ("snapshot", "days_past_due", {"reason": "x"}, rule_ids.CELL_JSON_TYPE),
        ("snapshot", "days_past_due", None, rule_ids.CELL_UNSTATED),
        ("snapshot", "credit_limit", None, None),
        ("snapshot", "credit_limit", {"absent": "refused"}, rule_ids.CELL_REASON_NOT_HERE),
        ("snapshot", "account_number", ["A"], rule_ids.CELL_JSON_TYPE),
        ("snapshot", "account_number", "A\ud800", rule_ids.CELL_CONTROL),
        ("snapshot", "colour", "red", rule_ids.ROW_FIELD_UNKNOWN),
        ("agreement", "is_revolving", False, None),
        ("agreement", "is_revolving", 1, rule_ids.CELL_JSON_TYPE),
        ("deletion", "record_key", {"event_id": "E-1"}, None),
        ("deletion", "record_key", [1], rule_ids.CELL_JSON),
    ],
)
def test_json_types_are_judged_alike_in_file_and_record(
    stage: Stager, dataset: str, field: str, value: object, rule: str | None
) -> None:
    record = {**BASE[dataset], field: value}
    row, findings = read_record(load()[dataset], record, DOMAINS)
    outcome = stage(ndjson_of([record]), dataset)
    assert [f.rule_id for f in findings] == ([] if rule is None else [rule])
    assert [f[2:] for f in outcome.faults] == [(f.field, f.rule_id, f.seen) for f in findings]
    assert outcome.rows == [{"line_no": 1, **comparable(row)}]


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("0", None),
        ("-0", rule_ids.CELL_INTEGER_FORM),
        ("-1", rule_ids.CELL_RANGE),
        ("1", None),
        ("1.0", rule_ids.CELL_INTEGER_FORM),
        ("1.5", rule_ids.CELL_INTEGER_FORM),
        ("-0.0", rule_ids.CELL_INTEGER_FORM),
        ("1e2", rule_ids.CELL_INTEGER_FORM),
        ("0e0", rule_ids.CELL_INTEGER_FORM),
        ("1e400", rule_ids.CELL_INTEGER_FORM),
        ("32000", None),
        ("32001", rule_ids.CELL_RANGE),
        ("9" * 18, rule_ids.CELL_RANGE),
        ("9" * 19, rule_ids.CELL_RANGE),
        ("9" * 400, rule_ids.CELL_RANGE),
        ("9" * 4301, rule_ids.CELL_RANGE),
    ],
)
def test_a_whole_number_is_judged_alike_in_csv_in_json_and_as_json_text(
    stage: Stager, written: str, rule: str | None
) -> None:
    record = {**BASE["snapshot"], "days_past_due": written}
    number = ndjson_of([{**record, "days_past_due": "@"}]).replace(b'"@"', written.encode())
    for content in (csv_of([record]), ndjson_of([record]), number):
        outcome = stage(content, limits=Limits(block_bytes=65536, max_line_bytes=8192))
        expected = [] if rule is None else [("days_past_due", rule, written[:200])]
        assert [fault[2:] for fault in outcome.faults] == expected
        assert [row["days_past_due"] for row in outcome.rows] == [None if rule else int(written)]


def test_all_faults_of_a_row_are_told_at_once(stage: Stager) -> None:
    bad = {**BASE["snapshot"], "bucket": "9", "balance": "1e3", "currency": "XXX", "status": ""}
    outcome = stage(csv_of([bad, BASE["snapshot"]]))
    assert outcome.rules == [
        rule_ids.CELL_CODE, rule_ids.CELL_CODE, rule_ids.CELL_AMOUNT_FORM, rule_ids.CELL_MISSING,
    ]  # fmt: skip
    assert [fault[:2] for fault in outcome.faults] == [(2, 3), (2, 5), (2, 6), (2, 10)]
    assert outcome.staged.rejected == 1
    assert outcome.rows[0]["days_past_due"] == 0  # what is right can still be judged


def test_an_impossible_birth_date_leaves_the_row_accepted(stage: Stager) -> None:
    outcome = stage(csv_of([{**BASE["subject"], "birth_date": "1990-02-30"}]), "subject")
    assert (outcome.staged.faults, outcome.staged.rejected) == (1, 0)
    assert outcome.rows[0]["absent"] == "birth_date:not_valid"


def test_money_becomes_minor_units_of_its_currency(stage: Stager) -> None:
    amounts = [
        ("CNY", "1.5", 150), ("CNY", "-0.05", -5), ("JPY", "7", 7), ("KWD", "1.234", 1234),
        ("KWD", "9" * 12, (10**12 - 1) * 1000), ("KWD", "9" * 13, (10**13 - 1) * 1000),
        ("CNY", "9" * 12, (10**12 - 1) * 100), ("JPY", "9" * 15, 10**15 - 1),
        ("KWD", "9" * 15 + ".999", 10**18 - 1), ("KWD", "-" + "9" * 15, 1000 - 10**18),
    ]  # fmt: skip
    zeros = {"payment_due": "0", "amount_paid": "0", "amount_past_due": "absent:not_held"}
    records = [
        {**BASE["snapshot"], **zeros, "currency": currency, "balance": text}
        for currency, text, _ in amounts
    ]
    outcome = stage(csv_of(records))
    assert outcome.faults == []
    assert [row["balance_minor"] for row in outcome.rows] == [minor for *_, minor in amounts]
    assert {row["absent"] for row in outcome.rows} == {"amount_past_due:not_held"}


def test_the_columns_are_those_of_the_registry(stage: Stager, con: Any) -> None:
    for dataset in BASE:
        stage(csv_of([BASE[dataset]]), dataset)
        found = con.execute('SELECT column_name, column_type FROM (DESCRIBE "row")').fetchall()
        wanted = [(c.name, c.duckdb_type) for c in columns(load()[dataset])]
        as_duckdb = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}
        assert found == [("line_no", "BIGINT"), *((n, as_duckdb.get(t, t)) for n, t in wanted)]
