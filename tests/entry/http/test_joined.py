"""An answer's head and body reach the kernel in one call; nothing is held back for good."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tallystick.entry.http.joined import JoinedWrites

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"


class Wire(asyncio.Transport):
    """A transport that notes each call into it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[bytes | str] = []

    def write(self, data: Any) -> None:
        self.calls.append(bytes(data))

    def writelines(self, list_of_data: Any) -> None:
        self.calls.append(b"".join(list_of_data))

    def close(self) -> None:
        self.calls.append("closed")

    def abort(self) -> None:
        self.calls.append("aborted")


def sent(*steps: Any) -> list[bytes | str]:
    """What the wire saw of steps: bytes are written, `...` is a turn of the loop, names called."""

    async def run() -> list[bytes | str]:
        wire = Wire()
        joined = JoinedWrites(wire, asyncio.get_running_loop())
        for step in steps:
            if step is ...:
                await asyncio.sleep(0)
            elif isinstance(step, str):
                getattr(joined, step)()
            else:
                joined.write(step)
        return list(wire.calls)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("steps", "seen"),
    [
        ((HEAD, b"ok"), [HEAD + b"ok"]),
        ((HEAD, b"ok", ...), [HEAD + b"ok"]),
        ((HEAD, b""), [HEAD]),
        ((HEAD,), []),  # not yet
        ((HEAD, ...), [HEAD]),
        ((HEAD, ..., b"ok"), [HEAD, b"ok"]),
        ((HEAD, "close"), [HEAD, "closed"]),
        ((HEAD, "close", ...), [HEAD, "closed"]),
        ((HEAD, "abort", ...), ["aborted"]),
        ((HEAD, b"o", b"k"), [HEAD + b"o", b"k"]),
        ((HEAD, b"ok", HEAD, b"ok"), [HEAD + b"ok", HEAD + b"ok"]),
        ((HEAD + b"ok",), [HEAD + b"ok"]),  # an answer that is whole
        ((HEAD[:-1], b"ok"), [HEAD[:-1], b"ok"]),
        ((b"HTTP", b"\r\n\r\n"), [b"HTTP", b"\r\n\r\n"]),
        ((bytearray(HEAD), b"ok"), [HEAD, b"ok"]),
    ],
)
def test_a_head_waits_for_what_follows_it_or_a_turn_of_the_loop(steps, seen):
    assert sent(*steps) == seen
