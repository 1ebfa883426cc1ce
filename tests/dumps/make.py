"""Write the dump of a schema: `python -m tests.dumps.make 0001`. Once, before the schema is frozen.

Builds a small bureau through the front door (furnishing, a correction, consents, a withdrawal, an
unlink, inquiries between), keeps every answer it gave, and dumps both databases.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
from tests.bureaus import Database
from tests.dumps import dump_files
from tests.service import gate_world as gw

from tallystick.adapters.clock import FakeClock
from tallystick.adapters.databases import vault_url_of
from tallystick.adapters.embedded import EmbeddedServer
from tallystick.adapters.embedded_files import programs_for, server_account
from tallystick.adapters.keys import BureauKeys
from tallystick.adapters.postgres import (
    database_named,
    ensure_database,
    migrate,
    schema_version,
    set_mint_key,
)
from tallystick.adapters.vault import Vault
from tallystick.service.consents import withdraw
from tallystick.service.identity import unlink
from tallystick.service.inquire import answer
from tallystick.service.log import sequence_once


def main(revision: str) -> None:
    folder = Path(tempfile.mkdtemp(prefix="tallystick-dump-"))
    folder.chmod(0o711)
    keys = BureauKeys.from_seed(dump_files.SEED)
    try:
        with EmbeddedServer(folder / "postgres", settings={"fsync": "off"}) as server:
            url = database_named(server, "kept")
            made = Database(url=url, vault_url=vault_url_of(url))
            ensure_database(made.url)
            migrate(made.url)
            if schema_version(made.url) != revision:
                raise SystemExit(f"this version's schema is {schema_version(made.url)}")
            set_mint_key(made.url, keys.mint_key)
            with Vault(made.vault_url, keys.wrapping_key) as vault:
                vault.migrate()
            clock = FakeClock(datetime(2025, 1, 15, 12, tzinfo=UTC))
            world = gw.build(made, keys, clock, folder / "work")
            answers = asyncio.run(_live(world))
            gw.close(world)
            dump_files.write(revision, "answers.json.gz", orjson.dumps(answers))
            for part, address in zip(dump_files.PARTS, (made.url, made.vault_url), strict=True):
                dump_files.write(revision, f"{part}.sql.gz", _dumped(address))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{len(answers)} answers kept in {dump_files.FOLDER / revision}")


async def _live(world: gw.World) -> dict[str, str]:
    """Some weeks of a small bureau; gives the answers given meanwhile, by look."""
    answers: dict[str, str] = {}
    consents = {}

    async def ask(serial: int) -> None:
        ask = world.ask(consents[serial], identifiers=((gw.SCHEME, gw.resident_id(serial)),))
        given = await answer(world.deps, ask)
        if given.body is not None:
            answers[str(given.look_id)] = given.body.decode()
        sequence_once(world.deps)
        world.clock.advance(timedelta(hours=7))

    for serial in (1, 2, 3):
        gw.furnish(world, world.platform, serial=serial, account=f"A-{serial}")
        consents[serial] = world.consent(number=gw.resident_id(serial))
        await ask(serial)
    for serial in (1, 2):
        gw.furnish(world, world.other, serial=serial, account=f"B-{serial}", months=2)
        await ask(serial)
    restated = gw.month("A-1", "2024-12-31", balance="8500.00")
    gw.send(world, world.platform, "snapshot", restated)
    await ask(1)
    withdraw(world.deps, consents[2], withdrawn_by="the person")
    party = world.rows(
        "select p.party_id from directory.party p where p.furnisher_id = %s order by 1",
        world.other.member_id,
    )[0][0]
    unlink(world.deps, party, "a person who knows")
    consents[1] = world.consent()
    await ask(1)
    await ask(3)
    await world.deps.database.aclose()  # type: ignore[attr-defined]
    await world.deps.vault.aclose()  # type: ignore[attr-defined]
    return answers


def _dumped(url: str) -> bytes:
    program = programs_for(server_account()) / "bin" / "pg_dump"
    done = subprocess.run(
        [str(program), "--inserts", "--rows-per-insert=100", "--dbname", url],
        capture_output=True,
        check=True,
        text=True,
    )
    return dump_files.portable(done.stdout).encode()


if __name__ == "__main__":
    main(*sys.argv[1:])
