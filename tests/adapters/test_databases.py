"""Whole databases: where the vault's lies, copies, and dropping what is not there."""

import psycopg

from bureaus import Database
from tallystick.adapters.databases import drop_database, vault_url_of
from tallystick.adapters.postgres import database_name, database_named


def test_the_vault_lies_beside_its_database(database: Database) -> None:
    assert database_name(vault_url_of(database.url)) == database_name(database.url) + "_vault"
    with psycopg.connect(vault_url_of(database.url)) as connection:
        assert connection.execute("SELECT count(*) FROM vault.data_key").fetchone() == (0,)


def test_dropping_what_is_not_there_does_nothing(database: Database) -> None:
    drop_database(database_named(database.url, "never made"))
