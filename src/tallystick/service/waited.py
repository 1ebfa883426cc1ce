"""What was found of rows that waited, told in the submission they were sent with.

A row judged again is a line of a child submission that its furnisher never sees: what is found
there is written under the row's own submission and line, behind what stood there before. Findings
are only ever added; one that says a row waits is no longer shown once it waits no more, or waits
for something else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from tallystick.formats import Dataset
from tallystick.furnish import places_in
from tallystick.service.intake_store import (
    FINDINGS_PER_LINE,
    JUDGED_AGAIN,
    FindingRow,
    insert_findings,
    open_part,
    open_seen,
)


class Side(NamedTuple):
    """A submission and the key of what was seen in it; None once that is destroyed."""

    submission_id: UUID
    key: bytes | None


@dataclass(frozen=True, slots=True)
class _Found:
    number: int
    row: FindingRow


#: What holds of a finding `f` of submission `%(id)s` that is still so.
STANDS = f"""(f.severity <> 'pend' or not (
  coalesce(f.line_no in (select p.line_no
    from intake.submission s join intake.pending p using (submission_id, furnisher_id)
    left join intake.pending_outcome o using (pending_id)
    where s.submission_id = %(id)s and p.line_no is not null
    group by p.line_no having bool_and(o.pending_id is not null)), false)
  or exists (select from intake.finding l
    where l.submission_id = f.submission_id and l.finding_no > f.finding_no
    and l.finding_no < (f.line_no + 1) * {FINDINGS_PER_LINE} and l.severity = 'pend'
    and mod(l.finding_no, {FINDINGS_PER_LINE}) >= {JUDGED_AGAIN})))"""


def carry_over(
    connection: psycopg.Connection[Any],
    parent: Side,
    child: Side,
    *,
    dataset: Dataset,
    settled: Mapping[int, int],
    waiting: Mapping[int, int],
) -> None:
    """Tell in the parent what was found of its rows in the child.

    Takes: `dataset`: the parent's; by line of the child the parent's: `settled` rows wait no more;
           `waiting` ones do, for something else
    """
    line_of = {**settled, **waiting}
    told: list[FindingRow] = []
    for one in _read(connection, child, line_of):
        row = one.row
        line = row.line_no
        if line is None or (row.severity == "pend") != (line in waiting):
            continue
        now = replace(
            row, line_no=line_of[line], column_no=None, byte_offset=None,
            other_line_no=line_of.get(row.other_line_no or 0),
        )  # fmt: skip
        if told and line in waiting and told[-1].line_no == now.line_no:
            told.pop()  # one says that it waits
        told.append(now)
    if any(one.field for one in told):  # the child has its rows as objects, without columns
        places = _places(connection, parent, dataset)
        carried = places.get("record") if dataset.name == "correction" else None
        told = [
            replace(one, column_no=places.get(one.field, carried) if one.field else None)
            for one in told
        ]
    _add(connection, parent, told)


def _places(connection: psycopg.Connection[Any], side: Side, dataset: Dataset) -> Mapping[str, int]:
    """The column of each field in the file of a submission, from what is kept of its start."""
    first = connection.execute(
        "select sealed from intake.raw_part where submission_id = %s and part_no = 0",
        (side.submission_id,),
    ).fetchone()
    if first is None or side.key is None:
        return {}
    return places_in(open_part(side.key, 0, first[0]), dataset)


def reject_unmet(connection: psycopg.Connection[Any], sent: Side, lines: Sequence[int]) -> None:
    """Reject lines for what they waited for in vain."""
    for start in range(0, len(lines), 1000):
        some = lines[start : start + 1000]
        waits: dict[int, list[_Found]] = {}
        for one in _read(connection, sent, some):
            if one.row.severity != "pend" or one.row.line_no is None:
                continue
            before = waits.setdefault(one.row.line_no, [])
            if one.number % FINDINGS_PER_LINE >= JUDGED_AGAIN:
                before.clear()
            before.append(one)
        _add(
            connection,
            sent,
            [replace(one.row, severity="reject") for line in some for one in waits.get(line, ())],
        )


def _read(
    connection: psycopg.Connection[Any], side: Side, lines: Collection[int]
) -> Iterator[_Found]:
    """The findings of some lines of a submission, in their order."""
    rows = connection.execute(
        "select f.finding_no, f.line_no, f.column_no, f.byte_offset, f.field, f.rule_id,"
        " f.severity, f.seen_sealed, f.other_line_no"
        " from unnest(%s::bigint[]) as of (line_no) join intake.finding f"
        " on f.submission_id = %s and f.line_no = of.line_no"
        " and f.finding_no between of.line_no * %s and of.line_no * %s + %s - 1"
        " order by f.finding_no",
        (list(lines), side.submission_id, *[FINDINGS_PER_LINE] * 3),
    ).fetchall()
    names = list(FindingRow.__dataclass_fields__)
    for number, *values in rows:
        given = dict(zip(names, values, strict=True))
        sealed = given["seen"]
        given["seen"] = open_seen(side.key, number, sealed) if sealed and side.key else None
        yield _Found(number, FindingRow(**given))


def _add(connection: psycopg.Connection[Any], side: Side, found: Collection[FindingRow]) -> None:
    """Write findings behind those their lines have; a warning that is there is not repeated."""
    lines = {one.line_no for one in found if one.line_no is not None}
    taken: Counter[int] = Counter()
    warned = set()
    for there in _read(connection, side, lines):
        row = there.row
        taken[row.line_no or 0] = there.number % FINDINGS_PER_LINE + 1
        if row.severity == "warn":
            warned.add((row.line_no, row.rule_id, row.field))
    numbered = []
    for one in found:
        if one.severity == "warn" and (one.line_no, one.rule_id, one.field) in warned:
            continue
        line = one.line_no or 0
        order = max(taken[line], JUDGED_AGAIN)
        taken[line] = order + 1
        numbered.append((line * FINDINGS_PER_LINE + order, one))
    insert_findings(connection, side.submission_id, side.key, numbered)
