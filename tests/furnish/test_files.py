"""Files that cannot be read and records that cannot be split: located, harming nothing else."""

from __future__ import annotations

import gzip
import tomllib
from pathlib import Path

import duckdb
import pytest

from tallystick.formats import load
from tallystick.furnish import Limits, places_in, rule_ids, stage_file

from .conftest import DOMAINS, SMALL, Outcome, Stager

HEADER = (
    "account_number,period_end,bucket,days_past_due,currency,balance,payment_due,amount_paid,"
    "amount_past_due,status\n"
)
ROWS = [f"A{i},2025-10-31,0,0,CNY,{i}.00,1,1,0,open\n" for i in range(1, 8)]
WHOLE = (HEADER + "".join(ROWS)).encode()


def with_line(line: str | bytes, at: int = 3) -> bytes:
    """The good file with one more line put in as file line `at + 2`."""
    raw = line if isinstance(line, bytes) else line.encode()
    return HEADER.encode() + "".join(ROWS[:at]).encode() + raw + "".join(ROWS[at:]).encode()


def accounts(outcome: Outcome) -> list[str]:
    return [row["account_number"] for row in outcome.rows]


GOOD_ACCOUNTS = [f"A{i}" for i in range(1, 8)]


@pytest.mark.parametrize(
    ("content", "rules"),
    [
        (b"", [rule_ids.FILE_EMPTY]),
        (b"\xef\xbb\xbf", [rule_ids.FILE_EMPTY]),
        (gzip.compress(b"", mtime=0), [rule_ids.FILE_EMPTY]),
        (HEADER.encode(), [rule_ids.FILE_NO_RECORDS]),
        (HEADER.strip().encode(), [rule_ids.FILE_NO_RECORDS]),
        (HEADER.encode() + b"\r\n\n", [rule_ids.FILE_NO_RECORDS]),
        (WHOLE.replace(b",", b";"), [rule_ids.FILE_DELIMITER]),
        (WHOLE.replace(b",", b"\t"), [rule_ids.FILE_DELIMITER]),
        (WHOLE.replace(b",", b"|"), [rule_ids.FILE_DELIMITER]),
        (WHOLE.replace(b",status", b",state"), [
            rule_ids.FILE_COLUMN_MISSING, rule_ids.FILE_COLUMN_UNKNOWN,
        ]),
        (WHOLE.replace(b"days_past_due,", b"status,"), [
            rule_ids.FILE_COLUMN_DOUBLED, rule_ids.FILE_COLUMN_UNSTATED,
        ]),
        (WHOLE.replace(b"balance,", b"").replace(b".00,", b","), [
            rule_ids.FILE_COLUMN_UNSTATED,
        ]),
        (WHOLE.replace(b"bucket", b'bu"cket'), [rule_ids.FILE_HEADER_UNREADABLE]),
        (WHOLE.replace(b"bucket", b'"bucket'), [rule_ids.FILE_HEADER_UNREADABLE]),
        (b"x" * 9000, [rule_ids.FILE_HEADER_LONG]),
        (WHOLE.replace(b"bucket", b"buc\0ket"), [rule_ids.FILE_HEADER_NUL]),
        (b"\0" + WHOLE, [rule_ids.FILE_HEADER_NUL]),
        (WHOLE.replace(b"\n", b"\0\n", 1), [rule_ids.FILE_HEADER_NUL]),
        (WHOLE.decode().encode("utf-32-le"), [rule_ids.FILE_NOT_UTF8]),
        (WHOLE.decode().encode("utf-16-be"), [rule_ids.FILE_NOT_UTF8]),
        (b'[{"account_number": "A1"}]', [rule_ids.FILE_JSON_ARRAY]),
        (b"\xef\xbb\xbf [\n  {}\n]\n", [rule_ids.FILE_JSON_ARRAY]),
        (b"[" + b'{"account_number": "A1"},' * 20_000 + b"]", [rule_ids.FILE_JSON_ARRAY]),
        (b"\0" * 9000, [rule_ids.FILE_NOT_UTF8]),
        (WHOLE.replace(b"\n", b"\r"), [rule_ids.FILE_LINE_ENDS]),
        (b"\xef\xbb\xbf" + WHOLE.replace(b"\n", b"\r\r"), [rule_ids.FILE_LINE_ENDS]),
        (WHOLE.replace(b"\n", b"\r") + b"\n", [rule_ids.FILE_LINE_ENDS]),
        (WHOLE.replace(b"\n", b"\r").replace(b"status", b'"status"'), [rule_ids.FILE_LINE_ENDS]),
        (WHOLE.replace(b"\n", b"\r").replace(b",", b";"), [rule_ids.FILE_LINE_ENDS]),
        ((WHOLE * 3_000).replace(b"\n", b"\r"), [rule_ids.FILE_LINE_ENDS]),
        ((WHOLE * 30_000).replace(b"\n", b"\r"), [rule_ids.FILE_LINE_ENDS]),
        (HEADER.strip().encode() + b"\r", [rule_ids.FILE_LINE_ENDS]),
        (HEADER.strip().encode() + b"\r\r", [rule_ids.FILE_LINE_ENDS]),
        (HEADER.strip().encode() + b"\r\n", [rule_ids.FILE_NO_RECORDS]),
        (WHOLE.replace(b"\n", b"\r").decode().encode("utf-16-le"), [rule_ids.FILE_NOT_UTF8]),
        (WHOLE.replace(b"status\n", b'"st\ratus"\n'), [
            rule_ids.FILE_COLUMN_MISSING, rule_ids.FILE_COLUMN_UNKNOWN,
        ]),
        (gzip.compress(WHOLE, mtime=0)[:-9], [rule_ids.FILE_GZIP_BROKEN]),
        (gzip.compress(WHOLE, mtime=0)[:-4] + b"abcd", [rule_ids.FILE_GZIP_BROKEN]),
        (b"\x1f\x8bnot gzip at all", [rule_ids.FILE_GZIP_BROKEN]),
        (gzip.compress(WHOLE) + b"garbage", [rule_ids.FILE_GZIP_FOLLOWED]),
        (gzip.compress(WHOLE) + b"\n", [rule_ids.FILE_GZIP_FOLLOWED]),
        (gzip.compress(WHOLE) * 2 + b"\0\0x", [rule_ids.FILE_GZIP_FOLLOWED]),
        (gzip.compress(WHOLE) + b"\x1f\x8bnot gzip", [rule_ids.FILE_GZIP_BROKEN]),
        (gzip.compress(WHOLE) + b"\x1f", [rule_ids.FILE_GZIP_BROKEN]),
        (WHOLE.replace(b"\n", b",,,\n"), [rule_ids.FILE_COLUMN_UNNAMED]),
        (WHOLE.replace(b"\n", b", ,\n"), [rule_ids.FILE_COLUMN_UNNAMED]),
        (b"," + WHOLE.replace(b"\n", b"\n,"), [rule_ids.FILE_COLUMN_UNNAMED]),
        (WHOLE.replace(b",status", b",state,"), [
            rule_ids.FILE_COLUMN_MISSING, rule_ids.FILE_COLUMN_UNKNOWN,
            rule_ids.FILE_COLUMN_UNNAMED,
        ]),
        (WHOLE.decode().encode("utf-16"), [rule_ids.FILE_NOT_UTF8]),
        (WHOLE.decode().encode("utf-16-le"), [rule_ids.FILE_NOT_UTF8]),
        (HEADER.encode() + b"".join(b"\xd5\xc5" + r.encode() for r in ROWS * 3), [
            rule_ids.FILE_NOT_UTF8,
        ]),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_one_clear_fault(
    stage: Stager, content: bytes, rules: list[str]
) -> None:
    limits = SMALL if content.startswith(b"x") else Limits()
    outcome = stage(content, format="csv", limits=limits)
    assert sorted(outcome.rules) == sorted(rules)
    assert {fault[0] for fault in outcome.faults} == {1}
    assert not outcome.staged.is_readable
    assert (outcome.rows, outcome.staged.sent) == ([], 0)


@pytest.mark.parametrize("limits", [SMALL, Limits()])
@pytest.mark.parametrize(
    "content",
    [
        WHOLE,
        WHOLE.rstrip(),
        b"\xef\xbb\xbf" + WHOLE,
        WHOLE.replace(b"\n", b"\r\n"),
        WHOLE.replace(b"\n", b"\r\n").rstrip(b"\n"),
        WHOLE.replace(b"\n", b"\r\n", 1),
        WHOLE + b"\n\n",
        gzip.compress(WHOLE, mtime=0),
        gzip.compress(WHOLE[:100]) + gzip.compress(WHOLE[100:]),
        gzip.compress(WHOLE, mtime=0) + b"\0" * 512,
        WHOLE.replace(b"open", b'"open"'),
        ",".join(f'"{name}"' for name in HEADER.strip().split(",")).encode()
        + WHOLE[len(HEADER) - 1 :],
    ],
)
def test_every_dress_of_a_good_file_reads_alike(
    stage: Stager, content: bytes, limits: Limits
) -> None:
    outcome = stage(content, limits=limits)
    assert outcome.faults == []
    assert accounts(outcome) == GOOD_ACCOUNTS
    assert [row["line_no"] for row in outcome.rows] == list(range(2, 9))
    assert outcome.staged.sent == outcome.staged.rows == 7


@pytest.mark.parametrize("limits", [SMALL, Limits(max_line_bytes=2000)])
@pytest.mark.parametrize(
    ("line", "rule", "column_no"),
    [
        ("A9,2025-10-31,0,0,CNY,1,1,1,0\n", rule_ids.ROW_TOO_FEW, 10),
        ("A9\n", rule_ids.ROW_TOO_FEW, 2),
        ("A9,2025-10-31,0,0,CNY,1,1,1,0,open,\n", rule_ids.ROW_TOO_MANY, 11),
        ("A9,2025-10-31,0,0,CNY,1,1,1,0,op\0en\n", rule_ids.ROW_NUL, 10),
        (b"A9,2025-10-31,0,0,CNY,1,1,1,0,op\xffen\n", rule_ids.ROW_NOT_UTF8, 10),
        (b"A\xed\xa0\x80,2025-10-31,0,0,CNY,1,1,1,0,open\n", rule_ids.ROW_NOT_UTF8, 1),
        ('A9,"2025-10-31,0,0,CNY,1,1,1,0,open\n', rule_ids.ROW_QUOTE_OPEN, 2),
        ('A9,2025-10-31,0,0,CNY,1,1,1,0,"open\n', rule_ids.ROW_QUOTE_OPEN, 10),
        ('A9,"2025-10-31"x,0,0,CNY,1,1,1,0,open\n', rule_ids.ROW_QUOTE_MISPLACED, 2),
        ('A"9,2025-10-31,0,0,CNY,1,1,1,0,open\n', rule_ids.ROW_QUOTE_MISPLACED, 1),
        ("x" * 2001 + "\n", rule_ids.ROW_TOO_LONG, None),
        ("x" * 9000 + "\n", rule_ids.ROW_TOO_LONG, None),
    ],
)
def test_a_record_that_cannot_be_split_harms_no_other(
    stage: Stager, line: str | bytes, rule: str, column_no: int | None, limits: Limits
) -> None:
    content = with_line(line)
    outcome = stage(content, limits=limits)
    assert [(f[0], f[1], f[3]) for f in outcome.faults] == [(5, column_no, rule)]
    assert accounts(outcome) == GOOD_ACCOUNTS
    assert [row["line_no"] for row in outcome.rows] == [2, 3, 4, 6, 7, 8, 9]
    assert (outcome.staged.sent, outcome.staged.broken, outcome.staged.rejected) == (8, 1, 1)


def test_a_long_line_within_the_limit_is_read(stage: Stager) -> None:
    line = "x" * 1965 + ",2025-10-31,0,0,CNY,1,1,1,0,open\n"
    assert len(line) == 2000 - 2
    outcome = stage(with_line(line), limits=SMALL)
    assert outcome.rules == [rule_ids.CELL_TOO_LONG]


@pytest.mark.parametrize("limits", [SMALL, Limits()])
def test_a_quoted_line_end_is_one_record_and_later_lines_keep_their_numbers(
    stage: Stager, limits: Limits
) -> None:
    outcome = stage(with_line('"A\n\n9",2025-10-31,0,0,CNY,1,1,1,0,open\n'), limits=limits)
    assert [(f[0], f[1], f[3], f[4]) for f in outcome.faults] == [
        (5, 1, rule_ids.CELL_CONTROL, "A\\x0a\\x0a9")
    ]
    assert [row["line_no"] for row in outcome.rows] == [2, 3, 4, 5, 8, 9, 10, 11]


@pytest.mark.parametrize("limits", [SMALL, Limits()])
def test_faults_give_the_byte_where_the_record_starts(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, limits: Limits
) -> None:
    content = b"\xef\xbb\xbf" + with_line("A9,账,0\n").replace(b"A6,2025-10-31", b"A6,2025-10-32")
    content = content.replace(b"\n", b"\r\n")
    path = tmp_path / "sent"
    path.write_bytes(content)
    stage_file(con, path, load()["snapshot"], DOMAINS, limits=limits)
    found = con.execute("SELECT byte_offset FROM fault ORDER BY line_no").fetchall()
    assert [content[offset : offset + 2] for (offset,) in found] == [b"A9", b"A6"]


def test_a_gzip_bomb_is_bounded(stage: Stager) -> None:
    bomb = gzip.compress(HEADER.encode() + b"A" * 30_000_000)
    limits = Limits(ratio_free_bytes=1 << 20)
    assert stage(bomb, limits=limits).rules == [rule_ids.FILE_TOO_LARGE]
    assert stage(WHOLE, limits=Limits(max_bytes=len(WHOLE) - 1)).rules == [rule_ids.FILE_TOO_LARGE]
    assert stage(WHOLE, limits=Limits(max_bytes=len(WHOLE))).rules == []


def test_columns_may_come_in_any_order_and_optional_ones_may_be_left_out(stage: Stager) -> None:
    turned = "\n".join(",".join(reversed(line.split(","))) for line in WHOLE.decode().splitlines())
    outcome = stage(turned.encode())
    assert outcome.faults == []
    assert accounts(outcome) == GOOD_ACCOUNTS
    assert {row["classification"] for row in outcome.rows} == {None}


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (b'{"account_number": "A", "account_number": "B"}', rule_ids.ROW_KEY_DOUBLED),
        (b'{"account_number": "A"', rule_ids.ROW_NOT_JSON),
        (b'["A"]', rule_ids.ROW_NOT_JSON),
        (b'{"days_past_due": NaN}', rule_ids.ROW_NOT_JSON),
        (b"[" * 100_000, rule_ids.ROW_NOT_JSON),
        (b'{"account_number": "\xff"}', rule_ids.ROW_NOT_UTF8),
        (b'{"account_number": "\0"}', rule_ids.ROW_NUL),
        (b'{"account_number": "' + b"x" * 300_000 + b'"}', rule_ids.ROW_TOO_LONG),
    ],
)
def test_a_line_that_is_no_object_harms_no_other(stage: Stager, line: bytes, rule: str) -> None:
    good = (
        b'{"originator":"a","account_number":"A1","funder":"b","role":"funder",'
        b'"valid_from":"2025-01-01"}\n'
    )
    outcome = stage(good + line + b"\n" + good, "funding", format="ndjson")
    assert [(f[0], f[3]) for f in outcome.faults] == [(2, rule)]
    assert [row["line_no"] for row in outcome.rows] == [1, 3]


RECORD = (
    b'{"originator":"a","account_number":"A1","funder":"b","role":"funder",'
    b'"valid_from":"2025-01-01"}'
)


@pytest.mark.parametrize("form", ["ndjson", None])
@pytest.mark.parametrize(
    "content",
    [
        (RECORD + b"\r") * 3,
        RECORD + b"\r" + RECORD,
        RECORD + b" \r\r\t" + RECORD,
        b"\xef\xbb\xbf" + (RECORD + b"\r") * 3 + b"\n",
        gzip.compress((RECORD + b"\r") * 3, mtime=0),
        (RECORD + b"\r") * 3_000,
        (RECORD + b"\r") * 30_000,
    ],
)
def test_ndjson_whose_lines_end_in_cr_alone_is_told_so(
    stage: Stager, content: bytes, form: str | None
) -> None:
    outcome = stage(content, "funding", format=form)
    assert [(f[0], f[3]) for f in outcome.faults] == [(1, rule_ids.FILE_LINE_ENDS)]
    assert not outcome.staged.is_readable
    assert outcome.staged.format == "ndjson"
    assert (outcome.rows, outcome.staged.sent) == ([], 0)


@pytest.mark.parametrize(
    ("content", "rules", "lines"),
    [
        (RECORD + b"\r", [], [1]),
        ((RECORD + b"\r\n") * 3, [], [1, 2, 3]),
        (RECORD + b"\r" + RECORD + b"\n" + RECORD, [rule_ids.ROW_NOT_JSON], [2]),
        (RECORD + b"\n" + RECORD + b"\r" + RECORD, [rule_ids.ROW_NOT_JSON], [1]),
        (RECORD + RECORD, [rule_ids.ROW_NOT_JSON], []),
        (RECORD.replace(b'"a"', b'"a}\r{"'), [rule_ids.FILE_LINE_ENDS], []),
        (RECORD.replace(b'"a"', b'"a\r"'), [rule_ids.ROW_NOT_JSON], []),
    ],
)
def test_a_cr_that_parts_no_file_of_ndjson_harms_no_other_line(
    stage: Stager, content: bytes, rules: list[str], lines: list[int]
) -> None:
    outcome = stage(content, "funding", format="ndjson")
    assert outcome.rules == rules
    assert [row["line_no"] for row in outcome.rows] == lines


def test_every_rule_is_described_and_no_more() -> None:
    folder = Path(rule_ids.__file__).parents[1] / "validate/rules"
    described = {
        rule["id"]: rule
        for path in folder.glob("format*.toml")
        for rule in tomllib.loads(path.read_text("utf-8"))["rule"]
    }
    assert sorted(described) == list(rule_ids.ALL)
    for rule_id, rule in described.items():
        assert rule["severity"] == rule_ids.severity(rule_id)
        assert (rule["by"], rule["needs"]) == ("parser", "row")


@pytest.mark.parametrize(
    ("head", "is_read"),
    [
        (WHOLE, True),
        (HEADER.encode(), True),
        (b"\xef\xbb\xbf" + WHOLE.replace(b"\n", b"\r\n"), True),
        (gzip.compress(WHOLE)[:-4], True),
        (HEADER.strip().encode(), False),
        (b"account_number,period_end\nA1", False),
        (b'{"account_number": "A1"}\n', False),
        (b"\x1f\x8bno gzip\n", False),
        (b"", False),
    ],
)  # fmt: skip
def test_the_columns_of_a_file_are_read_from_its_first_bytes(head: bytes, is_read: bool) -> None:
    found = places_in(head, load()["snapshot"])
    wanted = {name: number for number, name in enumerate(HEADER.strip().split(","), 1)}
    assert found == (wanted if is_read else {})


def test_what_follows_a_gzip_file_and_the_first_column_without_a_name_are_shown(
    stage: Stager,
) -> None:
    followed = stage(gzip.compress(WHOLE) + b"-- end\n", format="csv")
    assert [fault[4] for fault in followed.faults] == ["-- end\\x0a"]
    unnamed = stage(WHOLE.replace(b"\n", b",,\n"), format="csv")
    assert [fault[:2] for fault in unnamed.faults] == [(1, 11)]
