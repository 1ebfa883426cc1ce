"""Verifying and rebuilding: the ledger is whole, and every file is its fold.

Both hand nothing out and run under the intake role, which cannot answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from tallystick.ledger import rebuild, verify
from tallystick.service import erasures, verify_intake
from tallystick.service.log import public_keys
from tallystick.service.port import Deps

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerReport:
    """What was read and what was found wrong; `faults` name places, never content."""

    positions: int
    rows: int
    erased: int
    subjects: int
    faults: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.faults

    @property
    def first(self) -> str | None:
        """The first thing wrong, with where."""
        return self.faults[0] if self.faults else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """How many files were made anew."""

    subjects: int
    accounts: int


def ledger_verify(
    deps: Deps, progress: Progress | None = None, *, sample: int | None = None
) -> LedgerReport:
    """Check order, rows, links, submissions' counts and files, all in one snapshot of the database.

    A row that is gone is accepted where an erasure that the bureau signed counts it, on the ground
    that was signed.

    Takes: `sample`: compare the files of so many subjects only; all rows are checked all the same
    Time:  one pass over the ledger, sorted by PostgreSQL; memory is bounded by one chunk
    """
    with deps.database.connect("intake") as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        report = verify_in(connection, progress or _silent, sample=sample)
        keys = public_keys(deps.keys.public_jwk())
        beside = erasures.check_rows(deps, connection, keys, limit=verify.KEPT_FAULTS)
    erased = [f"{where}: {what}" for where, what in beside]
    return replace(report, faults=(*report.faults, *erased))


def verify_in(
    connection: psycopg.Connection[Any], progress: Progress, *, sample: int | None = None
) -> LedgerReport:
    """`ledger_verify` as the caller's transaction sees the database."""
    faults = verify.Faults()
    positions = verify.check_order(connection, faults)
    rows, erased = verify.check_rows(connection, faults, progress)
    verify.check_links(connection, faults)
    verify.check_furnishers(connection, faults)
    verify_intake.check_submissions(connection, faults)
    total, done = rebuild.count_subjects(connection), 0
    for subjects in rebuild.subject_batches(connection, sample=sample):
        for where, what in rebuild.differences(connection, subjects):
            faults.add(where, what)
        done += len(subjects)
        progress("files", done, total if sample is None else min(sample, total))
    verify.check_strays(connection, faults)
    return LedgerReport(
        positions=positions, rows=rows, erased=erased, subjects=done, faults=tuple(faults.found)
    )


def ledger_rebuild(deps: Deps, progress: Progress | None = None) -> Rebuilt:
    """Throw all files away and fold them anew; whoever reads meanwhile reads the old ones."""
    with deps.database.connect("intake") as connection:
        subjects, accounts = rebuild.rebuild(connection, progress or _silent)
    return Rebuilt(subjects=subjects, accounts=accounts)


def _silent(_stage: str, _done: int, _total: int | None) -> None:
    """Progress nobody watches."""
