"""Exit codes, and how each kind of exception becomes one.

A bug leaves a report file that names places in our code and no value: a traceback's messages may
quote a record, so they are left out.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import typer

from tallystick import __version__
from tallystick.entry.cli import output
from tallystick.entry.cli.machine import fault_of
from tallystick.entry.cli.stopping import stoppable
from tallystick.errors import BadRequest, Coded, ProfileError, Refused, TallystickError, Unavailable


class Exit(IntEnum):
    """What the process says at its end."""

    FINE = 0
    FOUND = 1
    USAGE = 2
    REFUSED = 3
    UNREACHABLE = 4
    BUG = 5
    STOPPED = 130


#: Classes of libraries that mean "out of reach", by module and name: none of them is imported here.
_OUT_OF_REACH = {
    ("psycopg", "OperationalError"),
    ("psycopg_pool", "PoolTimeout"),
    ("psycopg_pool", "PoolClosed"),
    ("httpx", "TransportError"),
    ("sqlalchemy.exc", "OperationalError"),
}


@contextmanager
def told(command: str, words: Sequence[str] = ()) -> Iterator[None]:
    """Turn every exception of a command into talk and an exit code; reports name `command`.

    Takes: `words`: all that was typed behind the program's name
    """
    with stoppable() as stopped:
        try:
            with _as_codes(command, words, stopped):
                yield
        except BaseException as error:
            if not stopped.is_set():
                raise
            output.say("stopped")
            raise typer.Exit(Exit.STOPPED) from error


@contextmanager
def _as_codes(command: str, words: Sequence[str], stopped: threading.Event) -> Iterator[None]:
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except Coded as error:
        _tell_coded(error)
        raise typer.Exit(_code_of(error)) from error
    except ProfileError as error:
        output.complain(str(error))
        raise typer.Exit(Exit.USAGE) from error
    except Exception as error:
        if _is_clicks_own(error) or isinstance(error, BrokenPipeError) or stopped.is_set():
            raise  # of a broken pipe: who reads our output has enough, see `cli.main`
        raise typer.Exit(tell_other(error, command, words)) from error


def _code_of(error: Coded) -> Exit:
    if isinstance(error, Refused):
        return Exit.REFUSED
    if isinstance(error, Unavailable):
        return Exit.UNREACHABLE
    return Exit.USAGE if isinstance(error, BadRequest) else Exit.BUG


def _tell_coded(error: Coded) -> None:
    """The catalogue's words for a code, the detail of this case, and how to mend it."""
    from tallystick.entry.cli.remedies import REMEDIES
    from tallystick.service.catalogue import CATALOGUE

    if "is_replay" in error.extra:
        output.say("refused so before under this idempotency key; a new inquiry needs a new one")
    entry = CATALOGUE.get(error.code)
    title = entry.title_en if entry else error.code
    output.complain(f"{title} ({error.code})" + (f": {error.detail}" if error.detail else ""))
    is_final = isinstance(error, Unavailable) and not error.retryable
    if entry is None or (is_final and entry.retryable):
        return  # to try again is no remedy: the detail names one
    remedy = REMEDIES.get(error.code, entry.fix_en)
    if remedy:
        output.say(remedy)


def tell_other(error: Exception, command: str, words: Sequence[str] = ()) -> Exit:
    """Say what an exception without a code means, and give the exit code of its kind."""
    if _is_settings_fault(error):
        output.complain("a setting in the environment is wrong")
        for place in _settings_places(error):
            output.say(f"  {place}")
        output.next_step("tallystick doctor")
        return Exit.USAGE
    fault = fault_of(error)
    if fault is not None:
        what, remedy = fault
        output.complain(what)
        output.say(remedy)
        return Exit.UNREACHABLE
    if isinstance(error, ConnectionError | TimeoutError) or _is_out_of_reach(error):
        output.complain("the database or server is out of reach")
        output.next_step("tallystick doctor")
        return Exit.UNREACHABLE
    # Not before: as the name of a file it may do.
    for number, word in enumerate(words, 1):
        if any("\ud800" <= character <= "\udfff" for character in word):
            output.complain(f"word {number} after `tallystick` holds bytes that are not UTF-8")
            return Exit.USAGE
    try:
        told_in = f"a report without any record's data: {write_report(error, command)}"
    except OSError:  # out of here it would be a traceback, which may quote a record
        told_in = "no report of it could be written to the temporary folder"
    output.complain(f"this is a fault of Tallystick; {told_in}")
    return Exit.BUG


def _is_clicks_own(error: Exception) -> bool:
    """Usage errors of the parser, which prints them itself and ends with 2."""
    return any(kind.__name__ == "ClickException" for kind in type(error).__mro__)


def _is_out_of_reach(error: Exception) -> bool:
    known = {(kind.__module__, kind.__name__) for kind in type(error).__mro__}
    return bool(known & _OUT_OF_REACH)


def _is_settings_fault(error: Exception) -> bool:
    return type(error).__name__ == "ValidationError" and type(error).__module__.startswith(
        "pydantic"
    )


def _settings_places(error: Exception) -> list[str]:
    """Which settings are wrong and why, without their values: an address may hold a password."""
    faults: list[dict[str, Any]] = getattr(error, "errors", list)()
    return [
        f"TALLYSTICK_{'_'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}"
        for fault in faults
    ]


def write_report(error: BaseException, command: str) -> str:
    """Write what is needed to find a bug, and nothing of anybody's data; gives the file's path."""
    lines = [
        f"tallystick {__version__}",
        f"python {platform.python_version()} on {platform.system()}",
        f"command: {command}",
    ]
    link: BaseException | None = error
    while link is not None:
        lines.append(f"{type(link).__module__}.{type(link).__qualname__}")
        if isinstance(link, TallystickError):
            lines.append(f"  {link}")  # our own messages hold no record's values
        frames = traceback.extract_tb(link.__traceback__)
        lines += [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        link = link.__cause__ or link.__context__
    number, path = tempfile.mkstemp(prefix="tallystick-bug-", suffix=".txt")
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    if os.environ.get("TALLYSTICK_TRACEBACK"):
        traceback.print_exception(error, file=sys.stderr)
    return path
