"""A bureau filled for measuring: directories and files made by COPY, not through the intake.

Accounts, parties and subjects are numbered; a subject has 3.7 accounts on average. What is made is
what the intake would have made, so that a measured run meets real tables, indexes and grids.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import numpy as np
import orjson
import psycopg

from tallystick.adapters.clock import FakeClock
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
from tallystick.model import months as grid
from tallystick.service.members import Member, add_member
from tallystick.service.port import Deps

ACCOUNTS_PER_SUBJECT = 3.7


_RESERVED = Path("/proc/sys/vm/nr_hugepages")
_HUGE_PAGE_MIB = 2


def server_settings() -> dict[str, str]:
    """What PostgreSQL's manual advises for a server of its own: a quarter of the memory to share.

    And room enough in its log that a million rows do not make it write every page twice.
    Source: postgresql.org/docs/current/runtime-config-resource.html, shared_buffers;
    postgresql.org/docs/current/wal-configuration.html, max_wal_size
    """
    return {
        "shared_buffers": f"{_quarter_of_memory_mib()}MB",
        "max_wal_size": "16GB",
        "min_wal_size": "6GB",
    }


@contextmanager
def huge_pages() -> Iterator[None]:
    """Reserve huge pages for the server's memory while measuring, where we may.

    Without them each backend faults every page of it in by itself, 4 KiB at a time.
    Source: postgresql.org/docs/current/kernel-resources.html, Linux Huge Pages
    """
    before = _RESERVED.read_text()
    wanted = int(_quarter_of_memory_mib() * 1.1) // _HUGE_PAGE_MIB
    may = os.access(_RESERVED, os.W_OK) and int(before) < wanted
    if may:
        _RESERVED.write_text(str(wanted))
    print(f"huge pages: {int(_RESERVED.read_text()) * _HUGE_PAGE_MIB:,} MiB reserved", flush=True)
    try:
        yield
    finally:
        if may:
            _RESERVED.write_text(before)


def _quarter_of_memory_mib() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4 >> 20


@dataclass(frozen=True)
class Filled:
    """A running bureau and who furnishes in it."""

    deps: Deps
    url: str
    member: Member
    server: EmbeddedServer


@contextmanager
def bureau(now: datetime, *, share: float = 1.0) -> Iterator[Filled]:
    """An empty migrated bureau on an embedded server in a temporary folder, with one furnisher."""
    folder = Path(tempfile.mkdtemp(prefix="tallystick-bench-"))
    folder.chmod(0o711)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.enter_context(huge_pages())
        server = EmbeddedServer(folder / "postgres", settings=server_settings())
        url = database_named(stack.enter_context(server), "tallystick")
        ensure_database(url)
        migrate(url)
        keys = BureauKeys.from_seed(b"benchmark")
        set_mint_key(url, keys.mint_key)
        vault = stack.enter_context(Vault(vault_url_of(url), keys.wrapping_key))
        vault.migrate()
        database = Database(url, size=16)
        stack.callback(database.close)
        deps = make_deps(
            database=database, vault=vault, keys=keys, work_folder=folder,
            clock=FakeClock(now), intake_share=share,
        )  # fmt: skip
        member = add_member(
            deps, code="bench", name_en="Bench Bank", name_zh="测试银行",
            member_class="commercial_bank",
        )  # fmt: skip
        yield Filled(deps=deps, url=url, member=member, server=server)


def uuids(count: int, seed: int) -> np.ndarray:
    """Random ids, 16 bytes each, the same for the same seed."""
    return np.random.default_rng(seed).integers(0, 256, (count, 16), dtype=np.uint8)


def fill_accounts(
    filled: Filled, accounts: int, months: int, last_month: date, *, first: int = 0
) -> None:
    """Directories and files of so many accounts (numbered from `first`), each with its months."""
    subject_count = max(1, int(accounts / ACCOUNTS_PER_SUBJECT))
    subjects = [UUID(bytes=row.tobytes()) for row in uuids(subject_count, 1)]
    owners = np.random.default_rng(2).integers(0, subject_count, accounts)
    ids = [UUID(bytes=row.tobytes()) for row in uuids(accounts, 3)]
    parties = [UUID(bytes=row.tobytes()) for row in uuids(subject_count, 4)]
    numbers = [account_number(first + index) for index in range(accounts)]
    tokens = filled.deps.keys.number_tokens(filled.member.member_id, "account", numbers)
    packed = _grid(months, last_month)

    with psycopg.connect(filled.url) as connection:
        _copy(
            connection, "directory.party_subject", "party_id, subject_id",
            zip(parties, subjects, strict=True),
        )  # fmt: skip
        _copy(
            connection, "directory.object",
            "furnisher_id, kind, number_token, object_id, party_id",
            (
                (filled.member.member_id, "account", token, ids[index], parties[owners[index]])
                for index, token in enumerate(tokens)
            ),
        )  # fmt: skip
        _copy(
            connection, "file.subject", "subject_id, document",
            ((subject, "{}") for subject in sorted(subjects)),
        )  # fmt: skip
        order = sorted(range(accounts), key=lambda index: (subjects[owners[index]], ids[index]))
        _copy(
            connection, "file.account",
            "subject_id, account_id, party_id, furnisher_id, role, product, currency, opened_on,"
            " basis, terms, last_period_end, last_bucket, last_status, last_balance_minor, latest,"
            " months, changed_by",
            (
                (
                    subjects[owners[index]], ids[index], parties[owners[index]],
                    filled.member.member_id, "borrower", "instalment_loan", "CNY",
                    date(2020, 1, 1), "legal_duty", _terms(parties[owners[index]]), last_month, "0",
                    "open", 5_000_000, _LATEST, packed, 0,
                )
                for index in order
            ),
        )  # fmt: skip
        connection.execute("analyze")
        connection.commit()
        connection.autocommit = True
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")


def warm(url: str) -> None:
    """Read everything into the server's memory, as in a bureau that has been up for a while."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create extension if not exists pg_prewarm")
        connection.execute("select pg_prewarm(oid) from pg_class where relkind in ('r', 'i', 't')")


_LATEST = orjson.dumps({"bucket": "0", "currency": "CNY", "status": "open"}).decode()


def _terms(party: UUID) -> str:
    return orjson.dumps(
        {
            "events": [],
            "fundings": [],
            "holders": [{"holder_no": 1, "party_id": str(party), "role": "borrower"}],
            "remarks": [],
            "versions": [
                {
                    "basis": "legal_duty", "currency": "CNY", "opened_on": "2020-01-01",
                    "product": "instalment_loan", "valid_from": "2020-01-01",
                    "principal_minor": 10_000_000,
                }
            ],
        }
    ).decode()  # fmt: skip


def _grid(months: int, last_month: date) -> bytes:
    newest = grid.period_of(last_month)
    return grid.pack(
        grid.Month(newest - back, "0", 0, 5_000_000 + back * 100_000, 100_000)
        for back in reversed(range(months))
    )


def account_number(index: int) -> str:
    """The furnisher's number of the account at an index."""
    return f"ACC{index:09d}"


def _copy(connection, table, columns, rows) -> None:
    with connection.cursor().copy(f"copy {table} ({columns}) from stdin") as copy:
        for row in rows:
            copy.write_row(row)


def utc(year: int, month: int, day: int) -> datetime:
    """Noon of a day, UTC."""
    return datetime(year, month, day, 12, tzinfo=UTC)


def server_cpu_seconds(postmaster: int | None) -> float:
    """CPU of PostgreSQL: the living processes, and those that ended (counted by their parent)."""
    ticks = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:  # it ended while we looked
            continue
        if int(entry.name) == postmaster:
            ticks += sum(int(fields[at]) for at in (11, 12, 13, 14))
        elif int(fields[1]) == postmaster:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
