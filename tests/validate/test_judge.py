"""Judging: what a finding says, on both carriers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import duckdb
import pytest
from carried import by_record, by_table, fill

from tallystick.validate import judge_record, judge_table, load_rules
from tallystick.validate.columns import columns_of
from tallystick.validate.context import DATASETS

RULES = load_rules()
CANARY = "canary-4711"


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.mark.parametrize(
    ("rule_id", "row", "seen"),
    [
        ("SNP-STATUS-001", {"balance_minor": 5, "currency": "CNY"}, "0.05"),
        ("SNP-STATUS-001", {"balance_minor": 123456, "currency": "CNY"}, "1234.56"),
        ("SNP-STATUS-001", {"balance_minor": 123456, "currency": "JPY"}, "123456"),
        ("SNP-STATUS-001", {"balance_minor": 1, "currency": "KWD"}, "0.001"),
        ("SNP-STATUS-001", {"balance_minor": 7}, "7"),
        ("SNP-AMT-006", {"payment_due_minor": -5, "currency": "CNY"}, "-0.05"),
        ("SNP-AMT-006", {"payment_due_minor": 0, "amount_paid_minor": -1}, "-1"),
        (
            "MON-DATE-001",
            {"period_end": date(2025, 4, 30), "judged_on": date(2025, 4, 1)},
            "2025-04-30",
        ),
        ("MON-NOTICE-001", {"bucket_kind": "late"}, None),
        ("ANY-DUP-002", {"duplicate_line_no": 7, "duplicate_is_equal": False}, "7"),
    ],
)
def test_a_finding_quotes_the_value_as_its_sender_wrote_it(
    con: duckdb.DuckDBPyConnection, rule_id: str, row: dict[str, Any], seen: str | None
) -> None:
    rows = [{"status": "closed", "notice_sent_on": None} | row]
    found = by_record("snapshot", rows, [RULES[rule_id]])
    (field,) = {part.field for part in RULES[rule_id].parts()} & {one[2] for one in found}
    assert found == [(1, rule_id, field, seen)]
    assert by_table(con, "snapshot", rows, [RULES[rule_id]]) == found


def test_a_share_is_quoted_with_nine_places(con: duckdb.DuckDBPyConnection) -> None:
    rows = [{"is_stated_otherwise": True, "share_ppb": 20_000_001}]
    wanted = [(1, "FND-AGREE-001", "share", "0.020000001")]
    assert by_table(con, "funding", rows, [RULES["FND-AGREE-001"]]) == wanted
    assert by_record("funding", rows, [RULES["FND-AGREE-001"]]) == wanted


@pytest.mark.parametrize("dataset", DATASETS)
def test_identity_data_is_never_quoted(con: duckdb.DuckDBPyConnection, dataset: str) -> None:
    rules = RULES.of(dataset)
    personal = {
        name: CANARY
        for name, column in columns_of(dataset).items()
        if column.is_personal and column.type == "text"
    }
    rows = [personal | dict(item.row) for rule in rules for item in rule.examples] or [personal]
    rows = [row | personal for row in rows]
    found = by_record(dataset, rows, rules)
    assert not any(CANARY in str(hit) for hit in found)
    assert by_table(con, dataset, rows, rules) == found


def test_all_faults_of_a_row_are_found_at_once(con: duckdb.DuckDBPyConnection) -> None:
    row = {
        "period_end": date(2025, 4, 29),
        "judged_on": date(2025, 4, 1),
        "status": "closed",
        "balance_minor": 5,
        "currency": "CNY",
        "bucket_kind": "late",
        "bucket_rank": 3,
    }
    wanted = {
        "MON-DATE-001",
        "SNP-DATE-003",
        "SNP-STATUS-001",
        "SNP-STATUS-002",
        "MON-NOTICE-001",
    }
    rules = RULES.of("snapshot")
    assert {hit[1] for hit in by_table(con, "snapshot", [{}, row], rules)} == wanted
    findings = judge_record("snapshot", row | {"line_no": 9}, rules)
    assert {finding.rule_id for finding in findings} == wanted
    assert {finding.line_no for finding in findings} == {9}


def test_a_finding_carries_the_severity_in_force() -> None:
    row = {"status": "closed", "balance_minor": 5}
    changed = [replace(RULES["SNP-STATUS-001"], severity="warn")]
    assert [item.severity for item in judge_record("snapshot", row, changed)] == ["warn"]


def test_a_duplicate_points_to_the_other_line() -> None:
    row = {"duplicate_line_no": 7, "duplicate_is_equal": True, "line_no": 9}
    (finding,) = judge_record("account", row, [RULES["ANY-DUP-001"]])
    assert (finding.line_no, finding.other_line_no) == (9, 7)


def test_the_names_of_the_relations_can_be_chosen(con: duckdb.DuckDBPyConnection) -> None:
    fill(con, "snapshot", [{"status": "closed", "balance_minor": 5}])
    con.execute('CREATE OR REPLACE VIEW "this file" AS SELECT * FROM judged')
    for _ in range(2):  # a second judging replaces the first
        judge_table(
            con, "snapshot", [RULES["SNP-STATUS-001"]], source="this file", into="its findings"
        )
    assert con.execute('SELECT count(*) FROM "its findings"').fetchall() == [(1,)]


def test_without_rules_the_table_is_there_and_empty(con: duckdb.DuckDBPyConnection) -> None:
    judge_table(con, "snapshot", [], source="not there")
    assert con.execute("SELECT line_no, rule_id, field, seen FROM finding").fetchall() == []


@pytest.mark.parametrize(
    ("occurred_at", "offset", "hits"),
    [
        (datetime(2025, 3, 31, 15, 59, 59, tzinfo=UTC), 480, False),
        (datetime(2025, 3, 31, 16, 0, 0, tzinfo=UTC), 480, True),
        (datetime(2025, 4, 1, 0, 0, 0, tzinfo=timezone(timedelta(hours=8))), 480, True),
        (datetime(2025, 4, 1, 3, 59, 59, tzinfo=UTC), -240, False),
        (datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), 0, False),
    ],
)
def test_an_event_belongs_to_the_day_at_its_own_offset(
    con: duckdb.DuckDBPyConnection, occurred_at: datetime, offset: int, hits: bool
) -> None:
    rows = [
        {
            "occurred_at": occurred_at,
            "occurred_at_offset_minutes": offset,
            "judged_on": date(2025, 3, 31),
        }
    ]
    rules = [RULES["EVT-DATE-001"]]
    assert bool(by_record("event", rows, rules)) is hits
    assert bool(by_table(con, "event", rows, rules)) is hits
