"""Corrections and deletions: explicit, with a reason, by the record's own furnisher.

A correction carries the whole new record of one dataset; its rows are staged and judged as that
dataset, beyond the open periods too, and stand as corrections in the ledger. With the reason
`reinsertion_certified` it brings back what was deleted. Sent again while it stands, it is
unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
import psycopg

from tallystick.formats import full_form
from tallystick.furnish import Staged, stage_file
from tallystick.service import deletions, domains, intake_store, process_rows, replaced
from tallystick.service.port import Deps
from tallystick.service.references import Job
from tallystick.service.workbench import insert_rows
from tallystick.validate import judge_record, load_rules

Progress = Callable[[str, int, int | None], None]
CERTIFIED = "reinsertion_certified"
_ORDER = ("member", "subject", "account", "account_party", "agreement", "guarantee", "funding",
          "snapshot", "event", "payment", "remark")  # fmt: skip


def run(deps: Deps, job: Job, key: bytes, staged: Staged, *, progress: Progress) -> None:
    """Process a staged file of corrections or deletions to its end."""
    rows = _readable(job)
    with deps.database.connect("intake") as connection:
        job.con.execute("create or replace table finding as select * from fault where false")
        _store_faults(connection, job, key)
        intake_store.set_state(
            connection, job.submission_id, state="publishing", stage="publishing",
            total=staged.sent, row_count=staged.sent,
        )  # fmt: skip
    if job.dataset == "deletion":
        unchanged = deletions.run(deps, job, key, rows)
    else:
        unchanged = 0
        for dataset in _ORDER:
            part = [row for row in rows if row["record_dataset"] == dataset]
            if part:
                unchanged += _correct(deps, job, key, dataset, rows=part, progress=progress)
    with deps.database.connect("intake") as connection:
        intake_store.close_funnel(
            connection, job.submission_id, sent=staged.sent, unchanged=unchanged,
            finished_at=deps.clock(),
        )  # fmt: skip


def _readable(job: Job) -> list[dict[str, Any]]:
    cursor = job.con.execute(
        'select * from "row" where line_no not in'
        " (select line_no from fault where severity = 'reject' and line_no is not null)"
        " order by line_no"
    )
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _store_faults(connection: psycopg.Connection[Any], job: Job, key: bytes) -> None:
    faults = job.con.execute(
        "select line_no, column_no, byte_offset, field, rule_id, severity, seen, null from fault"
        " order by line_no, rule_id, column_no"
    ).fetchall()
    names = list(intake_store.FindingRow.__dataclass_fields__)
    found = [intake_store.FindingRow(**dict(zip(names, row, strict=True))) for row in faults]
    intake_store.write_findings(connection, job.submission_id, key, found)


def _correct(
    deps: Deps,
    job: Job,
    key: bytes,
    dataset: str,
    *,
    rows: Sequence[Mapping[str, Any]],
    progress: Progress,
) -> int:
    """Judge and publish the corrections of one dataset; gives how many changed nothing."""
    nested = replace(job, dataset=dataset, places=_places(deps, job, dataset))
    path = job.folder / "corrections.ndjson"
    path.write_bytes(b"".join(str(row["record"]).encode() + b"\n" for row in rows))
    profile = deps.profile_today
    stage_file(
        job.con, path, deps.registry[dataset], domains.of(profile), format="ndjson",
        folder=job.folder,
    )  # fmt: skip
    path.unlink()
    lines = {number: row["line_no"] for number, row in enumerate(rows, start=1)}
    _renumber(job, lines)
    job.con.execute("create or replace table certified (line_no bigint)")
    certified = ((row["line_no"],) for row in rows if row["reason"] == CERTIFIED)
    insert_rows(job.con, "certified", certified)
    operations = {
        row["line_no"]: (
            "reinsertion" if row["reason"] == CERTIFIED else "correction",
            row["reason"],
        )
        for row in rows
    }
    sent_as = {row["line_no"]: row for row in rows}
    return process_rows.judge_and_publish(
        deps, nested, key, len(rows), progress=progress, operations=operations,
        check=lambda: _check_targets(deps, nested, rows),
        wrapped=lambda line: _as_sent(deps, sent_as[line]),
    )  # fmt: skip


def _places(deps: Deps, job: Job, dataset: str) -> dict[str, int]:
    """The columns of a correction's file; all of the record it carries is in one cell."""
    if "record" not in job.places:
        return {}
    return {
        **{field.name: job.places["record"] for field in deps.registry[dataset].fields},
        **job.places,
    }


def _as_sent(deps: Deps, row: Mapping[str, Any]) -> dict[str, Any]:
    """A correction as a record that can be judged again."""
    record = full_form(deps.registry["correction"], row)
    return {**record, "record": orjson.loads(record["record"])}


def _renumber(job: Job, lines: Mapping[int, int]) -> None:
    """Give staged rows and faults the line numbers of the file they were wrapped in."""
    job.con.execute("create or replace table line_map (staged bigint, line_no bigint)")
    insert_rows(job.con, "line_map", lines.items())
    for table in ('"row"', "fault"):
        job.con.execute(
            f"update {table} set line_no = m.line_no from line_map m"
            f" where m.staged = {table}.line_no"
        )


def _check_targets(deps: Deps, job: Job, rows: Sequence[Mapping[str, Any]]) -> None:
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
    with deps.database.connect("intake") as connection:
        on_file = replaced.digests(deps, connection, job)
        others = {row["line_no"]: row for row in rows if not _names(row, on_file)}
        standing = replaced.standing(deps, connection, job, sent=others, on_file=on_file)
    found = []
    for row in rows:
        line = row["line_no"]
        target = on_file.get(line)
        beside = {
            **row,
            "judged_on": day,
            "is_test_mode": deps.is_test_mode,
            "is_open_period": True,
            "target_exists": target is not None,
            "target_is_own": target is not None and target.is_own,
            "digest_matches": line not in others or line in standing,
        }
        found += [
            (line, one.field, one.rule_id, one.seen, one.severity)
            for one in judge_record("correction", beside, rules)
        ]
    insert_rows(job.con, "fault (line_no, field, rule_id, seen, severity)", found)


def _names(row: Mapping[str, Any], on_file: Mapping[int, replaced.OnFile]) -> bool:
    """Whether a correction names the newest record of its key, or none can be compared with it."""
    target = on_file.get(row["line_no"])
    if target is None or target.digest is None:
        return True
    return bool(target.digest == row["replaces_digest"].lower())
