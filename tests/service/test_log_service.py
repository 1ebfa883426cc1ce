"""The log's use-cases over real connections: everything waiting is numbered, and it verifies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import psycopg
import pytest

from tallystick.adapters.clock import FakeClock
from tallystick.adapters.keys import BureauKeys
from tallystick.adapters.postgres import Database
from tallystick.audit import INSERT_LOOK, INSERT_OUTBOX, Look, look_parameters
from tallystick.errors import Unavailable
from tallystick.profile import Profile
from tallystick.service.log import log_verify, require_in_time, sequence_once
from tallystick.service.port import Deps

NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)


@pytest.fixture
def deps(database: Any, keys: BureauKeys, clock: FakeClock) -> Iterator[Deps]:
    pools = Database(database.url, size=2)
    # Only what the log's use-cases touch.
    parts = SimpleNamespace(database=pools, keys=keys, clock=clock, profile=Profile.load("zz"))
    yield cast(Deps, parts)
    pools.close()


def look(url: str, count: int) -> None:
    with psycopg.connect(url) as connection:
        for number in range(count):
            parameters = look_parameters(
                Look(
                    token=bytes(32),
                    look_id=UUID(int=number),
                    occurred_at=NOON,
                    permit="self",
                    purpose="own_report",
                    outcome="granted",
                    audience="person",
                    salt=bytes([number]) * 32,
                )
            )
            connection.execute(INSERT_LOOK, parameters)
            connection.execute(INSERT_OUTBOX, parameters)


def test_what_waits_is_numbered_and_the_log_verifies(deps: Deps, database: Any) -> None:
    look(database.url, 7)
    numbered = sequence_once(deps)
    assert (numbered.looks, numbered.publications) == (7, 0)
    assert numbered.head is not None
    assert numbered.head.size == 7
    assert sequence_once(deps).head is None
    report = log_verify(deps)
    assert report.ok
    assert report.root == numbered.head.root


@pytest.mark.parametrize(
    ("age", "is_late"),
    [
        (None, False),
        (timedelta(0), False),
        (timedelta(seconds=60), False),
        (timedelta(seconds=60, microseconds=1), True),
    ],
)
def test_the_gate_stops_when_the_oldest_look_waits_too_long(
    deps: Deps, age: timedelta | None, is_late: bool
) -> None:
    oldest = None if age is None else NOON - age
    if not is_late:
        require_in_time(deps, oldest)
        return
    with pytest.raises(Unavailable) as raised:
        require_in_time(deps, oldest)
    assert raised.value.code == "log_delayed"
    assert raised.value.retryable
