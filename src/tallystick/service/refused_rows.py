"""Rows that pass every rule and still cannot be taken: a fault of ours, which harms no other row.

The database refuses a value nobody foresaw, or a program of ours contradicts a record. Such a row
would fail again however often its submission is begun anew, and keep it from its end. It is found
by halving its chunk, rejected with a finding that says whose fault it is, and the rest goes on.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import psycopg

from tallystick.furnish import start_of
from tallystick.service import intake_store
from tallystick.service.port import Deps
from tallystick.service.references import Job

#: What the furnisher is told.
RULE = "ANY-FAULT-001"
#: What comes of a row's own content and comes again. What the world or another's work brings about
#: (a lost connection, a deadlock, an account that changed) is none of these.
FAULTS = (
    psycopg.DataError, psycopg.IntegrityError,
    ArithmeticError, AttributeError, LookupError, TypeError, ValueError,
)  # fmt: skip
#: More of one submission are no rows' doing: it fails, and its retries wait for the mended program.
MOST = 100
#: The finding's place: last of the row's first ones, so that none written again is in its way.
_ORDER = intake_store.JUDGED_AGAIN - 1

_Row = Mapping[str, Any]
_T = TypeVar("_T")
_log = logging.getLogger("tallystick.intake")


def each(
    deps: Deps, job: Job, batch: Sequence[_Row], publish: Callable[[Sequence[_Row]], _T]
) -> Iterator[_T]:
    """Publish a batch; where that fails, its halves, down to the rows that cannot be taken.

    A row alone is tried twice before it is rejected: what another wrote meanwhile may be there then
    Gives:  what `publish` gave, once for each part
    Raises: what `publish` raises and is no fault of a row's; a fault too, beyond `MOST` of them
    """
    parts: list[tuple[Sequence[_Row], bool]] = [(batch, False)]
    while parts:
        part, is_again = parts.pop()
        try:
            with deps.paced():
                published = publish(part)
        except FAULTS as error:
            if len(part) > 1:
                middle = len(part) // 2
                parts += [(part[middle:], False), (part[:middle], False)]
            elif not is_again:
                parts.append((part, True))
            else:
                refuse(deps, job, part[0]["line_no"], error)
            continue
        yield published


def leave_out(connection: psycopg.Connection[Any], job: Job) -> None:
    """Let rows refused in an earlier round or run be rejected in this one too, not tried again."""
    lines = _refused(connection, job)
    if lines:
        job.con.execute("delete from fault where rule_id = ?", [RULE])  # those of the last round
        job.con.executemany(
            "insert into fault (line_no, rule_id, severity) values (?, ?, 'reject')",
            [(line, RULE) for line in lines],
        )


def _refused(connection: psycopg.Connection[Any], job: Job) -> list[int]:
    found = connection.execute(
        "select line_no from intake.finding where submission_id = %s and rule_id = %s",
        (job.submission_id, RULE),
    ).fetchall()
    return [row[0] for row in found]


def refuse(deps: Deps, job: Job, line_no: int, error: Exception) -> None:
    """Reject one row; kind and place of the failure are logged, its message may quote the row.

    Raises: `error`, beyond `MOST` rows of one submission
    """
    with deps.database.connect("intake") as connection:
        if len(_refused(connection, job)) >= MOST:
            raise error
        found = intake_store.FindingRow(
            line_no=line_no, column_no=None, byte_offset=start_of(job.con, line_no), field=None,
            rule_id=RULE, severity="reject", seen=None, other_line_no=None,
        )  # fmt: skip
        number = line_no * intake_store.FINDINGS_PER_LINE + _ORDER
        intake_store.insert_findings(connection, job.submission_id, None, [(number, found)])
    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames[-8:]))
    _log.error(
        "submission %s line %s not taken: %s at %s",
        job.submission_id, line_no, type(error).__name__, where,
    )  # fmt: skip
