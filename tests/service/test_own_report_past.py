"""One's own report of a past day: from the profile's first values up to now, nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import gate_world as gw
import orjson
import pytest
from gate_world import Run

from tallystick.errors import BadRequest
from tallystick.service.inquire import answer
from tallystick.service.log import sequence_once
from tallystick.service.person import own_looks, own_report
from tallystick.service.sessions import open_session, session

#: The values of profile `zz` begin with 2000-01-01, which begins at this instant where it lives.
FIRST = datetime(1999, 12, 31, 16, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("as_of", "wanted"),
    [
        (datetime(1, 1, 1, tzinfo=UTC), "ask for 2000-01-01 or later"),
        (FIRST - TICK, "ask for 2000-01-01 or later"),
        (FIRST, None),
        (None, None),
    ],
)
def test_before_the_profiles_first_values_there_is_no_report(
    world: gw.World, run: Run, as_of: datetime | None, wanted: str | None
) -> None:
    gw.furnish(world, world.platform)
    ((subject,),) = world.rows("select distinct subject_id from directory.party_subject")
    who = session(world.deps, open_session(world.deps, persona="person", subject_id=subject))
    assert who is not None
    if wanted is None:
        assert run(own_report(world.deps, who, as_of=as_of)).outcome == "hit"
        return
    with pytest.raises(BadRequest) as raised:
        run(own_report(world.deps, who, as_of=as_of))
    assert raised.value.code == "invalid_request"
    assert wanted in str(raised.value)


def test_the_future_is_not_reported(world: gw.World, run: Run) -> None:
    gw.furnish(world, world.platform)
    ((subject,),) = world.rows("select distinct subject_id from directory.party_subject")
    who = session(world.deps, open_session(world.deps, persona="person", subject_id=subject))
    assert who is not None
    now = world.deps.clock()
    assert run(own_report(world.deps, who, as_of=now)).outcome == "hit"
    with pytest.raises(BadRequest, match="up to now"):
        run(own_report(world.deps, who, as_of=now + TICK))


@pytest.mark.parametrize("back", [timedelta(0), timedelta(hours=1), timedelta(days=40)])
def test_a_clock_set_back_hides_neither_looks_nor_consents(
    world: gw.World, run: Run, back: timedelta
) -> None:
    gw.furnish(world, world.platform)
    world.clock.advance(timedelta(days=60))
    run(answer(world.deps, world.ask(world.consent())))
    sequence_once(world.deps)
    ((subject,),) = world.rows("select distinct subject_id from directory.party_subject")
    who = session(world.deps, open_session(world.deps, persona="person", subject_id=subject))
    assert who is not None
    world.clock.set(world.clock() - back)
    body = orjson.loads(run(own_report(world.deps, who)).body or b"{}")
    assert [one["outcome"] for one in body["looks"]] == ["hit"]
    assert len(body["consents"]) == 1
    assert len(run(own_looks(world.deps, who))) == 1
