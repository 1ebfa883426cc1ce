"""The two files between reading and judging: clean records and the faults already told.

One record a line, cells divided by the unit separator, no quotes: no clean cell holds a control
character, so the form is never ambiguous. They stand in the job's folder and go with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tallystick.formats import Dataset
from tallystick.furnish import rule_ids
from tallystick.furnish.checks import Lists
from tallystick.furnish.csv_record import Broken, seen_text
from tallystick.furnish.header import Header
from tallystick.furnish.source import Limits, UnreadableFile

SEPARATOR = "\x1f"
#: Stands for a cell whose fault is told already, so that it is neither told twice nor missing.
TOLD = "\x01"


class Spill:
    """Writes both files; a context manager that closes and, at its end, removes them."""

    def __init__(self, folder: Path, limits: Limits):
        self.records_path = folder / "records.spill"
        self.faults_path = folder / "faults.spill"
        self.records = 0
        self.broken = 0
        self.faults = 0
        self._max_broken = limits.max_broken
        self._first_broken = ""

    def __enter__(self) -> Spill:
        """Open both files."""
        self._records = self.records_path.open("wb")
        self._faults = self.faults_path.open("wb")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close and remove both files."""
        self.close()
        self.records_path.unlink(missing_ok=True)
        self.faults_path.unlink(missing_ok=True)

    def close(self) -> None:
        """End writing; the files can be read now."""
        self._records.close()
        self._faults.close()

    def write_lines(self, lines: bytes, count: int) -> None:
        """Records already in the spill's form."""
        self._records.write(lines)
        self.records += count

    def write_record(self, line_no: int, offset: int, cells: list[str]) -> None:
        """One record of decoded cells without control characters."""
        text = SEPARATOR.join((str(line_no), str(offset), *cells))
        self._records.write(text.encode() + b"\n")
        self.records += 1

    def write_broken(self, line_no: int, offset: int, fault: Broken) -> None:
        """The fault of a record that could not be split; the record itself is not written.

        Raises: UnreadableFile when so many came and no record that could be read: as soon as one
                has, no number of bad ones costs the good ones after them
        """
        if not self.broken:
            self._first_broken = f"{line_no}: {fault.rule_id}"
        if self.broken >= self._max_broken and not self.records:
            raise UnreadableFile(rule_ids.FILE_ALL_BROKEN, self._first_broken)
        self.broken += 1
        self.write_fault(line_no, offset, fault, field=None)

    def write_fault(self, line_no: int, offset: int, fault: Broken, *, field: str | None) -> None:
        """A fault told before DuckDB sees the record."""
        cells = (
            str(line_no),
            "" if fault.column_no is None else str(fault.column_no),
            str(offset),
            field or "",
            fault.rule_id,
            seen_text(fault.seen or ""),
        )
        self._faults.write(SEPARATOR.join(cells).encode() + b"\n")
        self.faults += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Spilled:
    """A file split into cells, its spill closed, and what the cells are judged by."""

    dataset: Dataset
    judged_by: Lists
    header: Header
    spill: Spill
