"""Fixtures that stand for the world: a server, a fresh database, keys, a clock, a browser.

`server` is started once a session; `database` is a fresh migrated one for each test that asks.
TALLYSTICK_TEST_DATABASE_URL names another server to run on; databases on it are made and dropped.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings

import places
from beginnings import noon, running
from bureaus import Database, RunningBureau
from needs import lacking
from places import Laid
from tallystick.adapters.clock import FakeClock
from tallystick.adapters.databases import drop_database, vault_url_of
from tallystick.adapters.embedded import EmbeddedServer
from tallystick.adapters.keys import BureauKeys
from tallystick.adapters.postgres import (
    database_named,
    ensure_database,
    migrate,
    set_mint_key,
)
from tallystick.adapters.vault import Vault

# How long a busy machine takes to draw or to run an example says nothing of the code.
settings.register_profile("tallystick", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tallystick")

#: `make golden`: kept files are written, not compared.
WRITES_GOLDEN = os.environ.get("TALLYSTICK_GOLDEN") == "write"
# Durability to a power cut is not what tests test; to a kill it holds all the same.
QUICK = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "24MB"}
# Each test has two databases of its own: copied in memory they cost a quarter of what disk costs.
IN_MEMORY = Path("/dev/shm")  # noqa: S108  only for a folder of a name of its own
ROOM_IN_MEMORY_BYTES = 2 << 30  # the servers of two workers held 0.7 GiB at most, measured


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Look for circles in nothing that is imported and collected: a quarter of a second a time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


def pytest_sessionfinish() -> None:
    """At the end all is looked at: DuckDB reports what nobody gave back."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a running server: the embedded one in a temporary folder, or a given one."""
    given = os.environ.get("TALLYSTICK_TEST_DATABASE_URL")
    if given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="tallystick-test-", dir=_roomy_memory()))
    folder.chmod(0o711)  # root's server runs as another user, who must walk through
    try:
        with EmbeddedServer(folder, settings=QUICK) as url:
            _cheapen_logins(url)
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _cheapen_logins(url: str) -> None:
    """One round of hashing a login in place of 4,096: a test opens some eight connections."""
    password = unquote(str(urlsplit(url).password))
    with psycopg.connect(url) as connection:
        connection.execute("SET scram_iterations = 1")
        connection.execute(psycopg.sql.SQL("ALTER ROLE CURRENT_USER PASSWORD {}").format(password))


def _roomy_memory() -> Path | None:
    """The machine's file system in memory where there is room; None is the usual place on disk."""
    has_room = IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free >= ROOM_IN_MEMORY_BYTES
    return IN_MEMORY if has_room and os.access(IN_MEMORY, os.W_OK) else None


@pytest.fixture(scope="session")
def migrated(server: str, keys: BureauKeys) -> Iterator[Database]:
    """A migrated database with the mint's key, and a vault: the model of those for tests."""
    url = database_named(server, f"tallystick_template_{uuid4().hex[:8]}")
    made = Database(url=url, vault_url=vault_url_of(url))
    ensure_database(made.url)
    migrate(made.url)
    with Vault(made.vault_url, keys.wrapping_key) as vault:
        vault.migrate()
    set_mint_key(made.url, keys.mint_key)
    yield made
    places.let_go()
    drop_database(made.vault_url)
    drop_database(made.url)


@pytest.fixture(scope="session")
def template() -> Laid | None:
    """What a test's database holds when it begins, beside what a migrated one does.

    A module may put its own beginning in its place (`beginnings.beginning`).
    """
    return None


@pytest.fixture
def database(request: pytest.FixtureRequest, migrated: Database) -> Iterator[Database]:
    """A migrated database and a vault for one test: with nobody on file, or as its module begins.

    The tests of a module with a beginning that begin with nobody on file are marked `from_nothing`.
    """
    is_empty = request.node.get_closest_marker("from_nothing") is not None
    with places.used(migrated, None if is_empty else request.getfixturevalue("template")) as made:
        yield made


@pytest.fixture(scope="session")
def keys() -> BureauKeys:
    """The same demo keys in every test."""
    return BureauKeys.from_seed(b"tests")


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands at noon of 15 January 2025, UTC."""
    return noon()


@pytest.fixture
def bureau(
    database: Database, keys: BureauKeys, clock: FakeClock, tmp_path: Path
) -> Iterator[RunningBureau]:
    """A bureau in test mode under profile `zz`, on the real database, with a clock to move."""
    with running(database, keys, clock, tmp_path) as opened:
        yield opened


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Debian's Chromium; without it a browser test skips, in CI it fails."""
    path = shutil.which("chromium", path="/usr/bin:/usr/local/bin")
    if path is None:
        lacking("Chromium is missing", "install it with: apt-get install chromium")
    return path


@pytest.fixture
def root() -> None:
    """The test runs as root, who can become another user."""
    if os.geteuid() != 0:
        lacking("only root can become another user", "run the tests as root")


@pytest.fixture(scope="session")
def prove_rounds() -> int:
    """How often a slow proof repeats itself: 20 times, or 3 with `make prove PROVE=short`."""
    return 3 if os.environ.get("TALLYSTICK_PROVE") == "short" else 20


@pytest.fixture
def golden() -> Callable[[Path, str], None]:
    """Compare a kept file with what is made of it now; `make golden` writes it instead."""

    def compare(kept: Path, made: str) -> None:
        if WRITES_GOLDEN:
            kept.write_text(made, encoding="utf-8")
        assert kept.read_text("utf-8") == made, f"{kept.name} differs; run: make golden"

    return compare
