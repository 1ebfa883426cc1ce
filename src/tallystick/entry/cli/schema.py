"""Where a bureau's database is, and which schema it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tallystick.adapters.settings import Settings


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """The address of the database: the one that was set, or the embedded server's, started."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    from tallystick.adapters.embedded import EmbeddedServer

    with EmbeddedServer(settings.data_folder) as url:
        yield url


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

    with database_url(settings) as url:
        return {"at": schema_version(url), "head": head_revision()}


def bring_up(settings: Settings) -> dict[str, Any]:
    """Migrate to the newest revision; gives the state after it."""
    from tallystick.adapters.postgres import migrate, schema_version

    with database_url(settings) as url:
        migrate(url)
        return {"at": schema_version(url), "head": head_revision()}
