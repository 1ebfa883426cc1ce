"""A rule keeps silent where it would speak of a cell nobody could read, and only there."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

import factory
from tallystick.entry.cli.offline import check_file
from tallystick.validate import CONTEXT, load_rules, take_back
from tallystick.validate.unfounded import OWNERSHIP, RESTS_ON, rests_on, says_whose

RULES = load_rules()


def found(folder: Path, dataset: str, *records: Mapping[str, Any]) -> list[tuple[Any, str]]:
    path = folder / "records.csv"
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
    checked = check_file(path, dataset=dataset, profile_id="zz", progress=lambda *_: None)
    return [(one.line_no, one.rule_id) for one in checked.findings]


LATE = factory.snapshot(
    1, "2024-12", bucket="1", days_past_due="20", amount_past_due="100.00",
    first_delinquency_on="2024-12-11", notice_sent_on="2024-12-20",
)  # fmt: skip
FUNDING = factory.funding(1, "bank2", "0.5")
AMOUNT = {**FUNDING, "share": "", "funded_amount": "10.00", "currency": "CNY"}
EVENT = factory.event(1, event_type="repaid", amount="1.00", currency="CNY")


@pytest.mark.parametrize(
    ("dataset", "record", "field", "unreadable", "missing"),
    [
        ("snapshot", LATE, "notice_sent_on", "20.12.2024", "MON-NOTICE-001"),
        ("funding", FUNDING, "share", "50 %", "FND-SHARE-003"),
        ("funding", AMOUNT, "currency", "RMB", "FMT-CELL-014"),
        ("event", EVENT, "currency", "RMB", "FMT-CELL-014"),
    ],
)
def test_what_cannot_be_read_is_not_called_missing(
    tmp_path: Path, dataset: str, record: Any, field: str, unreadable: str, missing: str
) -> None:
    assert found(tmp_path, dataset, record) == []
    faults = found(tmp_path, dataset, {**record, field: unreadable})
    assert [rule_id[:9] for _, rule_id in faults] == ["FMT-CELL-"], faults
    assert found(tmp_path, dataset, {**record, field: ""})[0][1] == missing


def test_rules_of_other_fields_still_speak(tmp_path: Path) -> None:
    record = {**LATE, "balance": "nine hundred", "notice_sent_on": "2025-01-01"}
    rules = [rule_id for _, rule_id in found(tmp_path, "snapshot", record)]
    assert rules[0].startswith("FMT-CELL-")
    assert rules[1:] == ["MON-NOTICE-002"]


def test_rows_are_not_compared_where_one_cannot_be_read(tmp_path: Path) -> None:
    other = {**LATE, "balance": "800.00"}
    assert found(tmp_path, "snapshot", LATE, other) == [(3, "ANY-DUP-002")]
    unreadable = {**LATE, "balance": "eight hundred"}
    faults = found(tmp_path, "snapshot", LATE, unreadable)
    assert [line for line, _ in faults] == [3]
    assert faults[0][1].startswith("FMT-CELL-")


@pytest.mark.parametrize(
    ("line_no", "fault", "severity", "stays"),
    [
        (2, "FMT-CELL-001", "reject", False),
        (3, "FMT-CELL-001", "reject", True),
        (2, "FMT-CELL-001", "warn", True),
        (2, "COR-DIGEST-001", "reject", True),
    ],
)
def test_only_a_rejected_cell_of_the_same_row_takes_back(
    line_no: int, fault: str, severity: str, stays: bool
) -> None:
    with duckdb.connect() as con:
        con.execute(
            "create table finding as select 2::bigint line_no, ? rule_id, ? as field",
            ["MON-RESTATE-001", RULES["MON-RESTATE-001"].field],
        )
        con.execute("create table fault (line_no bigint, field text, rule_id text, severity text)")
        con.execute("insert into fault values (?, 'balance', ?, ?)", [line_no, fault, severity])
        take_back(con, [RULES["MON-RESTATE-001"]])
        assert (con.execute("select count(*) from finding").fetchone() == (1,)) is stays


def test_what_a_rule_rests_on() -> None:
    assert rests_on(RULES["MON-RESTATE-001"]) >= {"*", "period_end"}
    assert rests_on(RULES["FND-OWN-001"]) == {"funder", "originator"}
    assert rests_on(RULES["EVT-EXTEND-001"]) == {"event_type", "extended_months"}
    assert set(RESTS_ON) <= {column.name for column in CONTEXT}


def test_the_rules_that_say_whose_a_row_is() -> None:
    assert {one.rule_id for one in RULES.values() if says_whose(one)} == {
        "ANY-PARENT-002", "ANY-TARGET-002", "DEL-SOLD-001", "FND-OWN-001", "MEM-OWN-001",
        "SNP-OWN-001",
    }  # fmt: skip
    assert {column.name for column in CONTEXT} >= OWNERSHIP
