"""A joint account whose first borrower was erased: the co-borrower's file and answers say so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import gate_world as gw
import orjson
import psycopg
import pytest
from gate_world import Run

from tallystick.errors import BadRequest
from tallystick.service.erase import erase, erase_late
from tallystick.service.inquire import answer
from tallystick.service.log import log_verify, sequence_once
from tallystick.service.replay import again, prove, replay
from tallystick.service.verify import ledger_rebuild, ledger_verify

GROUND = "retention is over"
SECOND = "白测试"
ERASED = {"block": "accounts", "reason": "erased", "accounts": 1}


def subject_of(world: gw.World, serial: int) -> UUID:
    token = world.deps.keys.identity_token(gw.SCHEME, gw.resident_id(serial))
    ((found,),) = world.rows(
        "select subject_id from directory.token_subject where token = %s", token
    )
    return UUID(str(found))


def role(account: str, person: str, kind: str = "co_borrower") -> dict[str, str]:
    return {
        "account_number": account, "person_number": person, "role": kind, "holder_no": "2",
        "valid_from": "2024-01-01",
    }  # fmt: skip


def two_persons(world: gw.World, *, joint: bool = True) -> None:
    """Persons 1 and 2 with accounts A-1 and B-2; the second is a co-borrower of A-1 too."""
    gw.furnish(world, world.platform)
    gw.furnish(world, world.platform, serial=2, name=SECOND, account="B-2")
    if joint:
        gw.send(world, world.platform, "account_party", role("A-1", "P-2"))


def asked(world: gw.World, run: Run) -> Any:
    """An answer about the second person."""
    number = gw.resident_id(2)
    hers = {"identifiers": ((gw.SCHEME, number),), "name": SECOND}
    return run(answer(world.deps, world.ask(world.consent(number=number), **hers)))


def erase_first(world: gw.World) -> None:
    sequence_once(world.deps)
    world.clock.advance(timedelta(hours=1))
    erase(world.deps, subject_of(world, 1), GROUND, "operator")
    world.clock.advance(timedelta(hours=1))


def throw_bodies_away(world: gw.World) -> None:
    with psycopg.connect(world.url) as connection:
        connection.execute("truncate log.body")


def withheld(given: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orjson.loads(given.body)["header"]["withheld"]
    return [one for one in found if one["reason"] == "erased"]


@pytest.mark.parametrize("bodies_are_kept", [True, False])
def test_an_answer_that_rested_on_the_erased_account_is_erased(
    world: gw.World, run: Run, bodies_are_kept: bool
) -> None:
    two_persons(world)
    given = asked(world, run)
    assert len(orjson.loads(given.body)["accounts"]) == 2
    erased_at = world.clock() + timedelta(hours=1)
    erase_first(world)
    if not bodies_are_kept:
        throw_bodies_away(world)
    for made_again in (
        lambda: run(again(world.deps, world.bank, given.look_id)),
        lambda: run(replay(world.deps, given.look_id, fold=True)),
        lambda: run(prove(world.deps, given.look_id)),
    ):
        with pytest.raises(BadRequest) as raised:
            made_again()
        assert raised.value.code == "erased"
        statement = orjson.loads(raised.value.extra["statement"])
        assert statement["ground"] == GROUND
        assert statement["of"] == "account"
        assert statement["erased_at"].startswith(erased_at.isoformat()[:19])
        assert str(subject_of(world, 2)) not in raised.value.extra["statement"]


@pytest.mark.parametrize("bodies_are_kept", [True, False])
@pytest.mark.parametrize("when", ["before the role", "not joint", "after the erasure"])
def test_an_answer_that_did_not_rest_on_it_is_given_again(
    world: gw.World, run: Run, when: str, bodies_are_kept: bool
) -> None:
    two_persons(world, joint=when == "after the erasure")
    if when != "after the erasure":
        given = asked(world, run)
    if when == "before the role":
        gw.send(world, world.platform, "account_party", role("A-1", "P-2"))
    erase_first(world)
    if when == "after the erasure":
        given = asked(world, run)
    if not bodies_are_kept:
        throw_bodies_away(world)
    assert run(again(world.deps, world.bank, given.look_id)).body == given.body
    assert run(prove(world.deps, given.look_id)).is_same


def test_the_report_says_that_the_account_was_erased(world: gw.World, run: Run) -> None:
    two_persons(world)
    assert withheld(asked(world, run)) == []
    erase_first(world)
    given = asked(world, run)
    assert withheld(given) == [ERASED]
    assert [one["role"] for one in orjson.loads(given.body)["accounts"]] == ["borrower"]
    assert ledger_verify(world.deps).faults == ()
    erase_late(world.deps, world.clock())
    ledger_rebuild(world.deps)
    assert ledger_verify(world.deps).faults == ()
    assert withheld(asked(world, run)) == [ERASED]
    sequence_once(world.deps)
    assert log_verify(world.deps).ok


@pytest.mark.parametrize("dataset", ["account_party", "account"])
def test_what_was_deleted_before_is_not_told(world: gw.World, run: Run, dataset: str) -> None:
    two_persons(world)
    key = {"account_number": "A-1", "valid_from": "2024-01-01"}
    if dataset == "account_party":
        key |= {"role": "co_borrower", "holder_no": "2"}
    deletion = {"record_dataset": dataset, "record_key": key, "reason": "furnished_in_error"}
    gw.send(world, world.platform, "deletion", deletion)
    erase_first(world)
    assert withheld(asked(world, run)) == []
    assert ledger_verify(world.deps).faults == ()


def test_of_an_account_of_hers_alone_nothing_is_told(world: gw.World, run: Run) -> None:
    two_persons(world, joint=False)
    erase_first(world)
    assert withheld(asked(world, run)) == []
    assert world.rows("select count(*) from ledger.account_party") == [(0,)]


def test_her_role_goes_when_she_is_erased_herself(world: gw.World) -> None:
    two_persons(world)
    erase_first(world)
    assert world.rows("select count(*) from ledger.account_party") == [(1,)]
    erase(world.deps, subject_of(world, 2), GROUND, "operator")
    assert world.rows("select count(*) from ledger.account_party") == [(0,)]
    assert ledger_verify(world.deps).faults == ()


def test_the_account_comes_back_under_the_one_who_still_owes(world: gw.World, run: Run) -> None:
    two_persons(world)
    erase_first(world)
    loan = {
        "account_number": "A-1", "valid_from": "2024-01-01", "person_number": "P-2",
        "product": "instalment_loan", "currency": "CNY", "opened_on": "2024-01-01",
        "principal": "12000.00", "basis": "legal_duty",
    }  # fmt: skip
    gw.send(world, world.platform, "account", loan)
    accounts = orjson.loads(asked(world, run).body)["accounts"]
    assert [one["role"] for one in accounts] == ["borrower", "borrower"]
    assert ledger_verify(world.deps).faults == ()
