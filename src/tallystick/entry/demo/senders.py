"""Members that act at the same time: each sender is a process with the bureau open.

One process would judge two files by turns. Steps that hang on each other wait for each other, so
that everything comes out as if they had been played one after the other.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from itertools import islice
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from threading import Thread
from typing import Any

from tallystick.adapters.settings import Settings
from tallystick.entry.compose import open_bureau
from tallystick.entry.demo.clock import DemoClock
from tallystick.entry.demo.steps import Played, Step, Steps, waits_for
from tallystick.errors import InvariantBroken
from tallystick.service.members import Member

#: Ends one sender when the block is left, given what was raised as `__exit__` is.
Ends = Callable[..., None]
#: Processes that play: one more than the machine a demo is made for has cores, as each waits for
#: the database a quarter of its time.
_SENDERS = 3
_PATIENCE_S = 30
#: What all of them need is imported by the one process they are forked from: each by itself would
#: import for a second and a half.
_IMPORTED_ONCE = "tallystick.entry.demo.ready"
#: DuckDB plans a small statement in thousands of small pieces of memory. Of those freed glibc keeps
#: seven of a size at hand; with so many, our small statements take a fifth less of the processor.
#: It is read where a program starts; another C library does not know it.
_TUNABLES, _KEPT_PIECES = "GLIBC_TUNABLES", "glibc.malloc.tcache_count=2000"
#: Rows of a file make no circles: looking for some after every 700 of them finds none.
_COLLECTED_AFTER = (50_000, 20, 20)


class Senders:
    """The processes, while the block lasts; whoever leaves it by an exception ends them at once.

    They come up beside whatever is done before `open`. Where this user may not start the
    interpreter again (it may lie in another's home), they are threads.
    """

    def __init__(self, settings: Settings, synth: Path):
        self._given = (settings, synth)
        self._lines: list[Connection] = []
        self._ends = ExitStack()

    def __enter__(self) -> Senders:
        start = _as_process if os.access(sys.executable, os.X_OK) else _as_thread
        for _ in range(_SENDERS):
            ours, theirs = Pipe()
            self._ends.push(start(theirs, *self._given))
            self._lines.append(ours)
        return self

    def __exit__(self, *raised: Any) -> None:
        for line in self._lines:
            line.close()
        self._ends.__exit__(*raised)

    def open(self, members: Mapping[str, Member]) -> None:
        """Let them open the bureau, which must be there by now, and act for these members."""
        for line in self._lines:
            line.send(dict(members))

    def play(self, steps: Sequence[Step], on_played: Callable[[], None]) -> list[Played]:
        """Play steps, each as soon as what it waits for is done; gives what became of each.

        Takes:  `on_played` is called after each
        Raises: InvariantBroken when a sender failed (its error went to standard error)
        """
        waiting = dict(enumerate(waits_for(steps)))
        idle, busy = list(self._lines), dict[Connection, int]()
        played: dict[int, Played] = {}
        while waiting or busy:
            ready = (number for number, others in waiting.items() if others <= played.keys())
            for number in list(islice(ready, len(idle))):
                del waiting[number]
                line = idle.pop()
                busy[line] = number
                line.send(steps[number])
            for line in [one for one in wait(list(busy)) if isinstance(one, Connection)]:
                played[busy.pop(line)] = _answer(line)
                idle.append(line)
                on_played()
        return [played[number] for number in range(len(steps))]


def _answer(line: Connection) -> Played:
    try:
        played: Played = line.recv()
    except EOFError:
        raise InvariantBroken("a sender of the demo failed; its error stands above") from None
    return played


def _as_process(line: Connection, settings: Settings, synth: Path) -> Ends:
    """Start a process that sends; gives what ends it, at once where something was raised."""
    several = get_context("forkserver")
    several.set_forkserver_preload([_IMPORTED_ONCE])
    process = several.Process(
        target=_process, args=(line, settings, synth), name="sender", daemon=True
    )
    with _keeping_pieces():
        process.start()
    line.close()  # so that the line is broken once its process is gone

    def end(kind: type[BaseException] | None, *_: Any) -> None:
        if kind is None:
            process.join(_PATIENCE_S)
        process.terminate()
        process.join()

    return end


@contextmanager
def _keeping_pieces() -> Iterator[None]:
    """What is started inside keeps freed memory at hand, unless who started us tuned it himself."""
    if _TUNABLES in os.environ:
        yield
        return
    os.environ[_TUNABLES] = _KEPT_PIECES
    try:
        yield
    finally:
        del os.environ[_TUNABLES]


def _as_thread(line: Connection, settings: Settings, synth: Path) -> Ends:
    """The same as a thread, which ends with its line."""
    thread = Thread(target=_work, args=(line, settings, synth), name="sender", daemon=True)
    thread.start()
    return lambda *_: thread.join()


def _process(line: Connection, settings: Settings, synth: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who started us
    gc.freeze()  # what is imported stays
    gc.set_threshold(*_COLLECTED_AFTER)
    try:
        _work(line, settings, synth)
    finally:
        gc.unfreeze()  # or the libraries report everything frozen as leaked


def _work(line: Connection, settings: Settings, synth: Path) -> None:
    """Play what is asked for until the line is closed."""
    members: Mapping[str, Member] | None = _asked(line)
    if members is None:
        return
    clock = DemoClock(datetime.min.replace(tzinfo=UTC))
    with (
        open_bureau(settings, clock=clock, make=False, is_durable=False) as bureau,
        closing(Steps(bureau, clock, synth=synth, members=members)) as steps,
    ):
        while (step := _asked(line)) is not None:
            line.send(steps.play(step))


def _asked(line: Connection) -> Any | None:
    """What comes next over the line; None once it is closed."""
    try:
        return line.recv()
    except EOFError:
        return None
