"""An answer comes again in the version of the report's format that it was given in."""

from __future__ import annotations

from typing import Any

import gate_world as gw
import orjson
import psycopg
import pytest
from gate_world import Run
from jsonschema import Draft202012Validator
from worlds import world_beginning

from tallystick.errors import BadRequest
from tallystick.model.canonical import canonical, sha256
from tallystick.report.reference import schema
from tallystick.service.inquire import answer
from tallystick.service.log import sequence_once
from tallystick.service.person import own_report
from tallystick.service.replay import again, prove, replay
from tallystick.service.sessions import open_session, session


def _begin(world: gw.World) -> None:
    gw.furnish(world, world.platform)


template = world_beginning(_begin)


@pytest.fixture
def given(world: gw.World, run: Run) -> Any:
    """An answer of today, with its body kept."""
    return run(answer(world.deps, world.ask(world.consent())))


def person_session(world: gw.World) -> Any:
    token = world.deps.keys.identity_token(gw.SCHEME, gw.resident_id(1))
    ((subject,),) = world.rows("select subject_id from directory.token_subject")
    secret = open_session(world.deps, persona="person", subject_id=subject, token=token)
    return session(world.deps, secret)


def say_it_was(world: gw.World, body_format: str, digest: bytes) -> None:
    """As an earlier program had left it: its look says so, and its body is kept no more."""
    with psycopg.connect(world.url) as connection:
        connection.execute("delete from log.body")
        connection.execute(
            "update log.look set body_digest = %s,"
            " versions = jsonb_set(versions::jsonb, '{format}', to_jsonb(%s::text))::text",
            (digest, body_format),
        )


def test_a_new_answer_is_in_the_newest_and_says_its_position_as_text(given: Any) -> None:
    body = orjson.loads(given.body)
    assert body["format"] == "tallystick.report/6"
    assert body["header"]["position"] == str(given.coordinates.position)
    Draft202012Validator(schema()).validate(body)


def test_one_of_the_first_version_comes_again_in_it(world: gw.World, run: Run, given: Any) -> None:
    body = orjson.loads(given.body)
    body["format"] = "tallystick.report/1"
    body["header"]["position"] = given.coordinates.position
    first = canonical(body)
    say_it_was(world, "tallystick.report/1", sha256(first))
    assert run(replay(world.deps, given.look_id, fold=True)) == first
    assert run(again(world.deps, world.bank, given.look_id)).body == first
    assert run(prove(world.deps, given.look_id)).is_same


def _counted(body: Any) -> list[int]:
    (line,) = body["inquiries"]
    return [window["inquiries"] for window in line["windows"]]


def test_an_answer_given_again_counts_no_more_but_where_it_was_counted(
    world: gw.World, run: Run, given: Any
) -> None:
    own = person_session(world)
    sequence_once(world.deps)
    first = _counted(orjson.loads(run(own_report(world.deps, own)).body))
    run(again(world.deps, world.bank, given.look_id))
    sequence_once(world.deps)
    asked = run(own_report(world.deps, own))
    body = orjson.loads(asked.body)
    assert [one["permit"] for one in body["looks"]].count("again") == 1
    assert _counted(body) == first
    assert set(first) == {1}
    assert run(replay(world.deps, asked.look_id, fold=True)) == asked.body
    body["format"] = "tallystick.report/2"
    for window in body["inquiries"][0]["windows"]:
        window["inquiries"] += 1
    before = canonical(body)
    say_it_was(world, "tallystick.report/2", sha256(before))
    assert run(replay(world.deps, asked.look_id, fold=True)) == before
    run(answer(world.deps, world.ask(world.consent())))  # asked anew, it does count
    sequence_once(world.deps)
    assert set(_counted(orjson.loads(run(own_report(world.deps, own)).body))) == {2}


def test_one_of_a_version_to_come_is_not_guessed_at(world: gw.World, run: Run, given: Any) -> None:
    say_it_was(world, "tallystick.report/99", given.body_digest)
    with pytest.raises(BadRequest) as unknown:
        run(replay(world.deps, given.look_id, fold=True))
    assert (unknown.value.code, "format" in str(unknown.value)) == ("conflict", True)
