"""What the handlers share: the dependencies, the port to the worker, the callers known just now."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from tallystick.errors import BadRequest
from tallystick.service.idempotency import InFlight
from tallystick.service.members import Member, authenticate
from tallystick.service.port import Deps

_BEARER = "bearer "
#: A revoked key works at most this long after its revocation.
KNOWN_SECONDS = 1.0
_MOST_KNOWN = 4096


class Callers:
    """Members by the digest of their key, for at most `KNOWN_SECONDS`: the hot path's shortcut.

    Only keys that were right are remembered, and only their digests.
    """

    def __init__(self, deps: Deps, *, ticks: Callable[[], float] = time.monotonic):
        self._deps = deps
        self._ticks = ticks
        self._known: dict[bytes, tuple[Member, float]] = {}

    async def member(self, authorization: str) -> Member:
        """The member of an Authorization header. Raises: BadRequest `not_authenticated`."""
        if authorization[: len(_BEARER)].lower() != _BEARER:
            raise BadRequest(
                "not_authenticated", "no Authorization header came that begins with `Bearer `"
            )
        secret = authorization[len(_BEARER) :].strip()
        digest = hashlib.sha256(secret.encode()).digest()
        known = self._known.get(digest)
        now = self._ticks()
        if known is not None and now < known[1]:
            return known[0]
        self._known.pop(digest, None)
        member = await run_in_threadpool(authenticate, self._deps, secret)
        if member is None:
            raise BadRequest("not_authenticated", "no member has this key, or it was revoked")
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[digest] = (member, now + KNOWN_SECONDS)
        return member


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """One application's shared state. `enqueue` hands a received submission to the worker."""

    deps: Deps
    enqueue: Callable[[UUID], None]
    callers: Callers
    in_flight: InFlight = field(default_factory=InFlight)


def web_of(request: Request) -> Web:
    """The shared state of the application that answers `request`."""
    return cast(Web, request.app.state.web)


async def authenticated(request: Request) -> Member:
    """The member whose key the request carries. Raises: BadRequest `not_authenticated`."""
    given = request.headers.getlist("authorization")
    if len(given) > 1:
        raise BadRequest("not_authenticated", "the header came more than once: send one")
    return await web_of(request).callers.member(given[0] if given else "")
