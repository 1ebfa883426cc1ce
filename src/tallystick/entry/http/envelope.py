"""What every answer carries, and what no request may do: plain ASGI, around everything else.

Request ids, the caller's interaction id, size limits, security headers, and the last net for an
unexpected failure. Written without a framework because each inquiry pays for it.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tallystick.entry.http.methods import as_get
from tallystick.errors import BadRequest

_log = logging.getLogger("tallystick.http.access")
_INTERACTION = re.compile(rb"[0-9a-fA-F-]{36}")
_UPLOAD_PATHS = frozenset({"/v1/submissions", "/submissions"})
SMALL_BODY = 64 * 1024
RECORDS_BODY = 2 * 1024 * 1024
UPLOAD_BODY = 8 * 1024**3

#: Scripts are not needed anywhere, so none can run.
CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
#: On every answer.
FIXED_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", CONTENT_POLICY.encode()),
]


def body_limit(path: str) -> int:
    """The most bytes a body sent to `path` may have."""
    if path in _UPLOAD_PATHS:
        return UPLOAD_BODY
    return RECORDS_BODY if path == "/v1/records" else SMALL_BODY


class Envelope:
    """Wraps the application.

    `new_id` gives the ids of requests, `answer_error` the response to what nobody caught. `direct`
    routes (no parameters in their paths) are called from here, past the framework's layers.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        new_id: Callable[[], UUID],
        answer_error: Callable[[Request, Exception], Awaitable[Response]],
        direct: Sequence[Route] = (),
    ):
        self._app = app
        self._new_id = new_id
        self._answer_error = answer_error
        self._direct = {
            (method, route.path): route for route in direct for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; anything but HTTP (the lifespan) passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked_by, scope = scope["method"], as_get(scope)
        exchange = _Exchange(scope, send, request_id=f"req_{self._new_id().hex}", method=asked_by)
        limit = body_limit(scope["path"])
        request = Request(scope)
        receive = _counted(receive, limit)
        route = self._direct.get((scope["method"], scope["path"]))
        try:
            if _stated_length(scope) > limit:
                raise BadRequest("too_large", _too_large(limit))
            if route is None:
                await self._app(scope, receive, exchange.send)
            else:
                scope["route"] = route
                response = await route.endpoint(Request(scope, receive))
                await response(scope, receive, exchange.send)
        except Exception as error:  # the outermost edge: nothing gets by
            if exchange.started:
                raise
            response = await self._answer_error(request, error)
            await response(scope, receive, exchange.send)
        finally:
            exchange.note()


class _Exchange:
    """One request being answered: puts the common headers on the answer."""

    def __init__(self, scope: Scope, send: Send, *, request_id: str, method: str):
        scope.setdefault("state", {})["request_id"] = request_id
        self._scope = scope
        self._method = method
        self._send = send
        self._headers = [(b"request-id", request_id.encode()), *FIXED_HEADERS]
        for name, value in scope["headers"]:
            if name == b"x-fapi-interaction-id" and _INTERACTION.fullmatch(value):
                self._headers.append((name, value))
        self._since = time.perf_counter()
        self._status = 0
        self.started = False

    async def send(self, message: Message) -> None:
        """Pass a message on; the first one gets the headers."""
        if message["type"] == "http.response.start":
            self.started = True
            self._status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._headers]
        await self._send(message)

    def note(self) -> None:
        """Log the route, not the address: an address may hold a sign-in secret."""
        if not _log.isEnabledFor(logging.INFO):
            return
        route = getattr(self._scope.get("route"), "path", "-")
        milliseconds = (time.perf_counter() - self._since) * 1000
        request_id = self._headers[0][1].decode()
        _log.info(
            "%s %s %s %d %.1f ms",
            request_id,
            self._method,
            route,
            self._status,
            milliseconds,
        )


def _stated_length(scope: MutableMapping[str, Any]) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _too_large(limit: int) -> str:
    return f"this address takes bodies of at most {limit} bytes"


def _counted(receive: Receive, limit: int) -> Callable[[], Awaitable[Message]]:
    """The same messages; one byte beyond `limit` is refused (a body need not state its length)."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > limit:
                raise BadRequest("too_large", _too_large(limit))
        return message

    return counted
