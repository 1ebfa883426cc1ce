"""No rule stands behind another that always speaks first."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.service.members import member_by_code
from tallystick.validate import load_rules

REJECTED = (0, 0, 1, 0)
#: What is said of a row for which a rule of its own stood by too, and never came to speak alone.
SPOKEN = [
    ("event", factory.event(1, event_type="repaid", amount="5.00"), "FMT-CELL-014"),
    ("member", {"member": "bank1", "valid_from": "2024-01-01", "total_loans": "5.00",
                "member_class": "commercial_bank"}, "FMT-CELL-014"),
    ("subject", factory.subject(3, identifier_scheme="passport_of_mars"), "FMT-CELL-008"),
    ("funding", factory.funding(1, "bank1", "0.3", originator="nobody"), "FND-MEMBER-002"),
]  # fmt: skip


def _begin(bureau: Any) -> None:
    factory.open_account(bureau.deps, factory.member(bureau.deps))


template = beginning(_begin)


@pytest.mark.parametrize(("dataset", "record", "rule"), SPOKEN, ids=[one[2] for one in SPOKEN])
def test_one_rule_says_it(bureau: Any, dataset: str, record: factory.Native, rule: str) -> None:
    bank = member_by_code(bureau.deps, "bank1")
    assert factory.told(factory.send(bureau.deps, bank, dataset, record)) == (REJECTED, {rule})


@pytest.mark.parametrize("rule", ["EVT-AMT-002", "SUB-ID-004", "FND-SHARE-002"])
def test_what_could_say_nothing_is_gone_and_says_so(rule: str) -> None:
    """Its texts stay, for findings of rows that were sent before."""
    gone = load_rules()[rule]
    assert gone.expression is None
    assert gone.message.en.startswith("No longer judged")
    assert gone.message.zh.startswith("本规则已停用")


def test_no_rule_asks_for_a_currency_that_no_amount_is_read_without() -> None:
    expression = load_rules()["MEM-AMT-001"].expression
    assert expression is not None
    assert "currency" not in expression.columns
