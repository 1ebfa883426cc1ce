"""The command tree of `tallystick`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tallystick import __version__
from tallystick.entry.cli import (
    consents,
    digest,
    doctor,
    identity,
    inquire,
    members,
    output,
    proof,
    rules,
    running,
    sign_in,
    submissions,
    validate,
)
from tallystick.entry.cli.exits import told

_START = "Start"
_FURNISH = "Furnish"
_ASK = "Ask, consent, erase"
_DECIDE = "Members and identity"
_PROVE = "Prove"


class Told(TyperGroup):
    """The root group: exceptions become talk and an exit code in one place."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        words = [str(word) for word in (*getattr(ctx, "_protected_args", ()), *ctx.args)]
        with told(" ".join([str(ctx.info_name), *self._named(words)]), words):
            return super().invoke(ctx)

    def _named(self, words: list[str]) -> list[str]:
        """The command's own words (`ledger verify`): no argument, which could be anything."""
        first = self.commands.get(words[0]) if words else None
        inner = getattr(first, "commands", {})
        return words[: 2 if len(words) > 1 and words[1] in inner else 1] if first else []


app = typer.Typer(
    cls=Told,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help=(
        "Credit records which lenders share, people can see and check,"
        " and nobody can quietly change or quietly read."
    ),
    epilog=(
        "Exit codes: 0 fine, 1 found or failed, 2 usage or settings, 3 not allowed,"
        " 4 out of reach, 5 our fault, 130 stopped."
    ),
)


def _print_version(wanted: bool) -> None:
    if wanted:
        output.data(f"tallystick {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Hold the options that stand before a command."""


app.command(rich_help_panel=_START)(running.demo)
app.command(rich_help_panel=_START)(running.init)
app.command(rich_help_panel=_START)(running.serve)
app.command(rich_help_panel=_START)(running.worker)
app.command(rich_help_panel=_START)(running.migrate)
app.command(rich_help_panel=_START)(doctor.doctor)
app.command(rich_help_panel=_START)(running.synth)
app.command(rich_help_panel=_FURNISH)(validate.validate)
app.command(rich_help_panel=_FURNISH)(digest.digest)
app.command(rich_help_panel=_FURNISH)(submissions.submit)
app.add_typer(submissions.submissions, name="submissions", rich_help_panel=_FURNISH)
app.add_typer(rules.rules, name="rules", rich_help_panel=_FURNISH)
app.command(rich_help_panel=_FURNISH)(rules.explain)
app.command(rich_help_panel=_ASK)(inquire.inquire)
app.command(rich_help_panel=_ASK)(inquire.report)
app.add_typer(consents.consents, name="consents", rich_help_panel=_ASK)
app.command(rich_help_panel=_ASK)(proof.erase)
app.add_typer(members.members, name="members", rich_help_panel=_DECIDE)
app.add_typer(members.keys, name="keys", rich_help_panel=_DECIDE)
app.command("sign-in", rich_help_panel=_DECIDE)(sign_in.sign_in)
app.command(rich_help_panel=_DECIDE)(identity.cases)
app.command(rich_help_panel=_DECIDE)(identity.link)
app.command(rich_help_panel=_DECIDE)(identity.unlink)
app.command(rich_help_panel=_DECIDE)(identity.dismiss)
app.add_typer(proof.ledger, name="ledger", rich_help_panel=_PROVE)
app.add_typer(proof.log, name="log", rich_help_panel=_PROVE)
