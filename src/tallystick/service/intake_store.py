"""The intake's own rows: submissions, sealed raw parts, findings, the funnel.

Raw bytes and what was seen are sealed under a key of the submission's own in the vault: destroying
that key after `raw_days` erases them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any
from uuid import UUID

import psycopg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tallystick.errors import require
from tallystick.service.port import Deps

PART_BYTES = 1 << 20
#: Why a submission's key is destroyed.
SENT_BEFORE, RAW_ENDED = "sent before", "raw bytes past their keeping time"
#: The states of a submission in their order, until it is done with, and those it may end in.
UNFINISHED = ("received", "checking", "publishing")
FINISHED = ("published", "rejected", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A submission as the intake keeps it.

    `parent_submission_id`: of rows judged again (`channel` pending) the submission they were sent
    in; of what a furnisher sends the one it mends, where it says so, which moves no instant.
    """

    submission_id: UUID
    furnisher_id: UUID
    dataset: str
    format: str | None
    byte_count: int
    received_at: datetime
    channel: str
    parent_submission_id: UUID | None
    state: str
    row_count: int | None

    @property
    def sent_in(self) -> UUID | None:
        """The submission that rows judged again were sent in; None for what is sent by itself."""
        return self.parent_submission_id if self.channel == "pending" else None


def load(connection: psycopg.Connection[Any], submission_id: UUID) -> Submission | None:
    """A submission; None when there is none of that id."""
    row = connection.execute(
        "select submission_id, furnisher_id, dataset, format, byte_count, received_at, channel,"
        " parent_submission_id, state, row_count from intake.submission where submission_id = %s",
        (submission_id,),
    ).fetchone()
    if row is None:
        return None
    names = Submission.__dataclass_fields__
    return Submission(**dict(zip(names, row, strict=True)))


def seal_part(key: bytes, part_no: int, data: bytes) -> bytes:
    """One raw part sealed; its number is its nonce, the key is the submission's alone."""
    return AESGCM(key).encrypt(part_no.to_bytes(12, "big"), data, b"tallystick raw")


def write_raw(
    connection: psycopg.Connection[Any],
    submission_id: UUID,
    key: bytes,
    parts: Iterable[bytes],
    *,
    first_part: int = 0,
) -> None:
    """Store raw parts, sealed, numbered from `first_part` on."""
    with connection.cursor().copy(
        "copy intake.raw_part (submission_id, part_no, sealed) from stdin (format binary)"
    ) as copy:
        copy.set_types(["uuid", "int4", "bytea"])
        for part_no, data in enumerate(parts, first_part):
            copy.write_row((submission_id, part_no, seal_part(key, part_no, data)))


def read_raw(
    connection: psycopg.Connection[Any], submission_id: UUID, key: bytes, target: IO[bytes]
) -> None:
    """Write a submission's raw bytes, opened, to `target`."""
    cipher = AESGCM(key)
    with connection.cursor(name="raw", binary=True) as cursor:
        cursor.itersize = 4
        cursor.execute(
            "select part_no, sealed from intake.raw_part where submission_id = %s order by part_no",
            (submission_id,),
        )
        for part_no, sealed in cursor:
            target.write(cipher.decrypt(part_no.to_bytes(12, "big"), sealed, b"tallystick raw"))


def set_state(
    connection: psycopg.Connection[Any],
    submission_id: UUID,
    *,
    state: str,
    stage: str,
    done: int = 0,
    total: int | None = None,
    row_count: int | None = None,
    finished_at: datetime | None = None,
) -> None:
    """Record where a submission stands: what its page and its watchers show."""
    connection.execute(
        "update intake.submission set state = %s, stage = %s, progress_done = %s,"
        " progress_total = coalesce(%s, progress_total), row_count = coalesce(%s, row_count),"
        " finished_at = coalesce(%s, finished_at) where submission_id = %s",
        (state, stage, done, total, row_count, finished_at, submission_id),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRow:
    """One finding on its way to the table; `seen` in the clear."""

    line_no: int | None
    column_no: int | None
    byte_offset: int | None
    field: str | None
    rule_id: str
    severity: str
    seen: str | None
    other_line_no: int | None


#: Findings of one line are numbered line × this + their order, so a repeated run gives the same.
FINDINGS_PER_LINE = 1000
#: From this order on they are of the line's row judged again after it waited (`service/waited.py`).
JUDGED_AGAIN = 500


def write_findings(
    connection: psycopg.Connection[Any],
    submission_id: UUID,
    key: bytes,
    findings: Iterable[FindingRow],
) -> None:
    """Store findings (ordered by line), what was seen sealed; those stored already stay."""
    insert_findings(connection, submission_id, key, _numbered(findings))


def _numbered(findings: Iterable[FindingRow]) -> Iterator[tuple[int, FindingRow]]:
    line, order = None, 0
    for one in findings:
        order = order + 1 if one.line_no == line else 0
        line = one.line_no
        yield (line or 0) * FINDINGS_PER_LINE + order, one


def insert_findings(
    connection: psycopg.Connection[Any],
    submission_id: UUID,
    key: bytes | None,
    numbered: Iterable[tuple[int, FindingRow]],
) -> None:
    """Store findings under their numbers; without a key (destroyed) not what was seen."""
    cipher = AESGCM(key) if key else None
    batch = []
    for number, one in numbered:
        seen = None
        if one.seen is not None and cipher is not None:
            nonce = b"\x01" + number.to_bytes(11, "big")
            seen = cipher.encrypt(nonce, one.seen.encode(), b"tallystick seen")
        batch.append(
            (submission_id, number, one.line_no, one.column_no, one.byte_offset, one.field,
             one.rule_id, one.severity, seen, one.other_line_no)
        )  # fmt: skip
        if len(batch) >= 5000:
            _insert_findings(connection, batch)
            batch = []
    _insert_findings(connection, batch)


def _insert_findings(connection: psycopg.Connection[Any], batch: list[tuple[Any, ...]]) -> None:
    if not batch:
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into intake.finding (submission_id, finding_no, line_no, column_no,"
            " byte_offset, field, rule_id, severity, seen_sealed, other_line_no)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
            batch,
        )


def open_seen(key: bytes, finding_no: int, sealed: bytes) -> str:
    """What was seen, opened for the furnisher who sent it."""
    nonce = b"\x01" + finding_no.to_bytes(11, "big")
    return AESGCM(key).decrypt(nonce, sealed, b"tallystick seen").decode()


def add_funnel(
    connection: psycopg.Connection[Any],
    submission_id: UUID,
    step_no: int,
    *,
    position: int | None = None,
    accepted: int = 0,
    unchanged: int = 0,
    rejected: int = 0,
    pending: int = 0,
) -> None:
    """One step of the funnel; a step that is there already stays as it is."""
    connection.execute(
        "insert into intake.funnel (submission_id, step_no, position, accepted, unchanged,"
        " rejected, pending) values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
        (submission_id, step_no, position, accepted, unchanged, rejected, pending),
    )


def steps(connection: psycopg.Connection[Any], submission_id: UUID) -> set[int]:
    """The numbers of the funnel's steps that are there."""
    rows = connection.execute(
        "select step_no from intake.funnel where submission_id = %s", (submission_id,)
    )
    return {row[0] for row in rows}


#: Steps from here on are rows that were pending: told apart from chunks, which may go on beside.
SETTLED = 1 << 40


def add_settled(
    connection: psycopg.Connection[Any],
    submission_id: UUID,
    *,
    position: int | None = None,
    accepted: int = 0,
    unchanged: int = 0,
    rejected: int = 0,
) -> None:
    """One step of the funnel for rows that were pending and are no more.

    A submission of which nothing was taken then ends as one whose rows were all rejected at once.
    """
    _lock(connection, submission_id)
    row = connection.execute(
        "select coalesce(max(step_no), %s) + 1 from intake.funnel"
        " where submission_id = %s and step_no >= %s",
        (SETTLED, submission_id, SETTLED),
    ).fetchone()
    add_funnel(
        connection, submission_id, int(row[0]) if row else SETTLED,
        position=position, accepted=accepted, unchanged=unchanged, rejected=rejected,
        pending=-(accepted + unchanged + rejected),
    )  # fmt: skip
    if rejected and not _took(funnel(connection, submission_id)):
        connection.execute(
            "update intake.submission set state = 'rejected'"
            " where submission_id = %s and state = 'published'",
            (submission_id,),
        )


def _lock(connection: psycopg.Connection[Any], submission_id: UUID) -> None:
    """Let one transaction at a time say how a submission ended, from what all others counted."""
    connection.execute(
        "select from intake.submission where submission_id = %s for update", (submission_id,)
    )


def _took(counted: Mapping[str, int]) -> bool:
    """Whether anything of a submission was taken, or may be still."""
    return bool(counted["accepted"] or counted["unchanged"] or counted["pending"])


def funnel(connection: psycopg.Connection[Any], submission_id: UUID) -> dict[str, int]:
    """The funnel's sums."""
    row = connection.execute(
        "select coalesce(sum(accepted), 0)::bigint, coalesce(sum(unchanged), 0)::bigint,"
        " coalesce(sum(rejected), 0)::bigint, coalesce(sum(pending), 0)::bigint"
        " from intake.funnel where submission_id = %s",
        (submission_id,),
    ).fetchone()
    return dict(zip(("accepted", "unchanged", "rejected", "pending"), row or (0,) * 4, strict=True))


def close_funnel(
    connection: psycopg.Connection[Any],
    submission_id: UUID,
    *,
    sent: int,
    unchanged: int,
    finished_at: datetime,
) -> None:
    """Count what was not published, check that the funnel adds up, end the submission.

    A file that cannot be read as a whole was rejected as one: none of its lines is counted.
    """
    _lock(connection, submission_id)
    rejected, pending = bad_counts(connection, submission_id)
    add_funnel(
        connection, submission_id, 0,
        unchanged=unchanged, rejected=rejected if sent else 0, pending=pending,
    )  # fmt: skip
    counted = funnel(connection, submission_id)
    require(sum(counted.values()) == sent, "the funnel does not add up to what was sent")
    set_state(
        connection, submission_id, state="published" if _took(counted) else "rejected",
        stage="done", done=sent, row_count=sent, finished_at=finished_at,
    )  # fmt: skip


def unpublished(connection: psycopg.Connection[Any], submission_id: UUID) -> Iterator[int]:
    """Chunks of a submission that were appended and never published nor given up."""
    rows = connection.execute(
        "select chunk_id from ledger.chunk c where submission_id = %s and not exists"
        " (select 1 from ledger.publication p where p.chunk_id = c.chunk_id) and not exists"
        " (select 1 from ledger.abandoned a where a.chunk_id = c.chunk_id) order by chunk_no",
        (submission_id,),
    ).fetchall()
    return iter([row[0] for row in rows])


def open_part(key: bytes, part_no: int, sealed: bytes) -> bytes:
    """One sealed part, opened."""
    return AESGCM(key).decrypt(part_no.to_bytes(12, "big"), sealed, b"tallystick raw")


def next_chunk_no(connection: psycopg.Connection[Any], submission_id: UUID) -> int:
    """The number the submission's next chunk takes."""
    row = connection.execute(
        "select coalesce(max(chunk_no), -1) + 1 from ledger.chunk where submission_id = %s",
        (submission_id,),
    ).fetchone()
    return int(row[0])  # type: ignore[index]


def bad_counts(connection: psycopg.Connection[Any], submission_id: UUID) -> tuple[int, int]:
    """How many lines were rejected, and how many only waited, when they were judged first."""
    row = connection.execute(
        "select count(*) filter (where rejected), count(*) filter (where not rejected) from"
        " (select bool_or(severity = 'reject') as rejected from intake.finding"
        " where submission_id = %s and severity in ('reject', 'pend') and line_no is not null"
        " and mod(finding_no, %s) < %s group by line_no) lines",
        (submission_id, FINDINGS_PER_LINE, JUDGED_AGAIN),
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


@contextmanager
def held(deps: Deps, submission_id: UUID) -> Iterator[None]:
    """Nobody else works on the submission inside the block; a killed holder's lock is gone."""
    name = (str(submission_id),)
    with deps.database.reserve("intake") as connection:
        connection.execute("select pg_advisory_lock(hashtextextended(%s, 7))", name)
        connection.commit()  # the lock is the session's: no snapshot is held back by long work
        try:
            yield
        finally:
            connection.rollback()
            connection.execute("select pg_advisory_unlock(hashtextextended(%s, 7))", name)
