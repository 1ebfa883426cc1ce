"""The command line `tallystick`: parse, call one use-case, print.

Takes:   arguments, `TALLYSTICK_…` settings, files and standard input
Gives:   data on standard output, talk on standard error, and an exit code (`exits.Exit`)
Keeps:   `--help` imports nothing heavy: commands import what they need when they run
Refuses: identity data as arguments; they would stand in shell history and process lists
"""

from __future__ import annotations


def main() -> None:
    """Run the command line; ends the process with one of the codes of `exits.Exit`."""
    from tallystick.entry.cli.app import app

    try:
        app(prog_name="tallystick")
    except SystemExit as end:
        # Where nobody reads on (`| head`), rich and typer end with 1, as if a check had failed.
        if isinstance(end.__context__, BrokenPipeError):
            raise SystemExit(0) from None
        raise


__all__ = ["main"]
