"""The reject file: the furnisher's own bytes, what is wrong beside them, and mended it goes in."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import duckdb
import pytest

from tallystick.errors import InvariantBroken
from tallystick.formats import load
from tallystick.furnish import Limits, RuleText, original_rows, rule_ids, stage_file, write_rejects
from tallystick.furnish.header import REJECT_COLUMNS
from tallystick.model.finding import Finding

from .conftest import DOMAINS, stage_path
from .test_cells import BASE, ndjson_of

TEXTS = {
    rule_id: RuleText(
        message_en=f"m {rule_id}", message_zh="信息", allowed_en="allowed, here", allowed_zh="允许",
        fix_en='fix "it"', fix_zh="修改",
    )
    for rule_id in rule_ids.ALL
}  # fmt: skip
HEADER = (
    "account_number,period_end,bucket,days_past_due,currency,balance,payment_due,amount_paid,"
    "amount_past_due,status"
)
#: The lines of the file, the header being line 1.
LINES = [
    HEADER,
    "A2,2025-10-31,0,0,CNY,1,1,1,0,open",
    '"=A,""3""",2025-10-31,9,0,CNY,1e3,1,1,0,open',
    "A4,2025-10-31,0,0,CNY,1,1,1,0",
    '"A\n5",2025-10-31,0,0,CNY,1,1,1,0,open',
    "A7,2025-10-31,0,0,CNY,1,1,1,0,open",
]
CONTENT = "\r\n".join(LINES).encode() + b"\r\n"


def reject(
    con: duckdb.DuckDBPyConnection, source: Path, dataset: str = "snapshot", **options: object
) -> tuple[int, bytes]:
    """Stage a file and write its reject file."""
    stage_file(con, source, load()[dataset], DOMAINS)
    rows = con.execute(
        "SELECT rule_id, severity, line_no, column_no, byte_offset, field, seen FROM fault"
        " ORDER BY line_no, column_no, rule_id"
    ).fetchall()
    names = ("rule_id", "severity", "line_no", "column_no", "byte_offset", "field", "seen")
    findings = [Finding(**dict(zip(names, row, strict=True))) for row in rows]
    target = source.with_name("rejects")
    target.unlink(missing_ok=True)
    count = write_rejects(
        source,
        target,
        findings,
        dataset=load()[dataset],
        domains=DOMAINS,
        texts=TEXTS,
        **options,  # type: ignore[arg-type]
    )
    return count, target.read_bytes() if target.exists() else b""


@pytest.mark.parametrize("limits", [Limits(), Limits(block_bytes=30)])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_rejected_records_come_back_with_their_own_bytes(
    con: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    limits: Limits,
    pack: object,
) -> None:
    source = tmp_path / "sent"
    source.write_bytes(pack(CONTENT))  # type: ignore[operator]
    count, content = reject(con, source, limits=limits)
    assert count == 3
    assert content.startswith((HEADER + "," + ",".join(REJECT_COLUMNS) + "\n").encode())
    assert LINES[2].encode() + b",3," in content
    assert LINES[4].encode() + b",5," in content
    table = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    assert [row["error_line"] for row in table] == ["3", "4", "5"]
    assert table[0]["account_number"] == '=A,"3"'
    assert table[0]["error_column"] == "3 | 6"
    assert table[0]["rule_id"] == f"{rule_ids.CELL_CODE} | {rule_ids.CELL_AMOUNT_FORM}"
    assert table[0]["seen_value"] == "9 | 1e3"
    assert table[0]["allowed_en"] == "allowed, here: 0, 1, 2, 3, 4, 5, C, X | allowed, here"
    assert table[1]["account_number"] == LINES[3]
    assert set(list(table[1].values())[1:10]) == {""}
    assert table[2]["seen_value"] == "A\\x0a5"


def test_a_mended_reject_file_is_taken_as_it_is_and_can_be_rejected_again(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    source = tmp_path / "sent"
    source.write_bytes(CONTENT)
    _, content = reject(con, source)
    mended = content.replace(b",9,0,CNY,1e3,", b",0,0,CNY,1e3,").replace(b'"A\n5"', b"A5")
    again = tmp_path / "again"
    again.write_bytes(mended)
    outcome = stage_path(con, again, "snapshot")
    assert outcome.staged.is_readable
    assert [(fault[0], fault[3]) for fault in outcome.faults if fault[0] != 3] == [
        (2, rule_ids.CELL_AMOUNT_FORM)
    ]
    count, second = reject(con, again)
    assert count == 2
    assert second.splitlines()[0].decode() == HEADER + "," + ",".join(REJECT_COLUMNS)
    assert second.splitlines()[1].startswith(b'"=A,""3""",2025-10-31,0,0,CNY,1e3,1,1,0,open,2,6,')


def test_lines_of_ndjson_come_back_as_lines_of_ndjson(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    source = tmp_path / "sent"
    bad = {**BASE["snapshot"], "bucket": "9"}
    source.write_bytes(ndjson_of([BASE["snapshot"], bad]) + b"{oops\n{}\n")
    count, content = reject(con, source)
    assert count == 3
    first, second, third = content.splitlines()
    assert first.startswith(json.dumps(bad).encode()[:-1] + b',"error_line":"2"')
    assert json.loads(second)["unreadable_line"] == "{oops"
    assert json.loads(third)["error_line"] == "4"
    again = tmp_path / "again"
    again.write_bytes(first.replace(b'"bucket": "9"', b'"bucket": "1"') + b"\n")
    assert stage_path(con, again, "snapshot").faults == []
    again.write_bytes(first + b"\n")
    assert reject(con, again)[1].count(b"error_line") == 1


def test_a_file_that_could_not_be_read_has_no_reject_file(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    source = tmp_path / "sent"
    source.write_bytes(CONTENT.replace(b",", b";"))
    assert reject(con, source) == (0, b"")


def test_lines_with_warnings_only_are_left_out(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    source = tmp_path / "sent"
    source.write_bytes(ndjson_of([{**BASE["subject"], "birth_date": "1990-02-30"}]))
    assert reject(con, source, "subject") == (0, b"")


def test_original_rows_are_the_cells_as_they_came(tmp_path: Path) -> None:
    source = tmp_path / "sent"
    source.write_bytes(CONTENT)
    found = dict(original_rows(source, [2, 3, 4, 5, 7]))
    assert found[3][:3] == ['=A,"3"', "2025-10-31", "9"]
    assert found[5][0] == "A\n5"
    assert found[4] == LINES[3].split(",")
    assert found[7][0] == "A7"
    source.write_bytes(CONTENT.replace(b"A4", b"\xff4"))
    assert dict(original_rows(source, [4])) == {4: ["\\xff" + LINES[3][1:]]}
    with pytest.raises(InvariantBroken):
        list(original_rows(source, [99]))
