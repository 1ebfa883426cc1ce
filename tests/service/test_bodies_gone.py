"""Answers whose kept bodies were thrown away: the same bytes, folded anew from the ledger."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import gate_world as gw
import psycopg
import pytest
from gate_world import Run
from worlds import require_over, world_beginning

from tallystick.errors import BadRequest
from tallystick.service.inquire import answer
from tallystick.service.log import sequence_once
from tallystick.service.replay import again, prove, replay


def _begin(world: gw.World) -> None:
    gw.furnish(world, world.platform)


template = world_beginning(_begin)


@pytest.fixture
def ask(world: gw.World) -> Any:
    """An inquiry that finds somebody."""
    return world.ask(world.consent())


def throw_away(world: gw.World, and_also: str = "select") -> None:
    """As the owner of the tables, for no other role may."""
    with psycopg.connect(world.url) as connection:
        connection.execute("delete from log.body")
        connection.execute(and_also)  # type: ignore[call-overload]


def test_an_answer_is_given_again_without_its_body(world: gw.World, run: Run, ask: Any) -> None:
    first = run(answer(world.deps, ask))
    throw_away(world)
    second, repeated = (
        run(again(world.deps, world.bank, first.look_id)),
        run(answer(world.deps, ask)),
    )
    assert (second.body, second.readable_until) == (first.body, first.readable_until)
    assert repeated.is_replay
    assert (repeated.body, repeated.readable_until) == (first.body, first.readable_until)


def test_its_time_to_read_ends_all_the_same(world: gw.World, run: Run, ask: Any) -> None:
    first = run(answer(world.deps, ask))
    throw_away(world)
    sequence_once(world.deps)
    world.clock.set(first.readable_until - timedelta(microseconds=1))
    assert run(again(world.deps, world.bank, first.look_id)).body == first.body
    require_over(world, run, ask, first)


def test_a_proof_needs_no_kept_body(world: gw.World, run: Run, ask: Any) -> None:
    first = run(answer(world.deps, ask))
    with_body = run(prove(world.deps, first.look_id))
    throw_away(world)
    without = run(prove(world.deps, first.look_id))
    assert with_body.is_same
    assert without.is_same
    assert (with_body.look, with_body.kept, with_body.folded) == (first.body_digest,) * 3
    assert (without.look, without.kept, without.folded) == (
        first.body_digest, None, first.body_digest,
    )  # fmt: skip
    with pytest.raises(BadRequest) as gone:
        run(replay(world.deps, first.look_id, fold=False))
    assert gone.value.code == "no_longer_readable"


def test_other_bytes_are_not_given_for_the_answer(world: gw.World, run: Run, ask: Any) -> None:
    first = run(answer(world.deps, ask))
    throw_away(world, "update log.look set body_digest = sha256(body_digest)")
    assert not run(prove(world.deps, first.look_id)).is_same
    with pytest.raises(BadRequest) as other:
        run(again(world.deps, world.bank, first.look_id))
    assert other.value.code == "no_longer_readable"
