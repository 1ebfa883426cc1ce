"""A key sent again with other content: taken, and told as `restated`; the same is not, on both ways
of judging."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.service import process_rows
from tallystick.service.members import member_by_code
from tallystick.service.submissions import findings

ANY, EVENT, MONTH = "ANY-RESTATE-001", "EVT-RESTATE-001", "MON-RESTATE-002"


def guarantee(**fields: Any) -> dict[str, Any]:
    return {
        "guarantee_number": "U1", "person_number": "P2", "account_number": "A1",
        "valid_from": "2024-01-01", "currency": "CNY", "amount": "10.00", "basis": "legal_duty",
        **fields,
    }  # fmt: skip


def payment(**fields: Any) -> dict[str, Any]:
    return {
        "payer_account_number": "R1", "person_number": "P1", "payment_kind": "rent",
        "period_end": "2024-12-31", "bucket": "0", "days_past_due": "0", "currency": "CNY",
        "amount_due": "10.00", "amount_paid": "10.00", "basis": "legal_duty", **fields,
    }  # fmt: skip


def remark(**fields: Any) -> dict[str, Any]:
    return {
        "object_type": "account", "account_number": "A1", "kind": "statement",
        "valid_from": "2024-06-01", "text": "As agreed.", "locale": "en", **fields,
    }  # fmt: skip


def member(**fields: Any) -> dict[str, Any]:
    return {
        "member": "bank1", "valid_from": "2024-01-01", "member_class": "commercial_bank",
        "currency": "CNY", "total_loans": "10.00", **fields,
    }  # fmt: skip


#: Each dataset that can be sent again: a record, what of it changes (sealed parts among them), its
#: rule, and what the finding shows.
CASES = [
    ("subject", factory.subject(2), {"phone": "555-0999"}, ANY, "2024-01-01"),
    ("subject", factory.subject(2), {"name": "Another Name"}, ANY, "2024-01-01"),
    ("account", factory.account(1), {"principal": "1100.00"}, ANY, "2024-01-01"),
    ("account_party", factory.account_party(1, 2), {"valid_to": "2024-12-31"}, ANY, "2024-01-01"),
    ("agreement", factory.agreement(1), {"credit_limit": "6000.00"}, ANY, "2024-01-01"),
    ("guarantee", guarantee(), {"amount": "11.00"}, ANY, "2024-01-01"),
    ("funding", factory.funding(1, "bank1", "0.5"), {"share": "0.4"}, ANY, "2024-01-01"),
    ("remark", remark(), {"text": "Not agreed."}, ANY, "2024-06-01"),
    ("member", member(), {"total_loans": "11.00"}, ANY, "2024-01-01"),
    ("event", factory.event(1), {"occurred_at": "2024-01-01T11:00:00+08:00"}, EVENT, "e1"),
    ("snapshot", factory.snapshot(1, "2024-12"), {"balance": "1.00"}, MONTH, "2024-12-31"),
    ("payment", payment(), {"amount_paid": "9.00"}, MONTH, "2024-12-31"),
]


def _begin(bureau: Any) -> None:
    factory.open_account(bureau.deps, factory.member(bureau.deps), (1, 2))


template = beginning(_begin)


@pytest.fixture
def bank(bureau: Any) -> Any:
    return member_by_code(bureau.deps, "bank1")


def told(bureau: Any, bank: Any, dataset: str, *records: Any) -> tuple[Any, list[Any]]:
    """The counts, and what the furnisher is told of restating."""
    view = factory.send_again(bureau.deps, bank, dataset, *records)
    found = findings(bureau.deps, bank, view.submission_id)
    kept = [
        (one.line_no, one.rule_id, one.severity, one.field is not None, one.seen)
        for one in found if "-RESTATE-" in one.rule_id
    ]  # fmt: skip
    return factory.counts(view), kept


EITHER_WAY = pytest.mark.parametrize("scan_from", [0, 10_000], ids=["scan", "python"])
EACH_CASE = pytest.mark.parametrize(
    ("dataset", "record", "change", "rule", "seen"), CASES,
    ids=[f"{case[0]}-{min(case[2])}" for case in CASES],
)  # fmt: skip


@EITHER_WAY
@EACH_CASE
def test_other_content_is_told_and_the_same_is_not(
    bureau: Any, bank: Any, monkeypatch: pytest.MonkeyPatch, scan_from: int,
    dataset: str, record: Any, change: dict[str, str], rule: str, seen: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(process_rows, "SCAN_FROM", scan_from)
    other = {**record, **change}
    told(bureau, bank, dataset, record)
    assert told(bureau, bank, dataset, record) == ((0, 1, 0, 0), [])
    restated = (1, rule, "warn", True, seen)
    assert told(bureau, bank, dataset, other) == ((1, 0, 0, 0), [restated])
    assert told(bureau, bank, dataset, other) == ((0, 1, 0, 0), [])
    assert told(bureau, bank, dataset, record) == ((1, 0, 0, 0), [restated])


@EITHER_WAY
@EACH_CASE
def test_a_row_that_an_earlier_one_of_the_file_stands_before_replaces_nothing(
    bureau: Any, bank: Any, monkeypatch: pytest.MonkeyPatch, scan_from: int,
    dataset: str, record: Any, change: dict[str, str], rule: str, seen: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(process_rows, "SCAN_FROM", scan_from)
    other = {**record, **change}
    told(bureau, bank, dataset, record)
    first = (1, rule, "warn", True, seen)
    assert told(bureau, bank, dataset, other, record) == ((1, 0, 1, 0), [first])
    # now `other` is on file: the first row says the same, the second is told of its key only
    assert told(bureau, bank, dataset, other, record) == ((0, 1, 1, 0), [])
    assert told(bureau, bank, dataset, record, record) == ((1, 1, 0, 0), [first])


def test_only_the_month_that_differs_is_told(bureau: Any, bank: Any) -> None:
    months = [factory.snapshot(1, f"2024-{month:02d}") for month in range(1, 13)]
    told(bureau, bank, "snapshot", *months[:11])
    sent = [*months[:5], {**months[5], "balance": "1.00"}, *months[6:]]
    assert told(bureau, bank, "snapshot", *sent) == (
        (2, 10, 0, 0), [(6, MONTH, "warn", True, "2024-06-30")],
    )  # fmt: skip


def test_a_correction_says_itself_what_it_replaces(bureau: Any, bank: Any) -> None:
    for dataset, record, change, *_ in CASES:
        told(bureau, bank, dataset, record)
        mended = factory.correction(dataset, {**record, **change}, record)
        assert told(bureau, bank, "correction", mended)[1] == []


def test_a_cell_that_cannot_be_read_restates_nothing(bureau: Any, bank: Any) -> None:
    assert told(bureau, bank, "account", factory.account(1, opened_on="soon")) == ((0, 0, 1, 0), [])
