"""One bureau for all bad input of a module: whatever it is sent, it must stay whole."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from service import gate_world as gw
from tallystick.adapters.clock import FakeClock
from tallystick.adapters.databases import clone_database, drop_database, vault_url_of
from tallystick.adapters.postgres import database_name, database_named
from tallystick.service.log import log_verify, sequence_once
from tallystick.service.verify import ledger_verify


@pytest.fixture(scope="module")
def world(template: Any, keys: Any, tmp_path_factory: Any) -> Iterator[gw.World]:
    """A bureau with three members; afterwards ledger, files and log are verified."""
    url = database_named(template.url, f"test_{uuid4().hex[:12]}")
    made = type(template)(url=url, vault_url=vault_url_of(url))
    clone_database(made.url, template=database_name(template.url))
    clone_database(made.vault_url, template=database_name(template.vault_url))
    clock = FakeClock(datetime(2025, 1, 15, 12, tzinfo=UTC))
    bureau = gw.build(made, keys, clock, tmp_path_factory.mktemp("bad_input"))
    yield bureau
    report = ledger_verify(bureau.deps)
    sequence_once(bureau.deps)
    log = log_verify(bureau.deps)
    gw.close(bureau)
    drop_database(made.vault_url)
    drop_database(made.url)
    assert report.ok, report.first
    assert log.ok, log


@pytest.fixture(scope="module")
def loop(world: gw.World) -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner
        runner.run(world.deps.database.aclose())  # type: ignore[attr-defined]
        runner.run(world.deps.vault.aclose())  # type: ignore[attr-defined]
