"""What `postmaster.pid` says, and whether that process is the server of that folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Postmaster:
    """The running server as its pid file describes it; `ready` once it takes connections."""

    pid: int
    port: int
    ready: bool


def read_postmaster(data: Path) -> Postmaster | None:
    """The pid file's content; None when there is none or it is being written."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    if not lines or not lines[0].strip().isdigit():
        return None
    port = lines[3].strip() if len(lines) > 3 else ""
    return Postmaster(
        pid=int(lines[0]),
        port=int(port) if port.isdigit() else 0,
        ready=len(lines) > 7 and lines[7].strip() == "ready",
    )


def is_running(pid: int, data: Path) -> bool:
    """Whether process `pid` lives and is the server of `data`.

    A killed server's number may belong to another program by now, and a dead process nobody has
    waited for still has one; neither counts. Without `/proc` a living process is believed.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # another user's process is not our server
    if not _PROC.exists():
        return True
    try:
        state = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        if state.rpartition(")")[2].split()[0] in "ZX":
            return False
        return (_PROC / str(pid) / "cwd").readlink() == data  # PostgreSQL works in its data folder
    except OSError:
        return False


def disown_stale_pid(data: Path) -> None:
    """Put our own number into a stale pid file, which PostgreSQL takes for stale in its parent.

    It would refuse to start when the old number lives on as another program of the same user.
    The rest of the file stays: by it PostgreSQL sees whether backends of the old server live.
    """
    file = data / "postmaster.pid"
    found = read_postmaster(data)
    if found is None or is_running(found.pid, data):
        return
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text(f"{os.getpid()}\n" + "".join(lines[1:]), encoding="utf-8")
