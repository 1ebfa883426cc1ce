"""What a long-lived process has loaded, moved onto huge pages.

A server of many small answers is slowed by memory more than by instructions: what an answer needs
lies in 130 MiB of modules and their objects, more pages of 4 KiB than a processor remembers. On
pages of 2 MiB they are few. Linux does it where asked (madvise(2), since 6.1 at once); elsewhere
nothing happens.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_MAPPINGS: Final = Path("/proc/self/smaps")
_HUGE_BYTES: Final = 2 << 20
#: Of linux/mman.h: pages that come later, and those that are there.
_MADV_HUGEPAGE, _MADV_COLLAPSE = 14, 25
#: A private writable mapping of no file, or the heap; what is less than half used stays as it is.
_MAPPING: Final = re.compile(
    r"^(?P<start>[0-9a-f]+)-(?P<end>[0-9a-f]+) rw-p 00000000 00:00 0 +(?:\[heap\])?\n"
    r"(?:[A-Z][^\n]*\n)*?Rss: +(?P<resident_kib>\d+) kB$",
    re.MULTILINE,
)


class Region(NamedTuple):
    """Addresses, the end not among them; both stand where a huge page may begin."""

    start: int
    end: int


def use_huge_pages() -> int:
    """Move what is in memory onto huge pages; bytes moved, 0 where the system does not."""
    try:
        mappings = _MAPPINGS.read_text()
        advise = ctypes.CDLL(None, use_errno=True).madvise
    except (OSError, AttributeError, TypeError):
        return 0
    moved = 0
    for start, end in regions(mappings):
        where = ctypes.c_void_p(start), ctypes.c_size_t(end - start)
        advise(*where, _MADV_HUGEPAGE)
        moved += (end - start) * (advise(*where, _MADV_COLLAPSE) == 0)
    return moved


def regions(mappings: str) -> Iterator[Region]:
    """What is worth moving, of the text of /proc/PID/smaps."""
    for found in _MAPPING.finditer(mappings):
        start, end = int(found["start"], 16), int(found["end"], 16)
        is_used = int(found["resident_kib"]) * 1024 * 2 >= end - start
        whole = Region(-(-start // _HUGE_BYTES) * _HUGE_BYTES, end // _HUGE_BYTES * _HUGE_BYTES)
        if is_used and whole.start < whole.end:
            yield whole
