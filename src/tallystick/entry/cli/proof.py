"""Commands that prove and mend: the ledger, the log of looks, erasure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tallystick.entry.cli import opening, output
from tallystick.entry.cli.exits import Exit
from tallystick.entry.cli.on_file import named, person_of
from tallystick.entry.cli.options import (
    AsJson,
    By,
    DryRun,
    NamedSubject,
    Yes,
    confirm,
)

ledger = typer.Typer(no_args_is_help=True, help="The record of all statements.")
log = typer.Typer(no_args_is_help=True, help="The record of all looks.")


@ledger.command("verify")
def verify_ledger(as_json: AsJson = False) -> None:
    """Check counts, the root of each chunk, and that every file equals its fold."""
    from tallystick.service.verify import ledger_verify

    with opening.deps() as parts, output.progress() as move:
        result = ledger_verify(parts, move)
    _verdict(
        result, as_json=as_json, mend="tallystick ledger rebuild", fine="tallystick log verify"
    )


@ledger.command("rebuild")
def rebuild_ledger(yes: Yes = False, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Make every person's file anew from the ledger's statements.

    A file is the working copy an inquiry reads. Ledger, log and kept answers are not touched, and
    answers come out the same, byte for byte; who asks meanwhile is answered from the old files.
    """
    if dry_run:
        output.say(
            "would fold every person's file anew from the ledger; ledger, log and answers stay"
        )
        return
    output.say("ledger, log and kept answers stay as they are; answers do not change")
    confirm("Make every person's file anew from the ledger?", yes=yes)
    from tallystick.service.verify import ledger_rebuild

    with opening.deps() as parts, output.progress() as move:
        result = ledger_rebuild(parts, move)
    if as_json:
        output.as_json(result)
    else:
        output.facts(_pairs(result))
    output.next_step("tallystick ledger verify")


@log.command("verify")
def verify_log(
    head: Annotated[
        list[Path] | None,
        typer.Option(
            "--head",
            metavar="FILE",
            help="A head kept elsewhere, as `log head --json` printed it; may be given again. The"
            " log must still begin with what it was signed over.",
            exists=True,
            dir_okay=False,
            readable=True,
        ),
    ] = None,
    bodies: Annotated[
        bool,
        typer.Option(
            "--bodies",
            help="Open every kept answer too, compare it with what its look names, and name those"
            " that are gone before their time; takes longer than all the rest.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check the log from its first entry; names the first altered, missing or moved look.

    A log cut short together with its newest heads shows only against a head kept outside the
    database: give each by `--head`.

    Then check what answers rest on: every consent against what was signed of it, every withdrawal,
    and each person's steps from the first to the last; names the consent that was changed. And
    of every kept answer how long it may be read again and is kept, which its look says; and what is
    told in place of an erased look, which the signed statement of its erasure says.
    """
    from tallystick.entry.cli.heads import kept_heads
    from tallystick.service.log import log_verify

    kept = kept_heads(head or ())
    with opening.deps() as parts:
        result = log_verify(parts, kept_heads=kept, bodies=bodies)
    _verdict(result, as_json=as_json, mend="tallystick doctor", fine="tallystick log head")


@log.command("head")
def show_head(as_json: AsJson = False) -> None:
    """Show the newest signed head: its size and root are what others can hold us to.

    Keep the JSON where nobody of the bureau can change it, for `log verify --head`.
    """
    from tallystick.entry.cli.heads import newest_head

    with opening.deps() as parts:
        head = newest_head(parts)
    if head is None:
        output.say("no head is signed yet")
        output.next_step("tallystick log sequence")
        return
    if as_json:
        output.as_json(head)
    else:
        output.facts(head.items())
    output.next_step("tallystick log verify")


@log.command("sequence")
def sequence_log(as_json: AsJson = False) -> None:
    """Number the looks that wait, once, and sign a head; `worker` does it all the time."""
    from tallystick.service.log import sequence_once

    with opening.deps() as parts:
        result = sequence_once(parts)
    if as_json:
        output.as_json(result)
    else:
        output.facts(_pairs(result))
    output.next_step("tallystick log head")


def erase(
    subject: NamedSubject,
    ground: Annotated[str, typer.Option("--ground", help="The ground in law, for the record.")],
    by: By = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Erase a person: destroy her keys for good. Named as for `inquire`, or by her id."""
    content = named(subject)
    if not dry_run:
        confirm("Erase this person? Nothing brings her records back.", yes=yes)
    from tallystick.service.erase import erase as erase_subject
    from tallystick.service.erase import require_erasable

    with opening.deps() as parts:
        subject_id = person_of(parts, content).subject_id
        if dry_run:
            require_erasable(parts, subject_id)
        else:
            result = erase_subject(parts, subject_id, ground, opening.decider(by))
    if dry_run:
        output.say("would destroy the person's keys; answers about her would be 410 from then on")
        return
    if as_json:
        output.as_json(result)
    else:
        output.say("erased")
    output.next_step("tallystick log verify")


def _verdict(result: Any, *, as_json: bool, mend: str, fine: str) -> None:
    """Print a check's result, its faults one a line; exit 1 where there is one."""
    if as_json:
        output.as_json({"ok": result.ok, **output.plain(result)})
    else:
        pairs = [(name, value) for name, value in _pairs(result) if name != "faults"]
        output.facts((("ok", result.ok), *pairs))
        for fault in getattr(result, "faults", ()):
            output.data(str(fault))
    output.next_step(fine if result.ok else mend)
    if not result.ok:
        raise typer.Exit(Exit.FOUND)


def _pairs(result: Any) -> list[tuple[str, Any]]:
    found = output.plain(result)
    return list(found.items()) if isinstance(found, dict) else [("result", found)]
