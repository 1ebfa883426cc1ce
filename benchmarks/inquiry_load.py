"""The load generator, a process of its own: raw sockets, so that little of the machine is its own.

Reads the targets, asks over keep-alive connections, prints what it counted as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections import deque
from pathlib import Path
from typing import Any

import uvloop

HIT = b'"outcome":"hit"'
_OPEN_CONNECTIONS = 64


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    def __init__(self) -> None:
        self._parts = bytearray()
        self._left: int | None = None
        self._answered: asyncio.Future[bytes] | None = None
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(error or ConnectionError("closed by the server"))

    def data_received(self, data: bytes) -> None:
        self._parts += data
        if self._left is None:
            ends = self._parts.find(b"\r\n\r\n")
            if ends < 0:
                return
            head = bytes(self._parts[:ends]).lower()
            at = head.index(b"content-length:") + 15
            self._left = ends + 4 + int(head[at:].split(b"\r\n", 1)[0])
        if len(self._parts) >= self._left and self._answered is not None:
            answer, self._parts, self._left = bytes(self._parts), bytearray(), None
            self._answered.set_result(answer)

    async def ask(self, request: bytes) -> bytes:
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answered


class Load:
    """Asks for random persons; remembers how long each answer took."""

    def __init__(self, port: int, targets: list[list[str]], secret: str, seed: int):
        self._port = port
        self._bodies = [_body(*target) for target in targets]
        self._head = (
            "POST /v1/inquiries HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {secret}\r\nIdempotency-Key: "
        ).encode()
        self._rng = random.Random(seed)
        self._serial = 0
        self._run = f"{time.time_ns():x}".rjust(20, "0")
        self.free: deque[Connection] = deque()
        self.answered = 0
        self.bytes = 0

    async def connect(self, count: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count):
            _, made = await loop.create_connection(Connection, "127.0.0.1", self._port)
            self.free.append(made)

    def request(self) -> bytes:
        self._serial += 1
        body = self._bodies[int(self._rng.random() * len(self._bodies))]
        return b"%s%s%012x\r\nContent-Length: %d\r\n\r\n%s" % (
            self._head, self._run.encode(), self._serial, len(body), body,
        )  # fmt: skip

    async def one(self, connection: Connection) -> None:
        answer = await connection.ask(self.request())
        if not answer.startswith(b"HTTP/1.1 201") or HIT not in answer:
            raise SystemExit(f"an inquiry came to {answer[:600]!r}")
        self.answered += 1
        self.bytes += len(answer)

    async def closed_loop(self, seconds: float, *, callers: int) -> dict[str, float]:
        times: list[float] = []
        since = time.perf_counter()
        ends = since + seconds

        async def caller() -> None:
            connection = self.free.popleft()
            while (started := time.perf_counter()) < ends:
                await self.one(connection)
                times.append(time.perf_counter() - started)
            self.free.append(connection)

        await asyncio.gather(*(caller() for _ in range(callers)))
        return _figures(times, time.perf_counter() - since)

    async def fixed_rate(
        self, seconds: float, *, rate: float, until: Path | None
    ) -> dict[str, float]:
        """Arrivals at a fixed rate; the time counts from when each was due.

        Takes: `until`: stop as soon as that file is there
        """
        times: list[float] = []
        waiting: deque[asyncio.Future[None]] = deque()
        since = time.perf_counter()
        loop = asyncio.get_running_loop()

        async def due(at: float) -> None:
            while not self.free:
                turn = loop.create_future()
                waiting.append(turn)
                await turn
            connection = self.free.popleft()
            await self.one(connection)
            times.append(time.perf_counter() - at)
            self.free.append(connection)
            if waiting:
                waiting.popleft().set_result(None)

        async with asyncio.TaskGroup() as group:
            for number in range(int(seconds * rate)):
                at = since + number / rate
                if until is not None and number % 100 == 0 and until.exists():
                    break
                left = at - time.perf_counter()
                if left > 0:
                    await asyncio.sleep(left)
                group.create_task(due(at))
        return _figures(times, time.perf_counter() - since)


def _body(number: str, name: str, birth_date: str, consent: str) -> bytes:
    subject = {
        "name": name,
        "birth_date": birth_date,
        "identifiers": [{"scheme": "cn_resident_id", "value": number}],
    }
    basis = {"type": "consent", "consent_id": consent}
    asked = {"subject": subject, "purpose": "credit_application", "legal_basis": basis}
    return json.dumps(asked, ensure_ascii=False).encode()


def _figures(times: list[float], wall: float) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "per_second": len(times) / wall,
        "p50_ms": ordered[len(ordered) // 2] * 1e3,
        "p99_ms": ordered[int(len(ordered) * 0.99)] * 1e3,
        "max_ms": ordered[-1] * 1e3,
    }


async def _run(given: argparse.Namespace) -> dict[str, float]:
    known = json.loads(Path(given.targets).read_text())
    load = Load(given.port, known["targets"], known["secret"], given.seed)
    await load.connect(max(given.callers, _OPEN_CONNECTIONS if given.rate else 0))
    if given.rate:
        figures = await load.fixed_rate(given.seconds, rate=given.rate, until=given.until)
    else:
        figures = await load.closed_loop(given.seconds, callers=given.callers)
    return {
        **figures,
        "answered": load.answered,
        "mean_bytes": load.bytes / max(1, load.answered),
        "own_cpu_seconds": time.process_time(),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--targets", required=True)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--callers", type=int, default=16)
    parser.add_argument("--rate", type=float, default=0.0, help="0: a closed loop")
    parser.add_argument("--until", type=Path, help="stop once this file is there")
    parser.add_argument("--seed", type=int, default=3)
    print(json.dumps(uvloop.run(_run(parser.parse_args()))))


if __name__ == "__main__":
    main()
