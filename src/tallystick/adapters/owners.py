"""Whose a file or folder is, in words for whoever was refused."""

from __future__ import annotations

import errno
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tallystick.errors import BadRequest


@contextmanager
def usable(folder: Path) -> Iterator[None]:
    """A block that makes the data folder and writes into it.

    Raises: BadRequest `data_folder_closed` where it cannot be made or written; OSError where a
            disk is full
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if error.errno in (None, errno.ENOSPC, errno.EDQUOT):
            raise
        raise BadRequest("data_folder_closed", f"{folder}: {error.strerror}") from error


def user_named(uid: int) -> str:
    """A user of the operating system by name, else by number: `user nobody`, `user 12345`."""
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user {uid}"


def owner_of(path: Path) -> int:
    """The uid that owns `path`, or the nearest folder above it that we may look at."""
    return nearest(path).stat().st_uid


def nearest(path: Path) -> Path:
    """`path` if it is there and we may look at it, else the nearest folder above it."""
    for step in (path, *path.absolute().parents):
        try:
            if is_there(step):
                return step
        except PermissionError:
            continue
    return Path("/")


def is_there(path: Path) -> bool:
    """Whether there is such a file or folder. Raises: PermissionError where we may not look."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
