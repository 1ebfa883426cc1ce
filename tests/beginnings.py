"""Where a test begins: on a migrated database, or on one a bureau has run on already.

What every test of a module needs on file is furnished once and laid out for each (`places`), by a
line of its own there: `template = beginning(function)`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import places
from bureaus import Database, RunningBureau
from places import Laid
from tallystick.adapters.clock import FakeClock
from tallystick.adapters.keys import BureauKeys
from tallystick.adapters.postgres import Database as Pools
from tallystick.adapters.vault import Vault
from tallystick.entry.compose import make_deps
from tallystick.service.port import Deps
from tallystick.service.workbench import Workbench

NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)
#: The tests of a process judge rows in connections that are kept, as a worker's jobs do.
WORKBENCH = Workbench()


def noon() -> FakeClock:
    """A clock that stands at noon of 15 January 2025, UTC."""
    return FakeClock(NOON)


#: The first that a process made: to read the profile takes 6 ms, as much as a small test.
_made_first: list[Deps] = []


def tested_deps(**parts: Any) -> Deps:
    """`make_deps`, with what all tests of this process share: the workbench, the profile read."""
    if not _made_first:
        _made_first.append(make_deps(**parts))
    return replace(_made_first[0], workbench=WORKBENCH, settings={}, **parts)


@contextmanager
def running(
    database: Database, keys: BureauKeys, clock: FakeClock, folder: Path
) -> Iterator[RunningBureau]:
    """A bureau in test mode under profile `zz`, on the real database, with a clock to move."""
    pools, vault = Pools(database.url), Vault(database.vault_url, keys.wrapping_key)
    deps = tested_deps(
        database=pools, vault=vault, keys=keys, work_folder=folder / "work", clock=clock
    )
    with asyncio.Runner() as loop, places.connected(database, pools, vault):
        try:
            yield RunningBureau(
                deps=deps, clock=clock, pools=pools, vault=vault, url=database.url, loop=loop
            )
        finally:
            loop.run(places.hang_up(pools, vault))


def beginning(begin: Callable[[Any], object], run: Callable[..., Any] = running) -> Any:
    """The `template` of a module whose tests all go on from where `begin` leaves a bureau.

    `begin` gets what `run` gives, which takes what `running` does.
    """

    @pytest.fixture(scope="module")
    def template(
        migrated: Database, template: Laid | None, keys: BureauKeys,
        tmp_path_factory: pytest.TempPathFactory,
    ) -> Laid:  # fmt: skip
        with places.used(migrated, template) as made:
            with run(made, keys, noon(), tmp_path_factory.mktemp("beginning")) as bureau:
                begin(bureau)
            return places.laid(made)

    return template


def stages(go_on: Callable[[Any, Any], object], run: Callable[..., Any] = running) -> Any:
    """The `stage` of a module whose tests take one of a few first steps from its beginning.

    `stage(which)` is where `go_on(bureau, which)` leaves a bureau, made once to be copied only.
    """

    @pytest.fixture(scope="module")
    def stage(
        migrated: Database, template: Laid | None, keys: BureauKeys,
        tmp_path_factory: pytest.TempPathFactory,
    ) -> Callable[[Any], Laid]:  # fmt: skip
        made: dict[Any, Laid] = {}

        def at(which: Any) -> Laid:
            if which not in made:
                with places.used(migrated, template) as database:
                    with run(database, keys, noon(), tmp_path_factory.mktemp("stage")) as bureau:
                        go_on(bureau, which)
                    made[which] = places.laid(database)
            return made[which]

        return at

    return stage
