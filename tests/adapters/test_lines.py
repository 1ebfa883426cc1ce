"""Lines: statements in one round trip, values both ways, and a server that goes away."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import uvloop

from tallystick.adapters.embedded import EmbeddedServer
from tallystick.adapters.lines import Line, Lines
from tallystick.errors import Unavailable

LOOPS = [asyncio.run, uvloop.run]
Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(params=LOOPS, ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    return request.param  # type: ignore[no-any-return]


async def _with_lines(url: str, act: Callable[[Lines], Coroutine[Any, Any, Any]]) -> Any:
    lines = Lines(url, size=2)
    try:
        return await act(lines)
    finally:
        await lines.aclose()


@pytest.mark.parametrize("value", ["a\0", "\0", ["a", "b\0c"]], ids=["end", "alone", "array"])
def test_a_text_with_a_nul_is_refused_and_never_cut(server: str, run: Run, value: Any) -> None:
    async def act(lines: Lines) -> Any:
        line = await lines.take()
        try:
            with pytest.raises(psycopg.DataError):
                await line.run(("select %(it)s::text", {"it": value}))
        finally:
            await lines.give(line)
        line = await lines.take()  # the one that failed is gone
        try:
            return await line.run(("select 1", {}))
        finally:
            await lines.give(line)

    assert run(_with_lines(server, act)) == [[(1,)]]


class _Hours:
    """The loop, with a clock of its own that goes on by a second at each look."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop = loop
        self.now = loop.time()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def time(self) -> float:
        self.now += 1.0
        return self.now


def test_plans_are_kept_for_ever_longer_but_never_for_good(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    send = Line._send
    monkeypatch.setattr(
        Line,
        "_send",
        lambda line, statements: (
            sent.extend(text for text, _ in statements) or send(line, statements)
        ),
    )

    async def act(lines: Lines) -> None:
        line = await lines.take()
        line._loop = _Hours(line._loop)  # type: ignore[assignment]
        for _ in range(600):
            await line.run(("select 1", {}))
        await lines.give(line)

    asyncio.run(_with_lines(server, act))
    at = [place for place, text in enumerate(sent) if text == "discard plans"]
    kept = [after - before for before, after in pairwise(at)]
    assert at[0] <= 2
    assert 8 <= len(at) <= 13  # after 2, 4 … 64, then every 120 seconds, each a quarter off
    assert kept[0] < kept[2] < kept[4]
    assert max(kept) <= 160


def test_values_come_back_as_they_were_sent(server: str, run: Run) -> None:
    texts = ['a"b', "back\\slash", "{,}", "名", "NULL", ""]
    sent = {
        "texts": texts,
        "bytes": [b"\0\xff", b""],
        "id": UUID(int=7),
        "none": None,
        "one": b"\1",
    }
    query = (
        "select %(texts)s::text[], %(bytes)s::bytea[], %(id)s::uuid, %(none)s::text,"
        " %(one)s::bytea, %(id)s::text"
    )

    async def act(lines: Lines) -> Any:
        line = await lines.take()
        try:
            return await line.run((query, sent), ("select 2 where false", {}))
        finally:
            await lines.give(line)

    rows, empty = run(_with_lines(server, act))
    assert rows == [(texts, [b"\0\xff", b""], UUID(int=7), None, b"\1", str(UUID(int=7)))]
    assert empty == []


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 5, 31, 8, 0, 0, 1, tzinfo=UTC), "2026-05-31 08:00:00.000001+00"),
        (datetime(2026, 5, 31, 8, tzinfo=timezone(timedelta(hours=8))), "2026-05-31 00:00:00+00"),
        (datetime(2000, 1, 1, tzinfo=UTC), "2000-01-01 00:00:00+00"),
        (datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), "1999-12-31 23:59:59.999999+00"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01 00:00:00+00"),
    ],
)
def test_an_instant_is_sent_to_the_microsecond(
    server: str, run: Run, moment: datetime, text: str
) -> None:
    async def act(lines: Lines) -> Any:
        line = await lines.take()
        try:
            await line.run(("set timezone to 'UTC'", {}))
            return await line.run(
                ("select %(at)s::timestamptz, (%(at)s::timestamptz)::text", {"at": moment})
            )
        finally:
            await lines.give(line)

    assert run(_with_lines(server, act)) == [[(moment, text)]]


def test_what_fails_is_raised_and_rolled_back_and_the_line_goes_on(server: str, run: Run) -> None:
    async def act(lines: Lines) -> Any:
        line = await lines.take()
        with pytest.raises(psycopg.errors.DivisionByZero):
            await line.run(("begin", {}), ("select 1 / %(by)s::int", {"by": 0}), ("commit", {}))
        assert not line.is_idle
        await lines.give(line)
        again = await lines.take()
        assert again is line
        assert again.is_idle
        try:
            return await again.run(("select 1 / %(by)s::int", {"by": 1}))
        finally:
            await lines.give(again)

    assert run(_with_lines(server, act)) == [[(1,)]]


def test_one_more_than_there_are_waits_its_turn(server: str, run: Run) -> None:
    async def act(lines: Lines) -> None:
        first, second = await lines.take(), await lines.take()
        third = asyncio.create_task(lines.take())
        gone = asyncio.create_task(lines.take())
        await asyncio.sleep(0.01)
        assert not third.done()
        gone.cancel()
        await lines.give(first)
        assert await third is first
        await lines.give(second)
        await lines.give(first)

    run(_with_lines(server, act))


def test_who_waits_too_long_is_told_and_takes_no_line_away(
    server: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.adapters.lines._PATIENCE_SECONDS", 0.05)

    async def act(lines: Lines) -> None:
        first, second = await lines.take(), await lines.take()
        with pytest.raises(Unavailable, match="every connection is in use"):
            await lines.take()
        later = asyncio.create_task(lines.take())
        await asyncio.sleep(0)
        await lines.give(first)
        assert await later is first
        await lines.give(second)
        await lines.give(first)

    run(_with_lines(server, act))


def test_a_caller_that_goes_away_leaves_no_answers_behind(server: str, run: Run) -> None:
    async def act(lines: Lines) -> Any:
        line = await lines.take()
        task = asyncio.create_task(line.run(("select 'stale', pg_sleep(0.2)", {})))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await lines.give(line)
        fresh = await lines.take()
        try:
            return await fresh.run(("select 'fresh'", {}))
        finally:
            await lines.give(fresh)

    assert run(_with_lines(server, act)) == [[("fresh",)]]


@pytest.fixture
def own_server() -> Iterator[EmbeddedServer]:
    folder = Path(tempfile.mkdtemp(prefix="tallystick-test-"))
    folder.chmod(0o711)
    made = EmbeddedServer(folder, settings={"fsync": "off", "shared_buffers": "32MB"})
    made.start()
    yield made
    made.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.prove
def test_a_killed_server_lets_nobody_wait(own_server: EmbeddedServer, run: Run) -> None:
    for _ in range(5):
        run(_with_lines(own_server.url, lambda lines: _killed(own_server, lines)))


async def _killed(server: EmbeddedServer, lines: Lines) -> None:
    async def ask() -> None:
        while True:
            line: Line = await lines.take()
            try:
                await line.run(("select %(sent)s::text, pg_sleep(0.002)", {"sent": "x" * 20_000}))
            finally:
                await lines.give(line)

    asking = [asyncio.create_task(ask()) for _ in range(8)]
    await asyncio.sleep(0.3)
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    ended = await asyncio.wait_for(asyncio.gather(*asking, return_exceptions=True), 20)
    assert all(isinstance(one, psycopg.OperationalError) for one in ended), ended
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)
    line = await lines.take()
    assert await line.run(("select 1", {})) == [[(1,)]]
    await lines.give(line)
