"""The real sample, taken in once for all tests of this folder."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from loaded import Loaded
from tradelines import DATA, read_accounts, write_files

from tallystick.adapters.clock import FakeClock
from tallystick.adapters.databases import clone_database, drop_database, vault_url_of
from tallystick.adapters.keys import BureauKeys
from tallystick.adapters.postgres import Database, database_name, database_named, set_mint_key
from tallystick.adapters.vault import Vault
from tallystick.entry.compose import make_deps
from tallystick.service import members

_LENDER_CLASSES = ("commercial_bank", "village_bank", "consumer_finance", "trust")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """The native files by (dataset, lender)."""
    if not DATA.is_dir():
        pytest.skip("the sample ../shared/data/tradelines is not here")
    return write_files(read_accounts(), tmp_path_factory.mktemp("native"))


@pytest.fixture(scope="module")
def loaded(
    files: dict[tuple[str, str], Path],
    migrated: Any,
    keys: BureauKeys,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Loaded]:
    """A bureau with all files of the sample, and some answers given while they came in."""
    url = database_named(migrated.url, "test_tradelines")
    clone_database(url, template=database_name(migrated.url))
    clone_database(vault_url_of(url), template=database_name(migrated.vault_url))
    set_mint_key(url, keys.mint_key)
    with Vault(vault_url_of(url), keys.wrapping_key) as vault:
        clock = FakeClock(datetime(2025, 1, 15, 12, tzinfo=UTC))
        database = Database(url)
        bureau = Loaded(
            deps=make_deps(
                database=database,
                vault=vault,
                keys=keys,
                work_folder=tmp_path_factory.mktemp("work"),
                clock=clock,
            ),
            database=database,
            vault=vault,
            clock=clock,
            runner=asyncio.Runner(),
            accounts=read_accounts(),
        )
        _load(bureau, files)
        yield bureau
        bureau.close()
    drop_database(vault_url_of(url))
    drop_database(url)


def _load(bureau: Loaded, files: dict[tuple[str, str], Path]) -> None:
    lenders = sorted({lender for _, lender in files})
    for number, lender in enumerate(lenders):
        bureau.members[lender] = members.add_member(
            bureau.deps,
            code=lender,
            name_en=f"Lender {lender}",
            name_zh=f"机构{lender}",
            member_class=_LENDER_CLASSES[number % len(_LENDER_CLASSES)],
        )
    named = [one for one in bureau.accounts.values() if one.has_name]
    asked = sorted(named, key=lambda account: account.number)[:24]
    for (dataset, lender), path in files.items():
        bureau.views[dataset, lender] = bureau.send(path, dataset, lender)
        if dataset == "snapshot":  # two answers between one lender's months and the next one's
            for account in (asked.pop(), asked.pop()):
                bureau.ask(account, lender)
            bureau.number_looks()
