"""A correction names what it replaces by a digest its furnisher computes with no bureau."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

import factory
from beginnings import beginning
from tallystick.service.members import member_by_code
from tallystick.service.submissions import findings
from tallystick.service.submit import process, receive
from tallystick.service.verify import ledger_verify

ACCEPTED, UNCHANGED, REJECTED = (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0)
GUARANTEE, PAYMENT, REMARK = factory.GUARANTEE, factory.PAYMENT, factory.REMARK
MEMBER = {
    "member": "bank1", "valid_from": "2024-01-01", "member_class": "commercial_bank",
    "currency": "CNY", "total_loans": "5000000.5",
}  # fmt: skip


def _begin(bureau: Any) -> None:
    factory.two_accounts_beside_another(bureau.deps)


template = beginning(_begin)


@pytest.fixture
def bank(bureau: Any) -> Any:
    return member_by_code(bureau.deps, "bank1")


def send(bureau: Any, bank: Any, dataset: str, *records: Any) -> tuple[Any, set[str]]:
    return factory.told(factory.send_again(bureau.deps, bank, dataset, *records))


@pytest.mark.parametrize(
    ("dataset", "record", "change"),
    [
        ("subject", factory.subject(1, valid_from="2024-02-01"), {"phone": "555-0999"}),
        ("account", factory.account(1, valid_from="2024-02-01"), {"principal": "999"}),
        ("account_party", factory.account_party(1, 2), {"valid_to": "2024-12-31"}),
        ("snapshot", factory.snapshot(1, "2024-12", balance="900"), {"balance": "850"}),
        ("event", factory.event(1), {"occurred_at": "2024-01-01T11:00:00+08:00"}),
        ("agreement", factory.agreement(1), {"credit_limit": "5000.1"}),
        ("guarantee", GUARANTEE, {"amount": "900"}),
        ("funding", factory.funding(1, "bank2", "0.6"), {"share": "0.5"}),
        ("payment", PAYMENT, {"amount_paid": "10"}),
        ("remark", REMARK, {"text": "Paid."}),
        ("member", MEMBER, {"total_loans": "6000000"}),
    ],
)
def test_every_dataset_has_a_digest_that_the_furnisher_can_compute(
    bureau: Any, bank: Any, dataset: str, record: Any, change: dict[str, Any]
) -> None:
    assert send(bureau, bank, dataset, record)[0] == ACCEPTED
    once, twice = {**record, **change}, record
    right = factory.correction(dataset, once, record)
    assert send(bureau, bank, "correction", right) == (ACCEPTED, set())
    assert send(bureau, bank, "correction", right) == (UNCHANGED, set())
    wrong = {**right, "replaces_digest": factory.NO_DIGEST}
    assert send(bureau, bank, "correction", wrong) == (REJECTED, {"COR-DIGEST-001"})
    back = factory.correction(dataset, twice, once)
    assert send(bureau, bank, "correction", back) == (ACCEPTED, set())
    assert send(bureau, bank, "correction", back) == (UNCHANGED, set())


@pytest.fixture
def month(bureau: Any, bank: Any) -> dict[str, Any]:
    """A month on file, its balance corrected from 900 to 850."""
    record = factory.snapshot(1, "2024-12")
    assert send(bureau, bank, "snapshot", record)[0] == ACCEPTED
    sent = factory.correction("snapshot", {**record, "balance": "850"}, record)
    assert send(bureau, bank, "correction", sent) == (ACCEPTED, set())
    return sent


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({}, UNCHANGED),
        ({"reason": "court_order"}, REJECTED),
        ({"record": factory.snapshot(1, "2024-12", balance="849.99")}, REJECTED),
        ({"replaces_digest": factory.NO_DIGEST}, REJECTED),
    ],
)
def test_only_the_very_correction_that_stands_is_unchanged(
    bureau: Any, bank: Any, month: Any, change: dict[str, Any], wanted: Any
) -> None:
    rules = set() if wanted == UNCHANGED else {"COR-DIGEST-001"}
    assert send(bureau, bank, "correction", {**month, **change}) == (wanted, rules)
    assert ledger_verify(bureau.deps).ok


def test_a_correction_that_stands_no_longer_is_not_unchanged(
    bureau: Any, bank: Any, month: Any
) -> None:
    once, twice = factory.snapshot(1, "2024-12"), month["record"]
    back = factory.correction("snapshot", once, twice)
    assert send(bureau, bank, "correction", back) == (ACCEPTED, set())
    assert send(bureau, bank, "correction", month) == (ACCEPTED, set()), "it names what is on file"
    third = {**once, "balance": "1"}
    assert send(bureau, bank, "snapshot", third)[0] == ACCEPTED
    assert send(bureau, bank, "correction", month) == (REJECTED, {"COR-DIGEST-001"})
    assert send(bureau, bank, "snapshot", twice)[0] == ACCEPTED
    assert send(bureau, bank, "correction", month) == (REJECTED, {"COR-DIGEST-001"}), "not by it"


def test_a_reinsertion_sent_again_is_unchanged_until_it_is_deleted_again(
    bureau: Any, bank: Any, month: Any
) -> None:
    key = {"account_number": "A1", "period_end": "2024-12-31"}
    first, second = (factory.deletion("snapshot", key, why) for why in ("other", "fraud"))
    assert send(bureau, bank, "deletion", first) == (ACCEPTED, set())
    back = factory.correction(
        "snapshot", factory.snapshot(1, "2024-12", balance="1"), month["record"],
        reason="reinsertion_certified",
    )  # fmt: skip
    assert send(bureau, bank, "correction", back) == (ACCEPTED, set())
    assert send(bureau, bank, "correction", back) == (UNCHANGED, set())
    assert send(bureau, bank, "deletion", second) == (ACCEPTED, set())
    assert send(bureau, bank, "correction", back) == (REJECTED, {"COR-DIGEST-001"})


def test_a_correction_is_made_by_who_furnished_the_record(bureau: Any, bank: Any) -> None:
    """After a sale the buyer speaks for the account, yet not in the seller's place."""
    month = factory.snapshot(1, "2024-11")
    buyer = member_by_code(bureau.deps, "bank2")
    sold = factory.event(
        1, "e9", event_type="sold", occurred_at="2024-12-31T10:00:00+08:00"
    )  # fmt: skip
    bureau.clock.set(datetime(2025, 3, 1, 12, tzinfo=UTC))
    for dataset, record in (("snapshot", month), ("event", sold)):
        assert send(bureau, bank, dataset, record)[0] == ACCEPTED
    taken = factory.account(
        7, 1, valid_from="2025-01-01", formerly_furnisher="bank1", formerly_account_number="A1",
        formerly_reason="sold",
    )  # fmt: skip
    for dataset, record in (("subject", factory.subject(1)), ("account", taken)):
        assert send(bureau, buyer, dataset, record)[0] == ACCEPTED
    sellers = factory.snapshot(7, "2024-11", balance="1")
    for replaces in (month, None):  # nor is it told whether the digest is the seller's
        theirs = factory.correction("snapshot", sellers, replaces)
        assert send(bureau, buyer, "correction", theirs) == (REJECTED, {"ANY-TARGET-002"})
    own = factory.snapshot(7, "2025-01")
    assert send(bureau, buyer, "snapshot", own)[0] == ACCEPTED
    mended = factory.correction("snapshot", {**own, "balance": "1"}, own)
    assert send(bureau, buyer, "correction", mended) == (ACCEPTED, set())


def test_the_digest_is_the_documented_one() -> None:
    record = factory.snapshot(1, "2024-12", balance="900", amount_paid={"absent": "not_held"})
    said = (
        '{"dataset":"snapshot","record":{"amount_paid":{"absent":"not_held"},'
        '"amount_past_due":"0.00","balance":"900.00","bucket":"0","currency":"CNY",'
        '"days_past_due":"0","payment_due":"100.00","period_end":"2024-12-31","status":"open"}}'
    )
    assert factory.digest("snapshot", record) == hashlib.sha256(said.encode()).hexdigest()


def test_missing_and_wrong_digests_are_told_apart_from_a_missing_record(
    bureau: Any, bank: Any
) -> None:
    record = factory.snapshot(1, "2024-12")
    new = {**record, "balance": "850.00"}
    nothing = factory.correction("snapshot", new, record)
    assert send(bureau, bank, "correction", nothing) == (REJECTED, {"ANY-TARGET-001"})
    assert send(bureau, bank, "snapshot", record)[0] == ACCEPTED
    view = factory.send(
        bureau.deps, bank, "correction", factory.correction("snapshot", new, replaces_digest=None)
    )
    (found,) = findings(bureau.deps, bank, view.submission_id)
    assert (found.rule_id, found.field) == ("FMT-CELL-001", "replaces_digest")
    assert send(bureau, bank, "correction", factory.correction("snapshot", new)) == (
        REJECTED, {"COR-DIGEST-001"},
    )  # fmt: skip
    shouted = {**nothing, "replaces_digest": nothing["replaces_digest"].upper()}
    assert send(bureau, bank, "correction", shouted)[0] == ACCEPTED


def test_a_correction_run_again_after_a_crash_meets_its_own_record(bureau: Any, bank: Any) -> None:
    """Killed once its chunk was published: the record on file is then its own."""
    record = factory.snapshot(1, "2024-12")
    assert send(bureau, bank, "snapshot", record)[0] == ACCEPTED
    line = orjson.dumps(factory.correction("snapshot", {**record, "balance": "1"}, record))
    taken = receive(bureau.deps, bank, "correction", io.BytesIO(line + b"\n"))
    factory.killed_before_its_end(bureau.deps, taken.submission_id)
    view = process(bureau.deps, taken.submission_id)
    assert (factory.counts(view), factory.rules(view)) == (ACCEPTED, set())
