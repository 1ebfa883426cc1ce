"""A file of which nothing can be read ends early; after one record that can, nothing is lost."""

from __future__ import annotations

import gzip

import pytest

from tallystick.furnish import Limits

from .conftest import Stager
from .test_files import HEADER

GOOD, BAD = "A1,2025-10-31,0,0,CNY,1.00,1,1,0,open", "A4,2025-10-31"
GOOD_JSON = (
    '{"account_number": "A1", "period_end": "2025-10-31", "bucket": "0", "days_past_due": 0,'
    ' "currency": "CNY", "balance": "1.00", "payment_due": "1", "amount_paid": "1",'
    ' "amount_past_due": "0", "status": "open"}'
)
#: A line that can be read, though its cell is bad.
FAULTY = GOOD.replace("10-31", "10-32")


def in_blocks(block_bytes: int) -> Limits:
    return Limits(block_bytes=block_bytes, max_line_bytes=2000, max_broken=3)


@pytest.mark.parametrize(
    ("limits", "pack"),
    [(in_blocks(64), gzip.compress), (in_blocks(1 << 20), bytes)],
    ids=["small blocks of gzip", "one plain block"],
)
@pytest.mark.parametrize(
    ("lines", "ends", "broken"),
    [
        ([BAD] * 3, False, 3),
        ([BAD] * 4, True, 0),
        ([BAD] * 3 + [GOOD], False, 3),
        ([BAD] * 3 + [GOOD] + [BAD] * 9 + [GOOD], False, 12),
        ([BAD] * 4 + [GOOD], True, 0),
        ([GOOD] + [BAD] * 9, False, 9),
        ([FAULTY] + [BAD] * 9 + [GOOD], False, 9),
        (["", *[BAD] * 3, "", GOOD], False, 3),
        (["", *[BAD] * 4], True, 0),
    ],
)
@pytest.mark.parametrize("is_json", [False, True], ids=["csv", "ndjson"])
def test_only_where_no_line_could_be_read(
    stage: Stager, limits: Limits, pack: type[bytes], lines: list[str], ends: bool, broken: int,
    is_json: bool,
) -> None:  # fmt: skip
    start = HEADER.strip().split("\n")
    if is_json:
        forms = {GOOD: GOOD_JSON, FAULTY: GOOD_JSON.replace("10-31", "10-32"), BAD: '{"x"'}
        start, lines = [], [forms.get(line, line) for line in lines]
    content = pack("\n".join([*start, *lines, ""]).encode())
    outcome = stage(content, limits=limits)
    staged = outcome.staged
    assert staged.is_readable is not ends
    if ends:
        first = 1 + len(start) + (lines[0] == "")
        rule = "FMT-ROW-008" if is_json else "FMT-ROW-001"
        assert [(f[0], f[3], f[4]) for f in outcome.faults] == [
            (1, "FMT-FILE-018", f"{first}: {rule}")
        ]
        assert (staged.sent, staged.rows, staged.broken) == (0, 0, 0)
    else:
        assert (staged.broken, staged.rows) == (broken, len([one for one in lines if one]) - broken)
