"""Memory that a file of corrections takes, small and four times as large.

Usage: python -m benchmarks.corrections [--few 6000] [--many 24000]

Furnishes one month of so many accounts, then a correction of each month, first of a few accounts,
then of the others, and prints how much memory of ours each took at most, over what was held before.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import IO, Any

import orjson

from benchmarks.bureau import Filled, account_number, bureau, fill_accounts, utc
from tallystick.entry.cli.digest import digests
from tallystick.service import submit

LAST, NOW = date(2024, 12, 31), utc(2025, 2, 3)
#: Corrected before anything is measured, so that nothing is loaded for the first time.
_WARM = 500


def month(index: int, balance: str) -> dict[str, str]:
    """One month of one account."""
    return {
        "account_number": account_number(index), "period_end": "2025-01-31", "bucket": "0",
        "days_past_due": "0", "currency": "CNY", "balance": balance, "payment_due": "1000.00",
        "amount_paid": "1000.00", "amount_past_due": "0.00", "status": "open",
    }  # fmt: skip


def _write(path: Path, records: Sequence[dict[str, Any]]) -> None:
    path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))


def _sent(filled: Filled, path: Path, dataset: str) -> Any:
    with path.open("rb") as stream:
        received = submit.receive(filled.deps, filled.member, dataset, stream)
    return submit.process(filled.deps, received.submission_id)


def _give_keys(filled: Filled) -> None:
    """A key for each party: without one it counts as erased, and nothing of it can be corrected."""
    with filled.deps.database.connect("intake") as connection:
        rows = connection.execute("select distinct party_id from directory.object").fetchall()
    parties = sorted(row[0] for row in rows)
    for start in range(0, len(parties), 5_000):
        filled.deps.vault.create(parties[start : start + 5_000], filled.deps.clock())


def _resident_mib(which: str) -> float:
    """VmRSS (now) or VmHWM (the most since it was last reset) of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(which)) / 1024


def _measured(filled: Filled, first: int, count: int) -> dict[str, float]:
    """Furnish the months of some accounts, then correct them all; what correcting took."""
    path = filled.deps.work_folder / "sent.ndjson"
    span = range(first, first + count)
    _write(path, [month(index, "20000.00") for index in span])
    assert _sent(filled, path, "snapshot").accepted == count
    _write(
        path,
        [
            {
                "record_dataset": "snapshot", "record": month(index, "19000.00"),
                "replaces_digest": digest, "reason": "furnisher_error",
            }
            for index, (_, digest) in zip(span, digests(path, "snapshot", "zz"), strict=True)
        ],
    )  # fmt: skip
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM
    base, started = _resident_mib("VmRSS"), time.perf_counter()
    view = _sent(filled, path, "correction")
    seconds = time.perf_counter() - started
    assert view.accepted == count, view
    peak = _resident_mib("VmHWM")
    print(f"{count:,} corrections: {seconds:.1f} s, {peak:.0f} MiB at most, {base:.0f} before")
    path.unlink()
    return {"seconds": round(seconds, 1), "peak_mib": round(peak), "over_mib": round(peak - base)}


def run(few: int, many: int) -> dict[str, float]:
    """Measure both files; gives the figures."""
    with bureau(NOW) as filled:
        fill_accounts(filled, _WARM + few + many, 24, LAST)
        _give_keys(filled)
        _measured(filled, 0, _WARM)
        small = _measured(filled, _WARM, few)
        large = _measured(filled, _WARM + few, many)
    told = {f"{name}_few": value for name, value in small.items()}
    return told | {f"{name}_many": value for name, value in large.items()}


def main(out: IO[str] = sys.stdout) -> None:
    """Run and print; the last line is JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--few", type=int, default=6_000)
    parser.add_argument("--many", type=int, default=24_000)
    given = parser.parse_args()
    line = {
        "name": "corrections",
        "machine": f"{platform.processor() or platform.machine()} × {os.cpu_count()}",
        "figures": run(given.few, given.many),
        "against": {"few": f"{given.few} corrections", "many": f"{given.many} corrections"},
    }
    print(json.dumps(line), file=out)


if __name__ == "__main__":
    main()
