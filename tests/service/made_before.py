"""Answers of today as an earlier version of the report's format would have given them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import orjson
import psycopg

from tallystick.service.port import Deps
from tallystick.service.replay import replay


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
