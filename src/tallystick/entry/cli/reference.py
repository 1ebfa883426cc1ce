"""Writes `docs/reference/cli.md` from the command tree, so that it cannot say anything else.

`python -m tallystick.entry.cli.reference docs/reference/cli.md`
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined
from typer.main import get_command

from tallystick.adapters.settings import Settings
from tallystick.entry.cli.app import app

_HEAD = """# Command line

This page is written by `python -m tallystick.entry.cli.reference docs/reference/cli.md`.
Change the commands, not the page.

Data goes to standard output, talk to standard error.
`NO_COLOR` turns colours off.
Long work draws bars on a terminal; elsewhere a plain line says every few seconds how far it is.
Settings are read from the environment (the table at the end); one that is wrong is named.
A member's key is read from `TALLYSTICK_KEY` or `--key-file`.
A person's session is read from `TALLYSTICK_SESSION` or `--session-file`.
A file goes before its variable; one that is empty, or a variable that is set but empty, is not
"none": the command ends with 3. Where neither is named, `submissions list`, `show` and `watch` act
for the operator.
A person is named in a JSON file or on standard input, never in an argument.

| exit code | means |
|---|---|
| 0 | fine |
| 1 | it ran, and found faults at or above `--fail-on`, or a check failed |
| 2 | the command or a setting is wrong |
| 3 | not allowed |
| 4 | database or server out of reach, a disk full or failing; trying again later may help |
| 5 | a fault of Tallystick; a report file without any record's data is named |
| 130 | stopped by Ctrl-C or SIGTERM before its work was done |
"""


def page() -> str:
    """The whole page as Markdown."""
    parts = [_HEAD]
    for path, command in commands(get_command(app), ("tallystick",)):
        parts.append(_section(path, command))
    return "\n".join([*parts, _settings()])


def _settings() -> str:
    """The table of settings; a default that is worked out on the machine is left open."""
    lines = ["## Settings", "", "| variable | meaning | default |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is PydanticUndefined else _default(field.default)
        lines.append(f"| `TALLYSTICK_{name.upper()}` | {field.description} | {default} |")
    return "\n".join([*lines, ""])


def commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, with its words, in the order of `--help`."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, found in inner.items():
        yield from commands(found, (*path, name))


def _section(path: tuple[str, ...], command: Any) -> str:
    text = " ".join((command.help or "").split())
    lines = [f"## `{' '.join(path)}`", "", text, ""]
    rows = [_row(one) for one in command.params if one.name != "help"]
    if rows:
        lines += ["| argument or option | meaning | default |", "|---|---|---|", *rows, ""]
    return "\n".join(lines)


def _row(one: Any) -> str:
    if one.param_type_name == "argument":
        name = f"`{one.metavar or one.name.upper()}`"
    else:
        words = ", ".join(f"`{word}`" for word in one.opts)
        name = f"{words} `{one.metavar}`" if one.metavar else words
    meaning = one.help or ""
    default = "required" if one.required else _default(one.default)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in (name, meaning, default)) + " |"


def _default(value: object) -> str:
    return "" if value is None or value is False else f"`{value}`"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
