"""The gate end to end on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import gate_world as gw
import orjson
import pytest

from tallystick.service.inquire import answer

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture
def world(database: Any, keys: Any, clock: Any, tmp_path: Path) -> Iterator[gw.World]:
    made = gw.build(database, keys, clock, tmp_path / "work")
    yield made
    gw.close(made)


@pytest.fixture
def run(world: gw.World) -> Iterator[Run]:
    with asyncio.Runner() as runner:
        yield runner.run
        runner.run(world.deps.database.aclose())  # type: ignore[attr-defined]
        runner.run(world.deps.vault.aclose())  # type: ignore[attr-defined]


def test_a_consented_inquiry_is_answered_and_logged(world: gw.World, run: Run) -> None:
    gw.furnish(world, world.platform)
    consent_id = world.consent()
    result = run(answer(world.deps, world.ask(consent_id)))
    assert result.outcome == "hit"
    body = orjson.loads(result.body)
    assert len(body["accounts"]) == 1
    assert world.looks() == 1
