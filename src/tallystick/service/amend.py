"""Corrections and deletions: explicit, with a reason, by the record's own furnisher.

A correction carries the whole new record of one dataset; its rows are staged and judged as that
dataset, beyond the open periods too, and stand as corrections in the ledger. With the reason
`reinsertion_certified` it brings back what was deleted. Sent again while it stands, it is
unchanged. Corrections are read some at a time: memory does not grow with the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
import psycopg

from tallystick.formats import full_form
from tallystick.furnish import Staged
from tallystick.service import carried, deletions, domains, intake_store, process_rows, replaced
from tallystick.service.port import Deps
from tallystick.service.references import Job
from tallystick.service.workbench import insert_rows
from tallystick.validate import judge_record, load_rules

Progress = Callable[[str, int, int | None], None]
CERTIFIED = "reinsertion_certified"
_BATCH = 5_000


def run(deps: Deps, job: Job, key: bytes, staged: Staged, *, progress: Progress) -> None:
    """Process a staged file of corrections or deletions to its end."""
    carried.keep(job.con)
    with deps.database.connect("intake") as connection:
        job.con.execute("create or replace table finding as select * from fault where false")
        intake_store.write_findings(connection, job.submission_id, key, _faults(job))
        intake_store.set_state(
            connection, job.submission_id, state="publishing", stage="publishing",
            total=staged.sent, row_count=staged.sent,
        )  # fmt: skip
    if job.dataset == "deletion":
        unchanged = deletions.run(deps, job, key, _kept(job))
    else:
        unchanged = sum(
            _correct(deps, job, key, dataset, sent=count, progress=progress)
            for dataset, count in carried.counted(job.con).items()
        )
    with deps.database.connect("intake") as connection:
        intake_store.close_funnel(
            connection, job.submission_id, sent=staged.sent, unchanged=unchanged,
            finished_at=deps.clock(),
        )  # fmt: skip


def _faults(job: Job) -> Iterator[intake_store.FindingRow]:
    names = list(intake_store.FindingRow.__dataclass_fields__)
    _, batches = job.read(
        "select line_no, column_no, byte_offset, field, rule_id, severity, seen, null from fault"
        " order by line_no, rule_id, column_no",
        _BATCH,
    )
    for batch in batches:
        for row in batch:
            yield intake_store.FindingRow(**dict(zip(names, row, strict=True)))


def _kept(job: Job) -> Iterator[list[dict[str, Any]]]:
    """The deletions of the file as they were sent, in its order, a chunk at a time."""
    names, batches = job.read(
        f"select k.*, s.byte_offset from {carried.KEPT} k left join line_start s using (line_no)"
        " order by line_no",
        deletions.CHUNK,
    )
    for batch in batches:
        yield [dict(zip(names, row, strict=True)) for row in batch]


def _correct(
    deps: Deps, job: Job, key: bytes, dataset: str, *, sent: int, progress: Progress
) -> int:
    """Judge and publish the corrections of one dataset; gives how many changed nothing."""
    definition = deps.registry[dataset]
    nested = replace(job, dataset=dataset, places=carried.places(job.places, definition))
    carried.stage(job.con, definition, domains.of(deps.profile_today), job.folder)
    job.con.execute(
        "create or replace table certified as"
        f" select line_no from {carried.KEPT} where reason = '{CERTIFIED}'"
    )
    return process_rows.judge_and_publish(
        deps, nested, key, sent, progress=progress,
        operations=lambda lines: _operations(job, lines),
        check=lambda: _check_targets(deps, nested),
        wrapped=lambda lines: _as_sent(deps, job, lines),
    )  # fmt: skip


def _operations(job: Job, lines: Sequence[int]) -> dict[int, tuple[str, str]]:
    """The operation and reason of each correction."""
    rows = job.con.execute(
        f"select line_no, reason from {carried.KEPT} where line_no in (select unnest(?))",
        [list(lines)],
    ).fetchall()
    return {
        line: ("reinsertion" if reason == CERTIFIED else "correction", reason)
        for line, reason in rows
    }


def _as_sent(deps: Deps, job: Job, lines: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Corrections as records that can be judged again, by line."""
    found = {}
    cursor = job.con.execute(
        f"select * from {carried.KEPT} where line_no in (select unnest(?))", [list(lines)]
    )
    names = [column[0] for column in cursor.description or ()]
    for values in cursor.fetchall():
        row = dict(zip(names, values, strict=True))
        record = full_form(deps.registry["correction"], row)
        found[row["line_no"]] = {**record, "record": orjson.loads(record["record"])}
    return found


def _check_targets(deps: Deps, job: Job) -> None:
    """Judge the corrections' own rules against what is on file; hits become faults of the row.

    Runs in every round, after the context was built: what a correction replaces may have changed
    since the last one.
    """
    day = deps.profile.day_of(deps.clock())
    rules = load_rules().in_force("correction", None, day)
    job.con.execute(
        "delete from fault where rule_id in (select unnest(?))", [[one.rule_id for one in rules
         if one.expression is not None]]
    )  # fmt: skip
    given = {"judged_on": day, "is_test_mode": deps.is_test_mode, "is_open_period": True}
    with deps.database.connect("intake") as connection:
        for said in replaced.said(job):
            beside = _beside(deps, connection, job, said)
            found = [
                (row["line_no"], one.field, one.rule_id, one.seen, one.severity)
                for row in beside
                for one in judge_record("correction", {**row, **given}, rules)
            ]
            insert_rows(job.con, "fault (line_no, field, rule_id, seen, severity)", found)


def _beside(
    deps: Deps, connection: psycopg.Connection[Any], job: Job, said: Sequence[replaced.Said]
) -> list[dict[str, Any]]:
    """What the corrections' own rules read, of some corrections."""
    on_file = replaced.digests(deps, connection, job, said)
    others = [one for one in said if not _names(one, on_file)]
    standing = replaced.standing(deps, connection, job, others, on_file=on_file)
    unmatched = {one.line_no for one in others} - standing
    return [
        {
            "line_no": one.line_no,
            "replaces_digest": one.replaces,
            "target_exists": one.line_no in on_file,
            "target_is_own": one.line_no in on_file and on_file[one.line_no].is_own,
            "digest_matches": one.line_no not in unmatched,
        }
        for one in said
    ]


def _names(one: replaced.Said, on_file: Mapping[int, replaced.OnFile]) -> bool:
    """Whether a correction names the newest record of its key, or none can be compared with it."""
    target = on_file.get(one.line_no)
    if target is None or target.digest is None:
        return True
    return bool(target.digest == one.replaces.lower())
