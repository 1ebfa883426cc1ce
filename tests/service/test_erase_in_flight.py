"""A person erased while her rows are under way: nothing of her comes back, nobody else waits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

import factory
from tallystick.ledger import append, tables, tail
from tallystick.service import process_rows, replaced, snapshot_chunks
from tallystick.service import rows as preparing
from tallystick.service.erase import erase
from tallystick.service.housekeeping import tidy
from tallystick.service.verify import ledger_rebuild, ledger_verify

REMARK = {"object_type": "party", "kind": "statement", "valid_from": "2024-06-01", "text": "Paid."}
PAYMENT = {
    "payment_kind": "rent", "period_end": "2024-12-31", "bucket": "0", "days_past_due": "0",
    "currency": "CNY", "amount_due": "10.00", "amount_paid": "10.00", "basis": "legal_duty",
}  # fmt: skip


def record(dataset: str, person: int) -> factory.Native:
    """A record of a person whose account of the same number is on file."""
    number = {"person_number": f"P{person}"}
    return {
        "subject": factory.subject(person, valid_from="2024-06-01", phone="555-0777"),
        "account": factory.account(person + 10, person),
        "snapshot": factory.snapshot(person, "2024-12"),
        "event": factory.event(person),
        "agreement": factory.agreement(person),
        "payment": {**PAYMENT, **number, "payer_account_number": f"R{person}"},
        "remark": {**REMARK, **number},
    }[dataset]


def rows(bureau: Any, query: str, *given: Any) -> list[Any]:
    with bureau.deps.database.connect("eraser") as connection:
        return connection.execute(query, given).fetchall()  # type: ignore[no-any-return]


def subject_of(bureau: Any, person: int) -> UUID:
    token = bureau.deps.keys.identity_token(factory.SCHEME, factory.identity_number(person))
    ((found,),) = rows(
        bureau, "select subject_id from directory.token_subject where token = %s", token
    )
    return UUID(str(found))


def erased_before(bureau: Any, patch: pytest.MonkeyPatch, module: Any, step: str) -> list[UUID]:
    """Erase person 1 just before that step is taken for the first time; gives her parties."""
    whole, hers = getattr(module, step), subject_of(bureau, 1)
    query = "select party_id from directory.party_subject where subject_id = %s"

    def after_erasure(*given: Any, **more: Any) -> Any:
        patch.undo()
        erase(bureau.deps, hers, "retention is over", "operator")
        return whole(*given, **more)

    patch.setattr(module, step, after_erasure)
    return [party for (party,) in rows(bureau, query, hers)]


def left_of(bureau: Any, parties: list[UUID]) -> set[str]:
    """Every table that still has a row under one of these parties."""
    kept_under = [f"ledger.{name}" for name in tables.DATASETS if name != "member"]
    kept_under += [target for target, _ in append.OTHER.values()]
    kept_under += ["directory.party", "directory.party_subject", "directory.object"]
    kept_under += ["directory.identity_key"]
    return {
        table for table in kept_under
        if rows(bureau, f"select 1 from {table} where party_id = any(%s) limit 1", parties)
    }  # fmt: skip


APPENDED, JUDGED = (process_rows, "_publish_chunk"), (preparing, "prepare")


@pytest.mark.parametrize(
    ("dataset", "persons", "step"),
    [
        ("subject", (1,), APPENDED),
        ("subject", (1, 2), APPENDED),
        ("snapshot", (1, 2), (tail, "add")),
        *((dataset, (1, 2), step)
          for dataset in ("account", "event", "agreement", "payment", "remark")
          for step in (APPENDED, JUDGED)),
    ],
)  # fmt: skip
def test_nothing_readable_of_her_is_published(
    bureau: Any, monkeypatch: pytest.MonkeyPatch, dataset: str, persons: Any, step: Any
) -> None:
    bank = factory.member(bureau.deps)
    factory.open_account(bureau.deps, bank, (1, 2))
    other = subject_of(bureau, 2)
    parties = erased_before(bureau, monkeypatch, *step)
    records = [record(dataset, person) for person in persons]

    view = factory.send(bureau.deps, bank, dataset, *records)

    # What was appended counts as taken, though it is gone; what is judged anew has no parent.
    accepted, _, rejected, pending = factory.counts(view)
    assert (view.state, rejected) == ("published", 0)
    assert accepted >= len(persons) - 1
    assert pending <= 1
    assert left_of(bureau, parties) == set()
    assert bureau.vault.get(parties) == {}
    assert rows(bureau, "select subject_id from directory.token_subject") == [(other,)]
    assert rows(bureau, "select count(*) from directory.token") == [(1,)]
    for _ in range(2):
        assert ledger_verify(bureau.deps).faults == ()
        assert rows(bureau, "select distinct subject_id from file.account") == [(other,)]
        ledger_rebuild(bureau.deps)


@pytest.mark.parametrize(
    ("dataset", "step", "left"),
    [
        ("snapshot", (snapshot_chunks, "publish_fast"), {"ledger.snapshot"}),
        ("event", (append, "append"), {"ledger.event"}),
        ("account", (append, "append"), {"ledger.account", "directory.object"}),
        ("remark", (append, "append"), {"ledger.remark"}),
    ],
)
def test_what_is_appended_of_her_after_her_erasure_goes_with_the_next_housekeeping(
    bureau: Any, monkeypatch: pytest.MonkeyPatch, dataset: str, step: Any, left: set[str]
) -> None:
    """Its job had judged it, and read her key, before: unpublished, but a month's amounts stand."""
    bank = factory.member(bureau.deps)
    factory.open_account(bureau.deps, bank, (1, 2))
    parties = erased_before(bureau, monkeypatch, *step)
    factory.send(bureau.deps, bank, dataset, *(record(dataset, person) for person in (1, 2)))
    other = rows(bureau, f"select leaf from ledger.{dataset} where party_id <> all (%s)", parties)
    assert left_of(bureau, parties) == left

    bureau.clock.advance(timedelta(days=1))
    assert tidy(bureau.deps).rows_erased == 1

    assert left_of(bureau, parties) == set()
    kept = f"select leaf from ledger.{dataset}"
    assert sorted(rows(bureau, kept)) == sorted(other)
    assert rows(bureau, "select distinct ground from ledger.erased") == [("retention is over",)]
    assert ledger_verify(bureau.deps).faults == ()
    assert tidy(bureau.deps).rows_erased == 0


def test_a_correction_of_what_was_erased_meanwhile_finds_nothing_on_file(
    bureau: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = factory.member(bureau.deps)
    factory.open_account(bureau.deps, bank, (1, 2))
    corrections = [
        factory.correction(
            "subject", factory.subject(person, phone="555-0888"), factory.subject(person)
        )
        for person in (1, 2)
    ]
    parties = erased_before(bureau, monkeypatch, replaced, "digests")

    view = factory.send(bureau.deps, bank, "correction", *corrections)

    assert (factory.counts(view), factory.rules(view)) == ((1, 0, 1, 0), {"ANY-TARGET-001"})
    assert left_of(bureau, parties) == set()
    assert ledger_verify(bureau.deps).faults == ()
