"""A rule of several fields points to those that are at fault, and quotes them."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import orjson
import pytest

import factory
from beginnings import beginning
from tallystick.entry.cli.offline import check_file
from tallystick.service import process_rows
from tallystick.service.members import member_by_code
from tallystick.service.submissions import findings, rejects
from tallystick.service.submit import process, receive

template = beginning(lambda bureau: factory.two_accounts_beside_another(bureau.deps))
MONTH = factory.snapshot(1, "2024-12")
FACT = {"member": "bank1", "member_class": "commercial_bank", "currency": "CNY",
        "valid_from": "2024-01-01", "total_loans": "1.00", "tier1_capital": "1.00"}  # fmt: skip
CLOSED = {"bucket": "C", "status": "closed", "balance": "0", "amount_past_due": "0"}
UNKNOWN = {"bucket": "X", "status": "open"}
#: Dataset, a sound record, what is changed, the fields and values that are to be told.
FILES: list[tuple[str, factory.Native, factory.Native, str, list[tuple[str, str | None]]]] = [
    ("account", factory.account(1), {"credit_limit": "-1.00"}, "ACC-AMT-001",
     [("credit_limit", "-1.00")]),
    ("account", factory.account(1), {"principal": "0"}, "ACC-AMT-001", [("principal", "0.00")]),
    ("account", factory.account(1), {"principal": "-2", "credit_limit": "-1"}, "ACC-AMT-001",
     [("credit_limit", "-1.00"), ("principal", "-2.00")]),
    # A field that cannot be read does not silence what is said of another.
    ("account", factory.account(1), {"principal": "nine", "credit_limit": "-1"}, "ACC-AMT-001",
     [("credit_limit", "-1.00")]),
    ("snapshot", MONTH, {"credit_limit": "-0.01"}, "SNP-AMT-006", [("credit_limit", "-0.01")]),
    ("snapshot", MONTH, {"credit_limit": "-1", "amount_paid": "-2"}, "SNP-AMT-006",
     [("amount_paid", "-2.00"), ("credit_limit", "-1.00")]),
    ("snapshot", MONTH, {**CLOSED, "amount_past_due": "0.01"}, "SNP-AMT-004",
     [("amount_past_due", "0.01")]),
    ("snapshot", MONTH, {**CLOSED, "balance": "0.01"}, "SNP-AMT-004", [("balance", "0.01")]),
    ("snapshot", MONTH, {**UNKNOWN, "days_past_due": "3"}, "SNP-NOTICE-001",
     [("notice_sent_on", "3")]),
    ("snapshot", MONTH, {**UNKNOWN, "amount_past_due": "5"}, "SNP-NOTICE-001",
     [("notice_sent_on", "5.00")]),
    ("snapshot", MONTH, {**UNKNOWN, "days_past_due": "3", "status": "written_off"},
     "SNP-NOTICE-001", [("notice_sent_on", "written_off")]),
    ("payment", factory.PAYMENT, {"amount_paid": "-0.01"}, "PAY-AMT-001",
     [("amount_paid", "-0.01")]),
    ("member", FACT, {"total_loans": "-1"}, "MEM-AMT-001", [("total_loans", "-1.00")]),
    ("member", FACT, {"tier1_capital": "-1", "total_loans": "-2"}, "MEM-AMT-001",
     [("tier1_capital", "-1.00"), ("total_loans", "-2.00")]),
]  # fmt: skip


@pytest.mark.parametrize(("dataset", "sound", "change", "rule", "told"), FILES)
@pytest.mark.parametrize("scan_from", [process_rows.SCAN_FROM, 1])
def test_the_fields_at_fault_are_told(
    bureau: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: str, sound: Any,
    change: Any, rule: str, told: Any, scan_from: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(process_rows, "SCAN_FROM", scan_from)
    bank = member_by_code(bureau.deps, "bank1")
    assert bank is not None
    record = {**sound, **change}
    view = factory.send_again(bureau.deps, bank, dataset, record)
    found = findings(bureau.deps, bank, view.submission_id)
    assert sorted((one.field, one.seen) for one in found if one.rule_id == rule) == told
    file = tmp_path / "sent.ndjson"
    file.write_bytes(orjson.dumps(record) + b"\n")
    alone = check_file(file, dataset=dataset, profile_id="zz", progress=lambda *_: None)
    assert sorted((o.field or "", o.seen) for o in alone.findings if o.rule_id == rule) == told


def test_the_reject_file_names_the_column_and_the_value_at_fault(bureau: Any) -> None:
    bank = member_by_code(bureau.deps, "bank1")
    assert bank is not None
    record = {**FACT, "tier1_capital": "", "total_loans": "-1.00"}
    content = "\n".join((",".join(record), ",".join(record.values()), ""))
    taken = receive(bureau.deps, bank, "member", io.BytesIO(content.encode()))
    process(bureau.deps, taken.submission_id)
    back = b"".join(rejects(bureau.deps, bank, taken.submission_id)).decode()
    (row,) = csv.DictReader(back.splitlines())
    assert (row["rule_id"], row["seen_value"]) == ("MEM-AMT-001", "-1.00")
    assert list(record)[int(row["error_column"]) - 1] == "total_loans"
