"""A finding: one fault of one record. A value, never an exception.

What was seen goes back to the furnisher who sent it and nowhere else: not into a log, not into an
exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["reject", "warn", "pend"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault: where, which rule, what was seen.

    `line_no` counts from 1 (the header is line 1 of a CSV); `column_no` counts from 1;
    `byte_offset` is the offset of the record's first byte in the file; all three are None for a
    record that came by the API. `seen` is the cell's text (at most 200 characters), or None.
    `other_line_no` points to the second row of a fault between rows.
    """

    rule_id: str
    severity: Severity
    line_no: int | None = None
    column_no: int | None = None
    byte_offset: int | None = None
    field: str | None = None
    seen: str | None = None
    other_line_no: int | None = None
