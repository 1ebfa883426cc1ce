"""The checks behind `tallystick doctor`. Each says what it saw and how to mend it; none changes
anything, and none reads a record.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import psycopg

from tallystick.adapters.databases import vault_url_of
from tallystick.adapters.keys import kept_keys
from tallystick.adapters.owners import nearest
from tallystick.adapters.postgres import schema_version
from tallystick.audit import OLDEST_UNNUMBERED
from tallystick.entry.cli.schema import database_url, has_database, head_revision
from tallystick.entry.compose import clock_of
from tallystick.errors import Unavailable
from tallystick.model.instant import instant_text
from tallystick.profile import Profile
from tallystick.service.intake_store import UNFINISHED

if TYPE_CHECKING:
    from tallystick.adapters.settings import Settings

_LEAST_PYTHON: Final = (3, 11)
_LEAST_POSTGRES: Final = 15
_LEAST_FREE_GIB: Final = 2
_GIB: Final = 2**30
_CONNECT_S: Final = 5
#: A second of difference is what two well-kept clocks may show.
_CLOCK_SLACK: Final = timedelta(seconds=1)
#: No submission takes so long, unless many wait before it, or it fails each time it is begun.
_LONGEST_WORK: Final = timedelta(hours=1)
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
    folder = settings.data_folder
    found = [python(), disk(folder), keys_file(folder, mode=settings.mode)]
    try:
        if not has_database(settings):
            return [*found, _no_bureau("no database yet")]
    except Unavailable as error:
        return [*found, _not_ours("database", error)]
    now = clock_of(settings)()
    try:
        with (
            database_url(settings) as url,
            psycopg.connect(url, connect_timeout=_CONNECT_S, autocommit=True) as connection,
        ):
            found.append(Check(name="database", is_fine=True, seen="reached", fix=""))
            found += in_database(
                connection,
                at=schema_version(url),
                now=now,
                log_delay_max=_log_delay_max(settings, now),
            )
            found.append(vault(settings.vault_url or vault_url_of(url)))
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


def _log_delay_max(settings: Settings, now: datetime) -> timedelta:
    """How long a look may wait for its number, by the profile in force then."""
    profile = Profile.load(settings.profile, live=settings.mode == "live")
    return timedelta(seconds=profile.at(now).log_delay_max_seconds)


def in_database(
    connection: psycopg.Connection[Any],
    *,
    at: str | None,
    now: datetime,
    log_delay_max: timedelta,
) -> list[Check]:
    """Version, schema, roles; and clock and log where the schema stands. `now`: the bureau's."""
    found = [postgres(connection.info.server_version), schema(at, head_revision())]
    if at is None:
        return found
    row = connection.execute(
        "select array_agg(substr(rolname, 12)) from pg_roles where rolname like 'tallystick\\_%'"
    ).fetchone()
    found.append(roles(set(row[0] or ()) if row else set()))
    row = connection.execute("select recorded_at from ledger.counter").fetchone()
    if row:
        found.append(clock(now, row[0]))
    row = connection.execute(OLDEST_UNNUMBERED).fetchone()
    oldest = row[0] if row else None
    waiting = timedelta(0) if oldest is None else now - oldest
    found.append(sequencer(waiting, at_most=log_delay_max))
    found.append(submissions(*_unfinished_submissions(connection, now)))
    return found


def _unfinished_submissions(connection: psycopg.Connection[Any], now: datetime) -> tuple[int, int]:
    """How many submissions are not done with although a worker gave up its tries, and how many
    others that came too long ago: a server that works them off itself keeps no account of tries.
    """
    row = connection.execute("select to_regclass('jobs.procrastinate_jobs') is not null").fetchone()
    given_up = _GIVEN_UP if row and row[0] else "false"  # no worker ever ran
    unfinished = connection.execute(
        f"select {given_up}, received_at < %s from intake.submission where state = any(%s)",
        (now - _LONGEST_WORK, list(UNFINISHED)),
    ).fetchall()
    failed = [is_late for is_given_up, is_late in unfinished if is_given_up]
    return len(failed), sum(late for _, late in unfinished) - sum(failed)


_GIVEN_UP: Final = """
submission_id::text in
  (select args->>'submission_id' from jobs.procrastinate_jobs where status = 'failed')
"""


def vault(url: str) -> Check:
    """The vault's database can be reached: without it nothing sealed is read or written."""
    seen = "reached"
    try:
        psycopg.connect(url, connect_timeout=_CONNECT_S).close()
    except psycopg.OperationalError as error:
        seen = type(error).__name__  # as with the bureau's database
    return Check(
        name="vault",
        is_fine=seen == "reached",
        seen=seen,
        fix="start its server, or correct TALLYSTICK_VAULT_URL; else run: tallystick init",
    )


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
    free = shutil.disk_usage(nearest(folder)).free / _GIB
    return Check(
        name="disk",
        is_fine=free >= _LEAST_FREE_GIB,
        seen=f"{free:.1f} GiB free",
        fix=f"free at least {_LEAST_FREE_GIB} GiB, or set TALLYSTICK_DATA_FOLDER",
    )


def keys_file(folder: Path, *, mode: Literal["test", "live"] = "test") -> Check:
    """The keys file is there and a bureau in `mode` takes it, by the check that opens one."""
    try:
        keys = kept_keys(folder, mode=mode)
    except Unavailable as error:
        return _not_ours("keys", error)
    if keys is None:
        return Check(name="keys", is_fine=False, seen="no keys file", fix="run: tallystick init")
    return Check(name="keys", is_fine=True, seen="ours alone, whole", fix="")


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
    """The bureau's clock does not stand before what was recorded last."""
    behind = last_recorded_at - now
    late = f"stands {behind.total_seconds():.0f} s before the newest record"
    return Check(
        name="clock",
        is_fine=behind <= _CLOCK_SLACK,
        seen=late if behind > _CLOCK_SLACK else "in order",
        fix=f"unset TALLYSTICK_CLOCK, or set it to {instant_text(last_recorded_at)} or later;"
        " where it is not set, set the machine's clock right",
    )


def sequencer(waiting: timedelta, *, at_most: timedelta) -> Check:
    """No look waits longer for its number than receipts promise."""
    return Check(
        name="sequencer",
        is_fine=waiting <= at_most,
        seen=f"oldest look waits {waiting.total_seconds():.0f} s",
        fix="run: tallystick worker",
    )


def submissions(failed: int, late: int = 0) -> Check:
    """No submission waits because processing it failed; a row's fault never does that.

    Takes: `failed`: how many a worker gave up; `late`: others, not done with long after they came
    """
    seen = []
    if failed:
        seen.append(f"{failed} failed on every try")
    if late:
        seen.append(f"{late} not done an hour after they came")
    return Check(
        name="submissions",
        is_fine=not seen,
        seen=", ".join(seen) or "none failed",
        fix="read why in the output of the worker, or of the server that works them off, and mend"
        " that, then start it anew: tallystick worker, or: tallystick serve --worker",
    )


def _not_ours(name: str, error: Unavailable) -> Check:
    """What lies in the data folder is refused; the error says which file, and why."""
    return Check(
        name=name,
        is_fine=False,
        seen=error.detail or error.code,
        fix="mend what it says, run as the user it belongs to, or set TALLYSTICK_DATA_FOLDER",
    )


def _no_bureau(seen: str) -> Check:
    return Check(name="database", is_fine=False, seen=seen, fix="run: tallystick init")
