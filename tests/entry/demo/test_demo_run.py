"""`tallystick demo` as a newcomer runs it: built, served, stopped, gone on with, started afresh."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

PEOPLE = "10"
PROGRAM = Path(sys.executable).with_name("tallystick")
PATIENCE_S = 120

pytestmark = [pytest.mark.prove, pytest.mark.timeout(1200)]


@dataclass
class Demo:
    process: subprocess.Popen[str]
    told: dict
    folder: Path

    def stop(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def folder():
    made = Path(tempfile.mkdtemp(prefix="tallystick-demo-"))
    made.chmod(0o755)  # so that root's server, another user, can walk through
    yield made
    shutil.rmtree(made, ignore_errors=True)


@contextmanager
def demo(folder: Path, *more: str, before: tuple[str, ...] = ()):
    """A demo that serves; killed at the end unless it was stopped."""
    command = [*before, PROGRAM, "demo", "--people", PEOPLE, "--port", "0", "--json"]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")
    }
    process = subprocess.Popen(
        [*command, "--data-folder", folder, *more],
        stdout=subprocess.PIPE, text=True, env=environment, cwd="/",
    )  # fmt: skip
    try:
        text = ""
        for line in process.stdout:
            text += line
            if line == "}\n":
                break
        yield Demo(process=process, told=json.loads(text), folder=folder)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def processes_of(folder: Path) -> list[str]:
    """Command lines that name the folder, and servers that work in it."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            works_in = str((place / "cwd").readlink())
        except OSError:
            continue  # it ended meanwhile
        if str(folder) in line or works_in.startswith(str(folder)):
            found.append(line)
    return found


def report_page(told: dict) -> httpx.Response:
    """The first person's own report, by the sign-in link."""
    door = told["doors"][0]
    with httpx.Client(follow_redirects=True, timeout=60) as client:
        client.get(door["link"])
        return client.get(told["address"] + door["page"])


def test_it_serves_stops_goes_on_and_starts_afresh(folder):
    with demo(folder) as first:
        assert report_page(first.told).status_code == 200
        keys = (folder / "keys" / "skylark.key").read_text()
        assert first.stop(signal.SIGINT) == 0
    assert processes_of(folder) == []

    with demo(folder) as second:
        assert report_page(second.told).status_code == 200
        assert (folder / "keys" / "skylark.key").read_text() == keys
        assert second.stop(signal.SIGTERM) == 0
    assert processes_of(folder) == []

    with demo(folder, "--reset") as third:
        assert report_page(third.told).status_code == 200
        assert (folder / "keys" / "skylark.key").read_text() != keys
        assert third.stop(signal.SIGINT) == 0
    assert processes_of(folder) == []


def test_the_command_to_paste_is_answered(folder):
    with demo(folder) as running:
        done = subprocess.run(
            ["bash", "-c", running.told["curl"]], capture_output=True, text=True, check=True
        )
        assert json.loads(done.stdout)["outcome"] == "hit"
        assert running.stop(signal.SIGINT) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_build_is_built_anew(folder, number):
    process = subprocess.Popen(
        [PROGRAM, "demo", "--people", PEOPLE, "--port", "0", "--data-folder", folder],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not (folder / "keys" / "homestead.key").exists():  # the history has begun
        assert process.poll() is None
    process.send_signal(number)
    assert process.wait(PATIENCE_S) == (-number if number == signal.SIGKILL else 130)
    process.stderr.close()
    if number != signal.SIGKILL:
        assert processes_of(folder) == []

    with demo(folder) as again:
        assert report_page(again.told).status_code == 200
        assert again.stop(signal.SIGINT) == 0
    assert processes_of(folder) == []


@pytest.mark.usefixtures("root")
def test_it_runs_as_an_ordinary_user(folder):
    os.chown(folder, 65534, 65534)
    become = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    with demo(folder, before=become) as running:
        assert report_page(running.told).status_code == 200
        assert running.stop(signal.SIGINT) == 0
    assert processes_of(folder) == []
