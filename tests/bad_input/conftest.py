"""One bureau for all bad input of a module: whatever it is sent, it must stay whole."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

import places
from beginnings import noon
from service import gate_world as gw
from tallystick.service.log import log_verify, sequence_once
from tallystick.service.verify import ledger_verify


@pytest.fixture(scope="module")
def world(migrated: Any, keys: Any, tmp_path_factory: Any) -> Iterator[gw.World]:
    """A bureau with three members; afterwards ledger, files and log are verified."""
    with places.used(migrated) as made:
        bureau = gw.build(made, keys, noon(), tmp_path_factory.mktemp("bad_input"))
        yield bureau
        report = ledger_verify(bureau.deps)
        sequence_once(bureau.deps)
        log = log_verify(bureau.deps)
        gw.close(bureau)
    assert report.ok, report.first
    assert log.ok, log


@pytest.fixture(scope="module")
def loop(world: gw.World) -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner
        runner.run(world.deps.database.aclose())  # type: ignore[attr-defined]
        runner.run(world.deps.vault.aclose())  # type: ignore[attr-defined]
