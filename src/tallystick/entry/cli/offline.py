"""Check a file with no bureau: the stages that need only the file and the profile.

Beside each row stand the context columns that the row or the file gives (`validate.context`); rules
that read anything else need the ledger and are named as not evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, cast, get_args

import duckdb
import orjson

from tallystick.entry.cli.output import Progress
from tallystick.errors import BadRequest
from tallystick.formats import Dataset, load
from tallystick.furnish.stage import Staged, stage_file
from tallystick.model.finding import Finding, Severity
from tallystick.model.instant import microseconds
from tallystick.profile import Profile, ProfileAt
from tallystick.service import domains, record_keys
from tallystick.service.allowed import Place, allowed_at
from tallystick.service.keys_of_rows import SHAPES, file_key_sql
from tallystick.validate import Rule, judge_table, load_rules, take_back
from tallystick.validate.columns import local_day_sql
from tallystick.validate.registry import Text

_MONTHLY: Final = ("snapshot", "payment")
#: Faults of reading and hits of rules, in the order of the file.
_FINDINGS: Final = """
  select line_no, column_no, byte_offset, field, rule_id, seen, null as other_line_no from fault
  union all
  select h.line_no, null, null, h.field, h.rule_id, h.seen, d.first_line_no
  from finding h
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


def check_file(path: Path, *, dataset: str, profile_id: str, progress: Progress) -> Checked:
    """Every finding of a file that row and file alone can give.

    Time:   the day of judging is today in the profile's time zone
    Raises: BadRequest for an unknown dataset; ProfileError for an unknown profile
    """
    known = load()
    if dataset not in known:
        raise BadRequest("unknown_dataset", f"there are: {', '.join(known)}")
    profile = Profile.load(profile_id)
    now = datetime.now(UTC)
    day = profile.day_of(now)
    at = profile.on(day)
    known_rules = load_rules()
    overrides = {rule_id: one for rule_id, one in at.rules.items() if rule_id in known_rules}
    rules = known_rules.in_force(dataset, overrides, day)
    with duckdb.connect() as con:
        progress("read", 0, None)
        staged = stage_file(con, path, known[dataset], domains.of(at))
        progress("judge", 0, staged.rows)
        _judge(con, known[dataset], at, rules=rules, day=day, now=now)
        progress("judge", staged.rows, staged.rows)
        findings = _findings(con, rules, staged.places)
    return Checked(
        dataset=dataset,
        sent=staged.sent,
        rejected=_rejected(staged, findings),
        findings=findings,
        rules={rule.rule_id: rule for rule in rules},
        allowed_texts=allowed_at(
            ((one.rule_id, one.field) for one in findings), known[dataset], domains.of(at)
        ),
    )


def _judge(
    con: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    at: ProfileAt,
    *,
    rules: Sequence[Rule],
    day: date,
    now: datetime,
) -> None:
    """Put the context beside each row and fill `finding`, `duplicate_of` and `paired`."""
    _duplicates(con, dataset)
    given = {
        "judged_on": f"date '{day.isoformat()}'",
        "is_test_mode": "true",
        "duplicate_line_no": "d.first_line_no",
        "duplicate_is_equal": "d.is_equal",
    }
    if dataset.name == "event":
        given["judged_on"] = local_day_sql(microseconds(now))
    joins = ["left join duplicate_of d on d.line_no = r.line_no"]
    if dataset.name in _MONTHLY:
        _buckets(con, at)
        worst = max((one.rank or 0 for one in at.buckets.values()), default=0)
        given |= {
            f"bucket_{name}": f"b.{name}" for name in ("rank", "kind", "days_min", "days_max")
        }
        given["bucket_max_rank"] = str(worst)
        joins.append("left join bucket_ref b on b.code = r.bucket")
    if dataset.name == "subject":
        _identifiers(con, at)
        given |= {
            "identifier_check": "i.verdict",
            "identifier_is_placeholder": "i.is_placeholder",
            "identifier_birth_date": "i.birth_date",
            "identifier_sex": "i.sex",
        }
        joins.append(
            "left join identifier_ref i"
            " on i.scheme = r.identifier_scheme and i.number = r.identifier_number"
        )
    if dataset.name == "deletion":
        _keys(con, at)
        given |= {f"key_{fault}": f"k.{fault}" for fault in ("missing", "unknown", "unreadable")}
        joins.append("left join key_fault k on k.line_no = r.line_no")
    columns = ", ".join(f"{expression} as {name}" for name, expression in given.items())
    con.execute(f'create view judged as select r.*, {columns} from "row" r {" ".join(joins)}')
    judged = [rule for rule in rules if rule.needs != "ledger"]
    judge_table(con, dataset.name, judged)
    take_back(con, judged)
    con.execute("create table paired (rule_id varchar)")
    paired = [
        [rule.rule_id]
        for rule in judged
        if rule.expression and "duplicate_line_no" in rule.expression.columns
    ]
    if paired:
        con.executemany("insert into paired values (?)", paired)


def _duplicates(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> None:
    """For each later row of a key: the first line that has it, and whether it says the same."""
    if dataset.name == "consent":
        key = "r.consent_id"
    elif dataset.name in SHAPES:
        key = file_key_sql(dataset.name)
    else:  # corrections and deletions name another record; two of one are judged at the bureau
        con.execute(
            "create table duplicate_of (line_no bigint, first_line_no bigint, is_equal bool)"
        )
        return
    names = [row[0] for row in con.execute('describe "row"').fetchall() if row[0] != "line_no"]
    content = ", ".join(f'"{name}"' for name in sorted(names))
    con.execute(
        "create table duplicate_of as select line_no, first_line_no, is_equal from (select line_no,"
        " first_value(line_no) over w as first_line_no,"
        " first_value(content) over w = content as is_equal from (select r.line_no,"
        f' {key} as file_key, hash({content}) as content from "row" r)'
        " window w as (partition by file_key order by line_no)) where first_line_no <> line_no"
    )


def _buckets(con: duckdb.DuckDBPyConnection, at: ProfileAt) -> None:
    con.execute(
        "create table bucket_ref"
        " (code varchar, rank integer, kind varchar, days_min integer, days_max integer)"
    )
    con.executemany(
        "insert into bucket_ref values (?, ?, ?, ?, ?)",
        [(b.code, b.rank, b.kind, b.days_min, b.days_max) for b in at.buckets.values()],
    )


def _identifiers(con: duckdb.DuckDBPyConnection, at: ProfileAt) -> None:
    """What each distinct identity number of the file says about itself."""
    con.execute(
        "create table identifier_ref (scheme varchar, number varchar, verdict varchar,"
        " is_placeholder boolean, birth_date date, sex varchar)"
    )
    pairs = con.execute(
        'select distinct identifier_scheme, identifier_number from "row"'
        " where identifier_scheme is not null and identifier_number is not null"
    ).fetchall()
    rows = [
        (scheme, number, at.check_identifier(scheme, number), at.is_placeholder(number),
         *at.identifier_facts(scheme, number))
        for scheme, number in pairs
    ]  # fmt: skip
    if rows:
        con.executemany("insert into identifier_ref values (?, ?, ?, ?, ?, ?)", rows)


def _keys(con: duckdb.DuckDBPyConnection, at: ProfileAt) -> None:
    """What is wrong with the keys that deletions name; a row that cannot be read names none."""
    con.execute(
        "create table key_fault"
        " (line_no bigint, missing varchar, unknown varchar, unreadable varchar)"
    )
    known, lists = load(), domains.of(at)
    rows = con.cursor()  # the connection itself inserts meanwhile
    rows.execute(
        'select line_no, record_dataset, record_key from "row" where line_no not in'
        " (select line_no from fault where severity = 'reject' and line_no is not null)"
    )
    while batch := rows.fetchmany(5000):
        read = [
            (line, record_keys.read(known[name], orjson.loads(key), lists))
            for line, name, key in batch
        ]
        wrong = [
            (line, one.missing, one.unknown, one.unreadable)
            for line, one in read
            if one.values is None
        ]
        if wrong:
            con.executemany("insert into key_fault values (?, ?, ?, ?)", wrong)


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
