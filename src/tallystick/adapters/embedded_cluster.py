"""Makes the embedded server's cluster: `initdb`, the superuser's password, the version it needs.

Also how its programs are started: as whom, with what, and under which scheduling policy.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from tallystick.adapters.embedded_files import Account, Layout, give
from tallystick.errors import Unavailable

SUPERUSER: Final = "tallystick"
PROGRAMS_MAJOR: Final = "18"


def ensure_cluster(layout: Layout, account: Account, *, synced: bool) -> None:
    """Make the cluster unless it is there; an interrupted making leaves nothing valid.

    Call it under the start lock. `synced` waits until the new files are on the disk.

    Raises: `Unavailable` when `initdb` fails, or when another version made the cluster
    """
    if (layout.data / "PG_VERSION").exists():
        _check_version(layout)
        return
    # `initdb` outlives a killed parent and may still be writing: never the same name twice.
    for left in layout.root.glob("data.new.*"):
        shutil.rmtree(left, ignore_errors=True)
    fresh = layout.root / f"data.new.{secrets.token_hex(4)}"
    _write_password(layout, account)
    _run_initdb(layout, account, fresh, synced=synced)
    fresh.rename(layout.data)


def process_arguments(layout: Layout, account: Account) -> dict[str, Any]:
    """Working folder, environment and user of a program: nothing of ours is handed on."""
    return {
        "cwd": layout.root,
        "env": {
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C",
            "TZ": "UTC",
            "LD_LIBRARY_PATH": str(layout.programs / "lib"),
        },
        **account.popen_arguments(),
    }


def _write_password(layout: Layout, account: Account) -> None:
    layout.password.unlink(missing_ok=True)
    handle = os.open(layout.password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
    give(layout.password, account)


def _run_initdb(layout: Layout, account: Account, target: Path, *, synced: bool) -> None:
    options = [
        f"--pgdata={target}",
        f"--username={SUPERUSER}",
        f"--pwfile={layout.password}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        # The same order and the same lower case on every machine.
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
    ]
    if not synced:
        options.append("--no-sync")
    done = subprocess.run(  # noqa: S603 (our own program and options)
        [str(layout.programs / "bin" / "initdb"), *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        **process_arguments(layout, account),
    )
    if done.returncode != 0:
        raise Unavailable(
            "embedded_server_failed",
            f"initdb failed in {layout.root}: {done.stderr.decode(errors='replace')[-1000:]}",
            retryable=False,
        )


def _check_version(layout: Layout) -> None:
    found = (layout.data / "PG_VERSION").read_text(encoding="ascii").strip()
    if found != PROGRAMS_MAJOR:
        raise Unavailable(
            "embedded_server_failed",
            f"{layout.data} was made by PostgreSQL {found}, not {PROGRAMS_MAJOR}; "
            "dump it with the old programs and load it into a new folder",
            retryable=False,
        )


@contextmanager
def started_to_wait_its_turn() -> Iterator[None]:
    """What is started inside never takes the processor from who wakes it (Linux's batch policy).

    A backend would run as soon as a statement is sent to it, in place of the process that was about
    to send the next one; measured on two cores: a tenth more answers a second. Where the system has
    no such policy or refuses it, the server starts as usual.
    """
    usual = getattr(os, "SCHED_OTHER", None)
    if usual is None or os.sched_getscheduler(0) != usual:
        yield
        return
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setscheduler(0, usual, os.sched_param(0))
