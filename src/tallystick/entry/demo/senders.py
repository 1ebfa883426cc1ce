"""Members that send at the same time: each sender is a process with the bureau open.

One process would judge two files by turns. Senders say whose files go beside each other and what
waits for what, so that everything comes out as if the files had been sent one after the other.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import Any

from tallystick.adapters.settings import Settings
from tallystick.entry.compose import open_bureau
from tallystick.entry.demo.clock import DemoClock
from tallystick.errors import InvariantBroken
from tallystick.service import submit
from tallystick.service.members import Member
from tallystick.service.port import Deps
from tallystick.service.submissions import SubmissionView

Step = dict[str, Any]
#: Ends one sender when the block is left, given what was raised as `__exit__` is.
Ends = Callable[..., None]
#: Processes that send: as many as the machine a demo is made for has cores.
_SENDERS = 2
_PATIENCE_S = 30
#: Datasets of which one file at a time is taken: they decide about persons or accounts that
#: others furnish too, so what comes out hangs on the order.
_IN_TURN = {"consent": "person", "subject": "person", "funding": "funding"}
#: Datasets that change or need accounts of others, by whose files must be in before.
_AFTER = {
    "funding": frozenset({"account", "account_party", "agreement", "guarantee"}),
    "snapshot": frozenset({"funding"}),
    "event": frozenset({"funding"}),
    "remark": frozenset({"funding"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A file that went through the front door, what became of it, and how long that took."""

    file: str
    view: SubmissionView
    seconds: float


def waits_for(steps: Sequence[Step]) -> list[frozenset[int]]:
    """For each of some files to send, in order: the numbers of those that must be in before it."""
    return [
        frozenset(
            number for number, earlier in enumerate(steps[:place]) if _is_before(earlier, one)
        )
        for place, one in enumerate(steps)
    ]


def _is_before(earlier: Step, step: Step) -> bool:
    first, then = earlier["dataset"], step["dataset"]
    return (
        earlier["member"] == step["member"]
        or (then in _IN_TURN and _IN_TURN.get(first) == _IN_TURN[then])
        or first in _AFTER.get(then, ())
    )


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
        """Let them open the bureau, which must be there by now, and send for these members."""
        for line in self._lines:
            line.send(dict(members))

    def send(self, steps: Sequence[Step], on_sent: Callable[[], None]) -> list[Sent]:
        """Send files, each as soon as what it waits for is in; gives what became of each.

        Takes:  `on_sent` is called after each
        Raises: InvariantBroken when a sender failed (its error went to standard error)
        """
        waiting = dict(enumerate(waits_for(steps)))
        idle, busy = list(self._lines), dict[Connection, int]()
        sent: dict[int, Sent] = {}
        while waiting or busy:
            ready = [number for number, others in waiting.items() if others <= sent.keys()]
            for number in ready[: len(idle)]:
                del waiting[number]
                line = idle.pop()
                busy[line] = number
                line.send(steps[number])
            for line in [one for one in wait(list(busy)) if isinstance(one, Connection)]:
                sent[busy.pop(line)] = _answer(line)
                idle.append(line)
                on_sent()
        return [sent[number] for number in range(len(steps))]


def _answer(line: Connection) -> Sent:
    try:
        sent: Sent = line.recv()
    except EOFError:
        raise InvariantBroken("a sender of the demo failed; its error stands above") from None
    return sent


def _as_process(line: Connection, settings: Settings, synth: Path) -> Ends:
    """Start a process that sends; gives what ends it, at once where something was raised."""
    process = get_context("spawn").Process(
        target=_process, args=(line, settings, synth), name="sender", daemon=True
    )
    process.start()
    line.close()  # so that the line is broken once its process is gone

    def end(kind: type[BaseException] | None, *_: Any) -> None:
        if kind is None:
            process.join(_PATIENCE_S)
        process.terminate()
        process.join()

    return end


def _as_thread(line: Connection, settings: Settings, synth: Path) -> Ends:
    """The same as a thread, which ends with its line."""
    thread = Thread(target=_work, args=(line, settings, synth), name="sender", daemon=True)
    thread.start()
    return lambda *_: thread.join()


def _process(line: Connection, settings: Settings, synth: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who started us
    _work(line, settings, synth)


def _work(line: Connection, settings: Settings, synth: Path) -> None:
    """Send what is asked for until the line is closed."""
    members: Mapping[str, Member] | None = _asked(line)
    if members is None:
        return
    clock = DemoClock(datetime.min.replace(tzinfo=UTC))
    with open_bureau(settings, clock=clock, make=False, is_durable=False) as bureau:
        while (step := _asked(line)) is not None:
            clock.set(datetime.fromisoformat(step["at"]))
            member = members[step["member"]]
            line.send(_sent(bureau.deps, member, step, synth=synth))


def _asked(line: Connection) -> Any | None:
    """What comes next over the line; None once it is closed."""
    try:
        return line.recv()
    except EOFError:
        return None


def _sent(deps: Deps, member: Member, step: Step, *, synth: Path) -> Sent:
    began = perf_counter()
    with (synth / step["file"]).open("rb") as file:
        received = submit.receive(deps, member, step["dataset"], file)
    view = submit.process(deps, received.submission_id)
    return Sent(file=step["file"], view=view, seconds=perf_counter() - began)
