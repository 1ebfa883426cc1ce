"""The same row twice in a file of consents or of members' facts: warned of, and the file ends."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from tallystick.service.members import Member
from tallystick.service.port import Deps
from tallystick.service.submissions import findings

_FACT = {"member": "bank1", "member_class": "platform", "currency": "CNY"}
_KEYS = {
    "consent": ["consent_id"], "member": ["valid_from"], "subject": ["person_number", "valid_from"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("dataset", "fields", "told"),
    [
        ("consent", {}, ((2, 2, 0, 0), {"ANY-DUP-001"})),
        ("consent", {"purpose": "nope"}, ((1, 0, 3, 0), {"ANY-DUP-001", "CNS-WORD-001"})),
        ("member", {}, ((2, 2, 0, 0), {"ANY-DUP-001"})),
        ("member", {"total_loans": "-0.01"}, ((1, 0, 3, 0), {"ANY-DUP-001", "MEM-AMT-001"})),
        ("subject", {}, ((2, 2, 0, 0), {"ANY-DUP-001"})),
        ("subject", {"birth_date": "2030-01-01"}, ((1, 0, 3, 0), {"ANY-DUP-001", "SUB-BIRTH-002"})),
    ],
)
def test_each_is_counted_as_what_it_is(
    bureau: Any, dataset: str, fields: dict[str, str], told: Any
) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    again = _row(deps, bank, dataset, 1, **fields)
    sent = factory.send(deps, bank, dataset, again, _row(deps, bank, dataset, 2), again, again)
    assert factory.told(sent) == told
    warned = [one for one in findings(deps, bank, sent.submission_id) if one.severity == "warn"]
    assert [(one.line_no, one.other_line_no) for one in warned] == [(3, 1), (4, 1)]


@pytest.mark.parametrize("dataset", ["consent", "member", "subject"])
def test_one_that_differs_is_rejected(bureau: Any, dataset: str) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    first, other = _row(deps, bank, dataset, 1), _row(deps, bank, dataset, 2)
    differing = {**other, **{name: first[name] for name in _KEYS[dataset]}}
    sent = factory.send(deps, bank, dataset, first, other, differing)
    assert factory.told(sent) == ((2, 0, 1, 0), {"ANY-DUP-002"})


def _row(deps: Deps, bank: Member, dataset: str, number: int, **fields: Any) -> factory.Native:
    if dataset == "consent":
        return factory.consent_record(deps, bank, number, **fields)
    if dataset == "subject":
        return factory.subject(number, **fields)
    day, amount = f"2024-01-0{number}", f"{number}0.00"
    return {**_FACT, "valid_from": day, "total_loans": amount, **fields}
