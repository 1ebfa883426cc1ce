"""Commands about whose a record is, and of which loan: cases that wait, and their decisions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from tallystick.entry.cli import opening, output
from tallystick.entry.cli.ids import read, shown
from tallystick.entry.cli.on_file import named, person_of
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


def unlink(
    party_id: Annotated[
        str,
        typer.Argument(
            metavar="PARTY-ID", help="pty_… as `cases` shows; with --subject as a report shows it."
        ),
    ],
    subject: Annotated[
        str | None,
        typer.Option(
            "--subject",
            metavar="FILE|-|SUBJECT-ID",
            help="Whose report shows the id: a JSON file that names the person, as for `inquire`,"
            " or - for standard input; or her id, sbj_….",
        ),
    ] = None,
    by: By = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Decide that a party is not this subject; no later record links it again by itself.

    What the bureau linked by itself has no case: its id stands under `identity` in her own report
    (`sign-in person --session`, then `report`), and in an answer to a member.
    """
    shown_id = read("party", party_id)
    content = None if subject is None else named(subject)
    if not dry_run:
        confirm("Part this party from its subject?", yes=yes)
    elif content is None:
        output.say("would part the party from its subject, for good unless linked again by hand")
        return
    from tallystick.service.identity import unlink as unlink_party

    with opening.deps() as parts:
        party, whose = shown_id, None
        if content is not None:
            whose = person_of(parts, content).subject_id
            party = _party_shown(parts, whose, shown_id)
        if not dry_run:
            unlink_party(parts, party, opening.decider(by))
    if dry_run:
        output.say("would part it from its subject, for good unless linked again by hand")
        output.next_step(f"tallystick unlink {shown('party', party)}")
        return
    output.say("unlinked")
    if whose is None:
        output.next_step("tallystick cases")
    else:
        output.say("it can be linked again by hand:")
        output.next_step(f"tallystick link {shown('party', party)} {shown('subject', whose)}")


def _party_shown(parts: Deps, subject_id: UUID, shown_id: UUID) -> UUID:
    """The party of a subject by an id that a report shows; says by what it was linked."""
    from tallystick.service.shown_parties import party_shown

    found = party_shown(parts, subject_id, shown_id)
    output.say(
        f"the party was linked by the decision `{found.decision}` of {found.decided_by},"
        f" {found.decided_at.isoformat(timespec='seconds')}"
    )
    return found.party_id


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
