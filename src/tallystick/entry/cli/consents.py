"""Commands about consents: register and withdraw them, list one's own, check one without us."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from tallystick.entry.cli import opening, output
from tallystick.entry.cli.exits import Exit
from tallystick.entry.cli.ids import read, shown
from tallystick.entry.cli.options import AsJson, DryRun, KeyFile, Yes, confirm
from tallystick.entry.cli.persons import read_object, taken
from tallystick.errors import BadRequest

if TYPE_CHECKING:
    from tallystick.service.consents import ConsentView
    from tallystick.service.members import Member
    from tallystick.service.port import Deps
    from tallystick.service.sessions import Session

consents = typer.Typer(no_args_is_help=True, help="What persons agreed to.")

ConsentFile = Annotated[
    str,
    typer.Option(
        "--consent",
        metavar="FILE|-",
        help="JSON with artefact, salt, scheme and number; - for standard input.",
    ),
]


@consents.command("register")
def register_consent(
    consent: ConsentFile, key_file: KeyFile = None, dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Register a signed consent the member captured."""
    from tallystick.service.submit import register_consent as register

    artefact, salt, scheme, number = taken(
        read_object(consent), "artefact", "salt", "scheme", "number"
    )
    if dry_run:
        output.say("would check the signature and the salted hash, and register the consent")
        return
    with opening.deps() as parts:
        member = opening.acting_member(parts, key_file)
        view = register(parts, member, artefact=artefact, salt=salt, scheme=scheme, number=number)
        rows = _rows(parts, [view])
    _print(rows, as_json=as_json)
    output.next_step(f"tallystick inquire --permit consent --consent {_id(view)} --subject FILE")


@consents.command("withdraw")
def withdraw_consent(
    consent_id: Annotated[str, typer.Argument(metavar="CONSENT-ID", help="cns_…")],
    key_file: KeyFile = None,
    session_file: opening.SessionFile = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Withdraw a consent, as the person or as a member on her word; the next inquiry is refused."""
    identity = read("consent", consent_id)
    if dry_run:
        output.say("would withdraw the consent from this instant on")
        return
    confirm("Withdraw this consent?", yes=yes)
    with opening.deps() as parts:
        session = opening.session_or_none(parts, session_file)
        if session is not None:
            view = _withdraw_own(parts, identity, opening.persons(session))
        else:
            view = _withdraw_for(parts, identity, opening.acting_member(parts, key_file))
        rows = _rows(parts, [view])
    _print(rows, as_json=as_json)
    output.next_step("tallystick consents list")


def _withdraw_own(parts: Deps, consent_id: UUID, who: Session) -> ConsentView:
    from tallystick.service.consents import of_subject, withdraw

    hers = [] if who.subject_id is None else of_subject(parts, who.subject_id)
    if consent_id not in {view.consent_id for view in hers}:
        raise BadRequest("not_found", "no consent of this id that you may withdraw")
    return withdraw(parts, consent_id, withdrawn_by="person")


def _withdraw_for(parts: Deps, consent_id: UUID, member: Member) -> ConsentView:
    from tallystick.service.consents import withdraw

    return withdraw(parts, consent_id, withdrawn_by=f"member:{member.code}", member=member)


@consents.command("list")
def list_consents(session_file: opening.SessionFile = None, as_json: AsJson = False) -> None:
    """List a person's own consents, a look of hers; she shows her session, nobody else can.

    `tallystick sign-in person --subject FILE --session` prints a session's secret for her.
    """
    from tallystick.service.person import own_consents

    with opening.bureau() as opened:
        who = opening.own_session(opened.deps, session_file)
        found = opening.waited(opened, own_consents(opened.deps, who))
        rows = _rows(opened.deps, found)
    # How often a member asked under it is hers to know, not another member's who captured it.
    hers = [row | {"used": view.used} for row, view in zip(rows, found, strict=True)]
    _print(hers, as_json=as_json)
    active = [view for view in found if view.withdrawn_at is None]
    if not found:
        output.say("no consent is on file")
    output.next_step(
        f"tallystick consents withdraw {_id(active[0])}" if active else "tallystick report"
    )


@consents.command("verify")
def verify_consent(
    consent: ConsentFile,
    public_key: Annotated[
        Path,
        typer.Option("--public-key", help="Public JWK of the member who captured it.", exists=True),
    ],
    as_json: AsJson = False,
) -> None:
    """Check a consent without the bureau: its signature, and that it names this person."""
    from tallystick.entry.cli.offline_consent import check

    artefact, salt, scheme, number = taken(
        read_object(consent), "artefact", "salt", "scheme", "number"
    )
    result = check(artefact, read_object(str(public_key)), salt=salt, subject=(scheme, number))
    if as_json:
        output.as_json(result)
    else:
        output.facts(result.items())
    if not (result["signature"] and result["names_this_person"]):
        raise typer.Exit(Exit.FOUND)
    output.next_step("tallystick consents withdraw CONSENT-ID")


def _id(view: ConsentView) -> str:
    return shown("consent", view.consent_id)


def _rows(parts: Deps, views: list[ConsentView]) -> list[dict[str, Any]]:
    """Consents as people read them: ids with their prefix, members by their codes."""
    from tallystick.service.members import members

    codes = {member.member_id: member.code for member in members(parts)}
    return [_row(view, codes) for view in views]


def _row(view: ConsentView, codes: Mapping[UUID, str]) -> dict[str, Any]:
    found: dict[str, Any] = output.plain(view)
    del found["recipient_id"], found["used"]
    recipient = None if view.recipient_id is None else codes[view.recipient_id]
    named = {"captured_by": codes[view.captured_by], "recipient": recipient}
    return found | {"consent_id": _id(view)} | named


def _print(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        output.as_json(rows)
        return
    columns = ("consent_id", "status", "purpose", "data_classes", "valid_from", "valid_to")
    cells = [
        [*(one[name] for name in columns), _uses(one), one["text_sha256"][:12]] for one in rows
    ]
    output.table((*columns, "uses", "text"), cells)


def _uses(row: Mapping[str, Any]) -> str:
    """How often it may be used, and was where that is told: any, up to 2, 1 of 2."""
    allowed = row["uses_allowed"]
    if allowed is None:
        return "any"
    return f"{row['used']} of {allowed}" if "used" in row else f"up to {allowed}"
