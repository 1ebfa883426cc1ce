"""An Idempotency-Key as it is kept: a keyed hash, for people write numbers of persons into keys."""

from __future__ import annotations

from typing import Any

import gate_world as gw
import psycopg
import pytest
from gate_world import Run

from tallystick.service.idempotency import StoredAnswer, keep_answer, stored_answer
from tallystick.service.inquire import answer

NUMBER = gw.resident_id(1)
KEY = f"loan-of-{NUMBER}"


def test_the_key_of_an_inquiry_is_not_kept_in_clear_and_still_answers_once(
    world: gw.World, run: Run
) -> None:
    gw.furnish(world, world.platform)
    ask = world.ask(world.consent(), idempotency_key=KEY)
    first = run(answer(world.deps, ask))
    assert [NUMBER in key for (key,) in world.rows("select request_key from gate.request")] == [
        False
    ]
    again = run(answer(world.deps, ask))
    assert (again.is_replay, again.look_id, world.looks()) == (True, first.look_id, 1)


def test_the_key_of_another_act_is_not_kept_in_clear_and_still_answers_once(
    world: gw.World,
) -> None:
    made, member_id = StoredAnswer(status=201, body="{}"), world.bank.member_id
    keep_answer(world.deps, member_id, KEY, request_digest=b"d", answer=made)
    kept = world.rows("select request_key from access.idempotency")
    assert [NUMBER in key for (key,) in kept] == [False]
    assert stored_answer(world.deps, member_id, KEY, b"d") == made
    assert stored_answer(world.deps, member_id, KEY[:-1], b"d") is None
    assert stored_answer(world.deps, world.other.member_id, KEY, b"d") is None


@pytest.mark.parametrize("table", ["gate.request", "access.idempotency"])
def test_a_key_that_was_kept_as_it_came_still_answers(
    world: gw.World, run: Run, table: str
) -> None:
    gw.furnish(world, world.platform)
    made, member_id = StoredAnswer(status=201, body="{}"), world.bank.member_id
    ask = world.ask(world.consent(), idempotency_key="as-it-came-" + "1" * 8)

    def act() -> Any:
        if table == "gate.request":
            return run(answer(world.deps, ask)).look_id
        kept = stored_answer(world.deps, member_id, ask.idempotency_key, b"d")
        return kept or keep_answer(
            world.deps, member_id, ask.idempotency_key, request_digest=b"d", answer=made
        )

    first = act()
    with psycopg.connect(world.url) as connection:
        connection.execute(f"update {table} set request_key = %s", [ask.idempotency_key])
    assert act() == first
    assert world.rows(f"select count(*) from {table}") == [(1,)]
