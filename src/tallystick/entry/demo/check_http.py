"""A round trip over HTTP: an inquiry, the same again, and a page, against a real server."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx

from tallystick.entry.demo import welcome
from tallystick.entry.demo.tally import Tally
from tallystick.errors import Unavailable
from tallystick.service.port import Deps

if TYPE_CHECKING:
    from fastapi import FastAPI

_STEP = "http"
_START_SECONDS = 30


def check(tally: Tally, deps: Deps, synth: Path, keys: Path) -> None:
    """Ask as the small bank, and open the person's report with her sign-in link."""
    from tallystick.entry.http.app import create_app

    with (
        served(create_app(deps, background=True)) as address,
        httpx.Client(base_url=address, timeout=60, follow_redirects=True) as client,
    ):
        _inquire(tally, client, synth, keys)
        _pages(tally, client, welcome.doors(deps, synth, address))


def _inquire(tally: Tally, client: httpx.Client, synth: Path, keys: Path) -> None:
    secret = (keys / f"{welcome.example_member(synth)}.key").read_text(encoding="ascii").strip()
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": str(uuid4())}
    first, second = (
        client.post("/v1/inquiries", json=welcome.example_body(synth), headers=headers)
        for _ in range(2)
    )
    tally.expect(_STEP, "status of an inquiry", wanted=201, found=first.status_code)
    outcome = first.json().get("outcome")
    tally.expect(_STEP, "outcome of an inquiry", wanted="hit", found=outcome)
    is_same = first.json().get("report") == second.json().get("report")
    tally.expect(_STEP, "the same key gives the same answer", wanted=True, found=is_same)
    nobody = client.post("/v1/inquiries", json={}, headers={"Idempotency-Key": str(uuid4())})
    tally.expect(_STEP, "status without a key", wanted=401, found=nobody.status_code)


def _pages(tally: Tally, client: httpx.Client, doors: list[welcome.Door]) -> None:
    for door in doors:
        client.cookies.clear()
        page = client.get(door.link)
        tally.expect(_STEP, f"page of {door.who}", wanted=200, found=page.status_code)
        tally.expect(_STEP, f"where {door.who} lands", wanted=door.page, found=page.url.path)
        again = client.get(door.link)
        tally.expect(_STEP, f"the link of {door.who} again", wanted=403, found=again.status_code)


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The application on a free port of this machine, in a thread."""
    import uvicorn

    from tallystick.entry.http.serving import config_of

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(config_of(app))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="http")
    thread.start()
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not server.started:
            if time.monotonic() > deadline or not thread.is_alive():
                raise Unavailable("unavailable", "the web server did not start")
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
