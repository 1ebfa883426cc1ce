"""Commands about whose a record is: cases waiting for a decision, and the two decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.entry.cli import opening, output
from tallystick.entry.cli.ids import read, shown
from tallystick.entry.cli.options import AsJson, By, DryRun, Yes, confirm

if TYPE_CHECKING:
    from tallystick.service.identity import CaseView

PartyId = Annotated[str, typer.Argument(metavar="PARTY-ID", help="pty_… as `cases` shows.")]


def cases(as_json: AsJson = False) -> None:
    """List identity cases that wait for a person's decision; ids only, no one's data."""
    from tallystick.service.identity import cases as open_cases

    with opening.deps() as parts:
        found = [_case(case) for case in open_cases(parts)]
    if as_json:
        output.as_json(found)
    elif found:
        columns = ("case_id", "kind", "party_id", "candidates", "agreements", "disagreements")
        output.table(columns, [[case[column] for column in columns] for case in found])
    decidable = [case for case in found if case["candidates"]]
    if decidable:
        first = decidable[0]
        output.next_step(f"tallystick link {first['party_id']} {first['candidates'][0]}")
    else:
        output.say("no case waits for a decision")
        output.next_step("tallystick submissions list")


def _case(case: CaseView) -> dict[str, Any]:
    """A case with its ids as people type them."""
    found: dict[str, Any] = output.plain(case)
    return found | {
        "case_id": shown("case", case.case_id),
        "party_id": shown("party", case.party_id),
        "subject_id": case.subject_id and shown("subject", case.subject_id),
        "candidates": [shown("subject", one) for one in case.candidates],
    }


def link(
    party_id: PartyId,
    subject_id: Annotated[str, typer.Argument(metavar="SUBJECT-ID", help="sbj_…")],
    by: By = None,
    dry_run: DryRun = False,
) -> None:
    """Decide that a furnisher's party is this subject; it can be undone with `unlink`."""
    from tallystick.service.identity import link as link_party

    party, subject = read("party", party_id), read("subject", subject_id)
    if dry_run:
        output.say("would link the party to the subject and bring both files up to date")
        return
    with opening.deps() as parts:
        link_party(parts, party, subject, opening.decider(by))
    output.say("linked")
    output.next_step("tallystick cases")


def unlink(party_id: PartyId, by: By = None, yes: Yes = False, dry_run: DryRun = False) -> None:
    """Decide that a party is not this subject; no later record links it again by itself."""
    from tallystick.service.identity import unlink as unlink_party

    party = read("party", party_id)
    if dry_run:
        output.say("would part the party from its subject, for good unless linked again by hand")
        return
    confirm("Part this party from its subject?", yes=yes)
    with opening.deps() as parts:
        unlink_party(parts, party, opening.decider(by))
    output.say("unlinked")
    output.next_step("tallystick cases")
