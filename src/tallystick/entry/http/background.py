"""What one process does beside answering: number looks, keep house, work off submissions.

For a small bureau and the demo; a larger one runs `tallystick worker` for it.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

from starlette.concurrency import run_in_threadpool

from tallystick.entry.http.problem import log_failure
from tallystick.service.housekeeping import Daily
from tallystick.service.log import sequence_once
from tallystick.service.patience import Patience
from tallystick.service.port import Deps
from tallystick.service.submit import process, unfinished

#: How often looks are numbered; the profile promises its `log_delay_max`.
_SEQUENCE_SECONDS = 0.25
#: How often the clock is asked whether a day is over.
_HOUSE_SECONDS = 1.0
_JOIN_SECONDS = 30
#: After so long without work, submissions that failed are taken up again; each of them ever later.
_AGAIN_SECONDS = 30.0


class Background:
    """Threads: the sequencer, and the two of a worker, where this process works off submissions.

    A worker works them off in their order, takes up again what failed, and keeps house once a day.
    """

    def __init__(self, deps: Deps, *, works_off: bool, again_seconds: float = _AGAIN_SECONDS):
        self._deps = deps
        self._again_seconds = again_seconds
        self._patience = Patience(time.monotonic, first_s=again_seconds)
        self._queue: queue.SimpleQueue[UUID | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._sequence, name="sequencer")]
        if works_off:
            self._threads.append(threading.Thread(target=self._work, name="intake"))
            self._threads.append(threading.Thread(target=self._keep_house, name="housekeeper"))

    def enqueue(self, submission_id: UUID) -> None:
        """Work off a submission after those before it."""
        self._queue.put(submission_id)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The threads run inside the block and have ended after it."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._queue.put(None)
            for thread in self._threads:
                await run_in_threadpool(thread.join, _JOIN_SECONDS)

    def _sequence(self) -> None:
        while not self._stop.wait(_SEQUENCE_SECONDS):
            self._attempt(partial(sequence_once, self._deps))

    def _keep_house(self) -> None:
        daily = Daily(self._deps)
        while not self._stop.is_set():
            self._attempt(daily)
            self._stop.wait(_HOUSE_SECONDS)

    def _work(self) -> None:
        self._attempt(self._take_up)
        while not self._stop.is_set():
            try:
                submission_id = self._queue.get(timeout=self._again_seconds)
            except queue.Empty:
                self._attempt(self._take_up)
                continue
            if submission_id is not None:
                self._attempt(partial(process, self._deps, submission_id))

    def _take_up(self) -> None:
        """Work off what a crash or a failure left; one that fails again keeps no other waiting."""
        for submission_id in unfinished(self._deps):
            if not self._stop.is_set() and self._patience.may_begin(submission_id):
                self._attempt(partial(process, self._deps, submission_id))

    def _attempt(self, step: Callable[[], object]) -> None:
        """Do a step; a failure is logged and the thread goes on: the next step may succeed."""
        try:
            step()
        except Exception as error:  # noqa: BLE001  the thread's edge, like the server's
            log_failure(error, "background")
