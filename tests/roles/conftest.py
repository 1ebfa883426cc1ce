"""One migrated database for all tests of roles: they change nothing in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tallystick.adapters.databases import clone_database, drop_database
from tallystick.adapters.postgres import database_name, database_named, set_mint_key

As = Callable[[str], AbstractContextManager[psycopg.Connection[Any]]]


@pytest.fixture(scope="module")
def url(migrated: Any, keys: Any) -> Iterator[str]:
    made = database_named(migrated.url, f"test_{uuid4().hex[:12]}")
    clone_database(made, template=database_name(migrated.url))
    set_mint_key(made, keys.mint_key)
    yield made
    drop_database(made)


@pytest.fixture
def as_role(url: str) -> As:
    """A connection under a role; what it did is rolled back."""

    @contextmanager
    def connected(role: str) -> Iterator[psycopg.Connection[Any]]:
        options = f"-c role=tallystick_{role}"
        with psycopg.connect(url, options=options) as connection:
            yield connection
            connection.rollback()

    return connected


@pytest.fixture
def owner(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection that sees everything; what it did is rolled back."""
    with psycopg.connect(url) as connection:
        yield connection
        connection.rollback()
