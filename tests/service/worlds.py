"""The gate's world for a test: on a fresh database, or going on from where its module begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gate_world as gw

from beginnings import beginning, tested_deps
from bureaus import Database
from tallystick.adapters.clock import FakeClock
from tallystick.adapters.keys import BureauKeys


@contextmanager
def opened(
    database: Database, keys: BureauKeys, clock: FakeClock, folder: Path
) -> Iterator[gw.World]:
    """The world on a database, closed at the end."""
    made = gw.build(database, keys, clock, folder, make=tested_deps)
    try:
        yield made
    finally:
        gw.close(made)


def world_beginning(begin: Callable[[gw.World], object]) -> Any:
    """The `template` of a module whose tests all go on from where `begin` leaves the world."""
    return beginning(begin, run=opened)
