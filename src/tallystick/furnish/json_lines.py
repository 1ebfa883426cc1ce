"""NDJSON blocks to clean records: one object a line, judged one by one."""

from __future__ import annotations

import re

from tallystick.formats import Dataset
from tallystick.furnish import rule_ids
from tallystick.furnish.csv_record import Broken, seen_text
from tallystick.furnish.json_record import json_cells, parse_line
from tallystick.furnish.sent_back import broken_record
from tallystick.furnish.source import Block, Limits, UnreadableFile
from tallystick.furnish.spill import Spill

_BAD_LINES = 20
#: Records parted by a CR that no LF follows: no line of valid JSON holds it, in a text or outside.
_CR_ALONE = re.compile(rb"\}[ \t]*\r[ \t\r]*\{")


class JsonLines:
    """Turns blocks into clean records and faults in the spill."""

    def __init__(self, dataset: Dataset, spill: Spill, limits: Limits):
        self._dataset = dataset
        self._spill = spill
        self._limits = limits

    def take(self, block: Block) -> None:
        """Clean one block.

        Raises: UnreadableFile when the file as a whole is not UTF-8, or one line that CRs part
        """
        whole = _only_line(block)
        if _CR_ALONE.search(whole):
            raise UnreadableFile(rule_ids.FILE_LINE_ENDS, seen_text(whole))
        if block.too_long is not None:
            line_no, offset, head = block.too_long
            self._break(line_no, offset, rule_ids.ROW_TOO_LONG, head)
        offset, bad, lines = block.offset, 0, block.data.split(b"\n")
        for line_no, line in enumerate(lines, block.line_no):
            if line.strip(b" \t\r"):
                bad += self._take_line(line, line_no, offset)
            offset += len(line) + 1
        if block.line_no == 1 and bad >= _BAD_LINES and bad * 2 > len(lines):
            raise UnreadableFile(rule_ids.FILE_NOT_UTF8)

    def _take_line(self, line: bytes, line_no: int, offset: int) -> bool:
        """Judge one line; gives whether it was not UTF-8."""
        if len(line) > self._limits.max_line_bytes:
            self._break(line_no, offset, rule_ids.ROW_TOO_LONG, line[:1000])
            return False
        record = parse_line(line)
        if isinstance(record, Broken):
            self._spill.write_broken(line_no, offset, record)
            return record.rule_id == rule_ids.ROW_NOT_UTF8
        unread = broken_record(record)
        if unread is not None:
            self._spill.write_broken(line_no, offset, unread)
            return False
        cells, faults = json_cells(self._dataset, record)
        for fault in faults:
            self._spill.write_fault(
                line_no, offset, Broken(fault.rule_id, None, fault.seen), field=fault.field
            )
        self._spill.write_record(line_no, offset, cells)
        return False

    def _break(self, line_no: int, offset: int, rule_id: str, head: bytes) -> None:
        self._spill.write_broken(line_no, offset, Broken(rule_id, None, seen_text(head)))


def _only_line(block: Block) -> bytes:
    """The line that is the whole file, its start where it is over-long; else nothing."""
    if block.too_long is not None:
        line_no, _, head = block.too_long
        return head if line_no == 1 else b""
    line, _, rest = block.data.partition(b"\n")
    return line if block.line_no == 1 and block.is_last and not rest.strip() else b""
