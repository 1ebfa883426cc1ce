"""A bureau of each earlier schema is migrated to this one and gives its old answers again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import dump_files
import pytest

from tallystick.adapters.clock import FakeClock
from tallystick.adapters.databases import drop_database, vault_url_of
from tallystick.adapters.keys import BureauKeys
from tallystick.adapters.postgres import Database, database_named, migrate
from tallystick.adapters.vault import Vault
from tallystick.entry.compose import make_deps
from tallystick.service.log import log_verify
from tallystick.service.port import Deps
from tallystick.service.replay import replay
from tallystick.service.verify import ledger_rebuild, ledger_verify

pytestmark = [pytest.mark.prove, pytest.mark.timeout(600)]


@pytest.fixture(params=dump_files.revisions())
def revision(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def migrated(revision: str, server: str, clock: FakeClock, tmp_path: Path) -> Iterator[Deps]:
    """The bureau of a dump, brought up to this version."""
    url = database_named(server, f"dump_{uuid4().hex[:8]}")
    keys = BureauKeys.from_seed(dump_files.SEED)
    for part, address in zip(dump_files.PARTS, (url, vault_url_of(url)), strict=True):
        dump_files.restore(revision, part, address)
    migrate(url)
    database = Database(url)
    with Vault(vault_url_of(url), keys.wrapping_key) as vault:
        vault.migrate()
        yield make_deps(
            database=database, vault=vault, keys=keys, work_folder=tmp_path, clock=clock
        )
    database.close()
    drop_database(vault_url_of(url))
    drop_database(url)


def test_a_kept_bureau_gives_its_old_answers_again(migrated: Deps, revision: str) -> None:
    kept = dump_files.answers(revision)
    assert len(kept) >= 5
    assert asyncio.run(_replayed(migrated, list(kept), fold=False)) == kept
    assert asyncio.run(_replayed(migrated, list(kept), fold=True)) == kept
    report, log = ledger_verify(migrated), log_verify(migrated)
    assert report.ok, report.faults
    assert log.ok, log
    ledger_rebuild(migrated)
    assert asyncio.run(_replayed(migrated, list(kept), fold=True)) == kept


async def _replayed(deps: Any, looks: list[str], *, fold: bool) -> dict[str, str]:
    try:
        return {look: (await replay(deps, UUID(look), fold=fold)).decode() for look in looks}
    finally:
        await deps.database.aclose()
        await deps.vault.aclose()
