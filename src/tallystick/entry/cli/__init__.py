"""The command line `tallystick`: parse, call one use-case, print.

Takes:   arguments, `TALLYSTICK_…` settings, files and standard input
Gives:   data on standard output, talk on standard error, and an exit code (`exits.Exit`)
Keeps:   `--help` imports nothing heavy: commands import what they need when they run
Refuses: identity data as arguments; they would stand in shell history and process lists
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn, TextIO, cast


def main() -> None:
    """Run the command line; ends the process with one of the codes of `exits.Exit`."""
    from tallystick.entry.cli.app import app
    from tallystick.entry.cli.machine import Talk

    if sys.stderr is None:  # closed by who started us
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
    sys.stderr = cast(TextIO, Talk(sys.stderr))
    try:
        app(prog_name="tallystick")
    except SystemExit as end:
        # Where nobody reads on (`| head`), rich and typer end with 1, as if a check had failed.
        if isinstance(end.__context__, BrokenPipeError):
            raise SystemExit(0) from None
        _flush(end)
        raise
    except OSError as error:  # `--version` and `--help` write before any command is run
        _end_by(error)


def _flush(end: SystemExit) -> None:
    """Write what is left, while it can still be told that it cannot be written."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        from tallystick.entry.cli.machine import give_up_output

        give_up_output()
    except OSError as error:
        if end.code in (None, 0, 1):
            _end_by(error)


def _end_by(error: OSError) -> NoReturn:
    from tallystick.entry.cli.exits import tell_other

    raise SystemExit(tell_other(error, "tallystick")) from None


__all__ = ["main"]
