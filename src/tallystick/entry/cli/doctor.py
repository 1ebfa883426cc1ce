"""`tallystick doctor`: what is wrong with this installation, each with a fix."""

from __future__ import annotations

import typer

from tallystick.entry.cli import opening, output
from tallystick.entry.cli.exits import Exit
from tallystick.entry.cli.options import AsJson


def doctor(as_json: AsJson = False) -> None:
    """Check this installation: settings, disk, keys, database, schema, roles, clock, log,
    submissions, vault.
    """
    from tallystick.entry.cli.checkup import examine

    found = examine(opening.read_settings())
    if as_json:
        output.as_json({"ok": all(one.is_fine for one in found), "checks": found})
    else:
        rows = [
            ("fine" if one.is_fine else "WRONG", one.name, one.seen, "" if one.is_fine else one.fix)
            for one in found
        ]
        output.table(("", "check", "seen", "fix"), rows)
    if all(one.is_fine for one in found):
        output.next_step("tallystick serve --worker")
        return
    output.next_step("mend the first that is wrong, then: tallystick doctor")
    raise typer.Exit(Exit.FOUND)
