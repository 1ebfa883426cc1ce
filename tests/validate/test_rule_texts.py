"""What a rule's texts say is what its expression does, at the places where they once differed."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tallystick.validate import judge_record, load_rules

RULES = load_rules()
BANK = {"member_class": "commercial_bank", "total_loans_minor": 1000, "currency": "CNY"}
BORN = {"valid_from": date(2029, 12, 31)}
CLOSED_BEFORE = {"prev_bucket_kind": "closed", "bucket_kind": "current"}


@pytest.mark.parametrize(
    ("rule", "dataset", "row", "is_hit", "text", "said_en", "said_zh"),
    [
        ("SNP-STATUS-002", "snapshot", {"status": "closed", "bucket_kind": "nothing_due"}, False,
         "allowed", "nothing due", "当月无应还款"),
        ("SNP-STATUS-002", "snapshot", {"status": "closed", "bucket_kind": "not_open"}, False,
         "allowed", "not yet open", "尚未开立"),
        ("MEM-AMT-002", "member", {**BANK, "tier1_capital_minor": 1000}, False,
         "allowed", "At most as much", "不大于"),
        ("SNP-MONTH-005", "snapshot", {**CLOSED_BEFORE, "prev_is_adjacent": False}, True,
         "message", "newest month known before", "最近一个已知月份"),
        ("SNP-MONTH-005", "snapshot", {"prev_bucket_kind": "closed", "bucket_kind": "unknown"},
         False, "allowed", "unknown", "未知"),
        ("SUB-BIRTH-003", "subject", {**BORN, "birth_date": date(1800, 1, 1)}, True,
         "fix", "1800-01-01", "1800-01-01"),
        ("SUB-BIRTH-003", "subject", {**BORN, "birth_date": date(1900, 1, 1)}, False,
         "allowed", "less than 130 years", "不满130年"),
    ],
)  # fmt: skip
def test_a_text_says_what_passes(
    *, rule: str, dataset: str, row: dict[str, Any], is_hit: bool, text: str, said_en: str,
    said_zh: str,
) -> None:  # fmt: skip
    assert bool(judge_record(dataset, row, [RULES[rule]])) is is_hit
    told = getattr(RULES[rule], text)
    assert said_en in told.en
    assert said_zh in told.zh
