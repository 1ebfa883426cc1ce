"""The web server: uvicorn, with problems of the catalogue where it would answer in plain text.

Its parser knows the registered methods only, and calls a request of any other no HTTP at all.
"""

from __future__ import annotations

import asyncio
import re
import sys
from typing import Final
from uuid import uuid4

import httptools
import orjson
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from tallystick.entry.http.envelope import FIXED_HEADERS
from tallystick.entry.http.joined import JoinedWrites
from tallystick.entry.http.problem import MEDIA_TYPE, problem_body
from tallystick.service.catalogue import entry_of

_UNREADABLE: Final = "malformed_http"
#: A request line of any method; a method is a token of RFC 9110.
_REQUEST_LINE: Final = re.compile(
    rb"(?P<method>[!#$%&'*+.^_`|~0-9A-Za-z-]+)(?P<rest> [^ \r\n]+ HTTP/1\.[01]\r?\n)"
)
#: In place of a method the parser does not know stands one that it knows and no address takes, so
#: the application answers. Where such a request ends is not relied on: nothing follows it.
_KNOWN_METHOD: Final = rb"PATCH\g<rest>Connection: close" + b"\r\n"
_UNKNOWN_METHOD: Final = ("Invalid method", "Expected space after method")


def config_of(app: ASGIApp) -> uvicorn.Config:
    """How the application is served.

    No access log: the envelope logs each route, and a line a request costs CPU.
    """
    return uvicorn.Config(app, http=Protocol, log_level="warning", access_log=False)


class Protocol(HttpToolsProtocol):
    """One connection. A method nobody knows is a 405 as any other that an address does not take."""

    _last = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, writing each answer at once."""
        super().connection_made(JoinedWrites(transport, self.loop))

    def data_received(self, data: bytes) -> None:
        """Take what came; it is kept until more comes, for `send_400_response`."""
        self._last = data
        super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser refused. Takes: `msg`, uvicorn's words, which are not sent."""
        cycle = self.cycle
        is_answering = cycle is not None and not cycle.response_complete
        if is_answering and not cycle.more_body:
            cycle.keep_alive = False  # what came after a whole request does not cut its answer
            return
        line = _REQUEST_LINE.match(self._last)
        if line and not is_answering and str(sys.exception()).startswith(_UNKNOWN_METHOD):
            self.parser = httptools.HttpRequestParser(self)
            self.data_received(line.expand(_KNOWN_METHOD) + self._last[line.end() :])
            return
        self.transport.write(_bad_request())
        self.transport.close()


def _bad_request() -> bytes:
    """An answer for when nothing can be read of the request, its language neither."""
    entry = entry_of(_UNREADABLE)
    request_id = f"req_{uuid4().hex}"
    body = orjson.dumps(problem_body(entry, request_id=request_id, language="en"))
    headers = (
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"content-language", b"en"),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
        (b"request-id", request_id.encode()),
        *FIXED_HEADERS,
    )
    lines = [b"%b: %b\r\n" % header for header in headers]
    return b"".join((STATUS_LINE[entry.status], *lines, b"\r\n", body))
