"""She reads her consents: they name who captured and who receives, so that is a look as well."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import gate_world as gw
import pytest
from gate_world import Run

from tallystick.errors import BadRequest, Unavailable
from tallystick.service.inquire import answer
from tallystick.service.log import log_verify, sequence_once
from tallystick.service.person import own_consents, own_looks
from tallystick.service.replay import replay
from tallystick.service.sessions import open_session, session


def her_session(world: gw.World) -> Any:
    token = world.deps.keys.identity_token(gw.SCHEME, gw.resident_id(1))
    ((subject,),) = world.rows("select subject_id from directory.token_subject")
    secret = open_session(world.deps, persona="person", subject_id=subject, token=token)
    return session(world.deps, secret)


@pytest.mark.parametrize("consents", [0, 1, 2])
def test_reading_her_consents_is_a_look_of_hers(world: gw.World, run: Run, consents: int) -> None:
    gw.furnish(world, world.platform)
    given = [world.consent() for _ in range(consents)]
    hers = her_session(world)
    found = run(own_consents(world.deps, hers))
    assert {one.consent_id for one in found} == set(given)
    looks = world.rows("select permit, outcome, look_id from log.look")
    assert [row[:2] for row in looks] == [("self", "hit")]
    sequence_once(world.deps)
    assert [one["permit"] for one in run(own_looks(world.deps, hers))] == ["self"]
    assert run(replay(world.deps, looks[0][2], fold=True))
    assert log_verify(world.deps).ok


def test_none_are_read_while_the_log_is_behind_or_by_nobody(world: gw.World, run: Run) -> None:
    gw.furnish(world, world.platform)
    hers = her_session(world)
    run(answer(world.deps, world.ask(world.consent())))
    world.clock.advance(timedelta(seconds=61))
    with pytest.raises(Unavailable):
        run(own_consents(world.deps, hers))
    lender = open_session(world.deps, persona="lender", member_id=world.bank.member_id)
    with pytest.raises(BadRequest):
        run(own_consents(world.deps, session(world.deps, lender)))
    assert world.looks() == 1
