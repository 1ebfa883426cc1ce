"""kill -9 of PostgreSQL while a submission runs; and nothing readable is left on the disk."""

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

import psycopg
import pytest
import rig as rigs

from tallystick.adapters.embedded import EmbeddedServer
from tallystick.entry.compose import wipe
from tallystick.service.members import Member
from tallystick.service.submit import receive

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3600)]

# Uncompressed, so that what is searched for would be found; a kill needs no fsync.
SETTINGS = {"fsync": "off", "shared_buffers": "128MB", "wal_compression": "off"}


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="tallystick-prove-"))
    made.chmod(0o711)  # root's server runs as another user, who must walk through
    yield made
    shutil.rmtree(made, ignore_errors=True)


def test_a_killed_database_loses_and_doubles_nothing(
    folder: Path, furnished: tuple[int, bytes], prove_rounds: int
) -> None:
    work = folder / "work"
    work.mkdir()
    server = EmbeddedServer(folder / "postgres", settings=SETTINGS)
    try:
        prepared, bank, whole = _prepare(server, work, furnished)
        states = [
            _round(server, prepared, bank, work, furnished, share * whole)
            for share in _shares(prove_rounds)
        ]
    finally:
        server.stop()
    print(f"undisturbed {whole:.1f} s, killed at: {states}")


def _shares(rounds: int) -> list[float]:
    """Random instants spread over the whole, as shares of it."""
    chance = random.Random(7)
    return [(number + chance.random()) / rounds for number in range(rounds)]


def _round(
    server: EmbeddedServer,
    prepared: str,
    bank: Member,
    work: Path,
    furnished: tuple[int, bytes],
    seconds: float,
) -> str:
    """Kill the server after some seconds of a submission, start it again, finish, check."""
    rows, content = furnished
    with rigs.copied(prepared, work, bank) as rig:
        _checkpoint(rig.url)
        received = receive(rig.deps, rig.bank, "snapshot", io.BytesIO(content))
        with rigs.child("resume", rig.addresses) as process:
            time.sleep(seconds)
            _kill(server)
            process.wait(60)  # it cannot go on; what it complains of is its own matter
        server.stop()
        server.start()
        state = rigs.stage(rig, received.submission_id)
        rigs.run_to_end("resume", rig.addresses)
        with rigs.opened(rig.url, work, bank=bank) as again:
            rigs.check_submission(again, received.submission_id, rows)
            rigs.check_whole(again)
            _search(work.parent, server, again)
    return state


def _prepare(
    server: EmbeddedServer, work: Path, furnished: tuple[int, bytes]
) -> tuple[str, Member, float]:
    """A bureau with accounts on file, and how long the submission takes when nobody kills."""
    url = server.start()
    prepared = rigs.make(url, "prepared")
    with rigs.opened(prepared, work) as rig:
        rigs.furnish(rig, persons=500, accounts_each=4)
        bank = rig.bank
    with rigs.copied(prepared, work, bank) as rig:
        receive(rig.deps, rig.bank, "snapshot", io.BytesIO(furnished[1]))
        with rigs.child("resume", rig.addresses) as process:
            started = time.monotonic()
            assert process.stdout is not None
            assert process.stdout.readline() == b"done\n"
            whole = time.monotonic() - started
    return prepared, bank, whole


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
    canaries = (rigs.NAME, rigs.PHONE, "CANARYP", "CANARYA", f"990101{rigs.BORN.replace('-', '')}")
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
