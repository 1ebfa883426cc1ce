"""The embedded server keeps data, is shared, outlives a kill, and leaves no process behind."""

import errno
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from needs import lacking
from tallystick.adapters.embedded import EmbeddedServer
from tallystick.adapters.embedded_files import (
    SYSTEM_FOLDER,
    Account,
    Layout,
    cluster_root,
    make_folder,
    prepare_layout,
    server_account,
)
from tallystick.adapters.postmaster import disown_stale_pid, is_running, read_postmaster
from tallystick.errors import InvariantBroken, Unavailable

QUICK = {"fsync": "off", "shared_buffers": "16MB"}
CHILD = Path(__file__).parent / "embedded_child.py"


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="tallystick-embedded-"))
    made.chmod(0o711)
    yield made
    left = read_postmaster(made / "postgres" / "data")
    assert left is None or not is_running(left.pid, made / "postgres" / "data")
    shutil.rmtree(made)


def _embedded(folder: Path, **settings: str) -> EmbeddedServer:
    return EmbeddedServer(folder, settings={**QUICK, **settings})


def _child(folder: Path, what: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(CHILD), str(folder), what], stdout=subprocess.PIPE, text=True
    )


def _first_line(child: subprocess.Popen[str]) -> tuple[int, int]:
    assert child.stdout is not None
    pid, rows = child.stdout.readline().split()
    return int(pid), int(rows)


def test_data_outlives_a_stop_and_a_start(folder: Path) -> None:
    with _embedded(folder) as url, psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
    with _embedded(folder) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (42,)


def test_stop_leaves_no_process_and_may_be_called_twice(folder: Path) -> None:
    server = _embedded(folder)
    server.start()
    pid = server.pid
    assert pid is not None
    assert is_running(pid, folder / "postgres" / "data")
    server.stop()
    server.stop()
    assert not is_running(pid, folder / "postgres" / "data")
    assert server.pid is None


def test_a_handle_is_started_once(folder: Path) -> None:
    server = _embedded(folder)
    with server, pytest.raises(InvariantBroken):
        server.start()


def test_wiping_is_refused_while_used_and_then_leaves_nothing(folder: Path) -> None:
    with _embedded(folder) as url:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
        with pytest.raises(Unavailable, match="still uses"):
            _embedded(folder).wipe()
    _embedded(folder).wipe()
    assert not (folder / "postgres").exists()
    with _embedded(folder) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT to_regclass('kept')").fetchone() == (None,)


def test_settings_bind_and_can_be_overridden(folder: Path) -> None:
    with _embedded(folder, max_connections="17") as url, psycopg.connect(url) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()
            for name in ("max_connections", "checkpoint_timeout", "max_wal_size", "timezone")
        }
    assert shown == {
        "max_connections": ("17",),
        "checkpoint_timeout": ("15min",),
        "max_wal_size": ("4GB",),
        "timezone": ("UTC",),
    }


def test_a_backend_waits_its_turn_and_we_do_not(folder: Path) -> None:
    if not hasattr(os, "SCHED_BATCH"):
        lacking("the system has no batch policy", "run the tests on Linux")
    with EmbeddedServer(folder) as url, psycopg.connect(url) as connection:
        assert os.sched_getscheduler(connection.info.backend_pid) == os.SCHED_BATCH
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_secrets_and_data_are_closed_to_others(folder: Path) -> None:
    with _embedded(folder) as url:
        root = folder / "postgres"
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode)
            for path in (root, root / "data", root / "password")
        }
        assert modes == {"postgres": 0o700, "data": 0o700, "password": 0o600}
        assert len((root / "password").read_text().strip()) >= 32
        wrong = url.replace((root / "password").read_text().strip(), "wrong")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)


def test_the_log_shows_no_value_of_a_record(folder: Path) -> None:
    with _embedded(folder) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE person (number text PRIMARY KEY)")
        connection.execute("INSERT INTO person VALUES ('canary-1')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO person VALUES ('canary-1')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO person VALUES (%s)", ["canary-1"])
    log = (folder / "postgres" / "server.log").read_text()
    assert "duplicate key" in log
    assert "canary-1" not in log


def test_two_processes_share_a_server_and_the_last_one_stops_it(folder: Path) -> None:
    server = _embedded(folder)
    server.start()
    child = _child(folder, "count")
    pid, _ = _first_line(child)
    assert child.wait(30) == 0
    assert child.stdout is not None
    child.stdout.close()
    assert pid == server.pid
    assert is_running(pid, folder / "postgres" / "data")
    server.stop()
    assert not is_running(pid, folder / "postgres" / "data")


def test_who_joined_stops_it_when_the_starter_went_first(folder: Path) -> None:
    first, second = _embedded(folder), _embedded(folder)
    first.start()
    second.start()
    pid = first.pid
    assert pid is not None
    first.stop()
    assert is_running(pid, folder / "postgres" / "data")
    second.stop()
    assert not is_running(pid, folder / "postgres" / "data")


def test_a_server_left_by_a_killed_parent_is_used_and_then_stopped(folder: Path) -> None:
    child = _child(folder, "hold")
    pid, rows = _first_line(child)
    child.kill()
    child.communicate()
    assert is_running(pid, folder / "postgres" / "data")
    server = _embedded(folder)
    with server as url, psycopg.connect(url) as connection:
        assert server.pid == pid
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (rows,)
    assert not is_running(pid, folder / "postgres" / "data")


def test_ctrl_c_in_the_parent_stops_the_server(folder: Path) -> None:
    child = _child(folder, "hold")
    pid, _ = _first_line(child)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=30)
    assert not is_running(pid, folder / "postgres" / "data")


def test_a_killed_postmaster_recovers_what_was_committed(folder: Path) -> None:
    child = _child(folder, "hold")
    pid, rows = _first_line(child)
    child.kill()
    child.communicate()
    os.kill(pid, signal.SIGKILL)
    with _embedded(folder) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (rows,)


def test_a_stale_pid_that_lives_on_as_another_program_does_not_stop_the_start(
    folder: Path,
) -> None:
    with _embedded(folder):
        pass
    data = folder / "postgres" / "data"
    stale = data / "postmaster.pid"
    owner = data.stat()
    arguments = {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
    other = subprocess.Popen(["/bin/sleep", "60"], **arguments)
    try:
        stale.write_text(f"{other.pid}\n{data}\n1\n5432\n\n\n\nready   \n")
        os.chown(stale, owner.st_uid, owner.st_gid)
        with _embedded(folder) as url, psycopg.connect(url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        other.kill()
        other.wait()


def test_disowning_touches_only_a_stale_pid_file(tmp_path: Path) -> None:
    disown_stale_pid(tmp_path)
    assert not (tmp_path / "postmaster.pid").exists()
    (tmp_path / "postmaster.pid").write_text("999999999\nrest\n")
    disown_stale_pid(tmp_path)
    assert (tmp_path / "postmaster.pid").read_text() == f"{os.getpid()}\nrest\n"


def test_an_interrupted_making_of_the_cluster_starts_over(folder: Path) -> None:
    with _embedded(folder):
        pass
    root = folder / "postgres"
    (root / "data").rename(root / "data.new.1")
    with _embedded(folder) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not (root / "data.new.1").exists()


def test_a_cluster_of_another_version_is_refused_with_a_way_out(folder: Path) -> None:
    with _embedded(folder):
        pass
    (folder / "postgres" / "data" / "PG_VERSION").write_text("15\n")
    with pytest.raises(Unavailable, match="made by PostgreSQL 15, not 18"):
        _embedded(folder).start()


def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    with pytest.raises(Unavailable, match="max_connections"):
        _embedded(folder, max_connections="none").start()


def test_a_socket_path_too_long_gives_a_loopback_address(folder: Path) -> None:
    deep = folder / ("d" * 60) / ("e" * 60)
    assert not Layout(root=deep / "postgres", programs=deep).socket_fits
    with _embedded(deep) as url, psycopg.connect(url) as connection:
        assert "host=127.0.0.1" in url
        assert connection.info.host == "127.0.0.1"


@pytest.mark.usefixtures("root")
def test_an_ordinary_user_runs_his_own_server() -> None:
    made = Path(tempfile.mkdtemp(prefix="tallystick-ordinary-"))
    os.chown(made, 65534, 65534)
    # Imported before root is given up: Python itself may lie where he cannot go.
    code = (
        "import encodings.ascii, encodings.idna, os, sys; sys.path.insert(0, sys.argv[1]);"
        "import embedded_child;"
        "from tallystick.adapters import embedded_files as files;"
        "programs = files.programs_for(files.Account(uid=65534, gid=65534, switch=True));"
        "files.programs_for = lambda account: programs;"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534);"
        "embedded_child.main(sys.argv[2], 'count')"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, str(CHILD.parent), str(made / "data")],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd="/",
            env={"HOME": str(made), "PATH": "/usr/bin:/bin"},
        )
        assert done.returncode == 0, done.stderr
        pid, rows = map(int, done.stdout.split())
        assert rows == 1
        assert not is_running(pid, made / "data" / "postgres" / "data")
        assert (made / "data" / "postgres" / "data").stat().st_uid == 65534
    finally:
        shutil.rmtree(made)


@pytest.mark.usefixtures("root")
def test_a_cluster_below_a_closed_folder_is_put_aside_and_nothing_is_loosened(
    tmp_path: Path,
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    nobody = Account(uid=65534, gid=65534, switch=True)
    aside = cluster_root(closed / "bureau", nobody)
    assert aside.parent == SYSTEM_FOLDER / "clusters"
    assert aside == cluster_root(closed / "bureau", nobody)
    assert aside != cluster_root(closed / "other" / "bureau", nobody)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    ours = Account(uid=os.geteuid(), gid=os.getegid(), switch=False)
    assert cluster_root(closed / "bureau", ours) == closed / "bureau" / "postgres"


@pytest.mark.parametrize(("switch", "mode"), [(True, 0o711), (False, 0o700)])
def test_folders_made_for_another_user_can_be_walked_through(
    tmp_path: Path, switch: bool, mode: int
) -> None:
    account = Account(uid=65534, gid=65534, switch=switch)
    make_folder(tmp_path / "a" / "b", account)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == mode


@pytest.mark.prove
def test_kills_at_any_instant_of_start_and_use_lose_nothing_committed(
    folder: Path, prove_rounds: int
) -> None:
    chance = random.Random(7)
    known = 0
    for _ in range(prove_rounds):
        child = _child(folder, "hold")
        time.sleep(chance.uniform(0.05, 1.5))
        child.kill()
        printed, _ = child.communicate()
        if printed:
            known = int(printed.split()[1])
        left = read_postmaster(folder / "postgres" / "data")
        running = left is not None and is_running(left.pid, folder / "postgres" / "data")
        if left is not None and running and chance.random() < 0.5:
            os.kill(left.pid, signal.SIGKILL)
    with _embedded(folder) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
        assert row is not None
        assert row[0] >= known


def test_a_connection_that_a_full_disk_broke_says_so(folder: Path) -> None:
    server = _embedded(folder)
    layout = prepare_layout(server.folder, server_account())
    server.layout = layout
    broken = psycopg.OperationalError("the connection is lost")
    layout.log.write_text("FATAL:  something else\n")
    server.__exit__(type(broken), broken, None)
    layout.log.write_text("PANIC:  could not write to file: No space left on device\n" + "x" * 900)
    server.__exit__(None, None, None)
    with pytest.raises(OSError, match="No space left") as told:
        server.__exit__(type(broken), broken, None)
    assert (told.value.errno, told.value.filename) == (errno.ENOSPC, str(server.folder))
