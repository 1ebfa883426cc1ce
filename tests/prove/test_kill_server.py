"""kill -9 of PostgreSQL under a submission and under a worker; nothing readable on the disk."""

from __future__ import annotations

import io
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
import rig as rigs
from commands import wait_until_finished
from sent import Sent, check_submission, stage, wait_until

from tallystick.adapters.embedded import EmbeddedServer
from tallystick.entry.compose import wipe
from tallystick.service.members import Member
from tallystick.service.submit import receive

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3600)]

# Uncompressed, so that what is searched for would be found; a kill needs no fsync.
SETTINGS = {"fsync": "off", "shared_buffers": "128MB", "wal_compression": "off"}
#: How long the server stays away from a worker: longer than it waits for a connection.
OUTAGE_S = (8, 9)


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="tallystick-prove-"))
    made.chmod(0o711)  # root's server runs as another user, who must walk through
    yield made
    shutil.rmtree(made, ignore_errors=True)


def test_a_killed_database_loses_and_doubles_nothing(
    folder: Path, files: tuple[Sent, ...], prove_rounds: int
) -> None:
    work = folder / "work"
    work.mkdir()
    chance, states = random.Random(7), []
    server = EmbeddedServer(folder / "postgres", settings=SETTINGS)
    try:
        prepared, bank = _prepare(server, work)
        for number in range(prove_rounds):
            file = files[number % len(files)]
            with rigs.copied(prepared, work, bank) as rig:
                _checkpoint(rig.url)
                received = receive(rig.deps, rig.bank, file.dataset, io.BytesIO(file.content))
                disturb = _kill_and_resume if number % 4 else _kill_under_worker
                states.append(disturb(server, rig, received.submission_id, file, chance))
                with rigs.opened(rig.url, work, bank=bank) as again:
                    check_submission(again, received.submission_id, file)
                    rigs.check_whole(again)
                    _search(work.parent, server, again)
    finally:
        server.stop()
    print(f"killed at: {states}")


def _kill_and_resume(
    server: EmbeddedServer, rig: rigs.Rig, submission_id: UUID, file: Sent, chance: random.Random
) -> str:
    """Kill the server in the midst of a submission, start it again, finish."""
    with rigs.child("resume", rig.addresses) as process:
        wait_until(rig, submission_id, chance.uniform(-0.2, 0.9), file, process=process)
        _kill(server)
        process.wait(60)  # it cannot go on; what it complains of is its own matter
    server.stop()
    server.start()
    state = stage(rig, submission_id)
    rigs.run_to_end("resume", rig.addresses)
    return f"{file.dataset} {state}"


def _kill_under_worker(
    server: EmbeddedServer, rig: rigs.Rig, submission_id: UUID, file: Sent, chance: random.Random
) -> str:
    """Kill the server in the midst of a worker's job, start it later: the worker lives and ends."""
    with rigs.child("work", rig.addresses, "30") as process:
        wait_until(rig, submission_id, chance.uniform(0.05, 0.9), file, process=process)
        _kill(server)
        server.stop()
        time.sleep(chance.uniform(*OUTAGE_S))
        server.start()
        state = stage(rig, submission_id)
        wait_until_finished(rig, [submission_id], seconds=60)
        assert process.poll() is None
    return f"{file.dataset} under a worker {state}"


def _prepare(server: EmbeddedServer, work: Path) -> tuple[str, Member]:
    """A bureau with accounts on file."""
    url = server.start()
    prepared = rigs.make(url, "prepared")
    with rigs.opened(prepared, work) as rig:
        rigs.furnish(rig, persons=500, accounts_each=4)
        return prepared, rig.bank


def _kill(server: EmbeddedServer) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)


def _checkpoint(url: str) -> None:
    """A copy of a database inherits how many values of a sequence are ahead in the *original's*
    write-ahead log; killed before the copy's first checkpoint, its sequences would repeat."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("checkpoint")


def _search(folder: Path, server: EmbeddedServer, rig: rigs.Rig) -> None:
    """After a kill and a restart no name, number or telephone is readable in any file."""
    wipe(rig.work)  # what every start does
    _checkpoint(rig.url)
    canaries = (
        rigs.NAME,
        rigs.PHONE,
        "CANARYP",
        "CANARYA",
        "CANARYT",
        f"990101{rigs.BORN.replace('-', '')}",
    )
    control = folder / "control"  # the one file that holds them: the search does search
    control.write_text("\n".join(canaries), encoding="utf-8")
    assert server.layout is not None
    places = [str(folder), str(server.layout.root)]
    found = subprocess.run(
        ["grep", "-rlaF", *(f"-e{text}" for text in canaries), *places],
        capture_output=True,
        text=True,
        env={"LC_ALL": "C"},
        check=True,
    )
    assert set(found.stdout.splitlines()) == {str(control)}
