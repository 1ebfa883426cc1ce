"""Fixtures of the services' tests: a small bureau, and a loop to run its answers on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gate_world as gw
import pytest


@pytest.fixture
def world(database: Any, keys: Any, clock: Any, tmp_path: Path) -> Iterator[gw.World]:
    made = gw.build(database, keys, clock, tmp_path / "work")
    yield made
    gw.close(made)


@pytest.fixture
def run(world: gw.World) -> Iterator[gw.Run]:
    with asyncio.Runner() as runner:
        yield runner.run
        runner.run(world.deps.database.aclose())  # type: ignore[attr-defined]
        runner.run(world.deps.vault.aclose())  # type: ignore[attr-defined]
