"""How long an answer may be read again follows from its look, whatever stands beside its body."""

from __future__ import annotations

from datetime import timedelta

import gate_world as gw
import psycopg
import pytest
from gate_world import Run
from worlds import require_over

from tallystick.errors import BadRequest
from tallystick.service.inquire import answer
from tallystick.service.log import sequence_once
from tallystick.service.replay import again

_LEAST = timedelta(microseconds=1)


def _sql(world: gw.World, query: str) -> None:
    with psycopg.connect(world.url) as connection:
        connection.execute(query)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "until", ["2030-01-01", "2000-01-01", "infinity", "-infinity", "20000-01-01", "4000-01-01 BC"]
)
def test_the_time_of_the_look_holds_not_that_of_the_row(
    world: gw.World, run: Run, until: str
) -> None:
    gw.furnish(world, world.platform)
    ask = world.ask(world.consent())
    first = run(answer(world.deps, ask))
    _sql(world, f"update log.body set readable_until = '{until}'")
    sequence_once(world.deps)
    world.clock.set(first.readable_until - _LEAST)
    second = run(again(world.deps, world.bank, first.look_id))
    assert (second.body, second.readable_until) == (first.body, first.readable_until)
    assert run(answer(world.deps, ask)).readable_until == first.readable_until
    require_over(world, run, ask, first)


@pytest.mark.parametrize(
    "versions", ["""replace(versions, '"version":"', '"version":"0')""", "'{}'", "'['", "null"]
)
def test_where_the_profiles_version_is_not_known_any_more_the_row_is_all_there_is(
    world: gw.World, run: Run, versions: str
) -> None:
    gw.furnish(world, world.platform)
    first = run(answer(world.deps, world.ask(world.consent())))
    until = first.readable_until + timedelta(days=1)
    _sql(world, f"update log.look set versions = {versions}")
    _sql(world, f"update log.body set readable_until = '{until.isoformat()}'")
    sequence_once(world.deps)
    world.clock.set(until - _LEAST)
    assert run(again(world.deps, world.bank, first.look_id)).readable_until == until
    sequence_once(world.deps)
    world.clock.set(until)
    with pytest.raises(BadRequest) as over:
        run(again(world.deps, world.bank, first.look_id))
    assert over.value.code == "no_longer_readable"
