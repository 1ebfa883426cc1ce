"""The composition root: settings become a running bureau's parts. Nothing else wires adapters."""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import uuid_utils

from tallystick.adapters import privileges
from tallystick.adapters.clock import Clock, FakeClock, SystemClock
from tallystick.adapters.databases import vault_url_of
from tallystick.adapters.embedded import EmbeddedServer
from tallystick.adapters.keys import BureauKeys, load_or_create
from tallystick.adapters.owners import usable
from tallystick.adapters.postgres import (
    Database,
    database_named,
    ensure_database,
    migrate,
    set_mint_key,
)
from tallystick.adapters.settings import ClockSettings, Settings
from tallystick.adapters.vault import Vault
from tallystick.formats import load
from tallystick.profile import Profile
from tallystick.service.port import Deps
from tallystick.service.workbench import Workbench

#: The database of the embedded server.
DATABASE = "tallystick"
#: Work folders of the bureaus that are open in this process: threads may open one each.
_open_here: set[str] = set()
_openings = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bureau:
    """A bureau's parts, open: what every entry works with."""

    deps: Deps
    database: Database
    vault: Vault
    settings: Settings

    def close(self) -> None:
        """Close connections; an embedded server is stopped by whoever started it."""
        self.database.close()
        self.vault.close()


def new_id() -> UUID:
    """A fresh UUID version 7."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


def paced(share: float) -> Callable[[], AbstractContextManager[None]]:
    """Blocks of work that together take `share` of one processor's time; 1.0: all there is.

    Below 1.0 they take turns, whichever threads they run in, and each pauses within its turn as
    long as its work asks for. What a thread does between two of them is not counted.
    """
    turn = threading.Lock()

    @contextmanager
    def block() -> Iterator[None]:
        if share == 1.0:
            yield
            return
        with turn:
            began = time.perf_counter()
            yield
            time.sleep((time.perf_counter() - began) * (1 / share - 1))

    return block


def make_deps(
    *,
    database: Database,
    vault: Vault,
    keys: BureauKeys,
    work_folder: Path,
    profile: str = "zz",
    is_test_mode: bool = True,
    clock: Callable[[], datetime] | None = None,
    intake_share: float = 1.0,
) -> Deps:
    """The services' dependencies from open adapters (tests use it with a fake clock)."""
    return Deps(
        clock=clock or SystemClock(),
        new_id=new_id,
        random_bytes=secrets.token_bytes,
        paced=paced(intake_share),
        gives_way=intake_share < 1.0,
        database=database,
        vault=vault,
        keys=keys,
        registry=load(),
        profile=Profile.load(profile, live=not is_test_mode),
        is_test_mode=is_test_mode,
        work_folder=work_folder,
        workbench=Workbench(threads=2 if intake_share == 1.0 else 1),
        settings={},
    )


@contextmanager
def open_bureau(
    settings: Settings,
    *,
    clock: Callable[[], datetime] | None = None,
    intake_share: float = 1.0,
    make: bool = True,
    is_durable: bool = True,
) -> Iterator[Bureau]:
    """Open the bureau the settings describe: start the embedded server where none is given.

    Takes:  `make`: create databases, roles and keys where they are missing, and migrate;
            `is_durable` False: for what would be made anew after a crash anyway
    Raises: ProfileError, before anything is made, when the profile is none the mode takes;
            Unavailable when the database is out of reach or keys are refused; BadRequest
            `database_privilege` when the database's user may not make what is missing, and
            `data_folder_closed` when the data folder cannot be made or written
    """
    # What may refuse comes before what makes: a refusal leaves neither keys nor a server behind.
    Profile.load(settings.profile, live=settings.mode == "live")
    with usable(settings.data_folder):
        keys = load_or_create(settings.data_folder, mode=settings.mode)
    with ExitStack() as stack:
        url = settings.database_url
        if url is None:
            server = stack.enter_context(EmbeddedServer(settings.data_folder / "postgres"))
            url = database_named(server, DATABASE)
        vault_url = settings.vault_url or vault_url_of(url)
        if make:
            with privileges.told(url, setting="TALLYSTICK_DATABASE_URL"):
                ensure_database(url)
                migrate(url)
                set_mint_key(url, keys.mint_key)
        vault = stack.enter_context(Vault(vault_url, keys.wrapping_key, is_durable=is_durable))
        if make:
            with privileges.told(vault_url, setting="TALLYSTICK_VAULT_URL"):
                vault.migrate()
        database = Database(url, size=settings.database_pool, is_durable=is_durable)
        stack.callback(database.close)
        work, name = settings.data_folder / "work", f"{os.getpid()}-{next(_openings)}"
        _open_here.add(name)
        stack.callback(_open_here.discard, name)
        wipe(work)
        deps = make_deps(
            database=database,
            vault=vault,
            keys=keys,
            work_folder=work / name,
            profile=settings.profile,
            is_test_mode=settings.mode == "test",
            clock=clock or clock_of(settings),
            intake_share=intake_share,
        )
        stack.callback(deps.workbench.close)
        deps.work_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        yield Bureau(deps=deps, database=database, vault=vault, settings=settings)


def clock_of(settings: ClockSettings) -> Clock:
    """The bureau's clock: the machine's, or in test mode one that stands where it was set."""
    if settings.clock is not None and settings.mode == "test":
        return FakeClock(datetime.fromisoformat(settings.clock))
    return SystemClock()


def wipe(work: Path) -> None:
    """Wipe what jobs of dead processes left in the work folder."""
    work.mkdir(parents=True, exist_ok=True, mode=0o700)
    for folder in work.iterdir():
        if not _is_alive(folder.name):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(name: str) -> bool:
    """Whether a folder is of another process that lives, or of a bureau that is open in this one.

    An earlier process may have had our number.
    """
    number = name.partition("-")[0]
    is_anothers = number.isdigit() and int(number) != os.getpid()
    return name in _open_here or (is_anothers and Path(f"/proc/{number}").exists())
