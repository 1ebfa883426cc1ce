"""A request's body as a stream a thread can read: nothing is spooled, memory does not grow.

The web page's form (multipart) is read the same way: its file part is handed on as it arrives and
never touches the disk, where it would lie unsealed.
"""

from __future__ import annotations

import hashlib
import io
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, BinaryIO, cast

import anyio.from_thread
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from tallystick.entry.http.known_parameters import require_each_once
from tallystick.errors import BadRequest

_BUFFER = 1024 * 1024
_MOST_FIELD = 1000
#: What a doubled file is told as: the field our own page sends it in.
_FILE = "file"


class BodyStream(io.RawIOBase):
    """Readable from a worker thread started by anyio; the event loop fetches the pieces.

    `next_piece` gives b"" at the end. `digest` is that of everything read so far.
    """

    def __init__(self, next_piece: Callable[[], Coroutine[Any, Any, bytes]]):
        super().__init__()
        self._next_piece = next_piece
        self._rest = memoryview(b"")
        self._hash = hashlib.sha256()
        self.is_over = False

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` with what is there; 0 at the end."""
        if not self._rest and not self.is_over:
            piece = anyio.from_thread.run(self._next_piece)
            self._hash.update(piece)
            self._rest = memoryview(piece)
            self.is_over = not piece
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def drained_digest(self) -> bytes:
        """SHA-256 of the whole body, reading what nobody has read yet."""
        scrap = bytearray(_BUFFER)
        while self.readinto(scrap):
            pass
        return self._hash.digest()

    def buffered(self) -> BinaryIO:
        """The stream as most readers want it."""
        return cast(BinaryIO, io.BufferedReader(self, _BUFFER))


def raw_body(request: Request) -> BodyStream:
    """The request's body as it is."""
    pieces = request.stream()

    async def next_piece() -> bytes:
        async for piece in pieces:
            if piece:
                return piece
        return b""

    return BodyStream(next_piece)


class FormUpload:
    """A multipart form whose file comes last: first the fields, then the file as a stream.

    Reading it raises DoubledField where a field or the file comes a second time, also behind it.
    """

    def __init__(self, request: Request):
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        if kind != b"multipart/form-data" or b"boundary" not in options:
            raise BadRequest(
                "unsupported_media_type", "Content-Type must be multipart/form-data with a boundary"
            )
        self.fields: dict[str, str] = {}
        self.has_file = False
        self._names: list[str] = []
        self._pieces = request.stream()
        self._file: deque[bytes] = deque()
        self._is_over = False
        self._name, self._in_file = "", False
        self._value = bytearray()
        self._header, self._header_value = b"", b""
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._part_begins,
                "on_header_field": self._header_name,
                "on_header_value": self._header_text,
                "on_header_end": self._header_ends,
                "on_part_data": self._data,
                "on_part_end": self._part_ends,
            },
        )

    async def read_fields(self) -> dict[str, str]:
        """The fields before the file (all of them when no file comes)."""
        while not self.has_file and await self._feed():
            pass
        return self.fields

    def file(self) -> BodyStream:
        """The file's bytes."""
        return BodyStream(self._next_piece)

    async def _next_piece(self) -> bytes:
        while not self._file and await self._feed():
            pass
        return self._file.popleft() if self._file else b""

    async def _feed(self) -> bool:
        async for piece in self._pieces:
            try:
                self._parser.write(piece)
            except MultipartParseError:
                break
            return True
        else:
            return False
        raise BadRequest(
            "invalid_request",
            "the multipart form breaks off or is not well-formed: send it once more",
        )

    def _part_begins(self) -> None:
        self._name, self._in_file = "", False
        self._value.clear()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_text(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header_ends(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, options = parse_options_header(self._header_value)
            self._name = options.get(b"name", b"").decode(errors="replace")
            # Where nobody chose a file, a browser sends the part with an empty name.
            self._in_file = bool(options.get(b"filename"))
            # A second file would go on in the first one, whatever its field is called.
            self._names.append(_FILE if self._in_file else self._name)
            require_each_once(self._names)
            self.has_file = self.has_file or self._in_file
        self._header, self._header_value = b"", b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._file.append(data[start:end])
        elif len(self._value) + end - start <= _MOST_FIELD:
            self._value += data[start:end]

    def _part_ends(self) -> None:
        if self._name and not self._in_file:
            self.fields[self._name] = self._value.decode(errors="replace")
