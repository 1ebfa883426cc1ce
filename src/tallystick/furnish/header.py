"""Reads the header line of a CSV file: which column holds which field, or why it cannot be said."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

from tallystick.formats import Dataset
from tallystick.furnish import rule_ids
from tallystick.furnish.csv_record import Broken, Split, seen_text, split_record
from tallystick.furnish.source import BOM, DEFAULT_LIMITS, GZIP_MAGIC

#: What a reject file adds behind the furnisher's own columns; ignored when it comes back.
REJECT_COLUMNS = (
    "error_line", "error_column", "rule_id", "severity", "seen_value", "allowed_en", "allowed_zh",
    "how_to_fix_en", "how_to_fix_zh", "message_en", "message_zh",
)  # fmt: skip
#: In the reject file of NDJSON, the key of a line that was no object.
UNREADABLE_KEY = "unreadable_line"
_OTHER_DELIMITERS = (";", "\t", "|")
_LONGEST_HEADER = DEFAULT_LIMITS.max_line_bytes
_QUOTED = re.compile(rb'"[^"]*"')
#: A CR that no LF follows; of several in a row the last.
_CR_ALONE = re.compile(rb"\r(?![\r\n])")
#: UTF-16 and UTF-32 write names with a NUL beside each letter, at the least; fewer are damage.
_NUL_SHARE = 4
#: How files of other kinds begin: none of them is text.
_OTHER_KINDS = (
    (b"PK\x03\x04", "ZIP / XLSX"),
    (b"\xd0\xcf\x11\xe0", "XLS"),
    (GZIP_MAGIC, "GZIP in GZIP"),
    (b"BZh9", "BZIP2"),
    (b"\xfd7zXZ\0", "XZ"),
    (b"7z\xbc\xaf", "7Z"),
    (b"\x28\xb5\x2f\xfd", "ZSTD"),
    (b"PAR1\x15", "PARQUET"),
    (b"%PDF-", "PDF"),
)
_MISSING = {
    "required": rule_ids.FILE_COLUMN_MISSING,
    "stated": rule_ids.FILE_COLUMN_UNSTATED,
}


@dataclass(frozen=True, slots=True)
class HeaderFault:
    """One thing wrong with the header."""

    rule_id: str
    column_no: int | None
    field: str | None
    seen: str | None


@dataclass(frozen=True, slots=True)
class Header:
    """The file's columns: their names in order, and how many reject columns follow them."""

    names: tuple[str, ...]
    extra: int
    #: True for NDJSON: fields have names and no place, so faults give no column.
    is_named_only: bool = False

    @property
    def width(self) -> int:
        """Cells a record must have."""
        return len(self.names) + self.extra

    @property
    def places(self) -> dict[str, int]:
        """Each field's column, from 1; nothing where fields have no place."""
        if self.is_named_only:
            return {}
        return {name: number for number, name in enumerate(self.names, 1)}


def ends_in_cr(line: bytes) -> bool:
    """Whether a CR alone, outside quotes, ends the header in what the first LF ends."""
    return b"\0" not in line and _CR_ALONE.search(_QUOTED.sub(b"", line)) is not None


def places_in(head: bytes, dataset: Dataset) -> dict[str, int]:
    """Each field's column, from 1, in a file of which only the first bytes are at hand.

    Missing: nothing where fields have no place (NDJSON), or the header does not end in these bytes
    """
    if head.startswith(GZIP_MAGIC):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, _LONGEST_HEADER)
        except zlib.error:
            return {}
    line, end, _ = head.removeprefix(BOM).partition(b"\n")
    header = read_header(line + end, dataset) if end and line.strip()[:1] != b"{" else []
    return header.places if isinstance(header, Header) else {}


def no_header(line: bytes) -> HeaderFault | None:
    """Why a first line, or the start of one, is none of CSV at all; None where it may be."""
    for magic, kind in _OTHER_KINDS:
        if line.startswith(magic):
            return HeaderFault(rule_ids.FILE_OTHER_KIND, None, None, kind)
    nuls = line.count(b"\0")
    if nuls * _NUL_SHARE >= len(line) > 0:
        return HeaderFault(rule_ids.FILE_NOT_UTF8, None, None, seen_text(line))
    if nuls:
        at = line.index(b"\0")
        shown = seen_text(line[max(0, at - 20) : at + 20])
        return HeaderFault(rule_ids.FILE_HEADER_NUL, line.count(b",", 0, at) + 1, None, shown)
    if line.lstrip().startswith(b"["):
        return HeaderFault(rule_ids.FILE_JSON_ARRAY, None, None, seen_text(line))
    if ends_in_cr(line):
        return HeaderFault(rule_ids.FILE_LINE_ENDS, None, None, seen_text(line))
    return None


def read_header(line: bytes, dataset: Dataset) -> Header | list[HeaderFault]:
    """The header of that line, or every fault in it."""
    fault = no_header(line)
    if fault is not None:
        return [fault]
    record = split_record(line, 0, is_last=True, max_bytes=len(line) + 1)
    if isinstance(record, Broken):
        return [HeaderFault(rule_ids.FILE_HEADER_UNREADABLE, record.column_no, None, record.seen)]
    return _judge(record, line, dataset)


def _judge(record: Split, line: bytes, dataset: Dataset) -> Header | list[HeaderFault]:
    try:
        names = [cell.decode("utf-8") for cell in record.cells]
    except UnicodeDecodeError:
        return [HeaderFault(rule_ids.FILE_NOT_UTF8, None, None, seen_text(line))]
    known = {field.name for field in dataset.fields}
    if len(names) == 1 and names[0] not in known:
        for delimiter in _OTHER_DELIMITERS:
            if known & {part.strip('" ') for part in names[0].split(delimiter)}:
                return [HeaderFault(rule_ids.FILE_DELIMITER, 1, None, seen_text(delimiter))]
    extra = 0
    while names and names[-1] in REJECT_COLUMNS and names[-1] not in known:
        names.pop()
        extra += 1
    faults: list[HeaderFault] = []
    unnamed = [column_no for column_no, name in enumerate(names, 1) if not name.strip()]
    if unnamed:  # a spreadsheet leaves dozens: one finding points to the first
        faults.append(HeaderFault(rule_ids.FILE_COLUMN_UNNAMED, unnamed[0], None, None))
    for column_no, name in enumerate(names, 1):
        if column_no in unnamed:
            continue
        if name not in known:
            faults.append(
                HeaderFault(rule_ids.FILE_COLUMN_UNKNOWN, column_no, None, seen_text(name))
            )
        elif name in names[: column_no - 1]:
            faults.append(HeaderFault(rule_ids.FILE_COLUMN_DOUBLED, column_no, name, name))
    faults += [
        HeaderFault(_MISSING[field.presence], None, field.name, None)
        for field in dataset.fields
        if field.presence != "optional" and field.name not in names
    ]
    return faults or Header(tuple(names), extra)
