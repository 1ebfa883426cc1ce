"""Whole databases: where the vault's lies, copies, and dropping what is not there."""

from typing import Any

import psycopg
import pytest

import factory
from bureaus import Database, RunningBureau
from tallystick.adapters.databases import drop_database, vault_url_of
from tallystick.adapters.postgres import Database as Pools
from tallystick.adapters.postgres import database_name, database_named


def test_the_vault_lies_beside_its_database(database: Database) -> None:
    assert database_name(vault_url_of(database.url)) == database_name(database.url) + "_vault"
    with psycopg.connect(vault_url_of(database.url)) as connection:
        assert connection.execute("SELECT count(*) FROM vault.data_key").fetchone() == (0,)


def test_dropping_what_is_not_there_does_nothing(database: Database) -> None:
    drop_database(database_named(database.url, "never made"))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The databases to which connections were opened, in order."""
    names: list[str] = []
    connect = psycopg.Connection.connect

    def connected(_: object, conninfo: str = "", **more: Any) -> Any:
        names.append(database_name(conninfo))
        return connect(conninfo, **more)

    monkeypatch.setattr(psycopg.Connection, "connect", classmethod(connected))
    return names


def test_who_asks_for_one_connection_opens_one(database: Database, opened: list[str]) -> None:
    pools = Pools(database.url)
    for _ in range(3):
        with pools.connect("intake") as connection:
            connection.execute("SELECT")
    pools.close()  # with what was still being opened
    assert opened == [database_name(database.url)]


def test_a_small_file_of_months_is_taken_on_three_connections(
    bureau: RunningBureau, opened: list[str]
) -> None:
    """The one the job keeps, one for its steps in turn, one to read by."""
    bank = factory.member(bureau.deps)
    factory.open_account(bureau.deps, bank, (1,))
    bureau.pools.close()
    opened.clear()
    sent = factory.send(bureau.deps, bank, "snapshot", factory.snapshot(1, "2024-12"))
    assert factory.counts(sent) == (1, 0, 0, 0)
    bureau.pools.close()
    assert opened.count(database_name(bureau.url)) == 3
