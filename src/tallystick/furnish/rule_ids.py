"""The ids of every fault the parser can find; `validate/rules/format*.toml` has their words."""

from __future__ import annotations

from typing import Final

from tallystick.model.finding import Severity

FILE_EMPTY: Final = "FMT-FILE-001"
FILE_NO_RECORDS: Final = "FMT-FILE-002"
FILE_DELIMITER: Final = "FMT-FILE-003"
FILE_COLUMN_UNKNOWN: Final = "FMT-FILE-004"
FILE_COLUMN_MISSING: Final = "FMT-FILE-005"
FILE_COLUMN_DOUBLED: Final = "FMT-FILE-006"
FILE_GZIP_BROKEN: Final = "FMT-FILE-007"
FILE_TOO_LARGE: Final = "FMT-FILE-008"
FILE_NOT_UTF8: Final = "FMT-FILE-009"
FILE_HEADER_UNREADABLE: Final = "FMT-FILE-010"
#: Missing where the registry lets a value be absent with a reason; else FILE_COLUMN_MISSING.
FILE_COLUMN_UNSTATED: Final = "FMT-FILE-011"
FILE_LINE_ENDS: Final = "FMT-FILE-012"
FILE_GZIP_FOLLOWED: Final = "FMT-FILE-013"
FILE_COLUMN_UNNAMED: Final = "FMT-FILE-014"
FILE_HEADER_NUL: Final = "FMT-FILE-015"
FILE_JSON_ARRAY: Final = "FMT-FILE-016"
FILE_HEADER_LONG: Final = "FMT-FILE-017"
FILE_ALL_BROKEN: Final = "FMT-FILE-018"
FILE_OTHER_KIND: Final = "FMT-FILE-019"

ROW_TOO_FEW: Final = "FMT-ROW-001"
ROW_TOO_MANY: Final = "FMT-ROW-002"
ROW_NUL: Final = "FMT-ROW-003"
ROW_NOT_UTF8: Final = "FMT-ROW-004"
ROW_QUOTE_OPEN: Final = "FMT-ROW-005"
ROW_QUOTE_MISPLACED: Final = "FMT-ROW-006"
ROW_TOO_LONG: Final = "FMT-ROW-007"
ROW_NOT_JSON: Final = "FMT-ROW-008"
ROW_KEY_DOUBLED: Final = "FMT-ROW-009"
ROW_FIELD_UNKNOWN: Final = "FMT-ROW-010"

CELL_MISSING: Final = "FMT-CELL-001"
CELL_UNSTATED: Final = "FMT-CELL-002"
CELL_REASON_UNKNOWN: Final = "FMT-CELL-003"
CELL_REASON_NOT_HERE: Final = "FMT-CELL-004"
CELL_BLANKS: Final = "FMT-CELL-005"
CELL_CONTROL: Final = "FMT-CELL-006"
CELL_TOO_LONG: Final = "FMT-CELL-007"
CELL_CODE: Final = "FMT-CELL-008"
CELL_DATE_FORM: Final = "FMT-CELL-009"
CELL_DATE_CALENDAR: Final = "FMT-CELL-010"
CELL_DATE_KEPT: Final = "FMT-CELL-011"
CELL_AMOUNT_FORM: Final = "FMT-CELL-012"
CELL_AMOUNT_DIGITS: Final = "FMT-CELL-013"
CELL_AMOUNT_CURRENCY: Final = "FMT-CELL-014"
CELL_INTEGER_FORM: Final = "FMT-CELL-015"
CELL_RANGE: Final = "FMT-CELL-016"
CELL_DECIMAL_FORM: Final = "FMT-CELL-017"
CELL_BOOLEAN: Final = "FMT-CELL-018"
CELL_INSTANT_FORM: Final = "FMT-CELL-019"
CELL_INSTANT_CALENDAR: Final = "FMT-CELL-020"
CELL_JSON: Final = "FMT-CELL-021"
CELL_JSON_TYPE: Final = "FMT-CELL-022"
CELL_MEMBER: Final = "FMT-CELL-023"
CELL_AMOUNT_LONG: Final = "FMT-CELL-024"

#: The faults that leave the row accepted.
WARNINGS: Final = frozenset({CELL_DATE_KEPT})
#: All ids, in order: what `format*.toml` must describe, no more and no less.
ALL: Final = tuple(
    sorted(
        value
        for name, value in list(globals().items())
        if isinstance(value, str) and value.startswith("FMT-")
    )
)


def severity(rule_id: str) -> Severity:
    """`warn` for the few faults that leave the row accepted, else `reject`."""
    return "warn" if rule_id in WARNINGS else "reject"
