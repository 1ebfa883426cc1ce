"""One month of many accounts, from file to published, beside a bare COPY of the same rows.

Usage: python -m benchmarks.ingest [--accounts 1000000] [--profile]

Fills a bureau (each account 24 months on file), writes one month of CSV, runs it through `receive`
and `process`, and prints where the time went. Then copies the very rows the ledger took, in the
same order, into an empty equal table with the same primary key, in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import threading
import time
from datetime import date
from pathlib import Path
from typing import IO, Any

import psycopg

from benchmarks.bureau import (
    Filled,
    account_number,
    bureau,
    fill_accounts,
    server_cpu_seconds,
    utc,
    warm,
)
from tallystick.service import submit

LAST, NOW = date(2024, 12, 31), utc(2025, 2, 3)
MONTH = "2025-01-31"
HEADER = (
    "account_number,period_end,bucket,days_past_due,currency,balance,credit_limit,payment_due,"
    "amount_paid,amount_past_due,classification,status,first_delinquency_on,last_payment_on,"
    "remaining_instalments,notice_sent_on\n"
)


def write_month(path: Path, accounts: int) -> None:
    """One month of snapshots, one in forty late, in the order of the furnisher's numbers."""
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        for index in range(accounts):
            late = index % 40 == 0
            balance = 20_000 + index % 25_000
            file.write(
                f"{account_number(index)},{MONTH},{'1' if late else '0'},{5 if late else 0},CNY,"
                f"{balance}.{index % 100:02d},,1000.00,{'0.00' if late else '1000.00'},"
                f"{'1000.00' if late else '0.00'},normal,open,"
                f"{'2025-01-26' if late else ''},{'' if late else '2025-01-20'},"
                f"{index % 60},{'2025-01-20' if late else ''}\n"
            )


class Watch:
    """Watches stages, our memory, and how long chunks keep their rows locked."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self._stage, self._since = "receive", time.perf_counter()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if stage != self._stage:
            self._end()
            self._stage = stage
            print(f"  {stage} …", flush=True)
        elif stage == "publishing" and total and done % (total // 10 or 1) < 2000:
            print(f"  {stage} {done:,} of {total:,}", flush=True)

    def _end(self) -> None:
        now = time.perf_counter()
        self.stages[self._stage] = self.stages.get(self._stage, 0.0) + now - self._since
        self._since = now

    def finish(self) -> None:
        self._end()


class LockProbe(threading.Thread):
    """Asks for the lock of random files all the time and keeps how long each wait was."""

    def __init__(self, url: str):
        super().__init__(daemon=True)
        self._url, self._ended = url, threading.Event()
        self.waits_ms: list[float] = []

    def run(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            rows = connection.execute(
                "select subject_id, account_id from file.account tablesample bernoulli (1)"
                " limit 5000"
            ).fetchall()
            index = 0
            while not self._ended.is_set():
                subject, account = rows[(index * 37) % len(rows)]
                index += 1
                started = time.perf_counter()
                connection.execute(
                    "select from file.account where subject_id = %s and account_id = %s for share",
                    (subject, account),
                )
                self.waits_ms.append((time.perf_counter() - started) * 1000)
                time.sleep(0.002)

    def stop(self) -> None:
        self._ended.set()
        self.join()


def bare_copy(filled: Filled) -> float:
    """Seconds to COPY the month's ledger rows into an empty equal table with its primary key."""
    with psycopg.connect(filled.url) as connection:
        connection.execute("create schema bare")
        connection.execute(
            "create table bare.snapshot (like ledger.snapshot including defaults including"
            " constraints, primary key (party_id, account_id, period_end, chunk_id))"
        )
        connection.commit()
        path = filled.deps.work_folder / "bare.copy"
        with (
            path.open("wb") as file,
            connection.cursor().copy(
                "copy (select * from ledger.snapshot_2025_01 order by chunk_id, row_no) to stdout"
            ) as copy,
        ):
            for data in copy:
                file.write(data)
        started = time.perf_counter()
        with (
            path.open("rb") as file,
            connection.cursor().copy("copy bare.snapshot from stdin") as copy,
        ):
            while data := file.read(1 << 20):
                copy.write(data)
        connection.commit()
        seconds = time.perf_counter() - started
        path.unlink()
    return seconds


def cpu_seconds(postmaster: int | None) -> tuple[float, float]:
    """CPU used so far by us, and by PostgreSQL with all its processes, living and ended."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, server_cpu_seconds(postmaster)


def p99(values: list[float]) -> float:
    """The 99th percentile."""
    ordered = sorted(values)
    return ordered[int(len(ordered) * 0.99)] if ordered else 0.0


def run(accounts: int, *, profiled: bool) -> dict[str, Any]:
    """Fill, ingest, copy; gives the figures."""
    with bureau(NOW) as filled:
        print(f"filling {accounts:,} accounts with 24 months …", flush=True)
        fill_accounts(filled, accounts, 24, LAST)
        path = filled.deps.work_folder / "month.csv"
        write_month(path, accounts)
        warm(filled.url)
        base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        peak = _PeakMemory()
        probe = LockProbe(filled.url)
        probe.start()
        peak.start()
        watch = Watch()
        ours, theirs = cpu_seconds(filled.server.pid)
        started = time.perf_counter()
        with path.open("rb") as stream:
            received = submit.receive(filled.deps, filled.member, "snapshot", stream)
        if profiled:
            view = _profiled(filled, received.submission_id, watch)
        else:
            view = submit.process(filled.deps, received.submission_id, watch)
        seconds = time.perf_counter() - started
        ours_after, theirs_after = cpu_seconds(filled.server.pid)
        watch.finish()
        probe.stop()
        peak_mib = peak.stop()
        print(f"  {view.accepted:,} accepted, {view.rejected:,} rejected, {view.by_rule}")
        for stage, spent in watch.stages.items():
            print(f"  {stage:12s} {spent:6.2f} s")
        bare = bare_copy(filled)
        print(f"  bare COPY    {bare:6.2f} s   (filling alone peaked at {base:.0f} MiB)")
        return {
            "rows_per_second": round(accounts / seconds),
            "seconds": round(seconds, 2),
            "ratio_to_copy": round(bare / seconds, 3),
            "peak_mib": round(peak_mib),
            "cpu_seconds_ours": round(ours_after - ours, 1),
            "cpu_seconds_postgresql": round(theirs_after - theirs, 1),
            "lock_wait_p99_ms": round(p99(probe.waits_ms), 1),
            "lock_wait_max_ms": round(max(probe.waits_ms), 1),
            "accepted": view.accepted,
        }


def _profiled(filled: Filled, submission_id: Any, watch: Watch) -> Any:
    import cProfile
    import pstats

    profiler = cProfile.Profile()
    view = profiler.runcall(submit.process, filled.deps, submission_id, watch)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(18)
    return view


class _PeakMemory(threading.Thread):
    """Samples this process's resident memory."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._ended, self._peak = threading.Event(), 0.0

    def run(self) -> None:
        page = os.sysconf("SC_PAGE_SIZE")
        while not self._ended.wait(0.05):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self._peak = max(self._peak, pages * page / 2**20)

    def stop(self) -> float:
        self._ended.set()
        self.join()
        return self._peak


def main(out: IO[str] = sys.stdout) -> None:
    """Run and print; the last line is JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    figures = run(given.accounts, profiled=given.profile)
    line = {
        "name": "ingest",
        "machine": f"{platform.processor() or platform.machine()} × {os.cpu_count()}",
        "figures": figures,
        "against": {"bare_copy": "PostgreSQL COPY into an empty equal table with its primary key"},
    }
    print(json.dumps(line), file=out)


if __name__ == "__main__":
    main()
