"""Furnishing: from a file or a few records to published statements, with every row accounted for.

Stages: received (raw bytes sealed and committed: the acknowledgement) → structure → records and
cross-checks (all rules at once) → publishing (chunks) → published. A job killed anywhere is run
again from its raw bytes: findings and chunks already there are met and left as they are.
"""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import orjson
import psycopg

from tallystick.errors import BadRequest
from tallystick.furnish import stage_file
from tallystick.service import amend, consents, domains, intake_store, pending, process_rows
from tallystick.service.members import Member
from tallystick.service.port import Deps
from tallystick.service.references import Job
from tallystick.service.submissions import SubmissionView, require_parent, show
from tallystick.service.workbench import PLAIN_PLAN_BYTES

Progress = Callable[[str, int, int | None], None]
#: Single records by the API: at most so many at once.
MAX_RECORDS = 100
#: Raw parts stored in one commit.
_PARTS_A_COMMIT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """The acknowledgement: the submission's id; `is_new` is False for bytes sent before."""

    submission_id: UUID
    is_new: bool


def require_dataset(deps: Deps, dataset: str) -> None:
    """Raise BadRequest `unknown_dataset` unless the registry has it."""
    if dataset not in deps.registry:
        raise BadRequest("unknown_dataset", f"`dataset` is one of: {', '.join(deps.registry)}")


def receive(
    deps: Deps,
    member: Member,
    dataset: str,
    stream: IO[bytes],
    *,
    channel: str = "file",
    again: bool = False,
    parent: UUID | None = None,
) -> Received:
    """Store what was sent, sealed; the commit is the acknowledgement.

    Takes:  a binary stream of any length (memory does not grow with it); `again` takes the same
            bytes as a new submission; `parent` is the submission whose rejects these are, mended
            (channel `pending`: the one the rows were sent in)
    Gives:  the same bytes of the same furnisher give the submission they made the first time
    Raises: BadRequest `unknown_dataset`, and of a parent as `submissions.require_parent`
    """
    require_dataset(deps, dataset)
    if parent is not None and channel != "pending":
        require_parent(deps, member, dataset, parent)
    submission_id = deps.new_id()
    key = deps.vault.create([submission_id], deps.clock())[submission_id]
    digest, size = hashlib.sha256(), 0
    while parts := _some_parts(stream):
        first_part = size // intake_store.PART_BYTES
        with deps.database.connect("serve") as connection:
            intake_store.write_raw(connection, submission_id, key, parts, first_part=first_part)
        for part in parts:
            digest.update(part)
            size += len(part)
    row = {
        "submission": submission_id, "furnisher": member.member_id, "dataset": dataset,
        "digest": digest.digest(), "bytes": size, "now": deps.clock(), "channel": channel,
        "parent": parent,
    }  # fmt: skip
    earlier = _register(deps, row, again=again)
    if earlier is None:
        return Received(submission_id=submission_id, is_new=True)
    deps.vault.destroy([submission_id], deps.clock(), intake_store.SENT_BEFORE)
    return Received(submission_id=earlier, is_new=False)


def _some_parts(stream: IO[bytes]) -> list[bytes]:
    """The next parts of a stream, each full but the last; a few to a commit, so that a slow sender
    holds no connection.
    """
    parts: list[bytes] = []
    while len(parts) < _PARTS_A_COMMIT:
        data = bytearray()
        while len(data) < intake_store.PART_BYTES:
            more = stream.read(intake_store.PART_BYTES - len(data))
            if not more:
                break
            data += more
        if not data:
            break
        parts.append(bytes(data))
        if len(data) < intake_store.PART_BYTES:
            break
    return parts


def _register(deps: Deps, row: Mapping[str, Any], *, again: bool) -> UUID | None:
    """Make the submission, whose commit acknowledges it; gives an earlier one of the same bytes."""
    while True:
        try:
            with deps.database.connect("serve") as connection:
                earlier = connection.execute(_EARLIER, row).fetchone()
                if earlier is not None and not again:
                    found: UUID = earlier[0]
                    return found
                repeat = {"repeat": earlier[1] + 1 if earlier else 0}
                connection.execute(_DIRECTORY, {**row, **repeat})
                connection.execute(_SUBMISSION, row)
            return None
        except psycopg.errors.UniqueViolation:
            continue  # the same bytes came at the same time, and that transaction was quicker


_EARLIER = """
select submission_id, repeat_no from directory.submission
where furnisher_id = %(furnisher)s and digest = %(digest)s and dataset = %(dataset)s
order by repeat_no desc limit 1
"""
_DIRECTORY = """
insert into directory.submission (furnisher_id, digest, dataset, repeat_no, submission_id)
values (%(furnisher)s, %(digest)s, %(dataset)s, %(repeat)s, %(submission)s)
"""
_SUBMISSION = """
insert into intake.submission (submission_id, furnisher_id, dataset, digest, byte_count,
  received_at, channel, parent_submission_id, state)
values (%(submission)s, %(furnisher)s, %(dataset)s, %(digest)s, %(bytes)s, %(now)s, %(channel)s,
  %(parent)s, 'received')
"""


def process(deps: Deps, submission_id: UUID, progress: Progress | None = None) -> SubmissionView:
    """Run a received submission to its end; a finished one is only shown.

    Whoever comes while another works on it waits, and finds it finished. What waited for it is
    woken even where it was finished before: whoever finished it may have died there.
    Raises: BadRequest `not_found`; Unavailable when the database fails (run it again)
    """
    with intake_store.held(deps, submission_id):
        _process_held(deps, submission_id, progress or _silent)
    pending.wake(deps, submission_id, process_records=_process_pending)
    return show(deps, None, submission_id)


def _process_held(deps: Deps, submission_id: UUID, progress: Progress) -> None:
    """Do the work that is left."""
    with deps.database.connect("intake") as connection:
        found = intake_store.load(connection, submission_id)
    if found is None:
        raise BadRequest("not_found", "no submission of this id that you may see")
    if found.state in ("published", "rejected"):
        return
    folder = deps.work_folder / submission_id.hex
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    try:
        path = folder / "raw"
        key = deps.vault.get([submission_id])[submission_id]
        with deps.database.connect("intake") as connection, path.open("wb") as target:
            intake_store.read_raw(connection, submission_id, key, target)
        size = _plain_bytes(path)
        is_small = size <= PLAIN_PLAN_BYTES
        with deps.workbench.borrowed(size, folder, is_alone=is_small) as con:
            job = Job(
                con=con, folder=folder, furnisher_id=found.furnisher_id,
                dataset=found.dataset, submission_id=submission_id,
                is_small=is_small, sent_in=found.sent_in,
            )  # fmt: skip
            _run(deps, job, path, key, progress=progress)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _plain_bytes(path: Path) -> int:
    """About how long the text is: gzip makes it a twentieth where it does well."""
    with path.open("rb") as file:
        is_packed = file.read(2) == b"\x1f\x8b"
    return path.stat().st_size * (20 if is_packed else 1)


def _silent(_stage: str, _done: int, _total: int | None) -> None:
    """Progress nobody watches."""


def _run(deps: Deps, job: Job, path: Path, key: bytes, *, progress: Progress) -> None:
    profile = deps.profile_today
    definition = deps.registry[job.dataset]
    progress("structure", 0, None)
    with deps.database.connect("intake") as connection:
        intake_store.set_state(connection, job.submission_id, state="checking", stage="structure")
    staged = stage_file(job.con, path, definition, domains.of(profile), folder=job.folder)
    path.unlink()
    job = replace(job, places=staged.places)
    if job.dataset in ("correction", "deletion"):
        amend.run(deps, job, key, staged, progress=progress)
        return
    process_rows.run(deps, job, key, staged.sent, progress=progress)


def submit_records(
    deps: Deps, member: Member, dataset: str, records: Sequence[Mapping[str, Any]]
) -> SubmissionView:
    """Take a few records by the API and publish them before answering.

    The same records sent once more are judged once more: a value may be set back to what it was.
    What makes a repeated request one act is its key (`service/idempotency.py`).

    Raises: BadRequest `too_many_records`, `unknown_dataset`
    """
    if not 0 < len(records) <= MAX_RECORDS:
        raise BadRequest("too_many_records", too_many(len(records)))
    received = receive(deps, member, dataset, _lines(records), channel="api", again=True)
    return process(deps, received.submission_id)


def register_consent(
    deps: Deps, member: Member, *, artefact: str, salt: str, scheme: str, number: str
) -> consents.ConsentView:
    """Register one consent, and judge again the member's records that waited for it.

    Gives, raises: as `consents.register`
    """
    view = consents.register(
        deps, member, artefact=artefact, salt=salt, scheme=scheme, number=number
    )
    pending.wake_by_consent(
        deps, member.member_id, view.consent_id, process_records=_process_pending
    )
    return view


def judge_forgotten(deps: Deps) -> int:
    """Judge again rows that wait for what is on file; gives how many (`pending.wake_forgotten`)."""
    return pending.wake_forgotten(deps, process_records=_process_pending)


def too_many(count: int) -> str:
    """What to say of more records than are taken at once, or of none."""
    return f"{count} records came; 1 to {MAX_RECORDS} are taken at once"


def _lines(records: Sequence[Mapping[str, Any]]) -> IO[bytes]:
    return io.BytesIO(b"".join(orjson.dumps(dict(record)) + b"\n" for record in records))


def _process_pending(
    deps: Deps,
    furnisher_id: UUID,
    dataset: str,
    records: Sequence[Mapping[str, Any]],
    *,
    parent: UUID,
) -> UUID:
    """Judge records that waited for a parent again, as a submission of their own."""
    with deps.database.connect("serve") as connection:
        row = connection.execute(
            "select member_id, code, name_en, name_zh, member_class from member.member"
            " where member_id = %s",
            (furnisher_id,),
        ).fetchone()
    if row is None:
        raise BadRequest("not_found", "the records' furnisher is not registered")
    member = Member(*row)
    received = receive(
        deps, member, dataset, _lines(records), channel="pending", again=True, parent=parent
    )
    process(deps, received.submission_id)
    return received.submission_id


def resume_all(deps: Deps) -> list[UUID]:
    """Run every submission a crash left unfinished; gives their ids."""
    found = unfinished(deps)
    for submission_id in found:
        process(deps, submission_id)
    return found


def unfinished(deps: Deps) -> list[UUID]:
    """Submissions that are not done with, the oldest first."""
    with deps.database.connect("intake") as connection:
        rows = connection.execute(
            "select submission_id from intake.submission where state = any(%s)"
            " order by submission_id",
            (list(intake_store.UNFINISHED),),
        ).fetchall()
    return [row[0] for row in rows]
