"""Prepared bureaus for the proofs; each round works on a copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import rig as rigs
import sent

from tallystick.adapters.databases import drop_database, vault_url_of
from tallystick.service.members import Member

#: 2,000 accounts of 500 persons: ten months of them are 20,000 snapshots.
PERSONS, EACH, MONTHS = 500, 4, 10


@pytest.fixture(scope="session")
def prepared(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Member]]:
    """A bureau with persons and accounts on file and no months; nobody is connected to it."""
    url = rigs.make(server, f"prepared_{uuid4().hex[:8]}")
    with rigs.opened(url, tmp_path_factory.mktemp("prepared")) as rig:
        rigs.furnish(rig, persons=PERSONS, accounts_each=EACH)
        bank = rig.bank
    yield url, bank
    drop_database(vault_url_of(url))
    drop_database(url)


@pytest.fixture(scope="session")
def furnished() -> sent.Sent:
    """A file of 20,000 months."""
    return sent.of_months(PERSONS * EACH, MONTHS)


@pytest.fixture(scope="session")
def files(furnished: sent.Sent) -> tuple[sent.Sent, ...]:
    """A file of each of three datasets: months go another way into the ledger than the others."""
    return sent.of_events(PERSONS * EACH, 2), furnished, sent.of_payments(PERSONS, 6)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Where jobs spill."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder
