"""The oldest PostgreSQL that a bureau may run on: the whole path, on a server we did not bring."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from typer.testing import CliRunner

import needs
from tallystick.adapters.embedded_files import server_account
from tallystick.adapters.postgres import database_named
from tallystick.entry.cli.app import app

OLDEST = "15"
PEOPLE = "30"  # fewer leave out some of the rare things that the check looks for
_PROGRAMS = Path("/usr/lib/postgresql") / OLDEST / "bin"
_PATIENCE_S = 30


@pytest.fixture
def oldest() -> Iterator[str]:
    """The address of a running server of the oldest version, gone with the test."""
    if not (_PROGRAMS / "postgres").exists():
        needs.lacking(f"no PostgreSQL {OLDEST}", f"apt-get install postgresql-{OLDEST}")
    account = server_account()
    user: dict[str, Any] = {"cwd": "/", **account.popen_arguments()}
    folder = Path(tempfile.mkdtemp(prefix="tallystick-oldest-"))
    os.chown(folder, account.uid, account.gid)
    data = folder / "data"
    made = [_PROGRAMS / "initdb", f"--pgdata={data}", "--username=owner", "--encoding=UTF8"]
    try:
        subprocess.run(
            [*made, "--locale=C", "--auth=trust", "--no-sync"], check=True, capture_output=True,
            **user,
        )  # fmt: skip
        command = [_PROGRAMS / "postgres", "-D", data, "-k", folder, "-h", "", "-F"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, **user) as running:
            try:
                url = f"postgresql://owner@/postgres?host={quote(str(folder))}"
                _wait_for(url)
                yield url
            finally:
                running.send_signal(signal.SIGINT)
                running.wait(_PATIENCE_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(url: str) -> None:
    for _ in range(_PATIENCE_S * 10):
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the server did not come up")


@pytest.mark.prove
def test_the_whole_path_runs_on_the_oldest_server(
    oldest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(oldest) as connection:
        assert connection.info.server_version // 10_000 == int(OLDEST)
    monkeypatch.setenv("TALLYSTICK_DATABASE_URL", database_named(oldest, "bureau"))
    monkeypatch.setenv("TALLYSTICK_DATA_FOLDER", str(tmp_path / "data"))
    done = CliRunner().invoke(app, ["demo", "--check", "--people", PEOPLE])
    assert done.exit_code == 0, done.output
    assert "all fine" in done.output
