"""Answers of today as an earlier version of the report's format would have given them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import orjson
import psycopg
from jsonschema import Draft202012Validator

import factory
from tallystick.report.reference import schema
from tallystick.service.inquire import answer
from tallystick.service.members import member_by_code
from tallystick.service.person import own_report
from tallystick.service.port import Deps
from tallystick.service.replay import replay
from tallystick.service.sessions import open_session, session


def answered(bureau: Any, reader: str | None, person: int, **how: Any) -> tuple[Any, Any]:
    """What a member (None: the person herself) reads now, and in version 5; the same folded.

    Takes: `how`: permit and purpose; without them under a consent to accounts and remarks
    """
    deps = bureau.deps
    if reader is None:
        token = deps.keys.identity_token(factory.SCHEME, factory.identity_number(person))
        with deps.database.connect("serve") as connection:
            ((subject,),) = connection.execute(
                "select subject_id from directory.token_subject where token = %s", (token,)
            ).fetchall()
        who = session(deps, open_session(deps, persona="person", subject_id=subject))
        given = bureau.run(own_report(deps, who))
    else:
        member = member_by_code(deps, reader)
        consent = None
        if not how:
            how = {"permit": "consent", "purpose": factory.PURPOSE}
            consent = factory.consent(deps, member, person, data_classes=["accounts", "remarks"])
        given = bureau.run(answer(deps, factory.ask(deps, member, person, consent, **how)))
    for fold in (False, True):
        assert bureau.run(replay(deps, given.look_id, fold=fold)) == given.body
    body = orjson.loads(given.body)
    Draft202012Validator(schema()).validate(body)
    return body, body_in(deps, bureau.url, bureau.run, given.look_id, 5)


def body_in(deps: Deps, url: str, run: Callable[[Any], Any], look_id: UUID, number: int) -> Any:
    """The body of a look folded anew as if its answer had been given in version `number`."""
    said = "select versions from log.look where look_id = %s"
    with psycopg.connect(url) as connection:
        ((kept,),) = connection.execute(said, (look_id,)).fetchall()
        versions = orjson.loads(kept) | {"format": f"tallystick.report/{number}"}
        _say(connection, look_id, orjson.dumps(versions).decode())
    try:
        body = orjson.loads(run(replay(deps, look_id, fold=True)))
    finally:
        with psycopg.connect(url) as connection:
            _say(connection, look_id, kept)
    assert body["format"] == f"tallystick.report/{number}"
    return body


def _say(connection: psycopg.Connection[Any], look_id: UUID, versions: str) -> None:
    connection.execute("update log.look set versions = %s where look_id = %s", (versions, look_id))
