"""Empty lines are no records: nothing of them comes, and all else keeps its place."""

from __future__ import annotations

import gzip

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.formats import load
from tallystick.furnish import Limits, rule_ids, stage_file
from tallystick.furnish.csv_lines import CsvLines

from .conftest import DOMAINS, SMALL, Stager
from .test_files import HEADER, WHOLE

#: A good line, a quoted one, one over two lines with an empty one inside, and faulty ones.
LINES = (
    "A1,2025-10-31,0,0,CNY,1.00,1,1,0,open",
    '"A,2",2025-10-31,0,0,CNY,1.00,1,1,0,open',
    '"A\n\n3",2025-10-31,0,0,CNY,1.00,1,1,0,open',
    "A4,2025-10-31",
    "A5,2025-10-32,0,0,CNY,1.00,1,1,0,open",
    " ",
)


@given(
    parts=st.lists(st.sampled_from(("", *LINES)), max_size=12),
    line_end=st.sampled_from(("\n", "\r\n")),
    is_ended=st.booleans(),
    limits=st.sampled_from((Limits(), SMALL)),
)
def test_each_record_and_fault_stands_where_it_stood(
    tmp_path_factory: pytest.TempPathFactory,
    parts: list[str],
    line_end: str,
    is_ended: bool,
    limits: Limits,
) -> None:
    parts = [*parts, LINES[0]]
    text = HEADER.strip() + "".join(line_end + part for part in parts) + line_end * is_ended
    path = tmp_path_factory.mktemp("lines") / "sent"
    path.write_bytes(text.encode())
    starts, line_no, at = [], 2, len(HEADER.strip() + line_end)
    for part in parts:
        if part:
            starts.append((line_no, at))
        line_no += 1 + part.count("\n")
        at += len(part.encode()) + len(line_end)
    with duckdb.connect() as con:
        stage_file(con, path, load()["snapshot"], DOMAINS, limits=limits)
        rows = {line for (line,) in con.execute('select line_no from "row"').fetchall()}
        faults = con.execute("select line_no, byte_offset from fault").fetchall()
    offset_of = dict(starts)
    assert rows | {line for line, _ in faults} == set(offset_of)
    assert all(offset_of[line] == offset for line, offset in faults)


@pytest.mark.parametrize("line", [b"\n", b"\r\n", b"x\n"])
def test_what_unpacks_out_of_proportion_is_refused_before_a_line_is_read(
    stage: Stager, line: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = Limits(ratio_free_bytes=1 << 16)
    small = gzip.compress(WHOLE + line * (((1 << 16) - len(WHOLE)) // len(line)))
    assert rule_ids.FILE_TOO_LARGE not in stage(small, limits=limits).rules[:1]

    def read(*_: object) -> None:
        pytest.fail("a line was read")

    monkeypatch.setattr(CsvLines, "take", read)
    bomb = gzip.compress(WHOLE + line * (1 << 20))
    assert stage(bomb, limits=limits).rules == [rule_ids.FILE_TOO_LARGE]
