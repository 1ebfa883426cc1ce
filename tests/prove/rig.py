"""What the proofs share: a bureau with accounts on file, children to kill, checks afterwards."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import psycopg
from child import NOON

from tallystick.adapters.clock import FakeClock
from tallystick.adapters.databases import clone_database, drop_database, vault_url_of
from tallystick.adapters.keys import BureauKeys
from tallystick.adapters.postgres import (
    Database,
    database_name,
    database_named,
    ensure_database,
    migrate,
    set_mint_key,
)
from tallystick.adapters.vault import Vault
from tallystick.entry.compose import make_deps
from tallystick.service.log import log_verify, sequence_once
from tallystick.service.members import Member, add_member
from tallystick.service.port import Deps
from tallystick.service.submissions import SubmissionView
from tallystick.service.submit import process, receive
from tallystick.service.verify import ledger_verify

SEED = "tests"
CHILD = Path(__file__).parent / "child.py"
SCHEME = "cn_resident_id"
NAME, PHONE, BORN = "龘卡纳里", "13900009999", "1990-03-07"


@dataclass(frozen=True, kw_only=True)
class Rig:
    """A bureau's addresses, opened in this process."""

    url: str
    vault_url: str
    work: Path
    deps: Deps
    bank: Member

    @property
    def addresses(self) -> str:
        """What a child needs to open the same bureau."""
        given = {"url": self.url, "vault_url": self.vault_url, "work": str(self.work), "seed": SEED}
        return orjson.dumps(given).decode()

    def one(self, query: str, *given: Any) -> Any:
        with psycopg.connect(self.url) as connection:
            row = connection.execute(query, given).fetchone()  # type: ignore[arg-type]
        return None if row is None else row[0]


@contextmanager
def opened(url: str, work: Path, *, bank: Member | None = None) -> Iterator[Rig]:
    """Open a migrated database; the bank is added where it is not there yet."""
    keys = BureauKeys.from_seed(SEED.encode())
    database = Database(url, size=16)
    with Vault(vault_url_of(url), keys.wrapping_key) as vault:
        deps = make_deps(
            database=database, vault=vault, keys=keys, work_folder=work / str(os.getpid()),
            clock=FakeClock(NOON),
        )  # fmt: skip
        deps.work_folder.mkdir(parents=True, exist_ok=True)
        made = bank or add_member(
            deps, code="bank", name_en="Bank", name_zh="银行", member_class="commercial_bank"
        )
        try:
            yield Rig(url=url, vault_url=vault_url_of(url), work=work, deps=deps, bank=made)
        finally:
            database.close()


def make(server: str, name: str) -> str:
    """A migrated database with its vault and mint key; gives its address."""
    url = database_named(server, name)
    keys = BureauKeys.from_seed(SEED.encode())
    ensure_database(url)
    migrate(url)
    set_mint_key(url, keys.mint_key)
    with Vault(vault_url_of(url), keys.wrapping_key) as vault:
        vault.migrate()
    return url


@contextmanager
def copied(prepared: str, work: Path, bank: Member) -> Iterator[Rig]:
    """A copy of a prepared bureau, dropped afterwards."""
    url = database_named(prepared, f"prove_{uuid4().hex[:12]}")
    clone_database(url, template=database_name(prepared))
    clone_database(vault_url_of(url), template=database_name(vault_url_of(prepared)))
    try:
        with opened(url, work, bank=bank) as rig:
            yield rig
    finally:
        drop_database(vault_url_of(url))
        drop_database(url)


def resident_id(serial: int) -> str:
    """A number of the test area with its check character."""
    body = f"990101{BORN.replace('-', '')}{serial % 1000:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True))
    return body + "10X98765432"[total % 11]


def person(serial: int) -> dict[str, str]:
    return {
        "person_number": f"CANARYP{serial:04d}", "valid_from": "2020-01-01",
        "identifier_scheme": SCHEME, "identifier_number": resident_id(serial),
        "name": f"{NAME}{chr(0x4E00 + serial)}", "birth_date": BORN, "phone": PHONE,
    }  # fmt: skip


def account(serial: int, owner: int) -> dict[str, str]:
    return {
        "account_number": f"CANARYA{serial:05d}", "valid_from": "2020-01-01",
        "person_number": f"CANARYP{owner:04d}", "product": "instalment_loan", "currency": "CNY",
        "opened_on": "2020-01-01", "principal": "12000.00", "basis": "legal_duty",
    }  # fmt: skip


def months(count: int) -> list[str]:
    """The last `count` ends of months until the end of 2024, ascending."""
    ends = [date(2024, 12, 31)]
    while len(ends) < count:
        ends.append(ends[-1].replace(day=1) - timedelta(days=1))
    return [end.isoformat() for end in reversed(ends)]


def snapshots(accounts: Sequence[int], ends: Sequence[str], balance: str = "900.00") -> bytes:
    return table(
        {
            "account_number": f"CANARYA{serial:05d}", "period_end": end, "bucket": "0",
            "days_past_due": "0", "currency": "CNY", "balance": balance, "payment_due": "100.00",
            "amount_paid": "100.00", "amount_past_due": "0.00", "status": "open",
        }
        for end in ends
        for serial in accounts
    )  # fmt: skip


def table(records: Any) -> bytes:
    """Records as a CSV file."""
    rows = list(records)
    target = io.StringIO()
    writer = csv.DictWriter(target, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return target.getvalue().encode()


def submit(rig: Rig, dataset: str, content: bytes, member: Member | None = None) -> SubmissionView:
    received = receive(rig.deps, member or rig.bank, dataset, io.BytesIO(content))
    return process(rig.deps, received.submission_id)


def furnish(rig: Rig, *, persons: int, accounts_each: int) -> None:
    """Persons with accounts, no months yet."""
    people = submit(rig, "subject", table(person(serial) for serial in range(persons)))
    assert people.accepted == persons, people
    count = persons * accounts_each
    numbered = (account(serial, serial % persons) for serial in range(count))
    made = submit(rig, "account", table(numbered))
    assert made.accepted == count, made


@contextmanager
def child(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A child that has said "ready"; killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, str(CHILD), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        if said != b"ready\n":
            process.kill()
            raise AssertionError(process.communicate()[1].decode()[-2000:])
        yield process
    finally:
        process.kill()
        process.communicate()


def run_to_end(*arguments: str) -> None:
    """A child that must end well."""
    with child(*arguments) as process:
        _, complaint = process.communicate()
        assert process.returncode == 0, complaint.decode()[-2000:]


def check_whole(rig: Rig) -> None:
    """Order, rows, roots, files = fold; log gapless and true."""
    report = ledger_verify(rig.deps)
    assert report.ok, report.faults
    while sequence_once(rig.deps).looks:
        pass
    log = log_verify(rig.deps)
    assert log.ok, log
