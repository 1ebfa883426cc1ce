"""`Idempotency-Key`: the same request twice is one act, and both get the same answer."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from tallystick.entry.http.problem import REPLAYED
from tallystick.entry.http.web import web_of
from tallystick.errors import BadRequest
from tallystick.service.idempotency import StoredAnswer, keep_answer, stored_answer
from tallystick.service.members import Member

#: 16 to 255 visible ASCII characters; a UUID has 36 (or 32 without dashes).
_KEY = re.compile(r"[\x21-\x7e]{16,255}", re.ASCII)


def request_key(request: Request) -> str:
    """The request's Idempotency-Key. Raises: BadRequest `idempotency_key_missing`."""
    given = request.headers.getlist("idempotency-key")
    if len(given) > 1:
        raise BadRequest("idempotency_key_missing", "the header came more than once: send one")
    key = given[0] if given else ""
    if not _KEY.fullmatch(key):
        found = f"it has {len(key)} characters, or others" if key else "no such header came"
        raise BadRequest("idempotency_key_missing", f"{found}: 16 to 255 visible ASCII are allowed")
    return key


def request_digest(request: Request, payload: bytes) -> bytes:
    """The digest that tells one request from another under the same key."""
    target = f"{request.method} {request.url.path}?{request.url.query}\0"
    return hashlib.sha256(target.encode() + payload).digest()


async def answered_once(
    request: Request, member: Member, payload: bytes, act: Callable[[], tuple[int, dict[str, Any]]]
) -> Response:
    """Do `act` once and answer with what it gave the first time.

    Takes:  `act` gives status and body; a body's `url` becomes the Location header
    Raises: BadRequest, Refused of the key, and whatever `act` raises (which is not kept)
    """
    key = request_key(request)
    web, client = web_of(request), member.member_id
    digest = request_digest(request, payload)

    def run() -> tuple[StoredAnswer, bool]:
        with web.in_flight.hold(client.hex, key):
            stored = stored_answer(web.deps, client, key, digest)
            if stored is not None:
                return stored, True
            status, body = act()
            made = StoredAnswer(status=status, body=orjson.dumps(body).decode())
            return keep_answer(web.deps, client, key, request_digest=digest, answer=made), False

    answer, is_replay = await run_in_threadpool(run)
    return response_of(answer, is_replay=is_replay)


def response_of(answer: StoredAnswer, *, is_replay: bool) -> Response:
    """A kept answer as a response."""
    headers = {"Cache-Control": "no-store"}
    if is_replay:
        headers[REPLAYED] = "true"
    url = orjson.loads(answer.body).get("url")
    if url and answer.status in {201, 202}:
        headers["Location"] = url
    return Response(
        answer.body, status_code=answer.status, headers=headers, media_type="application/json"
    )
