"""Finds records again in the furnisher's own file, by the line where each starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tallystick.errors import InvariantBroken
from tallystick.furnish.csv_lines import decode_cells, split_line
from tallystick.furnish.csv_record import Broken, NeedsMore, Split
from tallystick.furnish.source import DEFAULT_LIMITS, Block, Blocks, Limits
from tallystick.furnish.stage import Format, guess_format


@dataclass(frozen=True, slots=True)
class Original:
    """One record as it came: its bytes without the line end, and its cells where it has any."""

    line_no: int
    raw: bytes
    cells: list[str] | None


def originals(
    path: Path,
    lines: Iterable[int],
    *,
    format: Format,  # noqa: A002 - the word of the command line
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[Original]:
    """The records that start at those lines, one each, in their order.

    Takes:    line numbers, ascending, each once; they are asked for one at a time
    Raises:   InvariantBroken when a line is not in the file; UnreadableFile as staging does
    """
    wanted = iter(lines)
    line_no = next(wanted, None)
    blocks = Blocks(path, limits)
    for block in blocks:
        if line_no is None:
            return
        if block.too_long is not None and block.too_long[0] == line_no:
            yield Original(line_no, block.too_long[2], None)
            line_no = next(wanted, None)
        starts = _starts(block.data)
        while line_no is not None and line_no - block.line_no < len(starts):
            start = int(starts[line_no - block.line_no])
            try:
                yield _original(block, start, line_no, format=format, limits=limits)
            except NeedsMore:
                blocks.keep(block.data[start:], line_no, block.offset + start)
                break
            line_no = next(wanted, None)
    if line_no is not None:
        raise InvariantBroken("a line of a finding is not in the file")


def original_rows(
    path: Path,
    lines: Iterable[int],
    *,
    format: Format | None = None,  # noqa: A002 - the word of the command line
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[tuple[int, list[str]]]:
    """Line number and original cells of the records that start at `lines` (ascending).

    Missing: a record that could not be split, and every record of NDJSON, is one cell: its raw
             text, with bytes that are no text written as escapes.
    """
    chosen: Format = format or guess_format(path, limits)
    for found in originals(path, lines, format=chosen, limits=limits):
        yield found.line_no, [raw_text(found.raw)] if found.cells is None else found.cells


def raw_text(raw: bytes) -> str:
    """Text of bytes that may not be text."""
    return raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def _starts(data: bytes) -> np.typing.NDArray[np.int64]:
    """Where the lines of a block start."""
    ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 0x0A) + 1
    starts = np.concatenate((np.zeros(1, dtype=np.int64), ends))
    return starts[starts < len(data)]


def _original(
    block: Block,
    start: int,
    line_no: int,
    *,
    format: Format,  # noqa: A002 - the word of the command line
    limits: Limits,
) -> Original:
    """Raises: NeedsMore."""
    data = block.data
    line_end = data.find(b"\n", start) + 1 or len(data)
    whole = data[start:line_end].rstrip(b"\r\n")
    if format == "ndjson":
        return Original(line_no, whole, None)
    record = split_line(
        data, start, line_end, is_last=block.is_last, max_bytes=limits.max_line_bytes
    )
    if isinstance(record, Split):
        cells = decode_cells(record, len(record.cells))
        if not isinstance(cells, Broken):
            return Original(line_no, data[start : record.end].rstrip(b"\r\n"), cells)
        return Original(line_no, data[start : record.end].rstrip(b"\r\n"), None)
    return Original(line_no, whole, None)
