"""From staged rows to published statements: judge, append, publish, count.

A round looks everything up, judges, and publishes chunk by chunk. When an account changed under a
chunk the round ends and another begins with the rows that are left; a job run again after a crash
is the same thing. What an earlier round did is met as the submission's own and left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import orjson
import psycopg

from tallystick.errors import InvariantBroken
from tallystick.ledger import append, order, publish
from tallystick.profile import ProfileAt
from tallystick.service import (
    accepted_rows,
    context,
    disagreed,
    duplicates,
    funders_own,
    intake_store,
    refused_rows,
    register_rows,
    rows,
    settle,
    snapshot_chunks,
    snapshots,
)
from tallystick.service.port import Deps
from tallystick.service.references import Job
from tallystick.service.workbench import insert_rows
from tallystick.validate import (
    Rule,
    judge_records,
    judge_table,
    load_rules,
    read_sql,
    take_back,
)

Progress = Callable[[str, int, int | None], None]
#: Of some lines, by line, the correction each row was sent in.
Wrapped = Callable[[Sequence[int]], Mapping[int, Mapping[str, Any]]]

#: Rounds before a submission is given up as failing. Each is lost to somebody who wrote one of its
#: accounts meanwhile, and so got on; half a dozen who write the same few without a pause leave one
#: round in ten to each.
MAX_ROUNDS = 200
#: From this many rows on the rules run as one DuckDB scan, below it as generated Python: planning
#: the scan takes as long as judging ten thousand records.
SCAN_FROM = 10_000
#: Datasets that carry no statement of a person and have a way of their own.
_OWN_WAY = {"consent": register_rows.consents, "member": register_rows.members}


def run(
    deps: Deps,
    job: Job,
    key: bytes,
    sent: int,
    *,
    progress: Progress,
) -> None:
    """Judge and publish the rows of a job, then close its funnel.

    Takes: `sent`: records in the file, broken lines among them
    """
    with deps.database.connect("intake") as connection:
        intake_store.set_state(
            connection, job.submission_id, state="checking", stage="records", row_count=sent
        )
    unchanged = judge_and_publish(deps, job, key, sent, progress=progress)
    with deps.database.connect("intake") as connection:
        intake_store.close_funnel(
            connection, job.submission_id, sent=sent, unchanged=unchanged, finished_at=deps.clock()
        )


def judge_and_publish(
    deps: Deps,
    job: Job,
    key: bytes,
    sent: int,
    *,
    progress: Progress,
    operations: rows.Operations | None = None,
    check: Callable[[], None] | None = None,
    wrapped: Wrapped | None = None,
) -> int:
    """Rounds of judging and publishing until every row is settled; gives how many were unchanged.

    Takes: `operations`: asked for the operation and reason of rows that are corrections; `wrapped`
           gives those corrections as they were sent: one that waits is kept so;
           `check`: adds faults of its own in each round, once the rows' context is there
    """
    profile = deps.profile_today
    in_bulk = job.dataset == "snapshot" and operations is None
    for _ in range(MAX_ROUNDS):
        progress("records", 0, sent)
        _judge(deps, job, key, profile, sent=sent, wrapped=wrapped, check=check)
        try:
            return _publish(deps, job, progress, operations, in_bulk=in_bulk)
        except publish.Stale:
            continue
        except refused_rows.FAULTS:
            if not in_bulk:
                raise
            in_bulk = False  # nobody can say which month it was: the rest goes by batches
    raise InvariantBroken("a submission found its accounts changed in every round")


def _judge(
    deps: Deps,
    job: Job,
    key: bytes,
    profile: ProfileAt,
    *,
    sent: int,
    wrapped: Wrapped | None,
    check: Callable[[], None] | None,
) -> None:
    """All rules over all rows; findings stored; table `left_out` holds the lines not published."""
    corrections = wrapped is not None  # which say themselves what they replace
    day = deps.profile.day_of(deps.clock())
    with deps.database.connect("intake") as connection:
        for chunk_id in intake_store.unpublished(connection, job.submission_id):
            connection.execute("insert into ledger.abandoned values (%s)", (chunk_id,))
        refused_rows.leave_out(connection, job)
    with deps.database.connect("intake") as connection:
        if job.dataset in _OWN_WAY:
            judged = register_rows.build(deps, connection, job, day=day, corrections=corrections)
        else:
            judged = context.build(deps, connection, job, profile, day=day, corrections=corrections)
            rows.compare(deps, connection, job)
    if check is not None:
        check()
    overrides = {name: value for name, value in profile.rules.items() if name in load_rules()}
    rules = load_rules().in_force(job.dataset, overrides, day)
    _evaluate(job, rules, judged, sent)
    is_clean = not job.filled("finding", "fault")
    if is_clean:
        _nothing_found(job)
    else:
        take_back(job.con, rules)
        duplicates.share_rejects(job.con, rules)
        _merge_faults(job, rules)
    with deps.database.connect("intake") as connection:
        known = _leave_waiting(connection, job)
        if not is_clean:
            intake_store.write_findings(connection, job.submission_id, key, _all_findings(job))
        if job.dataset == "funding":
            disagreed.tell_refused(deps, connection, job)
        if not is_clean:
            _store_pending(
                deps, connection, job, key, profile=profile, day=day, known=known, wrapped=wrapped
            )
        intake_store.set_state(
            connection, job.submission_id, state="publishing", stage="publishing", total=sent,
        )  # fmt: skip


def _evaluate(job: Job, rules: Sequence[Rule], judged: str, sent: int) -> None:
    if sent >= SCAN_FROM:
        job.con.execute(f"create or replace view judged as {judged}")
        judge_table(job.con, job.dataset, rules)
        return
    job.con.execute(
        "create or replace table finding (line_no bigint, rule_id varchar, field varchar,"
        " seen varchar)"
    )
    cursor = job.con.execute(f"select {read_sql(job.dataset, rules)} from ({judged}) judged")
    names = [column[0] for column in cursor.description or ()]
    records = (dict(zip(names, row, strict=True)) for row in cursor.fetchall())
    found = [
        (one.line_no, one.rule_id, one.field, one.seen)
        for one in judge_records(job.dataset, records, rules)
    ]
    insert_rows(job.con, "finding", found)


def _nothing_found(job: Job) -> None:
    """What `_merge_faults` makes of nothing, as most files are: planning it would take longer."""
    job.con.execute(
        "create or replace table everything (line_no bigint, column_no integer,"
        " byte_offset bigint, field varchar, rule_id varchar, severity varchar, seen varchar,"
        " other_line_no bigint);"
        " create or replace table left_out (line_no bigint, is_rejected boolean)"
    )


def _merge_faults(job: Job, rules: Sequence[Rule]) -> None:
    """One table of everything found, and the lines that do not go on.

    A row that both waits for its parent and has a fault is rejected: waiting would not mend it.
    """
    job.con.execute("create or replace table severity_of (rule_id varchar, severity varchar)")
    job.con.execute(
        "insert into severity_of select unnest(?), unnest(?)",
        [[rule.rule_id for rule in rules], [rule.severity for rule in rules]],
    )
    job.con.execute(
        "create or replace table everything as"
        " select v.line_no, v.column_no, coalesce(v.byte_offset, b.byte_offset) as byte_offset,"
        " v.field, v.rule_id, v.severity, v.seen, null::bigint as other_line_no"
        " from fault v left join line_start b using (line_no) union all"
        " select f.line_no, null, b.byte_offset, f.field, f.rule_id, s.severity, f.seen,"
        " case when f.rule_id like '%-DUP-%' then d.first_line_no end"
        " from finding f join severity_of s using (rule_id)"
        " left join duplicate_of d using (line_no)"
        " left join line_start b using (line_no)"
    )
    job.con.execute(
        "create or replace table left_out as select line_no,"
        " bool_or(severity = 'reject') as is_rejected from everything"
        " where severity in ('reject', 'pend') and line_no is not null group by line_no"
    )


def _leave_waiting(connection: psycopg.Connection[Any], job: Job) -> set[int]:
    """Leave out rows that an earlier round or run let wait, as they were found then; gives these.

    They are judged by whoever wakes them, even if their parent is there by now: it may have done
    so already, and the funnel counts them as pending until then.
    """
    lines = {
        row[0]
        for row in connection.execute(
            "select line_no from intake.pending where furnisher_id = %s and submission_id = %s",
            (job.furnisher_id, job.submission_id),
        )
    }
    if lines:
        for table in ("everything", "left_out"):
            job.con.execute(
                f"delete from {table} where line_no in (select unnest(?))", [list(lines)]
            )
        job.con.execute("insert into left_out select unnest(?), false", [list(lines)])
    return lines


def _all_findings(job: Job) -> Iterator[intake_store.FindingRow]:
    names, batches = job.read(
        "select line_no, column_no, byte_offset, field, rule_id, severity, seen, other_line_no"
        f" from everything where rule_id <> '{refused_rows.RULE}'"  # written when it was found
        " order by line_no, rule_id, column_no, field",
        5000,
    )
    for batch in batches:
        for row in batch:
            found = dict(zip(names, row, strict=True))
            if found["column_no"] is None:  # rules name the field only
                found["column_no"] = job.places.get(found["field"])
            yield intake_store.FindingRow(**found)


def _store_pending(
    deps: Deps,
    connection: psycopg.Connection[Any],
    job: Job,
    key: bytes,
    *,
    profile: ProfileAt,
    day: date,
    known: Collection[int],
    wrapped: Wrapped | None,
) -> None:
    """Keep rows that wait for a parent: sealed, with what they wait for and until when.

    Takes: `known`: lines kept before; `wrapped`: what to keep of rows that are corrections
    """
    if job.dataset in _OWN_WAY:
        return
    until = day + timedelta(days=profile.pending_expires_days)
    dataset = job.dataset if wrapped is None else "correction"
    for batch in rows.waiting(deps, job):
        fresh = [one for one in batch if one.line_no not in known]
        sent = wrapped([one.line_no for one in fresh]) if wrapped else {}
        with connection.cursor().copy(
            "copy intake.pending (pending_id, submission_id, furnisher_id, dataset, line_no,"
            " waits_kind, waits_token, record_sealed, expires_on, since)"
            " from stdin (format binary)"
        ) as copy:
            copy.set_types(["uuid", "uuid", "uuid", "text", "int8", "text", "bytea", "bytea",
                            "date", "timestamptz"])  # fmt: skip
            for one in fresh:
                record = orjson.dumps(one.record if wrapped is None else sent[one.line_no])
                copy.write_row(
                    (deps.new_id(), job.submission_id, job.furnisher_id, dataset, one.line_no,
                     one.waits_kind, one.waits_token,
                     intake_store.seal_part(key, (1 << 80) + one.line_no, record),
                     until, deps.clock())
                )  # fmt: skip


def _publish(
    deps: Deps,
    job: Job,
    progress: Progress,
    operations: rows.Operations | None,
    *,
    in_bulk: bool,
) -> int:
    """Publish what passed; gives how many rows were unchanged."""
    if job.dataset in _OWN_WAY:
        return _OWN_WAY[job.dataset](deps, job)
    if in_bulk:
        return _publish_snapshots(deps, job, progress)
    return _publish_batches(
        deps, job, accepted_rows.batches(job), progress,
        operations=operations, months_too=job.dataset == "snapshot",
    )  # fmt: skip


def _publish_snapshots(deps: Deps, job: Job, progress: Progress) -> int:
    planned = snapshots.plan(job)
    with deps.database.connect("intake") as connection:
        first = intake_store.next_chunk_no(connection, job.submission_id)

    def count(
        connection: psycopg.Connection[Any], number: int, size: int, place: order.Place
    ) -> None:
        _count(connection, job, number, accepted=size, place=place)

    if planned.sizes:
        done, total = 0, sum(planned.sizes)
        for size in snapshot_chunks.publish_fast(
            deps, job, planned, first_chunk_no=first, on_chunk=count
        ):
            done += size
            progress("publishing", done, total)
    unchanged = planned.unchanged
    if planned.slow_accounts:
        unchanged += _publish_batches(
            deps,
            job,
            accepted_rows.batches(job, only=snapshots.SLOW),
            progress,
            operations=None,
            months_too=True,
        )
    return unchanged


def _publish_batches(
    deps: Deps,
    job: Job,
    batches: Iterator[list[dict[str, Any]]],
    progress: Progress,
    *,
    operations: rows.Operations | None,
    months_too: bool = False,
) -> int:
    unchanged = done = 0
    ours: dict[UUID, int | None] = {}
    for batch in batches:
        publish_part = partial(
            _publish_batch, deps, job, ours=ours, operations=operations, months_too=months_too
        )  # fmt: skip
        for prepared in refused_rows.each(deps, job, batch, publish_part):
            unchanged += prepared.unchanged
            done += prepared.accepted
            progress("publishing", done, None)
    return unchanged


def _publish_batch(
    deps: Deps,
    job: Job,
    batch: Sequence[Mapping[str, Any]],
    *,
    ours: dict[UUID, int | None],
    operations: rows.Operations | None,
    months_too: bool,
) -> rows.Prepared:
    """Append and publish one batch; `ours` holds which of the job's chunks changed an account."""
    with deps.database.connect("intake") as connection:
        prepared = rows.prepare(deps, connection, job, batch, operations=operations)
        if not prepared.rows:
            return prepared
        number = intake_store.next_chunk_no(connection, job.submission_id)
        head = append.ChunkHead(
            submission_id=job.submission_id, chunk_no=number,
            furnisher_id=job.furnisher_id, dataset=job.dataset,
        )  # fmt: skip
        chunk_id = append.append(connection, head, prepared.rows, deps.clock())
    expected = {account: ours.get(account, was) for account, was in prepared.judged_at.items()}
    _publish_chunk(
        deps, job, prepared, expected, chunk_id=chunk_id, number=number, months_too=months_too
    )
    ours.update(dict.fromkeys(prepared.accounts, chunk_id))
    return prepared


def _publish_chunk(
    deps: Deps,
    job: Job,
    prepared: rows.Prepared,
    expected: Mapping[UUID, int | None],
    *,
    chunk_id: int,
    number: int,
    months_too: bool,
) -> None:
    touched = publish.Touched(
        accounts=frozenset(prepared.accounts),
        parties=frozenset(prepared.parties),
        months_too=months_too,
        dataset=job.dataset,
        added=prepared.added(job.dataset),
    )
    while True:
        try:
            with deps.database.connect("intake") as connection:
                if job.dataset == "subject":
                    place = settle.publish_parties(
                        deps, connection, chunk_id, prepared.new_parties, now=deps.clock()
                    )
                else:
                    place = publish.publish(
                        connection, chunk_id, touched, judged_at=expected, now=deps.clock(),
                        also=partial(_find_funders_own, deps, connection, job, prepared),
                    )  # fmt: skip
                if prepared.words:
                    disagreed.tell(deps, connection, chunk_id, prepared.words)
                _count(connection, job, number, accepted=prepared.accepted, place=place)
            return
        except publish.Moved:
            continue
        except (publish.Stale, *refused_rows.FAULTS):
            with deps.database.connect("intake") as connection:
                connection.execute("insert into ledger.abandoned values (%s)", (chunk_id,))
            raise


def _find_funders_own(
    deps: Deps, connection: psycopg.Connection[Any], job: Job, prepared: rows.Prepared
) -> None:
    if job.dataset in funders_own.DATASETS:
        pairs = funders_own.open_cases(deps, connection, prepared.accounts, deps.clock())
        funders_own.tell(connection, job, pairs, lines=prepared.lines)


def _count(
    connection: psycopg.Connection[Any],
    job: Job,
    number: int,
    *,
    accepted: int,
    place: order.Place,
) -> None:
    intake_store.add_funnel(
        connection, job.submission_id, number + 1, position=place.position, accepted=accepted
    )
