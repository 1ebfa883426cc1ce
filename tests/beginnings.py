"""Where a test begins: on a copy of a migrated database, or of one a bureau has run on already.

What every test of a module needs on file is furnished once and copied for each, by a line of its
own there: `template = beginning(function)`. A copy takes no longer than one of an empty database.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from bureaus import Database, RunningBureau
from tallystick.adapters.clock import FakeClock
from tallystick.adapters.databases import vault_url_of
from tallystick.adapters.keys import BureauKeys
from tallystick.adapters.postgres import Database as Pools
from tallystick.adapters.postgres import database_name, database_named
from tallystick.adapters.vault import Vault
from tallystick.entry.compose import make_deps
from tallystick.service.port import Deps
from tallystick.service.workbench import Workbench

NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)
#: The tests of a process judge rows in connections that are kept, as a worker's jobs do.
WORKBENCH = Workbench()
# Files copied as they are cost a third less than pages through the log (measured with PG 18).
_COPY = "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy"
#: For 60 ms: a test may have left a connection open on purpose.
_LOOKS_FOR_BACKENDS = 30
_DROP = "DROP DATABASE IF EXISTS {} WITH (FORCE)"


def noon() -> FakeClock:
    """A clock that stands at noon of 15 January 2025, UTC."""
    return FakeClock(NOON)


#: By the address of `postgres` on a server: databases are made and dropped on one connection.
_administrators: dict[str, psycopg.Connection[Any]] = {}


def _administer(url: str, command: sql.Composed) -> None:
    _administrator(url).execute(command)


def _administrator(url: str) -> psycopg.Connection[Any]:
    address = database_named(url, "postgres")
    kept = _administrators.get(address)
    if kept is None or kept.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        if kept is not None:  # closed, or a test's time was up in the midst of a command
            kept.close()
        kept = _administrators[address] = psycopg.connect(address, autocommit=True)
    return kept


def _wait_until_left(url: str, names: Sequence[str]) -> None:
    """Wait for backends whose connection is closed to end; a drop would look every 100 ms only."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = any(%s)"
    for _ in range(_LOOKS_FOR_BACKENDS):
        if _administrator(url).execute(asked, (list(names),)).fetchone() == (0,):
            return
        time.sleep(0.002)  # a drop ends those that stay


def let_go() -> None:
    """Close the connections on which databases were made and dropped."""
    while _administrators:
        _administrators.popitem()[1].close()


@contextmanager
def copied(template: Database) -> Iterator[Database]:
    """A copy of a database and its vault, to which nobody is connected; dropped at the end."""
    url = database_named(template.url, f"test_{uuid4().hex[:12]}")
    made = Database(url=url, vault_url=vault_url_of(url))
    names = [database_name(one) for one in (made.url, made.vault_url)]
    models = [database_name(one) for one in (template.url, template.vault_url)]
    for name, model in zip(names, models, strict=True):
        _administer(url, sql.SQL(_COPY).format(sql.Identifier(name), sql.Identifier(model)))
    try:
        yield made
    finally:
        _wait_until_left(url, names)
        for name in names:
            _administer(url, sql.SQL(_DROP).format(sql.Identifier(name)))


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
    with asyncio.Runner() as loop:
        try:
            yield RunningBureau(
                deps=deps, clock=clock, pools=pools, vault=vault, url=database.url, loop=loop
            )
        finally:
            loop.run(pools.aclose())
            loop.run(vault.aclose())
            pools.close()


def beginning(begin: Callable[[Any], object], run: Callable[..., Any] = running) -> Any:
    """The `template` of a module whose tests all go on from where `begin` leaves a bureau.

    `begin` gets what `run` gives, which takes what `running` does.
    """

    @pytest.fixture(scope="module")
    def template(
        template: Database, keys: BureauKeys, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Database]:
        with copied(template) as made:
            with run(made, keys, noon(), tmp_path_factory.mktemp("beginning")) as bureau:
                begin(bureau)
            yield made

    return template


def stages(go_on: Callable[[Any, Any], object], run: Callable[..., Any] = running) -> Any:
    """The `stage` of a module whose tests take one of a few first steps from its beginning.

    `stage(which)` is where `go_on(bureau, which)` leaves a bureau, made once to be copied only.
    """

    @pytest.fixture(scope="module")
    def stage(
        template: Database, keys: BureauKeys, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Callable[[Any], Database]]:
        made: dict[Any, Database] = {}
        with ExitStack() as kept:

            def at(which: Any) -> Database:
                if which not in made:
                    database = kept.enter_context(copied(template))
                    with run(database, keys, noon(), tmp_path_factory.mktemp("stage")) as bureau:
                        go_on(bureau, which)
                    made[which] = database
                return made[which]

            yield at

    return stage
