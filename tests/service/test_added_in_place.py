"""Events and payments put in place in a file: the same as all of them folded from the ledger."""

from __future__ import annotations

from typing import Any

import orjson

import factory
from tallystick.service.verify import ledger_verify


def payment(period_end: str, **fields: Any) -> factory.Native:
    return {
        "payer_account_number": "R1", "person_number": "P1", "payment_kind": "rent",
        "period_end": period_end, "bucket": "0", "days_past_due": "0", "currency": "CNY",
        "amount_due": "10.00", "amount_paid": "10.00", "basis": "legal_duty", **fields,
    }  # fmt: skip


def _events(bureau: Any) -> list[tuple[str, str]]:
    with bureau.deps.database.connect("intake") as connection:
        rows = connection.execute("select events from file.account order by account_id").fetchall()
    return [(one["event_id"], one["event_type"]) for row in rows for one in orjson.loads(row[0])]


def _paid(bureau: Any) -> list[tuple[str, int]]:
    with bureau.deps.database.connect("intake") as connection:
        rows = connection.execute("select document from file.subject").fetchall()
    documents = [orjson.loads(row[0]) for row in rows]
    return [
        (one["period_end"], one["amount_paid_minor"])
        for document in documents
        for one in document["payments"]
    ]


def test_events_are_in_their_order_whatever_order_they_come_in(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    factory.open_account(bureau.deps, bank)
    late = factory.event(1, "e2", event_type="overdue", occurred_at="2024-05-01T10:00:00+08:00")
    early = factory.event(1, "e3", event_type="repaid", occurred_at="2024-02-01T10:00:00+08:00")

    for record in (late, early, factory.event(1)):
        assert factory.send(bureau.deps, bank, "event", record).accepted == 1
    assert _events(bureau) == [("e1", "opened"), ("e3", "repaid"), ("e2", "overdue")]

    said_again = {**late, "event_type": "cured"}
    factory.send(bureau.deps, bank, "event", said_again)
    assert _events(bureau)[-1] == ("e2", "cured")

    key = {"account_number": "A1", "event_id": "e3"}
    assert factory.send(
        bureau.deps, bank, "deletion", factory.deletion("event", key)
    ).accepted == 1  # fmt: skip
    factory.send(
        bureau.deps, bank, "event",
        factory.event(1, "e4", event_type="closed", occurred_at="2024-06-01T10:00:00+08:00"),
    )  # fmt: skip
    assert [name for name, _ in _events(bureau)] == ["e1", "e2", "e4"]
    assert ledger_verify(bureau.deps).faults == ()


def test_payments_of_one_person_stand_once_for_each_month(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    factory.open_account(bureau.deps, bank)
    second, first = payment("2024-11-30"), payment("2024-10-31")

    factory.send(bureau.deps, bank, "payment", second)
    factory.send(bureau.deps, bank, "payment", first)
    factory.send(bureau.deps, bank, "payment", {**second, "amount_paid": "9.00"})

    assert _paid(bureau) == [("2024-10-31", 1000), ("2024-11-30", 900)]
    assert ledger_verify(bureau.deps).faults == ()
