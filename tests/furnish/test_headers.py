"""What stands where a CSV file's header should: where it is told, and what was found there."""

from __future__ import annotations

import pytest

from tallystick.furnish import Limits, rule_ids
from tallystick.furnish.header import no_header

from .conftest import Stager

WHOLE = b"account_number,period_end,bucket\nA1,2024-12-31,0\n"


@pytest.mark.parametrize(
    ("content", "rule", "column_no", "seen"),
    [
        (WHOLE.replace(b"bucket", b"buc\0ket"), rule_ids.FILE_HEADER_NUL, 3, "buc"),
        (b"\0" + WHOLE, rule_ids.FILE_HEADER_NUL, 1, "account_number"),
        (b'[{"account_number": "A1"}]', rule_ids.FILE_JSON_ARRAY, None, '[{"account_number"'),
        (b"h" * 300_000, rule_ids.FILE_HEADER_LONG, None, "hhhh"),
    ],
)
def test_a_header_that_is_none_is_told_with_its_place_and_what_was_found(
    stage: Stager, content: bytes, rule: str, column_no: int | None, seen: str
) -> None:
    (fault,) = stage(content).faults
    assert (fault[0], fault[1], fault[3]) == (1, column_no, rule)
    assert seen in fault[4]


@pytest.mark.parametrize(
    ("length", "rules"),
    [(8 << 10, [rule_ids.FILE_COLUMN_UNKNOWN]), ((8 << 10) + 1, [rule_ids.FILE_HEADER_LONG])],
)
def test_a_header_is_too_long_from_the_limit_on(
    stage: Stager, length: int, rules: list[str]
) -> None:
    content = b"x" * (length - 1) + b"\n" + b"1\n"
    found = stage(content, limits=Limits(max_line_bytes=8 << 10))
    assert set(found.rules) & {*rules, rule_ids.FILE_HEADER_LONG} == set(rules)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"PK\x03\x04\x14\0", "ZIP / XLSX"),
        (b"PK\x03", None),
        (b"\x1f\x8b\x08\0", "GZIP in GZIP"),
        (b"BZh91AY", "BZIP2"),
        (b"BZhang", None),
        (b"PAR1\x15\x04", "PARQUET"),
        (b"PAR1", None),
        (b"%PDF-1.7", "PDF"),
        (b"%PDF", None),
    ],
)
def test_a_file_of_another_kind_is_named_by_how_it_begins(head: bytes, kind: str | None) -> None:
    fault = no_header(head)
    found = (fault.rule_id, fault.seen) if fault else None
    assert found == (None if kind is None else (rule_ids.FILE_OTHER_KIND, kind))
