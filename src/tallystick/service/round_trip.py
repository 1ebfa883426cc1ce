"""One round trip: several prepared statements sent at once, their results read at once.

psycopg's own pipeline goes through the event loop some eight times a round trip, which is most of
an inquiry's CPU time; this goes through it once. Used by the gate's hot path and nothing else; the
spare is `connection.pipeline()` with `execute`.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from psycopg import pq
from psycopg.adapt import Transformer

from tallystick.errors import require

Connection = psycopg.AsyncConnection[Any]
#: A statement with named parameters (`%(name)s`), and their values.
Statement = tuple[str, Mapping[str, Any]]
Rows = list[tuple[Any, ...]]
_NAMED = re.compile(r"%\((\w+)\)s")
_FATAL = pq.ExecStatus.FATAL_ERROR
_ABORTED = pq.ExecStatus.PIPELINE_ABORTED
_SYNC = pq.ExecStatus.PIPELINE_SYNC
_TUPLES = pq.ExecStatus.TUPLES_OK


class _Text(NamedTuple):
    """A statement as the server takes it, and the names of its parameters in order."""

    number: int
    query: bytes
    names: tuple[str, ...]


class _Session:
    """What is known of one connection: what it has prepared, how its values are read."""

    def __init__(self, connection: Connection):
        # psycopg deallocates everything at a ROLLBACK once it has prepared something itself.
        connection.prepare_threshold = None
        self.transformer = Transformer(connection)
        self._prepared: dict[int, bytes] = {}
        self._made = 0

    def prepared(self, text: _Text) -> tuple[bytes, bool]:
        """The name a statement is prepared under, and whether that is still to be done."""
        name = self._prepared.get(text.number)
        if name is not None:
            return name, False
        self._made += 1
        name = self._prepared[text.number] = f"tallystick_{self._made}".encode()
        return name, True

    def forget(self) -> None:
        """Prepare everything anew, under new names: after a failure nobody knows what stands."""
        self._prepared.clear()


_sessions: WeakKeyDictionary[Connection, _Session] = WeakKeyDictionary()
_numbers = itertools.count()


@cache
def _text(statement: str) -> _Text:
    names = tuple(dict.fromkeys(_NAMED.findall(statement)))
    numbered = _NAMED.sub(lambda match: f"${names.index(match[1]) + 1}", statement)
    return _Text(next(_numbers), numbered.encode(), names)


async def round_trip(connection: Connection, *statements: Statement) -> list[Rows]:
    """Run statements in order in one round trip; gives the rows of each.

    Takes:  an autocommit connection; `begin` and `commit` are statements like others
    Raises: psycopg.Error of the first that failed; those after it were not run
    """
    session = _sessions.get(connection)
    if session is None:
        session = _sessions[connection] = _Session(connection)
    pgconn = connection.pgconn
    pgconn.enter_pipeline_mode()
    try:
        expected = _send(pgconn, session, statements)
        results = await _received(pgconn, expected)
    except BaseException:
        await connection.close()  # its answers would be read by the next; the pool makes another
        raise
    pgconn.exit_pipeline_mode()
    return _rows(session, results)


def _send(pgconn: Any, session: _Session, statements: Sequence[Statement]) -> list[bool]:
    """Queue everything; says of each result to come whether it is a statement's rows."""
    expected: list[bool] = []
    for statement, given in statements:
        text = _text(statement)
        name, is_new = session.prepared(text)
        if is_new:
            pgconn.send_prepare(name, text.query)
            expected.append(False)
        values = [given[name] for name in text.names]
        pgconn.send_query_prepared(
            name,
            [_encoded(value) for value in values],
            [1 if type(value) is bytes else 0 for value in values],
            result_format=1,
        )
        expected.append(True)
    pgconn.pipeline_sync()
    return expected


async def _received(pgconn: Any, expected: Sequence[bool]) -> list[Any]:
    """The results of the statements, up to the end of the pipeline."""
    loop = asyncio.get_running_loop()
    is_sent = pgconn.flush() == 0
    found: list[Any] = []
    at = 0
    while True:
        await _ready(loop, pgconn.socket, writing=not is_sent)
        pgconn.consume_input()
        if not is_sent:
            is_sent = pgconn.flush() == 0
        while not pgconn.is_busy():
            result = pgconn.get_result()
            if result is None:
                continue  # the end of one statement's results
            if result.status == _SYNC:
                return found
            if expected[at] or result.status == _FATAL:
                found.append(result)
            at += 1


async def _ready(loop: asyncio.AbstractEventLoop, socket: int, *, writing: bool) -> None:
    ready = loop.create_future()
    loop.add_reader(socket, _wake, ready)
    if writing:
        loop.add_writer(socket, _wake, ready)
    try:
        await ready
    finally:
        loop.remove_reader(socket)
        if writing:
            loop.remove_writer(socket)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _rows(session: _Session, results: Sequence[Any]) -> list[Rows]:
    found: list[Rows] = []
    for result in results:
        if result.status == _FATAL:
            session.forget()
            raise psycopg.errors.error_from_result(result)
        require(result.status != _ABORTED, "a statement was skipped without a failure before it")
        if result.status == _TUPLES:
            session.transformer.set_pgresult(result)
            found.append(session.transformer.load_rows(0, result.ntuples, tuple))
        else:
            found.append([])
    return found


def _encoded(value: Any) -> bytes | None:
    """A value in PostgreSQL's text form; bytes stay as they are (sent as binary)."""
    if value is None or type(value) is bytes:
        return value
    if isinstance(value, list):
        return b"{" + b",".join(_element(one) for one in value) + b"}"
    if isinstance(value, datetime):
        return value.isoformat().encode()
    return str(value).encode()


def _element(value: bytes | UUID) -> bytes:
    """One element of an array of bytes or ids."""
    if isinstance(value, bytes):
        return b'"\\\\x' + value.hex().encode() + b'"'
    return str(value).encode()
