"""Answered and logged inquiries per second: permit, look, file, report, commit.

In process first (`answer()` on one loop, a sequencer beside it); the client's count of answers must
equal the log's looks. `--profile` prints where the CPU time goes.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import json
import platform
import pstats
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg

from inquiry_data import PURPOSE, SCHEME, Target, fill
from tallystick.adapters.databases import drop_database, vault_url_of
from tallystick.adapters.embedded import EmbeddedServer
from tallystick.adapters.keys import BureauKeys
from tallystick.adapters.postgres import (
    Database,
    database_named,
    ensure_database,
    migrate,
    set_mint_key,
)
from tallystick.adapters.vault import Vault
from tallystick.entry.compose import make_deps, new_id
from tallystick.service.inquire import Ask, answer
from tallystick.service.log import sequence_once
from tallystick.service.members import Member
from tallystick.service.port import Deps


def main() -> None:
    given = _arguments()
    with _bureau(given.url, size=given.callers) as (deps, url):
        bank, targets = fill(deps, url, subjects=given.subjects, heavy=given.heavy)
        figures = asyncio.run(_measure(deps, bank, targets, given))
        with psycopg.connect(url) as connection:
            row = connection.execute("select count(*) from log.look").fetchone()
        looks = int(row[0]) if row else 0
        figures["unlogged"] = float(figures.pop("answered") - looks)
    print(json.dumps({"name": "inquiry", "machine": platform.machine(), "figures": figures}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=2_000)
    parser.add_argument("--heavy", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--callers", type=int, default=16)
    parser.add_argument("--rate", type=float, default=500.0)
    parser.add_argument("--url", help="a server to run on; default: an embedded one")
    parser.add_argument("--profile", action="store_true")
    return parser.parse_args()


@contextmanager
def _bureau(server: str | None, *, size: int) -> Iterator[tuple[Deps, str]]:
    folder = Path(tempfile.mkdtemp(prefix="tallystick-bench-"))
    folder.chmod(0o711)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        base = server or stack.enter_context(EmbeddedServer(folder / "postgres"))
        url = database_named(base, f"bench_inquiry_{new_id().hex[-8:]}")
        keys = BureauKeys.from_seed(b"bench")
        ensure_database(url)
        stack.callback(drop_database, url)
        migrate(url)
        set_mint_key(url, keys.mint_key)
        vault = Vault(vault_url_of(url), keys.wrapping_key)
        vault.migrate()
        stack.callback(drop_database, vault_url_of(url))
        stack.callback(vault.close)
        database = Database(url, size=size)
        stack.callback(database.close)
        yield make_deps(database=database, vault=vault, keys=keys, work_folder=folder), url


async def _measure(
    deps: Deps, bank: Member, targets: list[Target], given: argparse.Namespace
) -> dict[str, float]:
    await deps.database.serve_pool(size=given.callers)
    load = _Load(deps, bank, targets)
    stop = threading.Event()
    sequencer = threading.Thread(target=_sequence, args=(deps, stop))
    sequencer.start()
    try:
        await load.closed_loop(1.0, callers=given.callers)  # prepares the statements
        gc.collect()
        gc.freeze()
        profile = cProfile.Profile(time.thread_time) if given.profile else None
        if profile is not None:
            profile.enable()
        closed = await load.closed_loop(given.seconds, callers=given.callers)
        if profile is not None:
            profile.disable()
            stats = pstats.Stats(profile)
            stats.sort_stats("tottime").print_stats(30)
            stats.sort_stats("cumtime").print_stats("service|vault|report|audit|psycopg", 50)
        paced = await load.fixed_rate(given.seconds, rate=given.rate)
    finally:
        stop.set()
        await asyncio.to_thread(sequencer.join)
        await deps.database.aclose()  # type: ignore[attr-defined]
        await deps.vault.aclose()  # type: ignore[attr-defined]
    return {**closed, **paced, "answered": load.answered}


class _Load:
    """Asks for random persons; remembers how long each answer took."""

    def __init__(self, deps: Deps, bank: Member, targets: list[Target]):
        self.deps = deps
        self.bank = bank
        self.targets = targets
        self.rng = random.Random(3)
        self.answered = 0

    def _ask(self) -> Ask:
        target = self.rng.choice(self.targets)
        return Ask(
            member=self.bank,
            identifiers=((SCHEME, target.number),),
            name=target.name,
            birth_date=target.birth_date,
            purpose=PURPOSE,
            permit="consent",
            consent_id=target.consent_id,
            idempotency_key=new_id().hex,
            request_digest=bytes(32),
        )

    async def one(self) -> float:
        since = time.perf_counter()
        result = await answer(self.deps, self._ask())
        if result.outcome != "hit":
            raise SystemExit(f"an inquiry came to {result.outcome}")
        self.answered += 1
        return time.perf_counter() - since

    async def closed_loop(self, seconds: float, *, callers: int) -> dict[str, float]:
        times: list[float] = []
        ends, since = time.perf_counter() + seconds, time.perf_counter()
        cpu = time.thread_time()

        async def caller() -> None:
            while time.perf_counter() < ends:
                times.append(await self.one())

        await asyncio.gather(*(caller() for _ in range(callers)))
        cpu, wall = time.thread_time() - cpu, time.perf_counter() - since
        figures = {
            "gated_per_second": len(times) / wall,
            "python_us_per_answer": cpu / len(times) * 1e6,
            **_percentiles("closed", times),
        }
        print({name: round(value, 2) for name, value in figures.items()}, flush=True)
        return figures

    async def fixed_rate(self, seconds: float, *, rate: float) -> dict[str, float]:
        """Arrivals at a fixed rate; the time counts from when each was due."""
        times: list[float] = []
        since = time.perf_counter()

        async def due(at: float) -> None:
            await self.one()
            times.append(time.perf_counter() - at)

        async with asyncio.TaskGroup() as group:
            for number in range(int(seconds * rate)):
                at = since + number / rate
                await asyncio.sleep(max(0.0, at - time.perf_counter()))
                group.create_task(due(at))
        figures = _percentiles("paced", times)
        print({name: round(value, 2) for name, value in figures.items()}, flush=True)
        return figures


def _percentiles(name: str, times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        f"{name}_p50_ms": ordered[len(ordered) // 2] * 1e3,
        f"{name}_p99_ms": ordered[int(len(ordered) * 0.99)] * 1e3,
    }


def _sequence(deps: Deps, stop: threading.Event) -> None:
    while not stop.wait(0.5):
        sequence_once(deps)


if __name__ == "__main__":
    main()
