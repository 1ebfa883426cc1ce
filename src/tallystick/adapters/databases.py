"""Whole databases of one server: copy, drop, and where the vault's is unless told otherwise."""

from __future__ import annotations

from typing import LiteralString

import psycopg
from psycopg import sql

from tallystick.adapters.postgres import database_name, database_named


def vault_url_of(url: str) -> str:
    """The address of `<database>_vault` on the same server."""
    return database_named(url, f"{database_name(url)}_vault")


def drop_database(url: str) -> None:
    """Remove the database an address names, whoever is connected to it; no matter if missing."""
    _administer(url, "DROP DATABASE IF EXISTS {} WITH (FORCE)", database_name(url))


def clone_database(url: str, *, template: str) -> None:
    """Make the database an address names as a copy of `template`, to which nobody is connected."""
    _administer(url, "CREATE DATABASE {} TEMPLATE {}", database_name(url), template)


def _administer(url: str, statement: LiteralString, *names: str) -> None:
    command = sql.SQL(statement).format(*map(sql.Identifier, names))
    with psycopg.connect(database_named(url, "postgres"), autocommit=True) as connection:
        connection.execute(command)
