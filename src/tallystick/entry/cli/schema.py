"""Where a bureau's database is, and which schema it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tallystick.entry.cli.opening import bureau

if TYPE_CHECKING:
    from tallystick.adapters.settings import Settings


def has_database(settings: Settings) -> bool:
    """Whether there is a server to ask: one that was set, or an embedded one made before.

    Raises: Unavailable when the one made before is another user's
    """
    from tallystick.adapters.embedded_files import cluster_stands

    return settings.database_url is not None or cluster_stands(_embedded(settings))


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """The address of the database: the one that was set, or the embedded server's, started."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    from tallystick.adapters.embedded import EmbeddedServer
    from tallystick.adapters.postgres import database_named
    from tallystick.entry.compose import DATABASE

    with EmbeddedServer(_embedded(settings)) as url:
        yield database_named(url, DATABASE)


def _embedded(settings: Settings) -> Path:
    return settings.data_folder / "postgres"


def head_revision() -> str:
    """The newest revision of the schema this version knows."""
    from importlib.resources import files

    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    folder = str(files("tallystick") / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    return str(ScriptDirectory.from_config(config).get_current_head())


def schema_state(settings: Settings) -> dict[str, Any]:
    """The revision the database stands at (None: none yet) and the newest there is."""
    from tallystick.adapters.postgres import schema_version

    at = None
    if has_database(settings):
        with database_url(settings) as url:
            at = schema_version(url)
    return {"at": at, "head": head_revision()}


def bring_up(settings: Settings) -> dict[str, Any]:
    """Make what is missing (databases, keys, roles) and migrate; gives the state after it."""
    from tallystick.adapters.postgres import schema_version, set_mint_key

    with bureau(settings, make=True) as opened:
        # A database that somebody else made empty has a schema now, but no key to check permits by.
        set_mint_key(opened.database.url, opened.deps.keys.mint_key)
        return {"at": schema_version(opened.database.url), "head": head_revision()}
