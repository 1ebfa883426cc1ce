"""SIGINT and SIGTERM as one exception, so that what was opened is closed on the way out."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stoppable(*, is_closing_undisturbed: bool = False) -> Iterator[threading.Event]:
    """Either signal ends the work inside, as a KeyboardInterrupt.

    Libraries turn the interrupt into errors of their own, so it is remembered that there was one.

    Takes:  `is_closing_undisturbed`: after the first signal more of them do nothing
    Gives:  an event that is set by the signal; never outside the main thread
    """
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()
        if is_closing_undisturbed:
            for one in _SIGNALS:
                signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {one: signal.signal(one, stop) for one in _SIGNALS}
    try:
        yield stopped
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
