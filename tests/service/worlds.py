"""The gate's world for a test: on a fresh database, or going on from where its module begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import gate_world as gw
import pytest

import places
from beginnings import beginning, tested_deps
from bureaus import Database
from tallystick.adapters.clock import FakeClock
from tallystick.adapters.keys import BureauKeys
from tallystick.errors import BadRequest
from tallystick.service.inquire import Answer, Ask, answer
from tallystick.service.log import sequence_once
from tallystick.service.port import Deps
from tallystick.service.replay import again


@contextmanager
def opened(
    database: Database, keys: BureauKeys, clock: FakeClock, folder: Path
) -> Iterator[gw.World]:
    """The world on a database, closed at the end."""
    with ExitStack() as stack:

        def make(**parts: Any) -> Deps:
            stack.enter_context(places.connected(database, parts["database"], parts["vault"]))
            return tested_deps(**parts)

        yield gw.build(database, keys, clock, folder, make=make)


def require_over(world: gw.World, run: gw.Run, ask: Ask, given: Answer) -> None:
    """At the end of its time an answer is not read again, neither by its id nor by its request."""
    sequence_once(world.deps)
    world.clock.set(given.readable_until)
    for asked in (again(world.deps, world.bank, given.look_id), answer(world.deps, ask)):
        with pytest.raises(BadRequest) as over:
            run(asked)
        assert over.value.code == "no_longer_readable"


def world_beginning(begin: Callable[[gw.World], object]) -> Any:
    """The `template` of a module whose tests all go on from where `begin` leaves the world."""
    return beginning(begin, run=opened)
