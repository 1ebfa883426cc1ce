"""Gated answers per second over HTTP: permit, look, file, report, commit; one server process.

Usage: python -m benchmarks.inquiry [--subjects N] [--seconds S] [--beside-intake] [--profile]

Fills a bureau, serves it by one process, drives it from another: a closed loop of 16 callers, then
arrivals at a fixed rate. In the same run a bare handler of the same framework answers the same
clients with a constant of the same size. Looks are numbered in a third process's stead by this
one. The clients' count of answers must equal the log's looks (`unlogged` is the difference).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.bureau import Filled, huge_pages, server_cpu_seconds, server_settings, warm
from benchmarks.inquiry_data import fill
from benchmarks.inquiry_intake import FURNISHER, prepare
from benchmarks.inquiry_server import SEED
from benchmarks.standstill import Standstill
from tallystick.adapters.databases import vault_url_of
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
from tallystick.entry.compose import make_deps
from tallystick.service.log import sequence_once
from tallystick.service.members import issue_key, member_by_code
from tallystick.service.port import Deps

CALLERS, RATE, RATE_BESIDE_INTAKE = 16, 500.0, 300.0
WARM_SECONDS = 2.0


def main() -> None:
    """Run and print; the last line is JSON."""
    given = _arguments()
    with _bureau(given) as site:
        figures = _measured(site, given)
    line = {
        "name": "inquiry",
        "machine": f"{platform.processor() or platform.machine()} × {os.cpu_count()}",
        "figures": {name: round(value, 3) for name, value in figures.items()},
        "against": {"bare": "a handler of the same framework, a constant body of the same size"},
    }
    print(json.dumps(line))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--beside-intake", action="store_true")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the submission beside")
    parser.add_argument("--share", type=float, default=0.5, help="of its time the intake works")
    parser.add_argument("--profile", action="store_true", help="the server's profile, on stdout")
    parser.add_argument("--folder", type=Path, help="keep the bureau here and use it again")
    return parser.parse_args()


@dataclass(frozen=True, slots=True)
class Site:
    """The filled bureau: where it is, and the file of whom to ask for."""

    deps: Deps
    url: str
    targets: Path
    server: EmbeddedServer


@contextmanager
def _bureau(given: argparse.Namespace) -> Iterator[Site]:
    folder = given.folder or Path(tempfile.mkdtemp(prefix="tallystick-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)
    targets = folder / "targets.json"
    with ExitStack() as stack:
        if given.folder is None:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.enter_context(huge_pages())
        server = EmbeddedServer(folder / "postgres", settings=server_settings())
        url = database_named(stack.enter_context(server), "tallystick")
        keys = BureauKeys.from_seed(SEED)
        if not targets.exists():
            ensure_database(url)
            migrate(url)
            set_mint_key(url, keys.mint_key)
        vault = stack.enter_context(Vault(vault_url_of(url), keys.wrapping_key))
        vault.migrate()
        database = Database(url, size=8)
        stack.callback(database.close)
        deps = make_deps(
            database=database, vault=vault, keys=keys, work_folder=folder / "work",
            intake_share=given.share,
        )  # fmt: skip
        deps.work_folder.mkdir(exist_ok=True)
        if not targets.exists():
            _fill(deps, url, given.subjects, targets)
        for each in (url, vault_url_of(url)):
            warm(each)
        yield Site(deps, url, targets, server)


def _fill(deps: Deps, url: str, subjects: int, targets: Path) -> None:
    print(f"filling {subjects:,} persons …", flush=True)
    since = time.perf_counter()
    bank, known = fill(deps, url, subjects=subjects, heavy=max(1, subjects // 100))
    secret = issue_key(deps, bank.member_id, "bench").secret
    rows = [[one.number, one.name, one.birth_date, f"cns_{one.consent_id.hex}"] for one in known]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("checkpoint")
    targets.write_text(json.dumps({"secret": secret, "targets": rows}))
    print(f"  filled in {time.perf_counter() - since:.0f} s", flush=True)


def _measured(site: Site, given: argparse.Namespace) -> dict[str, float]:
    figures: dict[str, float] = {}
    looks = _looks(site.url)
    answered = 0
    with _sequencing(site.deps):
        with _server("--url", site.url, *(["--profile"] if given.profile else [])) as server:
            runs = [_load(server, site, seconds=WARM_SECONDS)]
            closed = _load(server, site, seconds=given.seconds, said="closed loop, 16 callers")
            with Standstill(site.targets.parent) as still:
                paced = _load(server, site, seconds=given.seconds, rate=RATE, said="500/s")
            figures |= still.figures("at_500")
            runs += [closed, paced]
            if given.beside_intake:
                with Standstill(site.targets.parent) as still:
                    beside, intake = _beside_intake(server, site, given)
                figures |= still.figures("beside_intake")
                runs.append(beside)
                figures["p50_ms_beside_intake"] = beside["p50_ms"]
                figures["p99_ms_beside_intake"] = beside["p99_ms"]
                figures["per_second_beside_intake"] = beside["per_second"]
                figures["intake_rows_per_second"] = intake["rows_per_second"]
            answered = sum(int(run["answered"]) for run in runs)
        with _server("--bare-bytes", str(int(closed["mean_bytes"]))) as server:
            _load(server, site, seconds=WARM_SECONDS)
            bare = _load(server, site, seconds=given.seconds / 2, said="bare handler")
            bare_paced = _load(
                server, site, seconds=given.seconds / 2, rate=RATE, said="bare, 500/s"
            )
    figures["gated_per_second"] = closed["per_second"]
    figures["p50_ms"], figures["p99_ms"] = closed["p50_ms"], closed["p99_ms"]
    figures["p50_ms_at_500"], figures["p99_ms_at_500"] = paced["p50_ms"], paced["p99_ms"]
    figures["server_us_per_answer"] = closed["server_us"]
    figures["database_us_per_answer"] = closed["database_us"]
    figures["sequencer_us_per_answer"] = closed["sequencer_us"]
    figures["load_us_per_answer"] = closed["load_us"]
    figures["bare_per_second"], figures["bare_us_per_answer"] = (
        bare["per_second"],
        bare["server_us"],
    )
    figures["bare_p99_ms_at_500"] = bare_paced["p99_ms"]
    figures["ratio_to_bare"] = closed["per_second"] / bare["per_second"]
    figures["cpu_ratio_to_bare"] = bare["server_us"] / closed["server_us"]
    figures["answer_bytes"] = closed["mean_bytes"]
    figures["unlogged"] = answered - (_looks(site.url) - looks)
    figures["load_average"] = os.getloadavg()[0]
    return figures


def _beside_intake(
    server: Served, site: Site, given: argparse.Namespace
) -> tuple[dict[str, float], dict[str, float]]:
    """Arrivals at a fixed rate for as long as a submission is received, judged and published."""
    folder = site.targets.parent
    done = folder / "intake.done"
    done.unlink(missing_ok=True)
    furnisher = member_by_code(site.deps, FURNISHER)
    filled = Filled(deps=site.deps, url=site.url, member=furnisher, server=site.server)
    prepare(filled, given.rows, folder)
    print(f"intake of {given.rows:,} rows beside …", flush=True)
    command = [
        sys.executable, "-m", "benchmarks.inquiry_intake", "--url", site.url,
        "--folder", str(folder), "--share", str(given.share),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE) as intake:
        beside = _load(
            server, site, seconds=900, rate=RATE_BESIDE_INTAKE, until=done, said="beside intake"
        )
        said, _ = intake.communicate()
    figures: dict[str, float] = json.loads(said.splitlines()[-1])
    print(f"intake: {figures}", flush=True)
    return beside, figures


def _looks(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("select count(*) from log.look").fetchone()
    return int(row[0]) if row else 0


@dataclass(frozen=True, slots=True)
class Served:
    """A server process and its port."""

    port: int
    pid: int


@contextmanager
def _server(*arguments: str) -> Iterator[Served]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.inquiry_server", "--port", str(port), *arguments]
    process = subprocess.Popen(command)
    try:
        _wait_for(port, process)
        yield Served(port, process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit("the server did not start")
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server does not answer")


def _load(
    server: Served,
    site: Site,
    *,
    seconds: float,
    rate: float = 0.0,
    until: Path | None = None,
    said: str = "",
) -> dict[str, float]:
    """Drive a server for some seconds; with the CPU time it and the database took an answer."""
    command = [
        sys.executable, "-m", "benchmarks.inquiry_load", "--port", str(server.port),
        "--targets", str(site.targets), "--seconds", str(seconds), "--rate", str(rate),
        "--callers", str(CALLERS), "--seed", str(time.time_ns()),
    ]  # fmt: skip
    if until is not None:
        command += ["--until", str(until)]
    ours = time.process_time()
    before, database = _cpu(server.pid), server_cpu_seconds(site.server.pid)
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    figures: dict[str, float] = json.loads(done.stdout)
    answered = figures["answered"]
    figures["server_us"] = (_cpu(server.pid) - before) / answered * 1e6
    figures["database_us"] = (server_cpu_seconds(site.server.pid) - database) / answered * 1e6
    figures["sequencer_us"] = (time.process_time() - ours) / answered * 1e6
    figures["load_us"] = figures["own_cpu_seconds"] / answered * 1e6
    if said:
        shown = {name: round(value, 1) for name, value in figures.items()}
        print(f"{said}: {shown}, load {os.getloadavg()[0]:.1f}", flush=True)
    return figures


_TICKS = os.sysconf("SC_CLK_TCK")


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@contextmanager
def _sequencing(deps: Deps) -> Iterator[None]:
    """Number looks meanwhile, as the worker does."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.25):
            sequence_once(deps)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


if __name__ == "__main__":
    main()
