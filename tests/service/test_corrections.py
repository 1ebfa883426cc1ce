"""A correction names what it replaces by a digest its furnisher computes with no bureau."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import orjson
import pytest

import factory
from tallystick.service import intake_store
from tallystick.service.submissions import findings
from tallystick.service.submit import process, receive

ACCEPTED, REJECTED = (1, 0, 0, 0), (0, 0, 1, 0)
GUARANTEE, PAYMENT, REMARK = factory.GUARANTEE, factory.PAYMENT, factory.REMARK
MEMBER = {
    "member": "bank1", "valid_from": "2024-01-01", "member_class": "commercial_bank",
    "currency": "CNY", "total_loans": "5000000.5",
}  # fmt: skip


@pytest.fixture
def bank(bureau: Any) -> Any:
    return factory.two_accounts_beside_another(bureau.deps)


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
    assert send(bureau, bank, "correction", right) == (REJECTED, {"COR-DIGEST-001"})
    back = factory.correction(dataset, twice, once)
    assert send(bureau, bank, "correction", back) == (ACCEPTED, set())


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


def test_a_correction_run_again_after_a_crash_meets_its_own_record(
    bureau: Any, bank: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed once its chunk was published: the record on file is then its own."""
    record = factory.snapshot(1, "2024-12")
    assert send(bureau, bank, "snapshot", record)[0] == ACCEPTED
    line = orjson.dumps(factory.correction("snapshot", {**record, "balance": "1"}, record))
    taken = receive(bureau.deps, bank, "correction", io.BytesIO(line + b"\n"))

    class Killed(BaseException):
        pass

    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(intake_store, "close_funnel", killed)
        with pytest.raises(Killed):
            process(bureau.deps, taken.submission_id)
    view = process(bureau.deps, taken.submission_id)
    assert (factory.counts(view), factory.rules(view)) == (ACCEPTED, set())
