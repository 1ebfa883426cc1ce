"""The checks behind `tallystick doctor`. Each says what it saw and how to mend it; none changes
anything, and none reads a record.
"""

from __future__ import annotations

import shutil
import stat
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg

from tallystick.adapters.postgres import schema_version
from tallystick.entry.cli.schema import database_url, has_database, head_revision
from tallystick.errors import Unavailable
from tallystick.profile import Profile

if TYPE_CHECKING:
    from tallystick.adapters.settings import Settings

_LEAST_PYTHON: Final = (3, 11)
_LEAST_POSTGRES: Final = 15
_LEAST_FREE_GIB: Final = 2
_GIB: Final = 2**30
_CONNECT_S: Final = 5
#: A second of difference is what two well-kept clocks may show.
_CLOCK_SLACK: Final = timedelta(seconds=1)
_ROLES: Final = ("owner", "serve", "intake", "batch", "sequencer", "eraser")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: its name, whether all is well, what was seen, and how to mend it."""

    name: str
    is_fine: bool
    seen: str
    fix: str


def examine(settings: Settings) -> list[Check]:
    """All checks, those of the database only where it can be reached."""
    found = [python(), disk(settings.data_folder), keys_file(settings.data_folder)]
    if not has_database(settings):
        return [*found, _no_bureau("no database yet")]
    try:
        with (
            database_url(settings) as url,
            psycopg.connect(url, connect_timeout=_CONNECT_S, autocommit=True) as connection,
        ):
            found.append(Check(name="database", is_fine=True, seen="reached", fix=""))
            found += in_database(
                connection, at=schema_version(url), log_delay_max=_log_delay_max(settings)
            )
    except (psycopg.OperationalError, Unavailable) as error:
        found.append(
            Check(
                name="database",
                is_fine=False,
                seen=type(error).__name__,  # the message may hold the address and its password
                fix="start the server, or correct TALLYSTICK_DATABASE_URL",
            )
        )
    return found


def _log_delay_max(settings: Settings) -> timedelta:
    """How long a look may wait for its number, by the profile in force today."""
    profile = Profile.load(settings.profile, live=settings.mode == "live")
    return timedelta(seconds=profile.at(datetime.now(UTC)).log_delay_max_seconds)


def in_database(
    connection: psycopg.Connection[Any], *, at: str | None, log_delay_max: timedelta
) -> list[Check]:
    """Version, schema, roles; and clock and log where the schema stands."""
    found = [postgres(connection.info.server_version), schema(at, head_revision())]
    if at is None:
        return found
    row = connection.execute(
        "select array_agg(substr(rolname, 12)) from pg_roles where rolname like 'tallystick\\_%'"
    ).fetchone()
    found.append(roles(set(row[0] or ()) if row else set()))
    row = connection.execute("select recorded_at from ledger.counter").fetchone()
    if row:
        found.append(clock(datetime.now(UTC), row[0]))
    row = connection.execute("select min(occurred_at), now() from gate.look_outbox").fetchone()
    oldest, now = row or (None, None)
    waiting = timedelta(0) if oldest is None else now - oldest
    found.append(sequencer(waiting, at_most=log_delay_max))
    return found


def python() -> Check:
    """The interpreter's version."""
    return Check(
        name="python",
        is_fine=sys.version_info[:2] >= _LEAST_PYTHON,
        seen=".".join(map(str, sys.version_info[:3])),
        fix="install Python 3.11 or later",
    )


def disk(folder: Path) -> Check:
    """Free space where the data goes (or would go: the nearest folder there is)."""
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    free = shutil.disk_usage(there).free / _GIB
    return Check(
        name="disk",
        is_fine=free >= _LEAST_FREE_GIB,
        seen=f"{free:.1f} GiB free",
        fix=f"free at least {_LEAST_FREE_GIB} GiB, or set TALLYSTICK_DATA_FOLDER",
    )


def keys_file(folder: Path) -> Check:
    """The keys file is there and nobody else may read it."""
    path = folder / "keys.json"
    if not path.exists():
        return Check(name="keys", is_fine=False, seen="no keys file", fix="run: tallystick init")
    mode = stat.S_IMODE(path.stat().st_mode)
    return Check(
        name="keys", is_fine=not mode & 0o077, seen=f"mode {mode:04o}", fix=f"chmod 600 {path}"
    )


def postgres(version: int) -> Check:
    """The server's version, as libpq numbers it (150004 is 15.4)."""
    major = version // 10_000
    return Check(
        name="postgres",
        is_fine=major >= _LEAST_POSTGRES,
        seen=f"PostgreSQL {major}.{version % 10_000}",
        fix=f"use PostgreSQL {_LEAST_POSTGRES} or later",
    )


def schema(at: str | None, head: str) -> Check:
    """The database's schema is this version's."""
    return Check(
        name="schema",
        is_fine=at == head,
        seen=f"{at or 'none'}, newest {head}",
        fix="run: tallystick migrate",
    )


def roles(found: set[str]) -> Check:
    """Every role the walls between parts of the program rest on."""
    missing = [name for name in _ROLES if name not in found]
    return Check(
        name="roles",
        is_fine=not missing,
        seen=f"missing: {', '.join(missing)}" if missing else f"all {len(_ROLES)}",
        fix="run: tallystick migrate, as a user who may create roles",
    )


def clock(now: datetime, last_recorded_at: datetime) -> Check:
    """This machine's clock is not behind what was recorded last."""
    behind = last_recorded_at - now
    return Check(
        name="clock",
        is_fine=behind <= _CLOCK_SLACK,
        seen=f"{behind.total_seconds():.0f} s behind" if behind > _CLOCK_SLACK else "in order",
        fix="set the clock right (a demo on a test clock may run ahead: then no harm is done)",
    )


def sequencer(waiting: timedelta, *, at_most: timedelta) -> Check:
    """No look waits longer for its number than receipts promise."""
    return Check(
        name="sequencer",
        is_fine=waiting <= at_most,
        seen=f"oldest look waits {waiting.total_seconds():.0f} s",
        fix="run: tallystick worker",
    )


def _no_bureau(seen: str) -> Check:
    return Check(name="database", is_fine=False, seen=seen, fix="run: tallystick init")
