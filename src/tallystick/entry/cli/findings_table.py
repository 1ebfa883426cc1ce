"""The first findings of a submission: where, what was found, what is allowed, how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from uuid import UUID

from tallystick.entry.cli import output
from tallystick.entry.cli.allowed_table import print_allowed
from tallystick.entry.cli.ids import shown

if TYPE_CHECKING:
    from tallystick.service.members import Member
    from tallystick.service.port import Deps
    from tallystick.service.submissions import FindingView

#: More are listed by `submissions findings`.
MOST: Final = 10


def first_findings(deps: Deps, member: Member, submission_id: UUID) -> list[FindingView]:
    """The first `MOST` findings of a submission, and one more where there are more."""
    from tallystick.service.submissions import findings

    return findings(deps, member, submission_id, limit=MOST + 1)


def print_findings(found: Sequence[FindingView], submission_id: UUID) -> None:
    """Places and what was seen, what is allowed there, and how to mend it by rule."""
    from tallystick.validate import load_rules

    some = found[:MOST]
    if not some:
        return
    columns = ("line", "column", "byte", "field", "severity", "rule", "seen")
    rows = [
        (f.line_no, f.column_no, f.byte_offset, f.field, f.severity, f.rule_id, seen_of(f))
        for f in some
    ]
    output.table(columns, rows, title="where" if len(found) == len(some) else "where, the first")
    print_allowed((one.rule_id, one.field, one.allowed) for one in some)
    rules = load_rules()
    hit = [rules[rule_id] for rule_id in dict.fromkeys(one.rule_id for one in some)]
    told = [(one.rule_id, one.message.en, one.fix.en) for one in hit]
    output.table(("rule", "message", "how to fix"), told, title="how to mend it")
    if len(found) > len(some):
        output.say(f"more: tallystick submissions findings {shown('submission', submission_id)}")


def seen_of(finding: FindingView) -> str | None:
    """What was seen, and of a record whose line is not kept its key."""
    if finding.record is None:
        return finding.seen
    key = ", ".join(f"{name} {value}" for name, value in finding.record.items())
    return f"{finding.seen or '-'} (in the record with {key}; its line is not kept)"
