"""`tallystick validate`: check a file on one's own machine, with no bureau and no network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.entry.cli import output
from tallystick.entry.cli.exits import Exit
from tallystick.entry.cli.machine import reading
from tallystick.entry.cli.submissions import FailOn, severities_from

if TYPE_CHECKING:
    from tallystick.entry.cli.offline import Checked

FORMATS = ("table", "json", "csv", "junit")


def validate(
    file: Annotated[
        Path, typer.Argument(help="CSV or NDJSON, plain or gzip.", exists=True, dir_okay=False)
    ],
    dataset: Annotated[str, typer.Option("--dataset", help="Which records the file holds.")],
    profile: Annotated[str, typer.Option("--profile", help="Jurisdiction profile.")] = "zz",
    form: Annotated[
        str, typer.Option("--format", metavar="|".join(FORMATS), help="Form of the findings.")
    ] = "table",
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="Most findings in the table; others give all.")
    ] = 50,
    fail_on: FailOn = "reject",
) -> None:
    """Check a file offline: same rules, same findings as the server for what needs row or file."""
    from tallystick.adapters.settings import ClockSettings
    from tallystick.entry.cli.offline import check_file
    from tallystick.entry.cli.validate_print import PRINTERS
    from tallystick.entry.compose import clock_of

    form = "json" if as_json else form
    if form not in PRINTERS:
        raise typer.BadParameter(f"--format takes {', '.join(FORMATS)}")
    counted = severities_from(fail_on)
    settings = ClockSettings()
    with reading(file), output.progress() as move:
        checked = check_file(
            file,
            dataset=dataset,
            profile_id=profile,
            progress=move,
            now=clock_of(settings)(),
            is_test_mode=settings.mode == "test",
        )
    PRINTERS[form](checked, limit)
    _tell(checked, file)
    if any(finding.severity in counted for finding in checked.findings):
        raise typer.Exit(Exit.FOUND)


def _tell(checked: Checked, file: Path) -> None:
    left = len(checked.not_evaluated)
    output.say(
        f"{checked.sent} rows, {checked.rejected} rejected, {len(checked.findings)} findings"
    )
    if left:
        output.say(f"{left} rules need the ledger and were not evaluated; the bureau judges those")
    if checked.findings:
        output.next_step(f"tallystick explain {checked.findings[0].rule_id}")
    else:
        output.next_step(f"tallystick submit {file} --dataset {checked.dataset}")
