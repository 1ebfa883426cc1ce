"""Check a file with no bureau: the stages that need only the file and the profile.

Beside each row stand the context columns that the row or the file gives (`validate.context`); rules
that read anything else need the ledger and are named as not evaluated. What corrections carry is
judged as the dataset it is of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, cast, get_args

import duckdb

from tallystick.entry.cli.offline_judge import judge
from tallystick.entry.cli.output import Progress
from tallystick.errors import BadRequest
from tallystick.formats import Dataset, load
from tallystick.furnish.stage import Staged, stage_file
from tallystick.model.finding import Finding, Severity
from tallystick.profile import Profile, ProfileAt
from tallystick.service import carried, domains
from tallystick.service.allowed import Place, allowed_at
from tallystick.validate import Rule, load_rules
from tallystick.validate.registry import Text

#: Faults of reading and hits of rules, in the order of the file.
_FINDINGS: Final = """
  select line_no, column_no, byte_offset, field, rule_id, seen, null as other_line_no from fault
  union all
  select h.line_no, null, b.byte_offset, h.field, h.rule_id, h.seen, d.first_line_no
  from finding h
  left join line_start b on b.line_no = h.line_no
  left join duplicate_of d on d.line_no = h.line_no and h.rule_id in (select * from paired)
  order by line_no, rule_id, column_no, field
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What an offline check found. `rules` are those in force; texts come from there.

    `allowed_texts` are what is allowed at each rule and field that was hit.
    """

    dataset: str
    sent: int
    rejected: int
    findings: tuple[Finding, ...]
    rules: dict[str, Rule]
    allowed_texts: dict[Place, Text]

    @property
    def evaluated(self) -> tuple[str, ...]:
        """Ids of the rules that were evaluated, in their order."""
        return tuple(one.rule_id for one in self.rules.values() if one.needs != "ledger")

    @property
    def not_evaluated(self) -> tuple[str, ...]:
        """Ids of the rules that need the ledger."""
        return tuple(one.rule_id for one in self.rules.values() if one.needs == "ledger")

    def message(self, rule_id: str) -> Text:
        """What a finding of that rule means."""
        return self.rules[rule_id].message

    def fix(self, rule_id: str) -> Text:
        """How to mend it."""
        return self.rules[rule_id].fix

    def allowed(self, finding: Finding) -> Text:
        """What is allowed where it points, the field's own codes or bounds named."""
        return self.allowed_texts[finding.rule_id, finding.field]


def check_file(
    path: Path,
    *,
    dataset: str,
    profile_id: str,
    progress: Progress,
    now: datetime | None = None,
    is_test_mode: bool = True,
) -> Checked:
    """Every finding of a file that row and file alone can give.

    Takes:  `now`: the instant of judging, by the clock a bureau of these settings would have;
            missing: the machine's. `is_test_mode`: identity numbers kept for tests are taken
    Time:   the day of judging is that instant's in the profile's time zone
    Raises: BadRequest for an unknown dataset; ProfileError for an unknown profile
    """
    known = load()
    if dataset not in known:
        raise BadRequest("unknown_dataset", f"there are: {', '.join(known)}")
    profile = Profile.load(profile_id)
    now = now or datetime.now(UTC)
    at = profile.on(profile.day_of(now))
    found: list[Finding] = []
    rules: dict[str, Rule] = {}
    with TemporaryDirectory() as folder, duckdb.connect() as con:
        progress("read", 0, None)
        staged = stage_file(con, path, known[dataset], domains.of(at), folder=Path(folder))
        progress("judge", 0, staged.rows)
        for part, places in _parts(con, known[dataset], at, staged=staged, folder=Path(folder)):
            in_force = _in_force(part, at, profile.day_of(now))
            judge(
                con, part, at, rules=in_force, day=profile.day_of(now), now=now,
                is_test_mode=is_test_mode, is_carried=part is not known[dataset],
            )  # fmt: skip
            found += _findings(con, in_force, places)
            rules |= {rule.rule_id: rule for rule in in_force}
        progress("judge", staged.rows, staged.rows)
    findings = tuple(sorted(found, key=_in_order))
    return Checked(
        dataset=dataset,
        sent=staged.sent,
        rejected=_rejected(staged, findings),
        findings=findings,
        rules=rules,
        allowed_texts=allowed_at(
            ((one.rule_id, one.field) for one in findings), known[dataset], domains.of(at)
        ),
    )


def _parts(
    con: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    at: ProfileAt,
    *,
    staged: Staged,
    folder: Path,
) -> Iterator[tuple[Dataset, Mapping[str, int]]]:
    """What is judged one after another, staged when it is given, with the columns of its fields.

    The file itself; then, of corrections, what they carry, one dataset after another.
    """
    if dataset.name != "correction":
        yield dataset, staged.places
        return
    carried.keep(con)
    yield dataset, staged.places
    known = load()
    for name in carried.counted(con):
        carried.stage(con, known[name], domains.of(at), folder)
        yield known[name], carried.places(staged.places, known[name])


def _in_force(dataset: Dataset, at: ProfileAt, day: date) -> tuple[Rule, ...]:
    known = load_rules()
    overrides = {rule_id: one for rule_id, one in at.rules.items() if rule_id in known}
    return known.in_force(dataset.name, overrides, day)


def _in_order(one: Finding) -> tuple[int, str, int, str]:
    return one.line_no or 0, one.rule_id, one.column_no or 0, one.field or ""


def _findings(
    con: duckdb.DuckDBPyConnection, rules: Sequence[Rule], places: Mapping[str, int]
) -> tuple[Finding, ...]:
    """All of them; a rule names a field, whose column is where the file has it."""
    severities = {rule.rule_id: rule.severity for rule in rules}
    parser = {str(key): _severity(value) for key, value in con.execute(
        "select distinct rule_id, severity from fault"
    ).fetchall()}  # fmt: skip
    return tuple(
        Finding(
            rule_id=rule_id,
            severity=parser.get(rule_id) or severities[rule_id],
            line_no=line_no,
            column_no=places.get(field) if column_no is None else column_no,
            byte_offset=byte_offset,
            field=field,
            seen=seen,
            other_line_no=other_line_no,
        )
        for line_no, column_no, byte_offset, field, rule_id, seen, other_line_no in con.execute(
            _FINDINGS
        ).fetchall()
    )


def _severity(text: str) -> Severity:
    return cast(Severity, text) if text in get_args(Severity) else "reject"


def _rejected(staged: Staged, findings: Sequence[Finding]) -> int:
    """Rows that would be rejected; none where the file as a whole could not be read."""
    if not staged.is_readable:
        return staged.sent
    return len({one.line_no for one in findings if one.severity == "reject"})
