"""Fixtures of the services' tests: a small bureau, and a loop to run its answers on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gate_world as gw
import pytest
import september
from worlds import opened

from bureaus import RunningBureau
from places import hang_up
from tallystick.service.members import Member, add_member
from tallystick.service.port import Deps


@pytest.fixture
def world(database: Any, keys: Any, clock: Any, tmp_path: Path) -> Iterator[gw.World]:
    with opened(database, keys, clock, tmp_path / "work") as made:
        yield made


@pytest.fixture
def deps(bureau: Any) -> Deps:
    return bureau.deps  # type: ignore[no-any-return]


@pytest.fixture
def bank(deps: Deps) -> Member:
    """An institution that furnishes; a test with others of its own makes its own of them."""
    return add_member(
        deps, code="bank", name_en="Bank", name_zh="银行", member_class="commercial_bank"
    )


@pytest.fixture
def lender(bureau: RunningBureau) -> Member:
    """The furnisher of account 1, where the module begins in September."""
    return september.lender(bureau)


@pytest.fixture
def run(world: gw.World) -> Iterator[gw.Run]:
    with asyncio.Runner() as runner:
        yield runner.run
        runner.run(hang_up(world.deps.database, world.deps.vault))  # type: ignore[arg-type]
