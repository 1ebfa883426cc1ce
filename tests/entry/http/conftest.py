"""A bureau behind its web application, with two members and their keys."""

from __future__ import annotations

import asyncio
import functools
import gc
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from page_reader import HTML

import places
from beginnings import noon, tested_deps
from tallystick.adapters.clock import FakeClock
from tallystick.adapters.keys import BureauKeys
from tallystick.adapters.postgres import Database
from tallystick.adapters.vault import Vault
from tallystick.entry.http.app import create_app
from tallystick.entry.http.pages.session import COOKIE
from tallystick.entry.http.serving import config_of
from tallystick.service.members import Member, add_member, issue_key
from tallystick.service.port import Deps
from tallystick.service.sessions import open_session
from tallystick.service.submit import process

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
#: Made once: a client by default reads all certificates of the machine, and meets none here.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_LOOKS_EVERY_S = 0.002
#: Among all that a process of tests holds it takes a tenth of a second, at each start of serving.
_collect_once = functools.cache(gc.collect)


@dataclass
class Site:
    """The application, served, with a client that does not follow redirects."""

    app: FastAPI
    client: httpx.Client
    deps: Deps
    bank: Member
    bank_key: str
    platform: Member
    platform_key: str
    queued: list[UUID] = field(default_factory=list)

    def send(self, method: str, path: str, *, key: str | None = None, **more: Any):
        """A request of a member (the bank, unless told otherwise); a POST gets a fresh key."""
        headers = {"Authorization": f"Bearer {key or self.bank_key}"}
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid4())
        headers |= more.pop("headers", {})
        return self.client.request(method, path, headers=headers, **more)

    def work_off(self) -> None:
        """Do what the worker would."""
        while self.queued:
            process(self.deps, self.queued.pop(0))


@pytest.fixture
def deps(database, keys: BureauKeys, clock: FakeClock, tmp_path) -> Iterator[Deps]:
    with opened_bureau(database, keys, clock, tmp_path) as opened:
        yield opened


@pytest.fixture
def site(deps: Deps) -> Iterator[Site]:
    with a_site(deps) as made:
        yield made


@pytest.fixture(scope="module")
def shared_site(migrated, template, keys: BureauKeys, tmp_path_factory) -> Iterator[Site]:
    """One site for all tests of a module that leave nothing behind that others could meet."""
    folder = tmp_path_factory.mktemp("work")
    with (
        places.used(migrated, template) as place,
        opened_bureau(place, keys, noon(), folder) as opened,
        a_site(opened) as made,
    ):
        yield made


@contextmanager
def opened_bureau(database, keys: BureauKeys, clock: FakeClock, folder: Path) -> Iterator[Deps]:
    """The dependencies of a bureau on a test's database."""
    opened, vault = Database(database.url, size=4), Vault(database.vault_url, keys.wrapping_key)
    with places.connected(database, opened, vault):
        yield tested_deps(database=opened, vault=vault, keys=keys, work_folder=folder, clock=clock)


@contextmanager
def a_site(deps: Deps) -> Iterator[Site]:
    """The bureau's application, served, with a bank and a platform and their keys."""
    bank = _member(deps, "bank-a", "commercial_bank")
    platform = _member(deps, "platform-a", "platform")
    queued: list[UUID] = []
    app = create_app(deps, background=False, enqueue=queued.append)
    with (
        served(app) as address,
        httpx.Client(base_url=address, timeout=60, verify=_NO_TLS) as client,
    ):
        yield Site(
            app=app,
            client=client,
            deps=deps,
            bank=bank,
            bank_key=issue_key(deps, bank.member_id, "test").secret,
            platform=platform,
            platform_key=issue_key(deps, platform.member_id, "test").secret,
            queued=queued,
        )


class _Prompt(uvicorn.Server):
    """Ends at once when told to: uvicorn looks every tenth of a second, and waits another one."""

    async def main_loop(self) -> None:
        await self.on_tick(0)
        while not self.should_exit:
            await asyncio.sleep(_LOOKS_EVERY_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        while self.server_state.connections or self.server_state.tasks:
            await asyncio.sleep(_LOOKS_EVERY_S)
        await self.lifespan.shutdown()


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The application on a free port, in a thread, as `tallystick serve` runs it."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = _Prompt(config_of(app))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "collect", _collect_once)
        thread.start()
        while not server.started:
            time.sleep(_LOOKS_EVERY_S)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def _member(deps: Deps, code: str, member_class: str) -> Member:
    return add_member(
        deps, code=code, name_en=f"The {code}", name_zh="机构", member_class=member_class
    )


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    """Debian's Chromium, driven from here."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def visit(site):
    """Fetch a page as a persona."""

    def fetch(path: str, secret: str | None = None, **more):
        headers = {**HTML, **more.pop("headers", {})}
        if secret:
            headers["Cookie"] = f"{COOKIE}={secret}"
        return site.client.request(more.pop("method", "GET"), path, headers=headers, **more)

    return fetch


@pytest.fixture
def furnisher(site) -> str:
    return open_session(site.deps, persona="furnisher", member_id=site.bank.member_id)


@pytest.fixture
def operator(site) -> str:
    return open_session(site.deps, persona="operator")


@pytest.fixture
def lender(site) -> str:
    return open_session(site.deps, persona="lender", member_id=site.bank.member_id)
