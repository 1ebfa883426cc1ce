"""What corrections carry is judged with no bureau as the bureau judges it, and placed the same."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

import factory
from beginnings import beginning
from tallystick.entry.cli.offline import Checked, check_file
from tallystick.service import process_rows
from tallystick.service.members import member_by_code
from tallystick.service.submissions import findings, rejects
from tallystick.service.submit import process, receive
from tallystick.validate import load_rules

COLUMNS = ("reason", "record_dataset", "replaces_digest", "record")
SOUND: dict[str, dict[str, Any]] = {
    "subject": factory.subject(1),
    "account": factory.account(1),
    "account_party": factory.account_party(1, 2),
    "snapshot": factory.snapshot(1, "2024-12"),
    "event": factory.event(1),
    "agreement": factory.agreement(1),
    "guarantee": factory.GUARANTEE,
    "funding": factory.funding(1, "bank2", "0.6"),
    "payment": factory.PAYMENT,
    "remark": factory.REMARK,
    "member": {
        "member": "bank1", "valid_from": "2024-01-01", "member_class": "commercial_bank",
        "currency": "CNY", "total_loans": "10.00",
    },
}  # fmt: skip
#: One fault each: the dataset, what differs from a sound record, the rule that says so.
FAULTY: list[tuple[str, dict[str, Any], str]] = [
    ("snapshot", {"balance": "1e400"}, "FMT-CELL-"),
    ("snapshot", {"balance": "1.234"}, "FMT-CELL-"),
    ("snapshot", {"bucket": "9"}, "FMT-CELL-"),
    ("snapshot", {"status": "closed"}, "SNP-STATUS-001"),
    ("snapshot", {"period_end": "2023-02-29"}, "FMT-CELL-"),
    ("snapshot", {"period_end": "2024-12-30"}, "SNP-DATE-003"),
    ("snapshot", {"colour": "red"}, "FMT-ROW-"),
    ("snapshot", {"bucket": "2", "days_past_due": "45"}, "MON-NOTICE-001"),
    ("account", {"currency": "XXY"}, "FMT-CELL-"),
    ("account", {"opened_on": None}, "FMT-CELL-"),
    ("account", {"opened_on": "2024-13-01"}, "FMT-CELL-"),
    ("account", {"closed_on": "2023-12-31", "closed_reason": "paid"}, "ACC-"),
    ("subject", {"birth_date": "2999-01-01"}, "SUB-"),
    ("subject", {"identifier_scheme": "stars"}, "FMT-CELL-"),
    ("subject", {"name": None}, "FMT-CELL-"),
    ("event", {"event_type": "danced"}, "FMT-CELL-"),
    ("event", {"occurred_at": "2024-01-01T10:00:00"}, "FMT-CELL-"),
    ("event", {"occurred_at": "2999-01-01T10:00:00+08:00"}, "EVT-"),
    ("payment", {"amount_due": "-1"}, ""),
    ("payment", {"payment_kind": "love"}, "FMT-CELL-"),
    ("payment", {"period_end": None}, "FMT-CELL-"),
    ("remark", {"kind": "poem"}, "FMT-CELL-"),
    ("funding", {"share": "1.5"}, "F"),
    ("agreement", {"status": "asleep"}, "FMT-CELL-"),
    ("guarantee", {"valid_to": "2023-12-31"}, "ANY-"),
    ("member", {"total_loans": "x"}, "FMT-CELL-"),
    ("account_party", {"role": "boss"}, "FMT-CELL-"),
]  # fmt: skip


template = beginning(lambda bureau: factory.two_accounts_beside_another(bureau.deps))


@pytest.fixture
def bank(bureau: Any) -> Any:
    """The furnisher of what the corrections are of."""
    return member_by_code(bureau.deps, "bank1")


def changed(dataset: str, change: dict[str, Any]) -> dict[str, Any]:
    """A correction with a sound record of a dataset, but for a change."""
    record = {**SOUND[dataset], **change}
    return factory.correction(dataset, {k: v for k, v in record.items() if v is not None})


def as_csv(records: list[dict[str, Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for one in records:
        writer.writerow({**one, "record": orjson.dumps(one["record"]).decode()})
    return text.getvalue().encode()


def as_ndjson(records: list[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(one) + b"\n" for one in records)


Place = tuple[Any, ...]


def offline(path: Path, content: bytes) -> Checked:
    path.write_bytes(content)
    return check_file(path, dataset="correction", profile_id="zz", progress=lambda *_: None)


def placed(found: Any, allowed: Callable[[Any], Any]) -> set[Place]:
    """Everything told of each finding of a rule that needs no ledger."""
    return {
        (one.rule_id, one.severity, one.line_no, one.column_no, one.byte_offset, one.field,
         one.seen, one.other_line_no, allowed(one))
        for one in found
        if load_rules()[one.rule_id].needs != "ledger"
    }  # fmt: skip


def both(bureau: Any, bank: Any, path: Path, content: bytes) -> tuple[set[Place], set[Place]]:
    """What is found with no bureau, and what the bureau finds."""
    taken = receive(bureau.deps, bank, "correction", io.BytesIO(content))
    made = process(bureau.deps, taken.submission_id)
    checked = offline(path, content)
    assert checked.sent == made.sent
    served = findings(bureau.deps, bank, taken.submission_id, limit=1000)
    return placed(checked.findings, checked.allowed), placed(served, lambda one: one.allowed)


@pytest.mark.parametrize("written", [as_csv, as_ndjson])
@pytest.mark.parametrize("scan_from", [process_rows.SCAN_FROM, 1])
def test_a_file_of_corrections_has_the_same_findings_with_and_without_a_bureau(
    bureau: Any, bank: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: Any,
    scan_from: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(process_rows, "SCAN_FROM", scan_from)
    sent = [changed(dataset, {}) for dataset in SOUND]
    sent += [changed(dataset, change) for dataset, change, _ in FAULTY]
    content = written(sent)
    alone, served = both(bureau, bank, tmp_path / "sent", content)
    assert alone == served
    by_line: dict[int, set[str]] = {}
    for rule_id, _, line, *_ in alone:
        by_line.setdefault(line, set()).add(rule_id)
    first = 2 if written is as_csv else 1
    for number, (dataset, change, rule) in enumerate(FAULTY, first + len(SOUND)):
        told = by_line.get(number, set())
        assert any(one.startswith(rule) for one in told - {"ANY-DUP-002"}), (dataset, change, told)
    assert not by_line.keys() & set(range(first, first + len(SOUND))), "sound records"


@pytest.mark.parametrize(("dataset", "change", "rule"), FAULTY)
def test_one_faulty_record_in_a_correction_is_found_with_no_bureau(
    tmp_path: Path, dataset: str, change: dict[str, Any], rule: str
) -> None:
    checked = offline(tmp_path / "sent", as_csv([changed(dataset, {}), changed(dataset, change)]))
    told = [one for one in checked.findings if one.rule_id.startswith(rule)]
    assert {one.line_no for one in told} == {3}
    assert {one.column_no for one in told} <= {4, None}
    assert checked.rejected == ("reject" in {one.severity for one in told})


def test_the_ledgers_rules_of_what_is_carried_are_named_as_not_evaluated(tmp_path: Path) -> None:
    for held in (["snapshot"], ["event", "payment"], []):
        content = as_csv([changed(dataset, {}) for dataset in held] or [changed("account", {})])
        checked = offline(tmp_path / "sent", content)
        wanted = {
            rule.rule_id
            for dataset in ("correction", *(held or ["account"]))
            for rule in load_rules().of(dataset)
            if rule.needs == "ledger"
        }
        assert set(checked.not_evaluated) == wanted


@pytest.mark.parametrize(
    ("second", "rule", "severity"),
    [({}, "ANY-DUP-001", "warn"), ({"balance": "1.00"}, "ANY-DUP-002", "reject")],
)
def test_two_corrections_of_one_record_are_told_with_and_without_a_bureau(
    bureau: Any, bank: Any, tmp_path: Path, second: dict[str, Any], rule: str, severity: str
) -> None:
    sent = [changed("snapshot", {}), changed("event", {}), changed("snapshot", second)]
    alone, served = both(bureau, bank, tmp_path / "sent", as_csv(sent))
    assert alone == served
    assert {(one[0], one[1], one[2], one[7]) for one in alone} == {(rule, severity, 4, 2)}


def test_what_is_allowed_is_that_of_the_record_carried(
    bureau: Any, bank: Any, tmp_path: Path
) -> None:
    sent = [changed("snapshot", {"bucket": "9"}), changed("event", {"event_type": "danced"})]
    content = as_csv(sent)
    checked = offline(tmp_path / "sent", content)
    told = {one.field: checked.allowed(one).en for one in checked.findings}
    assert "0, 1, 2" in told["bucket"]
    assert "drawn_down, repaid" in told["event_type"]
    taken = receive(bureau.deps, bank, "correction", io.BytesIO(content))
    process(bureau.deps, taken.submission_id)
    back = b"".join(rejects(bureau.deps, bank, taken.submission_id)).decode()
    rows = list(csv.DictReader(io.StringIO(back, newline="")))
    assert ["0, 1, 2" in rows[0]["allowed_en"], "drawn_down" in rows[1]["allowed_en"]] == [True] * 2
