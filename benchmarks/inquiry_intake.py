"""The intake of the inquiry benchmark: a month of many accounts, published by a process beside.

It gives way between chunks; of the accounts, those of the persons asked for come first.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from datetime import date
from pathlib import Path

import psycopg

from benchmarks.bureau import Filled, account_number, fill_accounts
from benchmarks.ingest import HEADER
from benchmarks.inquiry_server import SEED
from tallystick.adapters.databases import vault_url_of
from tallystick.adapters.keys import BureauKeys
from tallystick.adapters.postgres import Database
from tallystick.adapters.vault import Vault
from tallystick.entry.compose import make_deps
from tallystick.service import submit
from tallystick.service.members import member_by_code

FURNISHER = "lender-0"
LAST, MONTH = date(2026, 5, 31), "2026-06-30"


def prepare(filled: Filled, rows: int, folder: Path) -> None:
    """Put the accounts that are still missing on file, and write the month of all of them."""
    with psycopg.connect(filled.url) as connection:
        row = connection.execute(
            "select count(*) from directory.object where furnisher_id = %s",
            (filled.member.member_id,),
        ).fetchone()
    known = int(row[0]) if row else 0
    if known < rows:
        print(f"filling {rows - known:,} more accounts …", flush=True)
        fill_accounts(filled, rows - known, 24, LAST, first=known)
    with (folder / "month.csv").open("w", encoding="utf-8") as file:
        file.write(HEADER)
        for index in range(rows):
            file.write(
                f"{account_number(index)},{MONTH},0,0,CNY,{8_000 + index % 900}.00,,0.05,0.05,0.00,"
                "normal,open,,2026-06-20,12,\n"
            )


def main() -> None:
    """Receive and process the month; the last line is JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.5)
    given = parser.parse_args()
    os.nice(10)  # as `tallystick worker` does
    keys = BureauKeys.from_seed(SEED)
    database = Database(given.url)
    work = given.folder / "intake"
    work.mkdir(exist_ok=True)
    with Vault(vault_url_of(given.url), keys.wrapping_key) as vault:
        deps = make_deps(
            database=database, vault=vault, keys=keys, work_folder=work, intake_share=given.share
        )
        member = member_by_code(deps, FURNISHER)
        since = time.perf_counter()
        with (given.folder / "month.csv").open("rb") as stream:
            received = submit.receive(deps, member, "snapshot", stream)
        stages: dict[str, float] = {}

        def watch(stage: str, done: int, total: int | None) -> None:
            stages.setdefault(stage, time.perf_counter() - since)

        view = submit.process(deps, received.submission_id, watch)
        seconds = time.perf_counter() - since
    database.close()
    (given.folder / "intake.done").touch()
    publishing = seconds - stages.get("publishing", 0.0)
    print(
        json.dumps(
            {
                "accepted": view.accepted,
                "rejected": view.rejected,
                "seconds": seconds,
                "rows_per_second": view.accepted / seconds,
                "rows_per_second_publishing": view.accepted / publishing,
            }
        )
    )


if __name__ == "__main__":
    main()
