"""A member code that is nobody's, or another's where only one's own will do: told in a finding,
and no other row is lost for it.
"""

from __future__ import annotations

import io
from typing import Any

import orjson
import pytest

import factory
from beginnings import beginning
from factory import counts, rules
from tallystick.service.members import member_by_code
from tallystick.service.submissions import findings
from tallystick.service.submit import process, receive

FACTS: factory.Native = {
    "member": "bank1", "valid_from": "2024-01-01", "member_class": "commercial_bank",
    "total_loans": "10.00", "currency": "CNY",
}  # fmt: skip
FUNDING = factory.funding(1, "bank2", "0.1")
TYPO = "bank9"


template = beginning(lambda bureau: factory.two_accounts_beside_another(bureau.deps))


@pytest.fixture
def bank(bureau: Any) -> Any:
    """`bank1`, with accounts 1 and 2; `bank2` is there too."""
    return member_by_code(bureau.deps, "bank1")


def _by_file(deps: Any, furnisher: Any, dataset: str, records: list[factory.Native]) -> Any:
    lines = b"".join(orjson.dumps(one) + b"\n" for one in records)
    return process(deps, receive(deps, furnisher, dataset, io.BytesIO(lines)).submission_id)


#: Dataset, sender, fields of the good rows and of the bad one, and what is said of it.
CASES = [
    ("member", "bank1", FACTS, {"member": TYPO}, {("member", "MEM-OWN-001", TYPO)}),
    ("member", "bank1", FACTS, {"member": "bank2"}, {("member", "MEM-OWN-001", "bank2")}),
    ("funding", "bank1", FUNDING, {"originator": TYPO},
     {("originator", "FND-MEMBER-002", TYPO)}),
    ("funding", "bank2", FUNDING, {"originator": TYPO},
     {("originator", "FND-MEMBER-002", TYPO)}),
    ("funding", "bank1", FUNDING, {"funder": TYPO}, {("funder", "FND-MEMBER-001", TYPO)}),
    ("funding", "bank2", FUNDING, {"originator": TYPO, "funder": "bank8"},
     {("originator", "FND-MEMBER-002", TYPO), ("funder", "FND-MEMBER-001", "bank8")}),
]  # fmt: skip


@pytest.mark.parametrize("by", ["file", "records", "one record"])
@pytest.mark.parametrize(("dataset", "sender", "good", "typo", "said"), CASES)
def test_the_row_is_rejected_and_every_other_taken(
    bureau: Any, bank: Any, dataset: str, sender: str, good: Any, typo: Any, said: Any, by: str
) -> None:
    furnisher = bank if sender == "bank1" else member_by_code(bureau.deps, sender)
    days = [f"2024-01-0{number}" for number in range(1, 6)]
    records = [{**good, "valid_from": day} for day in days]
    records[2] |= typo
    if by == "one record":
        records = records[2:3]
    send = _by_file if by == "file" else lambda *given: factory.send(*given[:3], *given[3])
    view = send(bureau.deps, furnisher, dataset, records)
    assert counts(view) == (len(records) - 1, 0, 1, 0), rules(view)
    found = findings(bureau.deps, furnisher, view.submission_id)
    rejected = {(one.field, one.rule_id, one.seen) for one in found if one.severity != "warn"}
    assert rejected == said
    assert {one.line_no for one in found if one.severity != "warn"} == {len(records) // 2 + 1}


@pytest.mark.parametrize(("dataset", "sender", "good", "typo", "said"), CASES)
def test_a_correction_and_a_deletion_of_it_are_rejected(
    bureau: Any, bank: Any, dataset: str, sender: str, good: Any, typo: Any, said: Any
) -> None:
    furnisher = bank if sender == "bank1" else member_by_code(bureau.deps, sender)
    factory.send(bureau.deps, furnisher, dataset, good)
    wrong = {**good, **typo}
    both = [factory.correction(dataset, one, good) for one in (wrong, good)]
    view = factory.send(bureau.deps, furnisher, "correction", *both)
    assert (sum(counts(view)[:2]), *counts(view)[2:]) == (1, 1, 0)
    assert {rule for _, rule, _ in said} <= rules(view)
    names = ("originator", "account_number", "funder", "valid_from")
    key = {n: wrong[n] for n in (("member", "valid_from") if dataset == "member" else names)}
    view = factory.send(bureau.deps, furnisher, "deletion", factory.deletion(dataset, key))
    assert (counts(view), rules(view)) == ((0, 0, 1, 0), {"ANY-TARGET-001"})


def test_a_former_furnisher_nobody_knows_is_waited_for(bureau: Any, bank: Any) -> None:
    fields = {
        "formerly_furnisher": TYPO,
        "formerly_account_number": "Z1",
        "formerly_reason": "sold",
    }
    view = factory.send(bureau.deps, bank, "account", factory.account(7, 1, **fields))
    assert (counts(view), rules(view)) == ((0, 0, 0, 1), {"ACC-FORMER-005"})


def test_what_another_says_of_an_institution_changes_nothing(bureau: Any, bank: Any) -> None:
    """Not under a day on file, nor under one of its own; and who says it learns nothing."""
    deps = bureau.deps
    other = member_by_code(deps, "bank2")
    assert counts(factory.send(deps, bank, "member", FACTS)) == (1, 0, 0, 0)
    spoilt = [
        {**FACTS, "member_class": "micro_lender", "total_loans": "1.00"},
        {**FACTS, "valid_from": "2024-06-01", "total_loans": "1.00"},
        FACTS,
    ]
    for one in spoilt:
        assert factory.told(factory.send(deps, other, "member", one)) == (
            (0, 0, 1, 0), {"MEM-OWN-001"},
        )  # fmt: skip
    key = {name: FACTS[name] for name in ("member", "valid_from")}
    for dataset, one in (
        ("correction", factory.correction("member", spoilt[0], FACTS)),
        ("deletion", factory.deletion("member", key)),
    ):
        assert counts(factory.send(deps, other, dataset, one)) == (0, 0, 1, 0)
    assert counts(factory.send_again(deps, bank, "member", FACTS)) == (0, 1, 0, 0)
