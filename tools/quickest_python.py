"""Which Python to make `.venv` with: of those on the PATH that can, the quickest.

A distribution's own is built with profile-guided optimisation; one that a tool like pyenv compiled
mostly is not, and takes a third longer for the same work. Prints the path. An earlier one of the
PATH is left for a later one only where it is clearly slower.

Usage: python3 tools/quickest_python.py
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_NAMES = ("python3.11", "python3")
_CLEARLY = 1.1
#: What a candidate runs: it needs the right version and what `python -m venv` needs, and says how
#: many processor seconds work like ours takes it, at best, and who it is (outside any `.venv`).
_TRIAL = """
import ensurepip, sys, time, venv
def work():
    kept = {}
    for number in range(120_000):
        kept[number & 1023] = (number, str(number), len(kept))
def timed():
    since = time.process_time()
    work()
    return time.process_time() - since
if sys.version_info[:2] >= (3, 11):
    print(min(timed() for _ in range(9)), sys._base_executable)
"""


def quickest() -> str | None:
    """The path of the interpreter to take; None where none can make an environment.

    All of the first name come before any of the second.
    """
    for name in _NAMES:
        best: tuple[float, str] | None = None
        for path in _named(name):
            found = _tried(path)
            if found is not None and (best is None or found[0] * _CLEARLY < best[0]):
                best = found
        if best is not None:
            return best[1]
    return None


def _named(name: str) -> list[str]:
    """The programs of a name, in the order of the PATH; each file once."""
    folders = [Path(one) for one in os.get_exec_path() if one]
    programs = [one / name for one in folders if os.access(one / name, os.X_OK)]
    return [str(one) for one in {one.resolve(): one for one in reversed(programs)}.values()][::-1]


def _tried(path: str) -> tuple[float, str] | None:
    """Seconds of the work and the interpreter behind a program (a shim, a link) that can do it."""
    done = subprocess.run(  # noqa: S603 - the interpreters a shell would find by their names
        [path, "-c", _TRIAL], capture_output=True, text=True, check=False
    )
    if done.returncode or not done.stdout.strip():
        return None
    seconds, interpreter = done.stdout.strip().split(" ", 1)
    return float(seconds), interpreter


def main() -> int:
    """Print the path, or say what is missing."""
    found = quickest()
    if found is None:
        print("no Python of 3.11 or later with venv and ensurepip is on the PATH", file=sys.stderr)
        return 1
    print(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
