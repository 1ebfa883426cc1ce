"""kill -9 of PostgreSQL under a load of inquiries: the web server lives on and loses no look."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import orjson
import pytest
import rig as rigs
import web

from service import gate_world as gw
from tallystick.adapters.clock import SystemClock
from tallystick.adapters.databases import vault_url_of
from tallystick.adapters.embedded import EmbeddedServer
from tallystick.adapters.keys import BureauKeys
from tallystick.service.members import issue_key

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3600)]
SETTINGS = {"fsync": "off", "shared_buffers": "128MB"}
CALLERS = 16


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:  # type: ignore[override]
    """A server of this test's own, to be killed."""
    folder = Path(tempfile.mkdtemp(prefix="tallystick-prove-"))
    folder.chmod(0o711)
    made = EmbeddedServer(folder, settings=SETTINGS)
    made.start()
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_killed_database_kept_every_look_of_an_answer(
    server: EmbeddedServer, tmp_path: Path, prove_rounds: int
) -> None:
    url = rigs.make(server.url, "load")
    secret, contents = _furnished(url, tmp_path)
    given = {"url": url, "vault_url": vault_url_of(url), "work": str(tmp_path / "child")}
    addresses = orjson.dumps(given | {"seed": rigs.SEED}).decode()
    chance, port = random.Random(11), web.free_port()
    sent: list[web.Sent] = []
    with rigs.child("serve", addresses, str(port)):
        for _ in range(prove_rounds):
            asyncio.run(_round(server, port, secret, contents, sent, chance.uniform(0.2, 1.2)))
    with rigs.opened(
        url, tmp_path / "after", bank=gw.Member(UUID(int=0), "nobody", "", "", "other")
    ) as rig:
        looks = rig.one("select count(*) from log.look where outcome = 'hit'")
        assert looks == len({one.key for one in sent}) == len({one.body["id"] for one in sent})
        rigs.check_whole(rig)
    print(f"{len(sent)} inquiries, {prove_rounds} kills of the database")


def _furnished(url: str, tmp_path: Path) -> tuple[str, list[dict[str, Any]]]:
    """One person on file; gives the bank's key and what it asks."""
    keys = BureauKeys.from_seed(rigs.SEED.encode())
    made = SimpleNamespace(url=url, vault_url=vault_url_of(url))
    world = gw.build(made, keys, SystemClock(), tmp_path / "work")  # type: ignore[arg-type]
    gw.furnish(world, world.platform, months=1)
    secret = issue_key(world.deps, world.bank.member_id, "load").secret
    contents = [web.inquiry(1, gw.NAME, world.consent())]
    gw.close(world)
    return secret, contents


async def _round(
    server: EmbeddedServer,
    port: int,
    secret: str,
    contents: list[dict[str, Any]],
    everything: list[web.Sent],
    seconds: float,
) -> None:
    """Ask, kill the database in the midst of it, start it again, send everything once more."""
    sent: list[web.Sent] = []
    stop = asyncio.Event()
    async with web.client(port, secret) as to:
        asking = [
            asyncio.create_task(web.keep_asking(to, contents, sent, stop)) for _ in range(CALLERS)
        ]
        await asyncio.sleep(seconds)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        stop.set()
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        await asyncio.gather(*asking)
        assert {one.status for one in sent} <= {201, 503}
        given = {one.key: one.body for one in sent if one.status == 201}
        await _send_again(to, sent)
    for one in sent:
        assert one.status == 201, one.body
        if one.key in given:
            assert one.body["id"] == given[one.key]["id"]
            assert one.body["report"] == given[one.key]["report"]
    everything += sent


async def _send_again(to: Any, sent: list[web.Sent]) -> None:
    """Everything with its old key; what the catalogue calls retryable is tried again."""
    for one in sent:
        for _ in range(100):
            await web.send(to, one)
            if one.status != 503:
                break
            await asyncio.sleep(0.1)
