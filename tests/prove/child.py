"""Started by the proofs in a process of its own, to be killed: a worker, or a web server.

python child.py resume ADDRESSES              run every unfinished submission
python child.py process ADDRESSES SUBMISSION  run one submission
python child.py work ADDRESSES SECONDS        be a worker; others are dead after so long
python child.py serve ADDRESSES PORT          serve until ended, numbering looks

Prints "ready" once everything is imported and open: the instants of a kill are counted from there.
"""

from __future__ import annotations

import os
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import orjson

from tallystick.adapters.clock import FakeClock, SystemClock
from tallystick.adapters.jobs import run_worker
from tallystick.adapters.keys import BureauKeys
from tallystick.adapters.postgres import Database
from tallystick.adapters.vault import Vault
from tallystick.entry.compose import make_deps, wipe
from tallystick.service.submit import process, resume_all

NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)


def main(what: str, addresses: str, *more: str) -> None:
    given = orjson.loads(addresses)
    keys = BureauKeys.from_seed(given["seed"].encode())
    database = Database(given["url"], size=12)
    work = Path(given["work"])
    wipe(work)
    with Vault(given["vault_url"], keys.wrapping_key) as vault:
        deps = make_deps(
            database=database,
            vault=vault,
            keys=keys,
            work_folder=work / str(os.getpid()),
            clock=SystemClock() if what == "serve" else FakeClock(NOON),
        )
        deps.work_folder.mkdir(parents=True, mode=0o700)
        with database.connect("intake") as connection:
            connection.execute("select")
        if what == "serve":
            serve(deps, int(more[0]))
            return
        print("ready", flush=True)
        if what == "work":
            opened = SimpleNamespace(deps=deps, database=database)
            run_worker(opened, threading.Event(), dead_after_s=float(more[0]))
        elif what == "process":
            process(deps, UUID(more[0]))
        else:
            resume_all(deps)
        print("done", flush=True)
        database.close()


def serve(deps: object, port: int) -> None:
    import uvicorn

    from tallystick.entry.http.app import create_app
    from tallystick.entry.http.serving import config_of

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: object = None) -> None:
            await super().startup(sockets)  # type: ignore[arg-type]
            print("ready", flush=True)

    app = create_app(deps, background=True)  # type: ignore[arg-type]
    config = config_of(app)
    config.port = port
    Announcing(config).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
