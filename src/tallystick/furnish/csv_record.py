"""One CSV record by RFC 4180, strictly: quotes stand at both ends of a cell or nowhere."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tallystick.furnish import rule_ids
from tallystick.model.unshown import escaped

_CELL = re.compile(rb'(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\r?\n|\r?\Z)')
SEEN_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Broken:
    """Why a record could not be split; `column_no` counts from 1."""

    rule_id: str
    column_no: int | None
    seen: str | None


@dataclass(frozen=True, slots=True)
class Split:
    """The cells of one record as bytes, quotes undone, and where the next record starts."""

    cells: list[bytes]
    end: int


class NeedsMore(Exception):
    """A quote is open at the end of the block and more bytes may close it."""


def split_record(data: bytes, start: int, *, is_last: bool, max_bytes: int) -> Split | Broken:
    """Split the record that starts at `start`.

    Raises: NeedsMore when an open quote reaches the end of a block that is not the last.
    """
    cells: list[bytes] = []
    position = start
    limit = min(len(data), start + max_bytes)
    while True:
        match = _CELL.match(data, position, limit)
        if match is None:
            return _why_not(data, position, limit, is_last=is_last, column_no=len(cells) + 1)
        quoted, plain, end = match.groups()
        if end in (b"", b"\r") and limit < len(data):
            return Broken(rule_ids.ROW_TOO_LONG, None, seen_text(data[start : start + 1000]))
        if end in (b"", b"\r") and not is_last:
            raise NeedsMore
        cells.append(plain if quoted is None else quoted.replace(b'""', b'"'))
        position = match.end()
        if end != b",":
            if quoted is None:
                cells[-1] = cells[-1].removesuffix(b"\r")
            return Split(cells, position)


def _why_not(data: bytes, start: int, limit: int, *, is_last: bool, column_no: int) -> Broken:
    """Name the fault of the cell at `start`."""
    line_end = data.find(b"\n", start, limit)
    shown = seen_text(data[start : line_end if line_end >= 0 else limit])
    if data[start : start + 1] != b'"':
        return Broken(rule_ids.ROW_QUOTE_MISPLACED, column_no, shown)
    closing = re.compile(rb'"(?:[^"]|"")*"(?!")').match(data, start, limit)
    if closing is not None:
        after_in_line = b"\n" not in closing.group()
        rule = rule_ids.ROW_QUOTE_MISPLACED if after_in_line else rule_ids.ROW_QUOTE_OPEN
        return Broken(rule, column_no, shown)
    if limit == len(data) and not is_last:
        raise NeedsMore
    return Broken(rule_ids.ROW_QUOTE_OPEN, column_no, shown)


def seen_text(raw: bytes | str) -> str:
    """At most 200 characters of what was seen, with what cannot be shown written as escapes."""
    text = (
        raw
        if isinstance(raw, str)
        else raw[: SEEN_CHARACTERS * 4].decode("utf-8", "backslashreplace")
    )
    return escaped(text[:SEEN_CHARACTERS])[:SEEN_CHARACTERS]
