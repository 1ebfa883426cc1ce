"""A line that could not be read, sent back as the reject file gave it, is told as what it was."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from tallystick.furnish import Limits, rule_ids

from .conftest import Outcome, stage_path
from .test_cells import BASE, ndjson_of
from .test_rejects import HEADER, LINES, reject

GOOD = json.dumps(BASE["snapshot"]).encode()


def sent_back(
    con: duckdb.DuckDBPyConnection, folder: Path, content: bytes, limits: Limits | None = None
) -> tuple[bytes, Outcome, Outcome]:
    """The reject file of what was sent, what was found there, and what in the reject file."""
    source = folder / "sent"
    source.write_bytes(content)
    options = {"limits": limits} if limits else {}
    first = stage_path(con, source, "snapshot", **options)
    _, rejects = reject(con, source)
    source.write_bytes(rejects)
    return rejects, first, stage_path(con, source, "snapshot", **options)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (b"{oops", rule_ids.ROW_NOT_JSON),
        (b"[1, 2]", rule_ids.ROW_NOT_JSON),
        (b'{"status": "op\0en"}', rule_ids.ROW_NUL),
        (b'{"status": "op\xffen"}', rule_ids.ROW_NOT_UTF8),
    ],
)
def test_a_line_that_was_no_object_is_one_fault_again(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, line: bytes, rule: str
) -> None:
    _, first, second = sent_back(con, tmp_path, GOOD + b"\n" + line + b"\n")
    assert first.rules == second.rules == [rule]
    assert (second.staged.sent, second.staged.broken, second.staged.rejected) == (1, 1, 1)
    rejects, _, third = sent_back(con, tmp_path, (tmp_path / "sent").read_bytes())
    assert third.rules == [rule]
    assert rejects.count(b"unreadable_line") <= 1


def test_the_text_of_the_line_is_what_was_seen(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    rejects, _, second = sent_back(con, tmp_path, b"{oops\n")
    assert [fault[4] for fault in second.faults] == ["{oops"]
    mended = tmp_path / "mended"
    mended.write_bytes(ndjson_of([BASE["snapshot"]]))
    assert stage_path(con, mended, "snapshot").faults == []
    given = json.loads(rejects)
    for change in ({"rule_id": "FMT-CELL-001"}, {"rule_id": 7}, {"rule_id": "FMT-ROW-010"}):
        mended.write_bytes(json.dumps({**given, **change}).encode())
        assert stage_path(con, mended, "snapshot").rules == [rule_ids.ROW_NOT_JSON]
    mended.write_bytes(json.dumps({**given, **BASE["snapshot"]}).encode())
    assert stage_path(con, mended, "snapshot").rules == [rule_ids.ROW_FIELD_UNKNOWN]


@pytest.mark.parametrize("limits", [Limits(), Limits(block_bytes=64)])
@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ('A9,"2025-10-31,0,0,CNY,1,1,1,0,open', rule_ids.ROW_QUOTE_OPEN),
        ('A"9,2025-10-31,0,0,CNY,1,1,1,0,open', rule_ids.ROW_QUOTE_MISPLACED),
        ("A9,2025-10-31,0,0,CNY,1,1,1,0", rule_ids.ROW_TOO_FEW),
        ("A9", rule_ids.ROW_TOO_FEW),
        ("A9,2025-10-31,0,0,CNY,1,1,1,0,op\0en", rule_ids.ROW_NUL),
        ("A9,2025-10-31,0,0,CNY,1,1,1,0,open,", rule_ids.ROW_TOO_MANY),
    ],
)
def test_a_line_without_its_cells_is_one_fault_again(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, line: str, rule: str, limits: Limits
) -> None:
    content = "\n".join((HEADER, LINES[1], line, "")).encode()
    _, first, second = sent_back(con, tmp_path, content, limits)
    assert first.rules == second.rules == [rule]
    assert [(fault[0], fault[1]) for fault in second.faults] == [(2, 1)]
    assert (second.staged.sent, second.staged.broken) == (1, 1)
    text = (tmp_path / "sent").read_text(encoding="utf-8")
    again = tmp_path / "again"
    again.write_text(text.replace(rule, "FMT-CELL-001"), encoding="utf-8")
    assert rule not in stage_path(con, again, "snapshot", limits=limits).rules
    assert len(stage_path(con, again, "snapshot", limits=limits).rules) > 1


def test_mended_rows_beside_it_are_read(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    rows = ["A1,2025-10-31,9,0,CNY,1,1,1,0,open", 'A2,2025-10-31,"0,0,CNY,1,1,1,0,open']
    content = "\n".join((HEADER, *rows, "")).encode()
    rejects, _, _ = sent_back(con, tmp_path, content)
    again = tmp_path / "again"
    again.write_bytes(rejects.replace(b"A1,2025-10-31,9", b"A1,2025-10-31,0"))
    outcome = stage_path(con, again, "snapshot")
    assert [row["account_number"] for row in outcome.rows] == ["A1"]
    assert [(one[0], one[3]) for one in outcome.faults] == [(3, rule_ids.ROW_QUOTE_OPEN)]


@pytest.mark.parametrize(
    "line",
    [
        b'{"account_number": "A1", "account_number": "A2"}',
        b'{ "account_number":"A1" ,"days_past_due": 1e2,"balance": 1.50 }',
        b'{"account_number": {"a": 1, "a": 2}, "error_line_": "\\u4e00", "status": 1e999}',
        b"{}",
    ],
)
def test_what_was_sent_comes_back_to_the_letter_in_each_round(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, line: bytes
) -> None:
    rejects, first, second = sent_back(con, tmp_path, line + b"\n")
    own = line.strip(b"{} ")
    assert own in rejects
    assert first.rules == second.rules
    again, _, third = sent_back(con, tmp_path, rejects)
    assert third.rules == first.rules
    assert again == rejects


def test_a_line_that_is_mended_in_its_second_round_loses_nothing(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    doubled = GOOD[:-1] + b', "balance": "7.00"}'
    rejects, _, _ = sent_back(con, tmp_path, doubled + b"\n")
    rejects, _, _ = sent_back(con, tmp_path, rejects)
    assert rejects.count(b'"balance": ') == 2
    source = tmp_path / "mended"
    source.write_bytes(rejects.replace(b', "balance": "7.00"', b""))
    assert stage_path(con, source, "snapshot").faults == []


@pytest.mark.parametrize("limits", [Limits(), Limits(block_bytes=64)])
@pytest.mark.parametrize(
    ("row", "rules"),
    [
        ("A9,2025-10-31,0,0,CNY,1,1,1,0,open", []),
        ('"A,9","2025-10-31","0","0","CNY","1","1","1","0","open"', []),
        ("A9,2025-10-31,0,0,CNY,1e3,1,1,0,open", [rule_ids.CELL_AMOUNT_FORM]),
        ("A9,2025-10-31,0,0,CNY,1,1,1,0", [rule_ids.ROW_TOO_FEW]),
        ("A9,2025-10-31,0,0,CNY,1,1,1,0,open,", [rule_ids.ROW_TOO_FEW]),
        ("A9,2025-10-31,0,0,CNY,1,1,1,0,open" + "," * 10, [rule_ids.ROW_TOO_FEW]),
        ("A9,2025-10-31,0,0,CNY,1,1,1,0,open" + "," * 11, []),
        ("A9,2025-10-31,0,0,CNY,1,1,1,0,open" + "," * 12, [rule_ids.ROW_TOO_MANY]),
    ],
)
def test_a_mended_row_stands_in_place_of_the_line_given_back(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, row: str, rules: list[str], limits: Limits
) -> None:
    content = "\n".join((HEADER, LINES[1], "A9,2025-10-31", "")).encode()
    rejects, _, _ = sent_back(con, tmp_path, content, limits)
    header = rejects.split(b"\n")[0]
    source = tmp_path / "mended"
    source.write_bytes(b"\n".join((header, row.encode(), b"")))
    assert stage_path(con, source, "snapshot", limits=limits).rules == rules
    if rules == [rule_ids.CELL_AMOUNT_FORM]:
        _, again = reject(con, source)
        assert again.split(b"\n")[1].startswith(row.encode() + b",2,6,FMT-CELL-012,")
