"""Faults of the machine: a full disk, a file that cannot be read or written.

None is a mistake of the program, and each can be mended by whoever runs it: it is said where.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TextIO

import typer

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
#: What else a disk, a mount or a limit of the system answers.
_FAILING: Final = frozenset(
    {
        errno.EACCES, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENXIO,
        errno.EPERM, errno.EROFS, errno.ESTALE,
    }
)  # fmt: skip
#: What writes to standard output, by the end of its path.
_WRITERS: Final = (
    "entry/cli/__init__.py", "entry/cli/output.py", "entry/cli/validate_print.py",
    "rich/console.py", "click/utils.py", "_click/utils.py",
)  # fmt: skip
_SPACE: Final = "free some space there, or set TMPDIR or TALLYSTICK_DATA_FOLDER to another disk"


def fault_of(error: BaseException) -> tuple[str, str] | None:
    """What failed and what to do about it; None for what is no fault of the machine.

    Libraries' own words are not quoted: they could quote what was written.
    """
    kinds = {(kind.__module__, kind.__name__) for kind in type(error).__mro__}
    if isinstance(error, OSError) and error.errno in _FULL | _FAILING:
        return _of_system(error)
    if ("psycopg.errors", "DiskFull") in kinds:
        return "the disk of the database is full", "free some space there, then run it again"
    if ("_duckdb", "IOException") in kinds:
        if os.strerror(errno.ENOSPC) in str(error):
            return _full(_work_places())
        return f"a file cannot be read or written in {_work_places()}", "see to that disk"
    return None


def _of_system(error: OSError) -> tuple[str, str]:
    if _is_of_output(error):
        what = f"standard output cannot be written: {error.strerror}"
        return what, "free some space there, or send it elsewhere"
    if error.errno in _FULL:
        return _full(str(error.filename) if error.filename else _work_places())
    where = f"{error.filename}: " if error.filename else "a file cannot be read or written: "
    return f"{where}{error.strerror}", (
        "give this user leave to it, or name another place; temporary files are in"
        f" {_work_places()}"
    )


def _full(where: str) -> tuple[str, str]:
    return f"a disk is full: no space is left in {where}", _SPACE


def _work_places() -> str:
    """Where commands write what nobody named."""
    import tempfile

    try:
        return f"{tempfile.gettempdir()} (TMPDIR) or the data folder"
    except OSError:  # none of the places that are tried can be written
        return "TMPDIR or the data folder"


def _is_of_output(error: OSError) -> bool:
    """Whether it came of writing to standard output; if so, nothing more is sent there.

    Such an error names no file. It shows by where it was raised, or by what is left to be written.
    """
    frames = traceback.extract_tb(error.__traceback__)
    is_found = bool(frames) and Path(frames[-1].filename).as_posix().endswith(_WRITERS)
    try:
        sys.stdout.flush()
    except OSError:
        is_found = True
    if is_found:
        give_up_output()
    return is_found


def give_up_output() -> None:
    """Send what is left for standard output nowhere: at its end Python would try once more."""
    _send_nowhere(sys.stdout)


def _send_nowhere(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class Talk:
    """Standard error that never fails: what nobody can be told ends no command, nor its code."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or send this and all that follows nowhere."""
        try:
            self._stream.write(text)
        except OSError:
            _send_nowhere(self._stream)
        return len(text)

    def flush(self) -> None:
        """Flush, or send what is left nowhere."""
        try:
            self._stream.flush()
        except OSError:
            _send_nowhere(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """What is done with a file that was named; that it cannot be read is its namer's mistake.

    Raises: typer.BadParameter in place of OSError, unless a disk is full
    """
    with _named(path, "read"):
        yield


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What is written where it was named; that it cannot be is its namer's mistake.

    Raises: typer.BadParameter in place of OSError, unless a disk is full
    """
    with _named(path, "written"):
        yield


@contextmanager
def _named(path: Path, done: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        is_others = error.filename is not None and not _is_within(Path(error.filename), path)
        if error.errno in _FULL | {None, errno.EPIPE, errno.EFBIG} or is_others:
            raise
        raise typer.BadParameter(f"{path} cannot be {done}: {error.strerror}") from error


def _is_within(found: Path, named: Path) -> bool:
    """Whether a place is the one named, in it, or a folder above it."""
    return found == named or named in found.parents or found in named.parents
