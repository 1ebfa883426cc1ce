"""A finding names the column of its field, wherever the furnisher's file has it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

import factory
from beginnings import beginning
from tallystick.entry.cli.offline import check_file
from tallystick.service import process_rows
from tallystick.service.members import member_by_code
from tallystick.service.submissions import findings, rejects
from tallystick.service.submit import process, receive

#: The columns in an order of the furnisher's own; the fields it has nothing for are left out.
COLUMNS = (
    "status", "account_number", "amount_past_due", "period_end", "bucket", "days_past_due",
    "currency", "balance", "payment_due", "amount_paid",
)  # fmt: skip
LATE = factory.snapshot(1, "2024-12", bucket="2", days_past_due="45", amount_past_due="0")
CLOSED = factory.snapshot(2, "2024-12", status="closed")


template = beginning(lambda bureau: factory.two_accounts_beside_another(bureau.deps))


@pytest.fixture
def bank(bureau: Any) -> Any:
    return member_by_code(bureau.deps, "bank1")


def table(columns: Sequence[str], *records: factory.Native) -> bytes:
    """The records as CSV."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for one in records:
        cells = {k: v if isinstance(v, str) else orjson.dumps(v).decode() for k, v in one.items()}
        writer.writerow(cells)
    return text.getvalue().encode()


def sent(bureau: Any, bank: Any, dataset: str, content: bytes) -> Any:
    taken = receive(bureau.deps, bank, dataset, io.BytesIO(content))
    return process(bureau.deps, taken.submission_id).submission_id


def placed(found: Iterable[Any]) -> set[tuple[str, str, int | None, str]]:
    """Rule, field, column and what was seen, of the findings that reject."""
    return {
        (one.rule_id, one.field, one.column_no, one.seen)
        for one in found
        if one.severity == "reject"
    }


def beside(bureau: Any, bank: Any, submission_id: Any) -> list[tuple[str, str]]:
    """Rules and columns of each row of the reject file."""
    text = b"".join(rejects(bureau.deps, bank, submission_id)).decode()
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return [(row["rule_id"], row["error_column"]) for row in rows]


@pytest.mark.parametrize("scan_from", [process_rows.SCAN_FROM, 1])
def test_a_rule_that_hits_names_the_column_of_its_field(
    bureau: Any, bank: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scan_from: int
) -> None:
    monkeypatch.setattr(process_rows, "SCAN_FROM", scan_from)
    content = table((*COLUMNS, "notice_sent_on"), LATE, CLOSED)
    made = sent(bureau, bank, "snapshot", content)
    wanted = {
        ("MON-NOTICE-001", "notice_sent_on", 11, "2"),
        ("SNP-AMT-002", "amount_past_due", 3, "0.00"),
        ("SNP-STATUS-001", "balance", 8, "900.00"),
        ("SNP-STATUS-002", "bucket", 5, "0"),
    }
    assert placed(findings(bureau.deps, bank, made)) == wanted
    assert beside(bureau, bank, made) == [
        ("MON-NOTICE-001 | SNP-AMT-002", "11 | 3"),
        ("SNP-STATUS-001 | SNP-STATUS-002", "8 | 5"),
    ]
    path = tmp_path / "sent.csv"
    path.write_bytes(content)
    checked = check_file(path, dataset="snapshot", profile_id="zz", progress=lambda *_: None)
    assert placed(checked.findings) == wanted


def test_a_field_the_file_has_not_has_no_column(bureau: Any, bank: Any) -> None:
    late = {**LATE, "amount_past_due": "1.00"}
    made = sent(bureau, bank, "snapshot", table(COLUMNS, LATE, {**late, "account_number": "A2"}))
    assert beside(bureau, bank, made) == [
        ("MON-NOTICE-001 | SNP-AMT-002", " | 3"),
        ("MON-NOTICE-001", ""),
    ]


def test_a_record_of_ndjson_has_no_columns(bureau: Any, bank: Any) -> None:
    made = sent(bureau, bank, "snapshot", orjson.dumps(LATE) + b"\n")
    assert {one[2] for one in placed(findings(bureau.deps, bank, made))} == {None}
    (row,) = b"".join(rejects(bureau.deps, bank, made)).splitlines()
    assert orjson.loads(row)["error_column"] == ""
    assert orjson.loads(row)["rule_id"] == "MON-NOTICE-001 | SNP-AMT-002"


def test_what_a_correction_carries_is_in_the_column_of_the_record(bureau: Any, bank: Any) -> None:
    factory.send(bureau.deps, bank, "snapshot", factory.snapshot(2, "2024-12"))
    columns = ("reason", "record_dataset", "replaces_digest", "record")
    sent_as = factory.correction("snapshot", CLOSED)
    made = sent(bureau, bank, "correction", table(columns, sent_as))
    assert placed(findings(bureau.deps, bank, made)) == {
        ("SNP-STATUS-001", "balance", 4, "900.00"),
        ("SNP-STATUS-002", "bucket", 4, "0"),
        ("COR-DIGEST-001", "replaces_digest", 3, factory.NO_DIGEST),
    }


def test_a_deletions_finding_names_its_column(bureau: Any, bank: Any) -> None:
    columns = ("reason", "record_dataset", "record_key")
    sent_as = factory.deletion("snapshot", {"account_number": "A1"})
    made = sent(bureau, bank, "deletion", table(columns, sent_as))
    assert {one[:3] for one in placed(findings(bureau.deps, bank, made))} == {
        ("DEL-KEY-001", "record_key", 3)
    }


def bytes_of(found: Iterable[Any]) -> set[tuple[str, int | None, int | None]]:
    """Rule, line and byte of what was found."""
    return {(one.rule_id, one.line_no, one.byte_offset) for one in found}


@pytest.mark.parametrize("filler", [0, 700])
@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_a_rule_that_hits_names_the_byte_its_record_starts_at(
    bureau: Any, bank: Any, tmp_path: Path, form: str, filler: int
) -> None:
    """As a fault of reading does; `filler`: so many rows that DuckDB judges the cells."""
    unread = {**LATE, "account_number": "A3", "balance": "nine"}
    more = [factory.snapshot(9, "2024-12", account_number=f"F{at}") for at in range(filler)]
    records = (LATE, unread, CLOSED, *more)
    if form == "csv":
        content = table(COLUMNS, *records)
    else:
        content = b"".join(orjson.dumps(one) + b"\n" for one in records)
    lines = content.splitlines(keepends=True)
    starts = [sum(map(len, lines[:at])) for at in range(len(lines))]
    made = sent(bureau, bank, "snapshot", content)
    told = bytes_of(findings(bureau.deps, bank, made))
    assert {rule for rule, _, _ in told} >= {"SNP-AMT-002", "SNP-STATUS-001", "FMT-CELL-012"}
    assert [one for one in told if one[2] != starts[(one[1] or 0) - 1]] == []
    path = tmp_path / f"sent.{form}"
    path.write_bytes(content)
    checked = check_file(path, dataset="snapshot", profile_id="zz", progress=lambda *_: None)
    assert {one for one in told if one[0] in checked.evaluated or one[0][:3] == "FMT"} == bytes_of(
        checked.findings
    )


def test_what_a_correction_carries_starts_where_the_correction_does(bureau: Any, bank: Any) -> None:
    one = factory.correction("snapshot", LATE)
    other = {**one, "record": {**LATE, "balance": "nine"}}
    content = b"".join(orjson.dumps(each) + b"\n" for each in (one, other))
    made = sent(bureau, bank, "correction", content)
    told = bytes_of(findings(bureau.deps, bank, made))
    at = content.index(b"\n") + 1
    assert ("FMT-CELL-012", 2, at) in told
    assert {(line, byte) for _, line, byte in told} == {(1, 0), (2, at)}


def test_a_deletion_that_a_rule_rejects_names_its_byte(bureau: Any, bank: Any) -> None:
    gone = factory.deletion("account", {"account_number": "none"})
    made = sent(bureau, bank, "deletion", orjson.dumps(gone) + b"\n" + orjson.dumps(gone) + b"\n")
    told = bytes_of(findings(bureau.deps, bank, made))
    assert {(line, byte) for _, line, byte in told} == {(1, 0), (2, len(orjson.dumps(gone)) + 1)}
