"""`tallystick serve` and `tallystick worker` as an operator starts them, on a rig's bureau."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
from child import NOON
from rig import SEED, Rig
from sent import Sent

from tallystick.adapters.keys import FILE_NAME, BureauKeys
from tallystick.model.ids import parse_edge_id

#: Long enough for a heartbeat missed at the usual 30 s, and for the work.
PATIENCE_S = 120
_COMMAND = Path(sys.executable).parent / "tallystick"
_FINISHED = ("published", "rejected", "failed")


def data_folder(folder: Path) -> Path:
    """A data folder with the keys of the prepared bureaus."""
    folder.mkdir()
    keys = BureauKeys.from_seed(SEED.encode())
    content = {one.name: getattr(keys, one.name) for one in fields(keys)}
    path = folder / FILE_NAME
    path.touch(mode=0o600)
    path.write_bytes(orjson.dumps(content, default=_base64url))
    return folder


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextmanager
def command(rig: Rig, folder: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs until it is killed, at the latest at the end."""
    with (folder / "said").open("ab") as said:
        process = subprocess.Popen(
            [str(_COMMAND), *words], env=_settings(rig, folder), stdout=said, stderr=said
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def ended(rig: Rig, folder: Path, *words: str) -> Any:
    """What a command that must end well says in JSON."""
    done = subprocess.run(
        [str(_COMMAND), *words, "--json"], env=_settings(rig, folder), capture_output=True,
        timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return orjson.loads(done.stdout)


def _settings(rig: Rig, folder: Path) -> dict[str, str]:
    return os.environ | {
        "TALLYSTICK_DATABASE_URL": rig.url, "TALLYSTICK_DATA_FOLDER": str(folder),
        "TALLYSTICK_CLOCK": NOON.isoformat(),
    }  # fmt: skip


def post(port: int, secret: str, files: tuple[Sent, ...]) -> list[UUID]:
    """Send files to a server that may still be starting; gives the submissions acknowledged."""
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "text/csv"}
    acknowledged: list[UUID] = []
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client:
        _wait_until_ready(client)
        for file in files:
            answer = client.post(
                "/v1/submissions",
                params={"dataset": file.dataset},
                content=file.content,
                headers={"Idempotency-Key": uuid4().hex},
            )
            assert answer.status_code == 202, answer.text
            submission_id = parse_edge_id("sbm", answer.json()["id"])
            assert submission_id is not None
            acknowledged.append(submission_id)
    return acknowledged


def _wait_until_ready(client: httpx.Client) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < end, "the server did not start"
        time.sleep(0.05)


def wait_until_finished(rig: Rig, submissions: list[UUID], *, seconds: float) -> None:
    """Wait for whoever works on them."""
    end = time.monotonic() + seconds
    while rig.one(_UNFINISHED, submissions, list(_FINISHED)):
        assert time.monotonic() < end, "nobody took over"
        time.sleep(0.1)


_UNFINISHED = """
select count(*) from intake.submission
where submission_id = any(%s) and not (state = any(%s))
"""
