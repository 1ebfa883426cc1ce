"""Something that listens is enough; nothing that does is said at once."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bureaus import Database
from tallystick.adapters.reach import require_listener


@pytest.fixture
def busy() -> Iterator[int]:
    """The port of a server that takes connections and never gets to them."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


def test_a_server_is_there_however_busy_it_is(database: Database, busy: int) -> None:
    for url in (
        database.url,
        f"postgresql://127.0.0.1:{busy}/x",
        f"host=127.0.0.1,127.0.0.1 port=1,{busy} dbname=x",
        f"host=nowhere.invalid hostaddr=127.0.0.1 port={busy}",
        "dbname=x",
        "postgresql:///x",
    ):
        require_listener(url)


def test_a_socket_in_a_folder_is_looked_at(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / ".s.PGSQL.5433"))
        listening.listen()
        require_listener(f"host={tmp_path} port=5433")
        with pytest.raises(psycopg.OperationalError):
            require_listener(f"host={tmp_path}")


@pytest.mark.parametrize(
    "url", ["postgresql://127.0.0.1:1/x", "host=127.0.0.1,127.0.0.1 port=1", "host=nowhere.invalid"]
)
def test_where_nothing_listens_is_told(url: str) -> None:
    with pytest.raises(psycopg.OperationalError) as told:
        require_listener(url)
    assert "127.0.0.1" not in str(told.value)
