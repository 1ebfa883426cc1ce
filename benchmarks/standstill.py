"""What the machine itself kept us waiting for: while it stands still nobody is answered.

A virtual machine is taken off its processor, or its disk, for tenths of a second at a time. The
slowest answers of a run are no slower than that, so a run says how long it was.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

_BEAT_SECONDS = 0.005
#: A beat that comes later than any scheduler of a busy machine would let it.
_STILL_SECONDS = 0.05
_WRITE_SECONDS = 0.02
_PAGE = bytes(8192)


class Standstill:
    """Watches processor and disk while the block lasts, from threads that do nothing else.

    `processor_ms` sums the pauses of 50 ms and more in which not even the first in the queue ran;
    `longest_ms` is the longest of them, `disk_ms` the longest write of 8 KiB through to the disk
    of `folder`.
    """

    def __init__(self, folder: Path):
        self.processor_ms = self.longest_ms = self.disk_ms = 0.0
        self._file = folder / "standstill.probe"
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=one) for one in (self._beat, self._write)]

    def __enter__(self) -> Standstill:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self._file.unlink()

    def figures(self, suffix: str) -> dict[str, float]:
        """The three figures, for a benchmark's last line."""
        return {
            f"machine_still_ms_{suffix}": self.processor_ms,
            f"machine_longest_still_ms_{suffix}": self.longest_ms,
            f"disk_longest_write_ms_{suffix}": self.disk_ms,
        }

    def _beat(self) -> None:
        with suppress(PermissionError):  # an ordinary user's beat waits its turn
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), -20)
        before = time.perf_counter()
        while not self._ended.wait(_BEAT_SECONDS):
            now = time.perf_counter()
            if now - before > _STILL_SECONDS:
                self.processor_ms += (now - before) * 1000
                self.longest_ms = max(self.longest_ms, (now - before) * 1000)
            before = now

    def _write(self) -> None:
        handle = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_DSYNC, 0o600)
        try:
            while not self._ended.wait(_WRITE_SECONDS):
                began = time.perf_counter()
                os.pwrite(handle, _PAGE, 0)
                self.disk_ms = max(self.disk_ms, (time.perf_counter() - began) * 1000)
        finally:
            os.close(handle)
