"""Opens a furnisher's file as a stream of blocks of whole lines, plain or gzip, within bounds.

Memory stays at a few blocks however large the file is. Nothing here knows what a record is.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tallystick.furnish import rule_ids
from tallystick.furnish.csv_record import seen_text

GZIP_MAGIC = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"
_READ_BYTES = 1 << 20
_SEEN_BYTES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a file may cost to read.

    `max_bytes` bounds the unpacked size; `max_ratio` the unpacked over the packed size, judged
    only beyond `ratio_free_bytes` (small files of equal rows pack well and harm nobody);
    `max_line_bytes` one record. `max_broken` bounds the records before the first that can be read:
    each costs its own finding, and a file of nothing else keeps those after it waiting.
    """

    max_bytes: int = 64 << 30
    max_ratio: int = 200
    ratio_free_bytes: int = 8 << 20
    max_line_bytes: int = 256 << 10
    max_broken: int = 100_000
    block_bytes: int = 2 << 20


DEFAULT_LIMITS = Limits()


class UnreadableFile(Exception):
    """The file as a whole cannot be read. Never leaves `furnish`: it becomes a fault."""

    def __init__(self, rule_id: str, seen: str | None = None):
        super().__init__(rule_id)
        self.rule_id = rule_id
        self.seen = seen


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines. `is_last` means that nothing follows (then the last may lack its line end).

    `too_long` is (line_no, offset, first bytes) of a line before this block that was skipped.
    """

    data: bytes
    line_no: int
    offset: int
    is_last: bool
    too_long: tuple[int, int, bytes] | None = None


class Blocks:
    """Blocks of a file. A reader may `keep` the end of one, to see it again with what follows."""

    def __init__(self, path: Path, limits: Limits = DEFAULT_LIMITS):
        self._path = path
        self._limits = limits
        self._kept: tuple[bytes, int, int] | None = None

    def keep(self, rest: bytes, line_no: int, offset: int) -> None:
        """Put the unused end of the block just given (and where it starts) before the next one."""
        self._kept = (rest, line_no, offset)

    def __iter__(self) -> Iterator[Block]:
        """Blocks in order. Raises: UnreadableFile."""
        line_no, offset, rest = 1, 0, b""
        is_skipping = False
        too_long: tuple[int, int, bytes] | None = None
        for piece, is_last in _with_last(
            _grouped(_unpacked(self._path, self._limits), self._limits)
        ):
            data = rest + piece
            if offset == 0 and data.startswith(BOM):
                data, offset = data[len(BOM) :], len(BOM)
            if is_skipping:
                end = data.find(b"\n") + 1 or len(data)
                is_skipping = data[end - 1 : end] != b"\n"
                line_no += not is_skipping
                offset, data = offset + end, data[end:]
            cut = len(data) if is_last else data.rfind(b"\n") + 1
            yield Block(data[:cut], line_no, offset, is_last, too_long)
            too_long = None
            if self._kept is not None:
                (unused, line_no, offset), self._kept = self._kept, None
                rest = unused + data[cut:]
                continue
            line_no += data.count(b"\n", 0, cut)
            offset, rest = offset + cut, data[cut:]
            if len(rest) > self._limits.max_line_bytes:
                too_long = (line_no, offset, rest[: self._limits.max_line_bytes])
                is_skipping, offset, rest = True, offset + len(rest), b""


def _with_last(pieces: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    ahead: bytes | None = None
    for piece in pieces:
        if ahead is not None:
            yield ahead, False
        ahead = piece
    if ahead is None or ahead == BOM:
        raise UnreadableFile(rule_ids.FILE_EMPTY)
    yield ahead, True


def _grouped(pieces: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= limits.block_bytes:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def is_gzip(path: Path) -> bool:
    """Whether the file starts as gzip does."""
    with path.open("rb") as file:
        return file.read(2) == GZIP_MAGIC


def require_proportion(path: Path, limits: Limits = DEFAULT_LIMITS) -> None:
    """Unpack a gzip file to its end, looking at nothing but its size.

    Judging lines takes a hundred times as long: what unpacks out of all proportion is refused
    before one of them is read.
    Raises: UnreadableFile when it is too large; other faults are found where they stand
    """
    if not is_gzip(path):
        return
    try:
        for _ in _unpacked(path, limits):
            pass
    except UnreadableFile as fault:
        if fault.rule_id == rule_ids.FILE_TOO_LARGE:
            raise


def _unpacked(path: Path, limits: Limits) -> Iterator[bytes]:
    total = 0
    with path.open("rb") as file:
        head = file.read(len(GZIP_MAGIC))
        file.seek(0)
        pieces = _gunzip(file, limits) if head == GZIP_MAGIC else _plain(file)
        for piece in pieces:
            total += len(piece)
            if total > limits.max_bytes:
                raise UnreadableFile(rule_ids.FILE_TOO_LARGE)
            yield piece


def _plain(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_READ_BYTES):
        yield piece


def _gunzip(file: BinaryIO, limits: Limits) -> Iterator[bytes]:
    """Unpack gzip, member after member, never more than one piece at a time."""
    machine = zlib.decompressobj(wbits=31)
    packed = unpacked = 0
    pending = b""
    while True:
        if not pending:
            pending = file.read(_READ_BYTES // 4)
            packed += len(pending)
            if not pending:
                break
        if machine.eof:
            pending = pending.lstrip(b"\0")  # padding after the last member is allowed
            if not pending:
                continue
            if not GZIP_MAGIC.startswith(pending[: len(GZIP_MAGIC)]):
                raise UnreadableFile(rule_ids.FILE_GZIP_FOLLOWED, seen_text(pending[:_SEEN_BYTES]))
            machine = zlib.decompressobj(wbits=31)
        try:
            piece = machine.decompress(pending, _READ_BYTES)
        except zlib.error:
            raise UnreadableFile(rule_ids.FILE_GZIP_BROKEN) from None
        pending = machine.unconsumed_tail or machine.unused_data
        unpacked += len(piece)
        if unpacked > max(limits.ratio_free_bytes, packed * limits.max_ratio):
            raise UnreadableFile(rule_ids.FILE_TOO_LARGE)
        if piece:
            yield piece
    if not machine.eof:
        raise UnreadableFile(rule_ids.FILE_GZIP_BROKEN)
