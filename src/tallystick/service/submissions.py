"""Looking at submissions: a furnisher sees its own, the operator all, nobody anybody's records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from tallystick.errors import BadRequest
from tallystick.furnish import RuleText, write_rejects
from tallystick.furnish.source import UnreadableFile
from tallystick.model.finding import Finding
from tallystick.model.instant import instant_text
from tallystick.service import domains, intake_store, told_later, waited
from tallystick.service.allowed import allowed_at
from tallystick.service.members import Member
from tallystick.service.port import Deps
from tallystick.validate import load_rules
from tallystick.validate.registry import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCount:
    """How often one rule hit in a submission."""

    rule_id: str
    severity: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionView:
    """A submission as its furnisher sees it; the funnel adds up: sent is the sum of the four.

    `erased_at`: when records it brought were last erased with their persons, in what `show` gives:
    the funnel says what was taken then, not what is on file now.
    """

    submission_id: UUID
    furnisher_id: UUID
    dataset: str
    state: str
    stage: str
    progress_done: int
    progress_total: int | None
    received_at: datetime
    finished_at: datetime | None
    sent: int
    accepted: int
    unchanged: int
    rejected: int
    pending: int
    by_rule: list[RuleCount] = field(default_factory=list)
    erased_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingView:
    """One finding, with what was seen opened for the furnisher who sent it.

    `allowed` names the codes, bounds or length of the very field. `record` is the key of a record
    taken long before, whose line is not kept; `seen` is then what its furnisher said in it.
    """

    finding_no: int
    line_no: int | None
    column_no: int | None
    byte_offset: int | None
    field: str | None
    rule_id: str
    severity: str
    seen: str | None
    other_line_no: int | None
    allowed: Text | None = None
    record: Mapping[str, str] | None = None


_SELECT = """
select s.submission_id, s.furnisher_id, s.dataset, s.state, s.stage, s.progress_done,
  s.progress_total, s.received_at, s.finished_at, coalesce(s.row_count, 0),
  coalesce(f.accepted, 0)::bigint, coalesce(f.unchanged, 0)::bigint,
  coalesce(f.rejected, 0)::bigint, coalesce(f.pending, 0)::bigint
from intake.submission s left join lateral (select sum(accepted) as accepted,
  sum(unchanged) as unchanged, sum(rejected) as rejected, sum(pending) as pending
  from intake.funnel f where f.submission_id = s.submission_id) f on true
"""
#: What was published of a submission, and of its rows that waited, by the submissions they were
#: judged again in; those came later, so they are looked for only where rows waited.
_ERASED_AT = """
with brought as (
  select submission_id from intake.submission where submission_id = %(id)s
  union all
  select c.submission_id from intake.submission s join intake.submission c
    on c.furnisher_id = s.furnisher_id and c.submission_id > s.submission_id
    and c.parent_submission_id = s.submission_id and c.channel = 'pending'
  where s.submission_id = %(id)s
    and exists (select from intake.pending p where p.submission_id = %(id)s
      and p.furnisher_id = (select furnisher_id from intake.submission
        where submission_id = %(id)s))
)
select max(e.erased_at) from brought join ledger.chunk c using (submission_id)
join ledger.publication p using (chunk_id) join ledger.erased e using (chunk_id)
"""


def _view(row: tuple[Any, ...]) -> SubmissionView:
    names = list(SubmissionView.__dataclass_fields__)[: len(row)]
    return SubmissionView(**dict(zip(names, row, strict=True)))


def show(deps: Deps, member: Member | None, submission_id: UUID) -> SubmissionView:
    """One submission with its findings by rule.

    Raises: BadRequest `not_found`, also for another member's
    """
    import dataclasses

    with deps.database.connect("serve") as connection:
        row = connection.execute(
            _SELECT + " where s.submission_id = %s", (submission_id,)
        ).fetchone()
        view = _view(row) if row else None
        if view is None or (member is not None and view.furnisher_id != member.member_id):
            raise BadRequest("not_found", "no submission of this id that you may see")
        counts = connection.execute(
            "select rule_id, severity, count(*) from intake.finding f where submission_id = %(id)s"
            f" and {waited.STANDS} group by rule_id, severity order by count(*) desc, rule_id",
            {"id": submission_id},
        ).fetchall()
        erased = connection.execute(_ERASED_AT, {"id": submission_id}).fetchone()
    by_rule = [RuleCount(rule_id=one[0], severity=one[1], count=one[2]) for one in counts]
    return dataclasses.replace(view, by_rule=by_rule, erased_at=erased[0] if erased else None)


def require_parent(deps: Deps, member: Member, dataset: str, parent: UUID) -> None:
    """Pass where a member's submission of a dataset may name that one as its parent.

    Raises: BadRequest `not_found`, also for another member's; `parent_other_dataset`
    """
    with deps.database.connect("serve") as connection:
        found = intake_store.load(connection, parent)
    if found is None or found.furnisher_id != member.member_id:
        raise BadRequest("not_found", "`parent`: no submission of this id that you may see")
    if found.dataset != dataset:
        raise BadRequest(
            "parent_other_dataset",
            f"`parent` is a submission of {found.dataset}, this is one of {dataset}",
        )


def listing(
    deps: Deps, member: Member | None, *, after: UUID | None = None, limit: int = 50
) -> list[SubmissionView]:
    """Submissions, newest first; `after` is the last id of the page before."""
    with deps.database.connect("serve") as connection:
        rows = connection.execute(
            _SELECT + " where (%(member)s::uuid is null or s.furnisher_id = %(member)s)"
            " and (%(after)s::uuid is null or s.submission_id < %(after)s)"
            " and s.channel <> 'pending' order by s.submission_id desc limit %(limit)s",
            {"member": member.member_id if member else None, "after": after, "limit": limit},
        ).fetchall()
    return [_view(row) for row in rows]


def findings(
    deps: Deps,
    member: Member | None,
    submission_id: UUID,
    *,
    rule_id: str | None = None,
    after: int = -1,
    limit: int = 50,
) -> list[FindingView]:
    """Findings of a submission in the order of the file; `after` is the last finding_no before.

    Raises: BadRequest `not_found`
    """
    dataset = deps.registry[show(deps, member, submission_id).dataset]
    with deps.database.connect("serve") as connection:
        rows = connection.execute(
            "select finding_no, line_no, column_no, byte_offset, field, rule_id, severity,"
            " seen_sealed, other_line_no from intake.finding f where submission_id = %(id)s"
            " and finding_no > %(after)s and (%(rule)s::text is null or rule_id = %(rule)s)"
            f" and {waited.STANDS} order by finding_no limit %(limit)s",
            {"id": submission_id, "after": after, "rule": rule_id, "limit": limit},
        ).fetchall()
    key = deps.vault.get([submission_id]).get(submission_id)
    names: tuple[str, ...] = ("finding_no", "line_no", "column_no", "byte_offset", "field")
    names += ("rule_id", "severity", "seen", "other_line_no")
    told = allowed_at(((row[5], row[4]) for row in rows), dataset, domains.of(deps.profile_today))
    views = []
    for row in rows:
        values = dict(zip(names, row, strict=True))
        values["allowed"] = told.get((row[5], row[4]))
        if values["seen"] is not None:
            values["seen"] = (
                intake_store.open_seen(key, values["finding_no"], values["seen"]) if key else None
            )
        if values["seen"] and values["line_no"] is None and values["rule_id"] == told_later.RULE:
            values["record"], values["seen"] = told_later.read(values["seen"])
        views.append(FindingView(**values))
    return views


def rejects(deps: Deps, member: Member | None, submission_id: UUID) -> Iterator[bytes]:
    """The reject file: the furnisher's own columns, and what is wrong beside them.

    Mended, it can be sent back as it is. Made anew from the sealed raw bytes at each call.
    Raises: BadRequest `not_found`, also where no row could be read; `raw_gone` after the raw
            bytes' life has ended
    """
    view = show(deps, member, submission_id)
    key = deps.vault.get([submission_id]).get(submission_id)
    if key is None:
        days = deps.profile_today.raw_days
        raise BadRequest(
            "raw_gone",
            f"it came at {instant_text(view.received_at)}; what was sent is kept {days} days",
        )
    folder = deps.work_folder / f"rejects-{deps.new_id().hex}"
    folder.mkdir(parents=True, mode=0o700)
    try:
        source, target = folder / "raw", folder / "rejects.csv"
        with deps.database.connect("serve") as connection:
            with source.open("wb") as file:
                intake_store.read_raw(connection, submission_id, key, file)
            try:
                write_rejects(
                    source,
                    target,
                    _bad_findings(deps, connection, submission_id, key),
                    dataset=deps.registry[view.dataset],
                    domains=domains.of(deps.profile_today),
                    texts=_texts(),
                )
            except UnreadableFile:
                target.unlink(missing_ok=True)
        if not target.exists():
            raise BadRequest(
                "not_found", "no row of this file could be read, so none comes back: see findings"
            )
        with target.open("rb") as file:
            while data := file.read(1 << 16):
                yield data
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def _bad_findings(
    deps: Deps, connection: psycopg.Connection[Any], submission_id: UUID, key: bytes
) -> Iterator[Finding]:
    """All findings of the lines that were rejected, in the order of the file."""
    rows = connection.execute(
        "select finding_no, line_no, column_no, byte_offset, field, rule_id, severity,"
        " seen_sealed, other_line_no from intake.finding f where submission_id = %(id)s"
        " and exists (select 1 from intake.finding g where g.submission_id = %(id)s"
        " and g.line_no = f.line_no and g.severity = 'reject')"
        f" and {waited.STANDS} order by finding_no",
        {"id": submission_id},
    )
    for number, line, column, offset, name, rule_id, severity, seen, other in rows:
        yield Finding(
            rule_id=rule_id,
            severity=severity,
            line_no=line,
            column_no=column,
            byte_offset=offset,
            field=name,
            seen=intake_store.open_seen(key, number, seen) if seen else None,
            other_line_no=other,
        )


def _texts() -> dict[str, RuleText]:
    rules = load_rules()
    return {
        rule_id: RuleText(
            message_en=rules[rule_id].message.en,
            message_zh=rules[rule_id].message.zh,
            allowed_en=rules[rule_id].allowed.en,
            allowed_zh=rules[rule_id].allowed.zh,
            fix_en=rules[rule_id].fix.en,
            fix_zh=rules[rule_id].fix.zh,
        )
        for rule_id in rules
    }
