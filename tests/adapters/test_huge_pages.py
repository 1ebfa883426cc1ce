"""What is moved onto huge pages, each mapping off by one from one that is not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tallystick.adapters.huge_pages import regions

KIB = 1024
HUGE = 2048 * KIB


def mapping(
    start: int,
    size: int,
    *,
    access: str = "rw-p",
    what: str = "00000000 00:00 0",
    resident: int | None = None,
    name: str = "",
) -> str:
    """An entry of smaps, all of it in memory unless said otherwise."""
    shown = (size if resident is None else resident) // KIB
    return (
        f"{start:x}-{start + size:x} {access} {what} {name}\nSize:  {size // KIB} kB\n"
        f"KernelPageSize:        4 kB\nRss:  {shown} kB\nPss:  0 kB\nVmFlags: rd wr mr mw me ac\n"
    )


@pytest.mark.parametrize(
    ("entry", "moved"),
    [
        (mapping(HUGE, HUGE), [(HUGE, 2 * HUGE)]),
        (mapping(HUGE, HUGE, name="[heap]"), [(HUGE, 2 * HUGE)]),
        (mapping(HUGE, HUGE, name="[stack]"), []),
        (mapping(HUGE, HUGE, access="rw-s"), []),
        (mapping(HUGE, HUGE, access="r--p"), []),
        (mapping(HUGE, HUGE, what="00001000 fd:00 77", name="/lib/some.so"), []),
        (mapping(HUGE, HUGE - 4 * KIB), []),
        (mapping(HUGE + 4 * KIB, HUGE), []),
        (mapping(HUGE - 4 * KIB, HUGE + 4 * KIB), [(HUGE, 2 * HUGE)]),
        (mapping(HUGE + 4 * KIB, 2 * HUGE), [(2 * HUGE, 3 * HUGE)]),
        (mapping(HUGE, 4 * HUGE, resident=2 * HUGE), [(HUGE, 5 * HUGE)]),
        (mapping(HUGE, 4 * HUGE, resident=2 * HUGE - 4 * KIB), []),
        (mapping(HUGE, HUGE, resident=0) + mapping(4 * HUGE, HUGE), [(4 * HUGE, 5 * HUGE)]),
        ("", []),
    ],
)
def test_whole_huge_pages_of_private_memory_in_use_are_moved(entry, moved):
    assert [tuple(region) for region in regions(entry)] == moved


def test_what_is_in_memory_stays_what_it_is():
    """In a process of its own, whose memory is not ours to move about."""
    program = """
from tallystick.adapters.huge_pages import use_huge_pages
held = [str(number) for number in range(300_000)]
moved = use_huge_pages()
assert moved >= 0 and moved % (2 << 20) == 0, moved
assert held == [str(number) for number in range(300_000)]
assert use_huge_pages() >= 0
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=60)
