"""Commands about whose a record is, and of which loan: cases that wait, and their decisions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.entry.cli import opening, output
from tallystick.entry.cli.ids import read, shown
from tallystick.entry.cli.options import AsJson, By, DryRun, Yes, confirm

if TYPE_CHECKING:
    from tallystick.service.identity import CaseView
    from tallystick.service.port import Deps

PartyId = Annotated[str, typer.Argument(metavar="PARTY-ID", help="pty_… as `cases` shows.")]


def cases(as_json: AsJson = False) -> None:
    """List cases that wait for a person's decision: whose a record is or of which loan."""
    from tallystick.service.identity import cases as open_cases

    with opening.deps() as parts:
        found = [_case(case) for case in open_cases(parts)]
    if as_json:
        output.as_json(found)
    elif found:
        columns = ["case_id", "kind", "party_id", "candidates", "agreements", "disagreements"]
        if any(case["accounts"] for case in found):
            columns.append("accounts")
        output.table(columns, [[_cell(case[column]) for column in columns] for case in found])
    if not found:
        output.say("no case waits for a decision")
        output.next_step("tallystick submissions list")
        return
    decidable = [case for case in found if case["candidates"]]
    twins = [case for case in found if case["accounts"]]
    if decidable:
        first = decidable[0]
        output.next_step(f"tallystick link {first['party_id']} {first['candidates'][0]}")
    elif twins:
        output.say("one loan sent twice: the second account's furnisher deletes it; two loans:")
        output.next_step(f"tallystick dismiss {twins[0]['case_id']}")
    else:
        output.next_step(f"tallystick unlink {found[0]['party_id']}")


def _cell(value: Any) -> Any:
    """A cell of the table; accounts as `id of furnisher`."""
    if isinstance(value, list):
        return [
            f"{one['account_id']} of {one['furnisher']}" if isinstance(one, dict) else one
            for one in value
        ]
    return value


def _case(case: CaseView) -> dict[str, Any]:
    """A case with its ids as people type them."""
    found: dict[str, Any] = output.plain(case)
    return found | {
        "case_id": shown("case", case.case_id),
        "party_id": shown("party", case.party_id),
        "subject_id": case.subject_id and shown("subject", case.subject_id),
        "candidates": [shown("subject", one) for one in case.candidates],
        "accounts": [
            {"account_id": shown("account", one.account_id), "furnisher": one.furnisher}
            for one in case.accounts
        ],
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
    else:
        _decide(lambda parts, who: link_party(parts, party, subject, who), by, done="linked")


def unlink(party_id: PartyId, by: By = None, yes: Yes = False, dry_run: DryRun = False) -> None:
    """Decide that a party is not this subject; no later record links it again by itself."""
    from tallystick.service.identity import unlink as unlink_party

    party = read("party", party_id)
    if dry_run:
        output.say("would part the party from its subject, for good unless linked again by hand")
        return
    confirm("Part this party from its subject?", yes=yes)
    _decide(lambda parts, who: unlink_party(parts, party, who), by, done="unlinked")


def dismiss(
    case_id: Annotated[str, typer.Argument(metavar="CASE-ID", help="cas_… as `cases` shows.")],
    by: By = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Decide that a case's two accounts are two loans; the pair never comes up again."""
    from tallystick.service.funders_own import dismiss as dismiss_case

    case = read("case", case_id)
    if dry_run:
        output.say("would put the case away, for good")
        return
    confirm("Put this case away for good?", yes=yes)
    _decide(lambda parts, who: dismiss_case(parts, case, who), by, done="dismissed")


def _decide(decision: Callable[[Deps, str], object], by: str | None, *, done: str) -> None:
    """Take a decision on record under a name, and say that it was taken."""
    with opening.deps() as parts:
        decision(parts, opening.decider(by))
    output.say(done)
    output.next_step("tallystick cases")
