"""CSV blocks to clean records: whole blocks by numpy where lines are plain, one by one elsewhere.

A line is plain when it is valid UTF-8, has the right number of commas, no quote and no control
character. All other lines go through the strict splitter, and only they cost Python time.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tallystick.formats import Dataset
from tallystick.furnish import rule_ids
from tallystick.furnish.csv_record import Broken, NeedsMore, Split, seen_text, split_record
from tallystick.furnish.header import Header
from tallystick.furnish.json_record import json_text
from tallystick.furnish.sent_back import broken_cells
from tallystick.furnish.source import Block, Blocks, Limits, UnreadableFile
from tallystick.furnish.spill import TOLD, Spill
from tallystick.model.unshown import is_no_text, unshown_at

Positions: TypeAlias = npt.NDArray[np.int64]

#: A line that is a whole record, quotes at both ends of a cell or nowhere.
_QUOTED_LINE = re.compile(r'(?:"(?:[^"]|"")*"|[^",]*)(?:,(?:"(?:[^"]|"")*"|[^",]*))*')
_SPECIAL = bytes(
    1 if (code < 0x20 and code != 0x0A) or code in (0x22, 0x7F) else 0 for code in range(256)
)
_TO_SPILL = bytes.maketrans(b",", b"\x1f")
#: A file is "not UTF-8 as a whole" when this many lines and half of its first block are not.
_BAD_LINES = 20


class CsvLines:
    """Turns the blocks after the header into clean records and faults in the spill."""

    def __init__(self, dataset: Dataset, header: Header, spill: Spill, limits: Limits):
        self._header = header
        self._spill = spill
        self._limits = limits
        self._json = {field.name: field for field in dataset.fields if field.type == "json"}
        self._not_utf8 = 0

    def take(self, block: Block, blocks: Blocks) -> None:
        """Clean one block. Raises: UnreadableFile when the file is not UTF-8 as a whole."""
        if block.too_long is not None:
            line_no, offset, head = block.too_long
            self._spill.write_broken(
                line_no, offset, Broken(rule_ids.ROW_TOO_LONG, None, seen_text(head))
            )
        data = block.data
        if not data:
            return
        buffer = np.frombuffer(data, dtype=np.uint8)
        ends = np.flatnonzero(buffer == 0x0A)
        if not data.endswith(b"\n"):
            ends = np.append(ends, len(data))
        starts = np.concatenate((np.zeros(1, dtype=np.int64), ends[:-1] + 1))
        odd = self._odd_lines(buffer, data, starts, ends)
        text = data.translate(_TO_SPILL)
        if b"\r" in data:
            text = text.replace(b"\r\n", b"\n").removesuffix(b"\r")
        lines = text.split(b"\n")
        is_blank = _blank(buffer, starts, ends)
        self._write(block, blocks, _Lines(block.line_no, lines, starts, odd=odd, is_blank=is_blank))
        if self._not_utf8 >= _BAD_LINES and self._not_utf8 * 2 > len(ends) and block.line_no <= 2:
            raise UnreadableFile(rule_ids.FILE_NOT_UTF8)

    def _odd_lines(
        self, buffer: npt.NDArray[np.uint8], data: bytes, starts: Positions, ends: Positions
    ) -> Positions:
        """Indexes of the lines that are not plain, ascending."""
        commas = np.flatnonzero(buffer == 0x2C)
        before = np.searchsorted(commas, np.concatenate((np.zeros(1, dtype=np.int64), ends)))
        is_odd = np.diff(before) != self._header.width - 1
        is_odd |= (ends - starts) > self._limits.max_line_bytes
        if self._header.extra:
            whole = np.flatnonzero(~is_odd)
            first, own = before[whole], len(self._header.names) - 1
            # Nothing between the first cell and the reject columns: perhaps a line given back.
            is_odd[whole[commas[first + own] - commas[first] == own]] = True
        if self._header.width == 1:
            is_odd |= (ends - starts) <= 1
        special = np.flatnonzero(np.frombuffer(data.translate(_SPECIAL), dtype=np.uint8))
        if special.size:
            following = np.append(buffer, np.uint8(0x0A))[special + 1]
            is_line_end = (buffer[special] == 0x0D) & (following == 0x0A)
            is_odd[np.searchsorted(ends, special[~is_line_end])] = True
        if not data.isascii():
            for position in _bad_utf8(data):
                is_odd[np.searchsorted(ends, position)] = True
            is_odd[np.searchsorted(ends, unshown_at(data))] = True
        if self._json:
            is_odd[:] = True
        return np.flatnonzero(is_odd)

    def _write(self, block: Block, blocks: Blocks, found: _Lines) -> None:
        offsets = (found.starts + block.offset).tolist()
        done = 0
        for odd in found.odd.tolist():
            if odd < done:
                continue  # inside a record that was split already
            self._write_plain(found, offsets, done, odd)
            start = int(found.starts[odd])
            try:
                end = self._write_odd(block, start, found.numbers[odd])
            except NeedsMore:
                blocks.keep(block.data[start:], found.numbers[odd], block.offset + start)
                return
            done = int(np.searchsorted(found.starts, end))
        self._write_plain(found, offsets, done, len(offsets))

    def _write_plain(self, found: _Lines, offsets: list[int], *span: int) -> None:
        low, high = span
        if low < high:
            numbered = zip(
                found.numbers[low:high], offsets[low:high], found.lines[low:high], strict=True
            )
            text = b"".join([b"%d\x1f%d\x1f%b\n" % row for row in numbered])
            self._spill.write_lines(text, high - low)

    def _write_odd(self, block: Block, start: int, line_no: int) -> int:
        """Judge one record that is not plain; gives where the next one starts."""
        data, offset = block.data, block.offset + start
        line_end = data.find(b"\n", start) + 1 or len(data)
        raw = data[start:line_end]
        if raw in (b"\n", b"\r\n", b"\r", b""):
            return line_end  # an empty line is no record
        quick = self._quick_cells(raw)
        if quick is not None:
            self._spill.write_record(line_no, offset, quick)
            return line_end
        record = split_line(
            data, start, line_end, is_last=block.is_last, max_bytes=self._limits.max_line_bytes
        )
        if isinstance(record, Broken):
            self._spill.write_broken(line_no, offset, record)
            return line_end
        cells = decode_cells(self._as_wide(record), self._header.width)
        if isinstance(cells, Broken):
            self._not_utf8 += cells.rule_id == rule_ids.ROW_NOT_UTF8
            self._spill.write_broken(line_no, offset, cells)
            return record.end
        unread = broken_cells(cells, self._header)
        if unread is not None:
            self._spill.write_broken(line_no, offset, unread)
            return record.end
        self._tell_cells(cells, line_no, offset)
        self._spill.write_record(line_no, offset, cells)
        return record.end

    def _as_wide(self, record: Split) -> Split:
        """The record, empty cells after its own where a reject file's are left out: a mended row
        put in place of a line that could not be split.
        """
        if self._header.extra and len(record.cells) == len(self._header.names):
            return Split([*record.cells, *[b""] * self._header.extra], record.end)
        return record

    def _quick_cells(self, raw: bytes) -> list[str] | None:
        """The cells of a line that is only quoted and has no fault; None sends it the long way."""
        if self._json or len(raw) > self._limits.max_line_bytes:
            return None
        try:
            text = raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
            if is_no_text(text) or not _QUOTED_LINE.fullmatch(text):
                return None
            cells = next(csv.reader((text,)))
        except (UnicodeDecodeError, csv.Error):
            return None
        if len(cells) != self._header.width or broken_cells(cells, self._header):
            return None
        cells[len(self._header.names) :] = [""] * self._header.extra
        return cells

    def _tell_cells(self, cells: list[str], line_no: int, offset: int) -> None:
        """Tell control characters and bad JSON now; DuckDB sees a mark in their place."""
        for index, cell in enumerate(cells):
            name = self._header.names[index] if index < len(self._header.names) else None
            rule = None
            if name is None:
                cells[index] = ""
            elif name in self._json and cell:
                text = json_text(cell, self._json[name].max_length or 0)
                rule = None if text is not None else rule_ids.CELL_JSON
                cells[index] = text or TOLD
            elif is_no_text(cell):
                rule = rule_ids.CELL_CONTROL
            if rule is not None:
                fault = Broken(rule, index + 1, seen_text(cell))
                self._spill.write_fault(line_no, offset, fault, field=name)
                cells[index] = TOLD


class _Lines:
    """The lines of one block that hold anything: their numbers, their text in the spill's form,
    where they start, and which of these are not plain.

    Empty ones are no records. They go all at once: millions of them pack to nothing in gzip.
    """

    __slots__ = ("lines", "numbers", "odd", "starts")

    def __init__(
        self,
        first_no: int,
        lines: list[bytes],
        starts: Positions,
        *,
        odd: Positions,
        is_blank: npt.NDArray[np.bool_],
    ):
        del lines[len(starts) :]
        self.numbers: Sequence[int] = range(first_no, first_no + len(starts))
        if is_blank.any():
            held = np.flatnonzero(~is_blank)
            self.numbers = (held + first_no).tolist()
            lines = [lines[at] for at in held.tolist()]
            starts = starts[held]
            odd = np.searchsorted(held, odd[~is_blank[odd]])
        self.lines = lines
        self.starts = starts
        self.odd = odd


def _blank(
    buffer: npt.NDArray[np.uint8], starts: Positions, ends: Positions
) -> npt.NDArray[np.bool_]:
    """Which lines hold nothing, or nothing but the first half of their end."""
    is_return = buffer[starts] == 0x0D
    is_blank: npt.NDArray[np.bool_] = (ends == starts) | ((ends - starts == 1) & is_return)
    return is_blank


def split_line(
    data: bytes, start: int, line_end: int, *, is_last: bool, max_bytes: int
) -> Split | Broken:
    """Split the record at `start`, NUL bytes and over-long lines told first.

    Raises: NeedsMore.
    """
    nul = data.find(b"\0", start, line_end)
    if nul >= 0:
        column_no = data.count(b",", start, nul) + 1
        return Broken(rule_ids.ROW_NUL, column_no, seen_text(data[max(start, nul - 20) : nul + 20]))
    if line_end - start > max_bytes:
        return Broken(rule_ids.ROW_TOO_LONG, None, seen_text(data[start : start + 1000]))
    return split_record(data, start, is_last=is_last, max_bytes=max_bytes)


def decode_cells(record: Split, width: int) -> list[str] | Broken:
    """The cells as text, when they are UTF-8 and as many as the header's."""
    cells: list[str] = []
    for column_no, cell in enumerate(record.cells, 1):
        try:
            cells.append(cell.decode("utf-8"))
        except UnicodeDecodeError:
            return Broken(rule_ids.ROW_NOT_UTF8, column_no, seen_text(cell))
    if len(cells) < width:
        return Broken(rule_ids.ROW_TOO_FEW, len(cells) + 1, f"{len(cells)} / {width}")
    if len(cells) > width:
        return Broken(rule_ids.ROW_TOO_MANY, width + 1, seen_text(cells[width]))
    return cells


def _bad_utf8(data: bytes) -> list[int]:
    """Where lines stop being UTF-8: one position for each such line."""
    found: list[int] = []
    view = memoryview(data)
    start = 0
    while start < len(data):
        try:
            str(view[start:], "utf-8")
        except UnicodeDecodeError as error:
            position = start + error.start
            found.append(position)
            start = data.find(b"\n", position) + 1 or len(data)
        else:
            break
    return found
