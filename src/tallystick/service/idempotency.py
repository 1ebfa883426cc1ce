"""The same request sent twice gives the answer of the first time.

For acts that are harmless when repeated (a submission of the same bytes, a consent of the same id):
what this keeps is the answer. An inquiry, where repeating would add a look, does it inside its own
transaction and not here; a key is one act all the same, and each of both looks where the other
keeps its keys. Two acts begun under one key in the same instant may still both be done.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from tallystick.errors import BadRequest, Refused
from tallystick.service.port import Deps

#: What to say of another request under a key that was used.
REUSED = "this request is not, byte for byte, the first one of this Idempotency-Key"

#: How long an answer is kept for the same request to find it.
KEPT = timedelta(days=7)


def kept_keys(deps: Deps, request_key: str) -> tuple[str, str]:
    """How an Idempotency-Key is kept, and how it was kept before: as it came.

    A keyed hash, since people make such keys of a person's number and tables hold none in clear.
    """
    return deps.keys.number_token(UUID(int=0), "request key", request_key).hex(), request_key


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """Status and body of the first time."""

    status: int
    body: str


@dataclass(slots=True)
class InFlight:
    """The requests this process is answering just now.

    Two processes may answer the same request at once; the first to keep its answer wins, and the
    acts themselves do nothing the second time.
    """

    _running: set[tuple[str, str]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def hold(self, client_key: str, request_key: str) -> Iterator[None]:
        """Be the only one to answer this request. Raises: Refused `request_in_flight`."""
        entry = (client_key, request_key)
        with self._lock:
            if entry in self._running:
                raise Refused(
                    "request_in_flight", "the first one with this Idempotency-Key goes on"
                )
            self._running.add(entry)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(entry)


def stored_answer(
    deps: Deps, member_id: UUID, request_key: str, request_digest: bytes | None
) -> StoredAnswer | None:
    """The answer kept for a member's request; None the first time.

    Takes:  `request_digest` None where the payload is not known yet (a file still to be read)
    Raises: BadRequest `idempotency_key_reused` when the key came with another payload, or with an
            inquiry
    """
    with deps.database.connect("serve") as connection:
        row = connection.execute(
            "select request_digest, status, body from access.idempotency"
            " where client_key = %s and request_key = any(%s)",
            (member_id.hex, list(kept_keys(deps, request_key))),
        ).fetchone()
        if row is None:
            _require_no_inquiry(connection, member_id, kept_keys(deps, request_key))
    if row is None:
        return None
    if request_digest is not None and bytes(row[0]) != request_digest:
        raise BadRequest("idempotency_key_reused", REUSED)
    return StoredAnswer(status=row[1], body=row[2])


def _require_no_inquiry(
    connection: psycopg.Connection[Any], member_id: UUID, kept: tuple[str, str]
) -> None:
    """Raise BadRequest `idempotency_key_reused` where the key is an inquiry's."""
    found = connection.execute(
        "select from gate.request where member_key = %s and request_key = any(%s)",
        (str(member_id), list(kept)),
    ).fetchone()
    if found is not None:
        raise BadRequest("idempotency_key_reused", REUSED)


def keep_answer(
    deps: Deps,
    member_id: UUID,
    request_key: str,
    *,
    request_digest: bytes,
    answer: StoredAnswer,
) -> StoredAnswer:
    """Keep an answer and give it back; another process's, if that was quicker.

    Raises: BadRequest `idempotency_key_reused` when the quicker one had another payload.
    """
    with deps.database.connect("serve") as connection:
        inserted = connection.execute(
            "insert into access.idempotency"
            " (client_key, request_key, request_digest, status, body, answered_at)"
            " values (%s, %s, %s, %s, %s, %s)"
            " on conflict (client_key, request_key) do nothing",
            (
                member_id.hex, kept_keys(deps, request_key)[0], request_digest, answer.status,
                answer.body, deps.clock(),
            ),
        ).rowcount  # fmt: skip
    if inserted:
        return answer
    return stored_answer(deps, member_id, request_key, request_digest) or answer


def forget_answers(deps: Deps, now: datetime) -> int:
    """Delete answers older than `KEPT`; gives how many. The worker runs it once a day."""
    with deps.database.connect("eraser") as connection:
        return connection.execute(
            "delete from access.idempotency where answered_at < %s", (now - KEPT,)
        ).rowcount
