"""Erasure: what was known is gone for good, and both records still prove themselves."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import gate_world as gw
import psycopg
import pytest
from gate_world import Run

from tallystick.errors import BadRequest
from tallystick.model.canonical import canonical
from tallystick.service.erase import erase
from tallystick.service.identity import link, unlink
from tallystick.service.inquire import answer
from tallystick.service.log import log_verify, sequence_once
from tallystick.service.replay import again, replay
from tallystick.service.verify import ledger_rebuild, ledger_verify

GROUND = "retention is over"


def subject_of(world: gw.World, serial: int = 1) -> UUID:
    token = world.deps.keys.identity_token(gw.SCHEME, gw.resident_id(serial))
    found = world.rows("select subject_id from directory.token_subject where token = %s", token)
    return UUID(str(found[0][0]))


def code_of(run: Run, coroutine: Any) -> str:
    with pytest.raises(BadRequest) as raised:
        run(coroutine)
    return raised.value.code


def test_what_was_known_is_gone_and_both_records_still_verify(
    world: gw.World,
    run: Run,
) -> None:
    gw.furnish(world, world.platform)
    gw.furnish(world, world.platform, serial=2, name="白测试", account="B-2")
    consent = world.consent()
    ask = world.ask(consent)
    given = run(answer(world.deps, ask))
    sequence_once(world.deps)
    erased_one, other = subject_of(world), subject_of(world, 2)
    view = erase(world.deps, erased_one, GROUND, "operator")
    assert code_of(run, again(world.deps, world.bank, given.look_id)) == "erased"
    assert code_of(run, answer(world.deps, ask)) == "erased"
    for fold in (False, True):
        assert code_of(run, replay(world.deps, given.look_id, fold=fold)) == "erased"
    report = ledger_verify(world.deps)
    assert report.ok, report.faults
    assert report.erased > 0
    assert log_verify(world.deps).ok
    assert world.deps.vault.get([consent]) == {}
    assert world.rows("select distinct subject_id from file.account") == [(other,)]
    assert world.rows("select count(*) from ledger.account") == [(1,)]
    assert world.rows("select count(*) from gate.consent") == [(0,)]
    assert world.rows("select count(*) from directory.token") == [(1,)]
    assert world.rows("select count(*) from log.look") == [(0,)]
    ledger_rebuild(world.deps)
    assert ledger_verify(world.deps).faults == ()
    assert erase(world.deps, erased_one, "another", "somebody") == view


@pytest.mark.parametrize(("serial", "goes"), [(1, False), (2, True)])
def test_no_body_stays_of_a_look_that_went_with_a_number_that_changed_hands(
    world: gw.World, run: Run, serial: int, goes: bool
) -> None:
    gw.furnish(world, world.platform)
    gw.furnish(world, world.other, serial=2, account="B-2")
    one = subject_of(world)
    parties = "select party_id from directory.party where furnisher_id = %s"
    ((moved,),) = world.rows(parties, world.other.member_id)
    link(world.deps, moved, one, "operator")
    ask = world.ask(
        world.consent(number=gw.resident_id(serial)),
        identifiers=((gw.SCHEME, gw.resident_id(serial)),),
    )
    given = run(answer(world.deps, ask))
    assert given.body is not None
    unlink(world.deps, moved, "operator")
    assert subject_of(world, 2) != one
    assert world.rows("select subject_id, look_id from log.body") == [(one, given.look_id)]
    erase(world.deps, subject_of(world, 2), GROUND, "operator")
    assert world.rows("select look_id from log.erasure") == [(given.look_id,)] * goes
    assert world.rows("select look_id from log.body") == [(given.look_id,)] * (not goes)


def test_the_statement_in_her_place_is_signed(world: gw.World) -> None:
    gw.furnish(world, world.platform)
    view = erase(world.deps, subject_of(world), GROUND, "operator")
    content = json.loads(view.statement)
    signature = content.pop("signature")
    assert signature == world.deps.keys.sign(canonical(content)).hex()
    assert (content["ground"], content["erased_by"]) == (GROUND, "operator")
    assert content["parties"] == 1


def test_of_a_joint_account_only_her_part_goes(world: gw.World) -> None:
    gw.furnish(world, world.platform)
    gw.furnish(world, world.platform, serial=2, name="白测试", account="B-2")
    party = {
        "account_number": "A-1", "person_number": "P-2", "role": "co_borrower",
        "holder_no": "2", "valid_from": "2024-01-01",
    }  # fmt: skip
    gw.send(world, world.platform, "account_party", party)
    first, second = subject_of(world), subject_of(world, 2)
    held = "select count(*) from file.account where subject_id = %s"
    assert (world.rows(held, first), world.rows(held, second)) == ([(1,)], [(2,)])
    erase(world.deps, second, GROUND, "operator")
    assert (world.rows(held, first), world.rows(held, second)) == ([(1,)], [(0,)])
    assert ledger_verify(world.deps).faults == ()
    gw.send(world, world.platform, "snapshot", gw.month("A-1", "2024-09-30"))
    assert ledger_verify(world.deps).faults == ()


def test_a_furnisher_may_begin_anew_and_gets_new_ids(world: gw.World) -> None:
    gw.furnish(world, world.platform)
    erased_one = subject_of(world)
    erase(world.deps, erased_one, GROUND, "operator")
    identity = {
        "person_number": "P-1", "valid_from": "2024-02-01", "identifier_scheme": gw.SCHEME,
        "identifier_number": gw.resident_id(1), "name": gw.NAME, "birth_date": gw.BORN,
    }  # fmt: skip
    gw.send(world, world.platform, "subject", identity)
    assert subject_of(world) != erased_one
    assert ledger_verify(world.deps).faults == ()


def test_nobody_is_not_erased(world: gw.World) -> None:
    with pytest.raises(BadRequest) as raised:
        erase(world.deps, UUID(int=7), GROUND, "operator")
    assert raised.value.code == "not_found"


#: What is taken out and said to be erased; the first is in place of what an erasure took.
TAKEN_OUT = {
    "now": "now()",
    "at the instant of an erasure": "(select min(erased_at) from log.subject_erasure)",
}


@pytest.mark.parametrize("at", TAKEN_OUT.values(), ids=TAKEN_OUT.keys())
def test_a_look_taken_out_as_if_it_were_erased_is_named(world: gw.World, run: Run, at: str) -> None:
    gw.furnish(world, world.platform)
    gw.furnish(world, world.platform, serial=2, name="白测试", account="B-2")
    run(answer(world.deps, world.ask(world.consent())))
    number = gw.resident_id(2)
    hers = {"identifiers": ((gw.SCHEME, number),), "name": "白测试"}
    run(answer(world.deps, world.ask(world.consent(number=number), **hers)))
    sequence_once(world.deps)
    erase(world.deps, subject_of(world), GROUND, "operator")
    assert log_verify(world.deps).ok
    with psycopg.connect(world.url) as connection:
        connection.execute(
            "with gone as (delete from log.look returning look_id) insert into log.erasure"
            f" select look_id, {at}, 'none', 'x' from gone"
        )
    report = log_verify(world.deps)
    numbers = [fault.number for fault in report.faults if fault.what == "missing"]
    ((number,),) = world.rows(
        "select number from log.entry join log.erasure using (look_id) where ground = 'none'"
    )
    assert number in numbers
    assert not report.ok


@pytest.mark.parametrize("at", TAKEN_OUT.values(), ids=TAKEN_OUT.keys())
def test_a_statement_taken_out_as_if_it_were_erased_is_named(world: gw.World, at: str) -> None:
    gw.furnish(world, world.platform)
    gw.furnish(world, world.platform, serial=2, name="白测试", account="B-2")
    erase(world.deps, subject_of(world), GROUND, "operator")
    assert ledger_verify(world.deps).ok
    with psycopg.connect(world.url) as connection:
        connection.execute(
            "with gone as (delete from ledger.account returning chunk_id, row_no, leaf)"
            f" insert into ledger.erased select chunk_id, row_no, leaf, {at}, 'none' from gone"
        )
    ledger_rebuild(world.deps)
    report = ledger_verify(world.deps)
    assert not report.ok
    assert {fault.partition(": ")[2] for fault in report.faults} == {
        "a row is gone by an erasure that nobody signed"
    }
