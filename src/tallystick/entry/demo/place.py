"""Where a demo lies: its folder, its database, and the marker that says how far it was built."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import psycopg

from tallystick.adapters import keys
from tallystick.adapters.databases import drop_database, vault_url_of
from tallystick.adapters.embedded import EmbeddedServer
from tallystick.adapters.owners import usable
from tallystick.adapters.postgres import (
    Database,
    database_name,
    database_named,
    schema_version,
)
from tallystick.adapters.settings import Settings
from tallystick.entry.compose import DATABASE
from tallystick.entry.listening import address_at
from tallystick.errors import Unavailable

_MARKER: Final = "demo"
#: What a demo keeps in its folder beside the server's cluster.
_OURS = ("synth", "keys", "work", keys.FILE_NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """What was or is being built; `ends_at` is the last instant of its history, once complete.

    `served_at`: the address it was served at last; None before it was.
    """

    people: int
    seed: int
    ends_at: str | None = None
    served_at: str | None = None

    @property
    def end(self) -> datetime | None:
        """`ends_at` as an instant; None while the history is not complete."""
        return None if self.ends_at is None else datetime.fromisoformat(self.ends_at)


@contextmanager
def opened_place(settings: Settings, *, reset: bool) -> Iterator[Settings]:
    """Start the server (unless an address is given); gives settings that name the database.

    Takes:  `reset`: throw a demo that is there away, data and keys
    Raises: Unavailable when the server fails, or while another process uses what is to be wiped
    """
    folder = settings.data_folder
    with usable(folder):
        pass  # it is made, and whatever needs it says what else is wrong with it
    if settings.database_url is not None:
        if reset:
            _require_demo(settings.database_url)
            _drop(settings, settings.database_url)
        yield settings
        return
    server = EmbeddedServer(folder / "postgres")
    if reset:
        server.wipe()
        _clear(folder)
    with server as address:
        yield settings.model_copy(update={"database_url": database_named(address, DATABASE)})


def what_is_there(settings: Settings) -> Marker | None:
    """The demo in the database; None when there is nothing yet.

    Raises: Unavailable `unavailable` when the database holds something that is no demo
    """
    url = str(settings.database_url)
    if not _exists(url) or schema_version(url) is None:
        return None
    found = _marker(url)
    if found is None and _has_members(url):
        raise Unavailable(
            "unavailable",
            "this bureau is no demo; name another folder or database",
            retryable=False,
        )
    return found


def address_of_demo(settings: Settings, marker: Marker) -> str:
    """Where the demo's pages are: where settings were given for, else where it was served last."""
    if marker.served_at is not None and not settings.model_fields_set & {"host", "port"}:
        return marker.served_at
    return address_at(settings.host, settings.port)


def start_over(settings: Settings) -> None:
    """Throw away what an interrupted build left."""
    _drop(settings, str(settings.database_url))


def mark(database: Database, marker: Marker) -> None:
    """Write how far the demo is."""
    database.set_setting(_MARKER, json.dumps(asdict(marker)))


def _exists(url: str) -> bool:
    with psycopg.connect(database_named(url, "postgres")) as connection:
        named = (database_name(url),)
        found = connection.execute("select from pg_database where datname = %s", named)
        return found.fetchone() is not None


def _marker(url: str) -> Marker | None:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "select value from meta.setting where name = %s", (_MARKER,)
        ).fetchone()
    return None if row is None else Marker(**json.loads(row[0]))


def _has_members(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("select from member.member limit 1").fetchone() is not None


def _require_demo(url: str) -> None:
    if _exists(url) and schema_version(url) is not None and _marker(url) is None:
        raise Unavailable(
            "unavailable", "only a demo is thrown away; this bureau is none", retryable=False
        )


def _drop(settings: Settings, url: str) -> None:
    drop_database(settings.vault_url or vault_url_of(url))
    drop_database(url)
    _clear(settings.data_folder)


def _clear(folder: Path) -> None:
    for name in _OURS:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
