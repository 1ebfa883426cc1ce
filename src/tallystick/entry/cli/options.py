"""Options that mean the same in every command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        help="File with the member's key; else TALLYSTICK_KEY. `ps` shows arguments.",
        exists=True,
        dir_okay=False,
        readable=True,
    ),
]
By = Annotated[
    str | None,
    typer.Option("--by", help="Who decides, for the record; else the name of the system's user."),
]
SubjectFile = Annotated[
    str,
    typer.Option(
        "--subject",
        metavar="FILE|-",
        help="JSON file that names the person, or - for standard input. Never typed as arguments.",
    ),
]
NamedSubject = Annotated[
    str,
    typer.Option(
        "--subject",
        metavar="FILE|-|SUBJECT-ID",
        help="JSON file that names the person, as for `inquire`, or - for standard input; or her"
        " id, sbj_….",
    ),
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="Most rows to give.")]


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something grave; without a terminal `--yes` is needed."""
    if yes:
        return
    import sys

    if not sys.stdin.isatty():
        raise typer.BadParameter("nobody can be asked here: say --yes to do it without asking")
    typer.confirm(question, abort=True, err=True)
