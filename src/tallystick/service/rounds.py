"""Rounds: inquiries that come at once share one transaction, each asking and writing its own.

Whoever comes while others are being answered takes a seat in the next round. What the seats of a
round ask is sent in one round trip, and they commit together: half of what an answer costs the
database, and a fifth of what it costs us, is paid once for all of them. A round waits for nobody's
lock. What cannot be done in company (`Alone`), and whatever fails there, is done again alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from tallystick.errors import Unavailable
from tallystick.service.port import Deps, Line, Rows, Statement

BEGIN: Statement = ("begin", {})
COMMIT: Statement = ("commit", {})
#: While one waits for the database another is at work here; more would only be smaller ones.
_MOST_ROUNDS = 2
#: A further seat saves little more, and everybody waits for the longest answer of the round.
_MOST_SEATS = 8


class Alone(Exception):
    """It must be done alone: the round cannot wait for it, or has failed. Nothing was written."""


@dataclass(slots=True, eq=False)
class _Asked:
    """What a seat waits for: the rows of its statements, or the keys of parties."""

    seat: Seat
    statements: Sequence[Statement]
    parties: Collection[str]
    answer: asyncio.Future[Any]

    @property
    def is_last(self) -> bool:
        """Whether it ends the transaction, which it can only with all the others."""
        return bool(self.statements) and self.statements[-1] is COMMIT


class Seat:
    """One inquiry's place in a round: a line, and the vault, shared with those beside it."""

    def __init__(self, among: _Round, order: tuple[str, str]):
        self.order = order
        self._among = among

    async def run(self, *statements: Statement) -> list[Rows]:
        """As a line's; `begin` and `commit` are the round's, so a commit waits for every seat.

        Takes:  what writes only together with the `commit` after it
        Raises: Alone when anything of the round failed, or the connection
        """
        rows: list[Rows] = await self._among.asked(self, statements, ())
        return rows

    async def keys_of(self, parties: Collection[str]) -> dict[str, bytes]:
        """As the vault's. Raises: Alone"""
        keys: dict[str, bytes] = await self._among.asked(self, (), parties)
        return keys

    def leave(self) -> None:
        """Give the seat up; harmless when the round has ended."""
        self._among.left(self)


class _Round:
    """Some inquiries at one line: each step is taken when every seat has asked for one."""

    def __init__(self) -> None:
        self._seated: set[Seat] = set()
        self._asked: list[_Asked] = []
        self._answering: list[_Asked] = []
        self._is_begun = False
        self._is_over = False
        self._loop = asyncio.get_running_loop()
        self._everybody: asyncio.Future[None] = self._loop.create_future()

    def seat(self, order: tuple[str, str]) -> Seat:
        """A seat more, before the round begins."""
        seat = Seat(self, order)
        self._seated.add(seat)
        return seat

    async def asked(
        self, seat: Seat, statements: Sequence[Statement], parties: Collection[str]
    ) -> Any:
        """What a seat asks for, when the round has come to it."""
        if self._is_over:
            raise Alone
        answer = self._loop.create_future()
        self._asked.append(_Asked(seat, statements, parties, answer))
        self._look_round()
        return await answer

    def left(self, seat: Seat) -> None:
        """Go on without a seat."""
        self._seated.discard(seat)
        self._asked = [one for one in self._asked if one.seat is not seat]
        self._look_round()

    def _look_round(self) -> None:
        if len(self._asked) >= len(self._seated) and not self._everybody.done():
            self._everybody.set_result(None)

    async def hold(self, deps: Deps) -> None:
        """Hold the round, to its commit or until every seat is given up."""
        lines = deps.database.lines()
        try:
            line = await lines.take()
            try:
                while not self._is_over:
                    await self._everybody
                    self._everybody = self._loop.create_future()
                    await self._step(deps, line)
            finally:
                await lines.give(line)
        except (psycopg.Error, Unavailable):
            pass  # each hears of it when it tries alone
        finally:
            self._is_over = True
            for one in (*self._answering, *self._asked):
                if not one.answer.done():
                    one.answer.set_exception(Alone())

    async def _step(self, deps: Deps, line: Line) -> None:
        """Answer everybody who asked; those who are ready to commit only once all are."""
        asking = [one for one in self._asked if not one.is_last]
        self._is_over = not asking
        if self._is_over:
            asking = sorted(self._asked, key=lambda one: one.seat.order)
        self._asked = [one for one in self._asked if one not in asking]
        self._answering = asking
        parties = {party for one in asking for party in one.parties}
        if any(one.statements for one in asking):
            await self._run(line, [one for one in asking if one.statements])
        if parties:
            keys = await deps.vault.keys_of(parties)
            for one in asking:
                if not one.statements:
                    _tell(one, {key: keys[key] for key in one.parties if key in keys})

    async def _run(self, line: Line, asking: Sequence[_Asked]) -> None:
        """Send what they ask in one round trip, and tell each its rows."""
        sent = [] if self._is_begun else [BEGIN]
        for one in asking:
            sent += [each for each in one.statements if not _is_everybodys(each)]
        if self._is_over:
            sent.append(COMMIT)
        rows = iter(await line.run(*sent))
        if not self._is_begun:
            next(rows)
        self._is_begun = True
        for one in asking:
            own = [[] if _is_everybodys(each) else next(rows) for each in one.statements]
            _tell(one, own)


def _is_everybodys(statement: Statement) -> bool:
    return statement is BEGIN or statement is COMMIT


def _tell(one: _Asked, answer: Any) -> None:
    if not one.answer.done():  # its caller may have gone
        one.answer.set_result(answer)


class Rounds:
    """Who waits for a seat on one loop, and the rounds under way."""

    def __init__(self, deps: Deps):
        self._deps = deps
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[tuple[str, str], asyncio.Future[Seat]]] = deque()
        self._held: set[asyncio.Task[None]] = set()
        self._is_called = False

    @property
    def is_of_this_loop(self) -> bool:
        """Whether the running loop is the one these rounds were made on; no other can sit in."""
        return self._loop is asyncio.get_running_loop()

    async def seat(self, order: tuple[str, str]) -> Seat:
        """A seat in the next round; to be left.

        Takes: `order`: (member, key of the request): two of one order never sit together, and
               everybody's are written in this order, so that two rounds cannot lock each other out
        """
        turn: asyncio.Future[Seat] = self._loop.create_future()
        self._waiting.append((order, turn))
        self._call()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                turn.result().leave()
            raise

    def _call(self) -> None:
        """Begin a round soon: whoever was heard in the same turn of the loop sits in it too."""
        if not self._is_called and self._waiting and len(self._held) < _MOST_ROUNDS:
            self._is_called = True
            self._loop.call_soon(self._begin)

    def _begin(self) -> None:
        self._is_called = False
        round_, taken = _Round(), set[tuple[str, str]]()
        while self._waiting and len(taken) < _MOST_SEATS and self._waiting[0][0] not in taken:
            order, turn = self._waiting.popleft()
            if not turn.done():
                taken.add(order)
                turn.set_result(round_.seat(order))
        if taken:
            task = self._loop.create_task(round_.hold(self._deps))
            self._held.add(task)
            task.add_done_callback(self._ended)
        self._call()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._held.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:  # none that is expected: its seats try alone, and this is told of
            self._loop.call_exception_handler({"message": "a round failed", "exception": error})
        self._call()
