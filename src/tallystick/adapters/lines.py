"""Lines: connections for answering, each round trip through the event loop once.

Several prepared statements are sent at once and their results read at once. psycopg's own pipeline
and pool go through the loop some eight times a round trip, which was most of an inquiry's CPU
time. psycopg connects, encodes errors and loads results; only waiting is done here. The spare is
`psycopg_pool.AsyncConnectionPool` with `connection.pipeline()` and `execute`.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import pq
from psycopg.adapt import Transformer

from tallystick.errors import Unavailable, require
from tallystick.service.port import Rows, Statement

_NAMED = re.compile(r"%\((\w+)\)s")
_FATAL = pq.ExecStatus.FATAL_ERROR
_ABORTED = pq.ExecStatus.PIPELINE_ABORTED
_SYNC = pq.ExecStatus.PIPELINE_SYNC
_TUPLES = pq.ExecStatus.TUPLES_OK
_IDLE = pq.TransactionStatus.IDLE
#: Every statement of a line finds rows by key; planning it anew costs more than running it. So it
#: is planned by the keys, once, and again after twice as long each time: a plan made while a table
#: was empty may be a bad one as soon as it is not, one made while it was half as full is not.
PLANNED_ONCE = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off"
_PATIENCE_SECONDS = 30.0
_FIRST_PLAN_SECONDS = 1.0
_LONGEST_PLAN_SECONDS = 120.0
_dice = secrets.SystemRandom()
_FORGET_PLANS: Statement = ("discard plans", {})


class _Text(NamedTuple):
    """A statement as the server takes it, and the names of its parameters in order."""

    number: int
    query: bytes
    names: tuple[str, ...]


_numbers = itertools.count()


@cache
def _text(statement: str) -> _Text:
    names = tuple(dict.fromkeys(_NAMED.findall(statement)))
    numbered = _NAMED.sub(lambda match: f"${names.index(match[1]) + 1}", statement)
    return _Text(next(_numbers), numbered.encode(), names)


class Line:
    """One connection; what it has prepared, and how its values are read.

    It belongs to the loop it was made on and runs one round trip at a time.
    """

    def __init__(self, connection: psycopg.AsyncConnection[Any]):
        self.is_open = True
        self._connection = connection
        self._server = connection.pgconn
        self._socket = self._server.socket
        self._transformer = Transformer(connection)
        self._prepared: dict[int, bytes] = {}
        self._made = 0
        self._expected: list[bool] = []
        self._results: list[Any] = []
        self._done: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._planned_seconds = _FIRST_PLAN_SECONDS
        self._plan_again_at = self._loop.time() + _FIRST_PLAN_SECONDS
        self._server.enter_pipeline_mode()
        self._loop.add_reader(self._socket, self._read)

    @property
    def is_idle(self) -> bool:
        """Whether no transaction is open."""
        return bool(self._server.transaction_status == _IDLE)

    async def run(self, *statements: Statement) -> list[Rows]:
        """Run statements in order in one round trip; gives the rows of each.

        Takes:  `begin` and `commit` are statements like others; ids, instants and bytes stand only
                where the database expects just that
        Raises: psycopg.Error of the first that failed; those after it were not run;
                psycopg.DataError for a text with a NUL
        """
        if self._loop.time() >= self._plan_again_at:
            self._plan_again_at = self._loop.time() + self._next_planned_seconds()
            return (await self.run(_FORGET_PLANS, *statements))[1:]
        require(self._done is None, "a line runs one round trip at a time")
        self._done = self._loop.create_future()
        try:
            fresh = self._send(statements)
            await self._done
        except BaseException:
            self.close()  # its answers would be read by the next
            raise
        finally:
            self._done = None
        results, self._results = self._results, []
        return self._rows(results, fresh)

    def _next_planned_seconds(self) -> float:
        """How long the next plans are kept: lines opened together must not plan together."""
        self._planned_seconds = min(2 * self._planned_seconds, _LONGEST_PLAN_SECONDS)
        return self._planned_seconds * _dice.uniform(0.75, 1.25)

    def close(self) -> None:
        """End the connection; harmless when it has ended."""
        if self.is_open:
            self.is_open = False
            if not self._loop.is_closed():
                self._loop.remove_reader(self._socket)
                self._loop.remove_writer(self._socket)
            self._server.finish()

    def _send(self, statements: Sequence[Statement]) -> list[int]:
        """Queue everything and send it; gives the statements prepared by it."""
        server, expected = self._server, []
        fresh = []
        for statement, given in statements:
            text = _text(statement)
            name = self._prepared.get(text.number)
            if name is None:
                self._made += 1
                name = self._prepared[text.number] = b"line_%d" % self._made
                server.send_prepare(name, text.query)
                expected.append(False)
                fresh.append(text.number)
            values: list[bytes | None] = []
            formats: list[int] = []
            for parameter in text.names:
                value = given[parameter]
                encode = _BINARY_FORMS.get(type(value))
                if encode is not None:
                    values.append(encode(value))
                    formats.append(1)
                else:
                    as_text = _TEXT_FORMS.get(type(value))
                    text_form = str(value).encode() if as_text is None else as_text(value)
                    if text_form and b"\0" in text_form:  # the server would cut it there
                        raise psycopg.DataError("a text with a NUL was to be kept")
                    values.append(text_form)
                    formats.append(0)
            server.send_query_prepared(name, values, formats, result_format=1)
            expected.append(True)
        server.pipeline_sync()
        self._expected = expected
        if server.flush():
            self._loop.add_writer(self._socket, self._write)
        return fresh

    def _write(self) -> None:
        try:
            if self._server.flush() == 0:
                self._loop.remove_writer(self._socket)
        except psycopg.Error as error:
            self._failed(error)

    def _read(self) -> None:
        """Take what has come; wakes the caller at the end of the round trip."""
        try:
            self._server.consume_input()
            if self._done is not None and not self._done.done() and self._is_complete():
                self._done.set_result(None)
            else:
                # More is to come, be it the end of the connection. uvloop stops watching a socket
                # in error after telling of it once, when there may still be something to read.
                self._loop.remove_reader(self._socket)
                self._loop.add_reader(self._socket, self._read)
        except psycopg.Error as error:
            self._failed(error)

    def _is_complete(self) -> bool:
        """Collect the results that are there; says whether the round trip is at its end."""
        server = self._server
        is_between = False
        while not server.is_busy():
            result = server.get_result()
            if result is None and is_between:  # twice in a row: nothing more will come
                raise psycopg.OperationalError("the server ended the connection")
            is_between = result is None  # the end of one statement's results
            if result is None:
                continue
            if result.status == _SYNC:
                return True
            if not self._expected:
                raise psycopg.OperationalError("the server ended the connection")
            if self._expected.pop(0) or result.status == _FATAL:
                self._results.append(result)
        return False

    def _failed(self, error: psycopg.Error) -> None:
        """The server is gone: tell whoever waits."""
        self.close()
        if self._done is not None and not self._done.done():
            self._done.set_exception(error)

    def _rows(self, results: Sequence[Any], fresh: Sequence[int]) -> list[Rows]:
        found: list[Rows] = []
        for result in results:
            if result.status == _FATAL:
                for number in fresh:  # whether these were still prepared nobody knows
                    self._prepared.pop(number, None)
                raise psycopg.errors.error_from_result(result)
            require(result.status != _ABORTED, "a statement was skipped without a failure before")
            if result.status == _TUPLES:
                self._transformer.set_pgresult(result)
                found.append(self._transformer.load_rows(0, result.ntuples, tuple))
            else:
                found.append([])
        return found


class Lines:
    """So many lines at most, opened when first needed; the one used last is used next."""

    def __init__(self, conninfo: str, *, size: int):
        self._conninfo = conninfo
        self._size = size
        self._free: list[Line] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._count = 0
        self._is_closed = False
        self._loop = asyncio.get_running_loop()

    @property
    def is_of_this_loop(self) -> bool:
        """Whether the running loop is the one these lines were made on; no other can use them."""
        return self._loop is asyncio.get_running_loop()

    def drop(self) -> None:
        """Close the free lines from outside their loop (it has ended)."""
        for line in self._free:
            line.close()
        self._free.clear()

    async def take(self) -> Line:
        """A line of the caller's own until it is given back.

        Raises: Unavailable when none came free in half a minute; psycopg.Error when the server is
                out of reach
        """
        while True:
            while self._free:
                line = self._free.pop()
                if line.is_open:
                    return line
                self._count -= 1
            if self._count < self._size:
                return await self._opened()
            await self._turn()

    async def give(self, line: Line) -> None:
        """Give a line back; a transaction left open is rolled back."""
        if line.is_open and not line.is_idle:
            try:
                await line.run(("rollback", {}))
            except psycopg.Error:
                line.close()  # the next one opens another
        if self._is_closed:
            line.close()
        if line.is_open:
            self._free.append(line)
        else:
            self._count -= 1
        self._wake()

    async def aclose(self) -> None:
        """Close the lines; those in use when they are given back."""
        self._is_closed = True
        for line in self._free:
            line.close()
        self._free.clear()

    async def _opened(self) -> Line:
        self._count += 1
        try:
            return Line(await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True))
        except BaseException:
            self._count -= 1
            self._wake()
            raise

    async def _turn(self) -> None:
        turn: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(turn)
        # By hand: half of all answers wait here, and `asyncio.timeout` costs more than the rest.
        patience = self._loop.call_later(_PATIENCE_SECONDS, _give_up, turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._wake()  # the turn had come: let it be another's
            raise
        finally:
            patience.cancel()

    def _wake(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return


def _give_up(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_exception(Unavailable("unavailable", "every connection is in use"))


def _array(values: Sequence[Any]) -> bytes:
    return b"{" + b",".join([_element(one) for one in values]) + b"}"


def _element(value: bytes | str | UUID) -> bytes:
    """One element of an array, quoted."""
    if isinstance(value, bytes):
        return b'"\\\\x' + value.hex().encode() + b'"'
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'.encode()


def _instant(moment: datetime) -> bytes:
    """Microseconds since 2000, as the server keeps instants; TypeError without an offset."""
    return ((moment - _YEAR_2000) // _MICROSECOND).to_bytes(8, "big", signed=True)


_YEAR_2000 = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

#: What is sent as the server keeps it, by its type: neither side makes or reads a text.
_BINARY_FORMS: dict[type, Callable[[Any], bytes]] = {
    bytes: bytes,
    UUID: attrgetter("bytes"),
    datetime: _instant,
}
#: PostgreSQL's text form of every other value by its type; of what is not named it is its `str`.
_TEXT_FORMS: dict[type, Callable[[Any], bytes | None]] = {
    type(None): lambda _: None,
    str: str.encode,
    list: _array,
}
