"""A deleted person number that another number of hers continues takes nothing else with it."""

from __future__ import annotations

from typing import Any

import gate_world as gw
import orjson
import pytest
from gate_world import Run
from worlds import world_beginning

import factory
from tallystick.service import process_rows, submissions, submit
from tallystick.service.inquire import answer
from tallystick.service.replay import replay
from tallystick.service.verify import ledger_verify

ACCEPTED, REJECTED, WAITING = (1, 0, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)
TAKEN, PARENT = (ACCEPTED, set()), {"ANY-PARENT-001"}
CLASSES = ("identity", "accounts", "agreements", "summary", "looks", "consents")
HER = {
    "identifier_scheme": gw.SCHEME, "identifier_number": gw.resident_id(1), "name": gw.NAME,
    "birth_date": gw.BORN, "valid_from": "2024-01-01",
}  # fmt: skip
HIS = {
    **HER, "identifier_number": gw.resident_id(5, "1991-04-08"), "name": "另一人",
    "birth_date": "1991-04-08",
}  # fmt: skip
OLD = {**HER, "person_number": "P-1"}
NEW = {**HER, "person_number": "P-2", "formerly_person_number": "P-1"}
AGREEMENT = {
    "agreement_number": "G-1", "person_number": "P-1", "valid_from": "2024-01-01",
    "currency": "CNY", "credit_limit": "5000.00", "is_revolving": "true", "status": "active",
    "basis": "legal_duty",
}  # fmt: skip


def month(day: str) -> dict[str, Any]:
    return factory.snapshot(1, day, account_number="A-1")


def terms(person: str, **fields: Any) -> dict[str, Any]:
    return factory.account(1, **{"account_number": "A-1", "person_number": person, **fields})


def gone(record: dict[str, Any], reason: str = "duplicate") -> dict[str, Any]:
    key = {name: record[name] for name in ("person_number", "valid_from")}
    return factory.deletion("subject", key, reason=reason)


def send(world: gw.World, dataset: str, *records: Any) -> tuple[Any, set[str]]:
    view = factory.send_again(world.deps, world.platform, dataset, *records)
    return factory.told(view)


@pytest.fixture(params=["record", "file"])
def size(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge as a single record, or as a file of many is judged."""
    if request.param == "file":
        monkeypatch.setattr(submit, "PLAIN_PLAN_BYTES", 0)
        monkeypatch.setattr(process_rows, "SCAN_FROM", 1)


def _begin(world: gw.World) -> None:
    """Person P-1 of the platform, with an account, its October and an agreement."""
    for dataset, record in (
        ("subject", OLD), ("account", terms("P-1")), ("snapshot", month("2024-10")),
        ("agreement", AGREEMENT),
    ):  # fmt: skip
        assert send(world, dataset, record) == TAKEN, dataset
    # Another furnisher knows her too, so that she is found whatever the platform deletes.
    gw.furnish(world, world.bank, months=0)


template = world_beginning(_begin)


def seen(world: gw.World, run: Run) -> tuple[int, int, int]:
    """How many accounts, agreements and identities of the platform's an answer shows."""
    result = run(answer(world.deps, world.ask(world.consent(classes=CLASSES))))
    assert run(replay(world.deps, result.look_id, fold=True)) == result.body
    body = orjson.loads(result.body)
    return len(body["accounts"]) - 1, len(body["agreements"]), len(body["identity"]) - 1


def body_of(world: gw.World, run: Run) -> Any:
    return run(answer(world.deps, world.ask(world.consent(classes=CLASSES))))


CASES = [
    (NEW, "duplicate", True),
    ({**NEW, "formerly_person_number": "P-9"}, "duplicate", True),  # her number says it as well
    (NEW, "not_his", False),
    (NEW, "furnished_in_error", False),
    ({**HIS, "person_number": "P-2"}, "duplicate", False),  # another person's number
    (None, "duplicate", False),
]


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize(("new", "reason", "lives"), CASES)
def test_what_hung_on_a_number_that_another_continues_stays(
    world: gw.World, run: Run, new: Any, reason: str, lives: bool
) -> None:
    if new is not None:
        assert send(world, "subject", new)[0] == ACCEPTED
    answered = body_of(world, run)
    told = {"DEL-PERSON-001"} if new is NEW and not lives else set()
    assert send(world, "deletion", gone(OLD, reason)) == (ACCEPTED, told)
    assert send(world, "deletion", gone(OLD, reason))[0] == (0, 1, 0, 0), "said before"
    others = 1 if new is not None and new["name"] == gw.NAME else 0
    assert seen(world, run) == ((1, 1, 1) if lives else (0, 0, others))
    assert run(replay(world.deps, answered.look_id, fold=True)) == answered.body
    assert send(world, "snapshot", month("2024-11")) == (TAKEN if lives else (WAITING, PARENT))
    again = terms("P-2", valid_from="2024-11-01", principal="900.00")
    if others:
        wanted = TAKEN if lives else (REJECTED, {"ANY-DELETED-001"})
        assert send(world, "account", again) == wanted
    assert ledger_verify(world.deps).ok


@pytest.mark.usefixtures("size")
def test_the_old_number_itself_stays_away_until_it_is_certified_back(world: gw.World) -> None:
    for dataset, record in (("subject", NEW), ("deletion", gone(OLD))):
        assert send(world, dataset, record) == TAKEN
    assert send(world, "subject", OLD) == (REJECTED, {"ANY-DELETED-001"})
    other = {**AGREEMENT, "agreement_number": "G-2"}
    assert send(world, "agreement", other) == (WAITING, PARENT)
    back = factory.correction("subject", OLD, OLD, reason="reinsertion_certified")
    assert send(world, "correction", back) == TAKEN
    assert send(world, "snapshot", month("2024-11")) == TAKEN
    assert ledger_verify(world.deps).ok


def test_what_hung_on_both_numbers_goes_with_the_last(world: gw.World, run: Run) -> None:
    assert send(world, "subject", NEW) == TAKEN
    assert send(world, "deletion", gone(OLD), gone(NEW))[0] == (2, 0, 0, 0)
    assert seen(world, run) == (0, 0, 0)
    assert send(world, "snapshot", month("2024-11")) == (WAITING, PARENT)
    back = factory.correction("subject", NEW, NEW, reason="reinsertion_certified")
    assert send(world, "correction", back) == TAKEN
    assert seen(world, run) == (1, 1, 1)
    assert ledger_verify(world.deps).ok


HELD = {
    "account_number": "A-1", "person_number": "P-2", "role": "co_borrower", "holder_no": "2",
    "valid_from": "2024-01-01",
}  # fmt: skip


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize(
    ("role", "holder_gone", "lives"),
    [
        ("co_borrower", False, True),
        ("guarantor", False, True),
        (None, False, False),
        ("co_borrower", True, False),
    ],
)
def test_an_account_goes_on_while_another_person_holds_it(
    world: gw.World, role: str | None, holder_gone: bool, lives: bool
) -> None:
    him = {**HIS, "person_number": "P-2"}
    assert send(world, "subject", him) == TAKEN
    if role is not None:
        assert send(world, "account_party", {**HELD, "role": role}) == TAKEN
    assert send(world, "deletion", gone(OLD, "not_his")) == TAKEN
    if holder_gone:
        assert send(world, "deletion", gone(him, "not_his")) == TAKEN
    wanted = TAKEN if lives else (WAITING, PARENT)
    assert send(world, "snapshot", month("2024-11")) == wanted
    assert send(world, "account", terms("P-1", valid_from="2024-11-01", principal="9")) == wanted
    assert send(world, "account", terms("P-1", account_number="A-2")) == (WAITING, PARENT)
    assert ledger_verify(world.deps).ok


def test_months_that_waited_come_when_the_other_holder_is_certified_back(world: gw.World) -> None:
    him = {**HIS, "person_number": "P-2"}
    for dataset, record in (
        ("subject", him), ("account_party", HELD), ("deletion", gone(OLD, "not_his")),
        ("deletion", gone(him, "not_his")),
    ):  # fmt: skip
        assert send(world, dataset, record) == TAKEN
    late = factory.send_again(world.deps, world.platform, "snapshot", month("2024-11"))
    assert factory.told(late) == (WAITING, PARENT)
    back = factory.correction("subject", him, him, reason="reinsertion_certified")
    assert send(world, "correction", back) == TAKEN
    now = submissions.show(world.deps, world.platform, late.submission_id)
    assert factory.counts(now) == ACCEPTED
