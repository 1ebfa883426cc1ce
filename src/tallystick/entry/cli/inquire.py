"""Commands that ask about a person. Each runs under a named permit, and each is a look."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.entry.cli import opening, output
from tallystick.entry.cli.exits import Exit
from tallystick.entry.cli.ids import read, shown
from tallystick.entry.cli.options import AsJson, KeyFile, SubjectFile
from tallystick.entry.cli.persons import identified, read_object
from tallystick.errors import Refused
from tallystick.model.permit import MEMBERS_PERMITS

if TYPE_CHECKING:
    from tallystick.entry.compose import Bureau
    from tallystick.service.inquire import Answer, Ask
    from tallystick.service.members import Member
    from tallystick.service.sessions import Session


def inquire(
    subject: SubjectFile,
    purpose: Annotated[str, typer.Option("--purpose", help="Why; a purpose of the profile.")],
    permit: Annotated[
        str,
        typer.Option("--permit", metavar="|".join(MEMBERS_PERMITS), help="The leave it rests on."),
    ] = "consent",
    consent: Annotated[str | None, typer.Option("--consent", help="cns_…, for consent.")] = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option("--idempotency-key", help="Repeat an inquiry safely: same key, same answer."),
    ] = None,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Ask about a person as a member; standard output gets the report's body, byte for byte."""
    if permit not in MEMBERS_PERMITS:
        raise typer.BadParameter(f"--permit takes {', '.join(MEMBERS_PERMITS)}")
    if consent is not None and permit != "consent":
        raise typer.BadParameter("--consent goes with --permit consent only")
    content = read_object(subject)
    identified(content)  # what does not fit is refused before anything is opened
    # Left out it is no mistake in the command: the gate refuses, and the attempt is a look.
    basis = {"type": permit} | ({} if consent is None else {"consent_id": consent})
    given = {"subject": content, "purpose": purpose, "legal_basis": basis}
    request_key = idempotency_key or str(uuid.uuid4())
    from tallystick.service.inquire import answer

    with opening.bureau() as opened:
        ask = _ask(opening.acting_member(opened.deps, key_file), given, request_key=request_key)
        result = opening.waited(opened, answer(opened.deps, ask))
    output.say(f"idempotency key: {request_key}")
    _give(result, as_json=as_json)


def report(
    inquiry_id: Annotated[
        str | None, typer.Argument(metavar="[INQUIRY-ID]", help="inq_…; without: one's own report.")
    ] = None,
    prove: Annotated[
        bool,
        typer.Option("--prove", help="Fold the answer anew, compare, show only the digests."),
    ] = False,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            help="One's own report as things stood at this instant, or at this day's end.",
        ),
    ] = None,
    known_at: Annotated[
        str | None, typer.Option("--known-at", help="... as the bureau knew them then.")
    ] = None,
    key_file: KeyFile = None,
    session_file: opening.SessionFile = None,
    as_json: AsJson = False,
) -> None:
    """Show an answer again to whom it was given (permit `again`), or one's own report (`self`)."""
    identity = read("inquiry", inquiry_id) if inquiry_id else None
    asked = {"as_of": as_of, "known_at": known_at}
    if identity is not None and any(asked.values()):
        raise typer.BadParameter("an answer is shown again as it was: no --as-of, no --known-at")
    with opening.bureau() as opened:
        zone = opened.deps.profile_today.time_zone
        times = {name: _instant(text, zone) for name, text in asked.items()}
        if prove:
            if identity is None:
                raise typer.BadParameter("--prove wants an INQUIRY-ID")
            _prove(opened, identity, as_json=as_json)
            return
        session = opening.session_or_none(opened.deps, session_file)
        if session is not None and identity is None:
            given = _own(opened, session, times)
        else:
            given = _again(opened, identity, session=session, key_file=key_file)
    _give(given, as_json=as_json)


def _instant(text: str | None, time_zone: str) -> datetime | None:
    """An instant with its offset; a day means its end. Raises: typer.BadParameter."""
    if text is None:
        return None
    from tallystick.model.instant import read_instant

    found = read_instant(text, time_zone)
    if found is None:
        raise typer.BadParameter("wants a day, 2026-01-31, or 2026-01-31T23:59:59+08:00")
    return found


def _own(opened: Bureau, session: Session, times: dict[str, datetime | None]) -> Answer:
    from tallystick.service.person import own_report

    return opening.waited(opened, own_report(opened.deps, session, **times))


def _again(
    opened: Bureau, identity: uuid.UUID | None, *, session: Session | None, key_file: Path | None
) -> Answer:
    from tallystick.service.replay import again

    if identity is None:
        raise Refused(
            "not_permitted",
            "an answer is shown again by its id; a person's own report wants her session:"
            f" {opening.SESSION_VARIABLE}",
        )
    reader = session or opening.acting_member(opened.deps, key_file)
    return opening.waited(opened, again(opened.deps, reader, identity))


def _prove(opened: Bureau, identity: uuid.UUID, *, as_json: bool) -> None:
    """Compare what the look names with the kept body and a fresh fold; none leaves this process."""
    from tallystick.service.replay import prove

    proof = opening.waited(opened, prove(opened.deps, identity))
    result = {
        "inquiry_id": shown("inquiry", identity),
        "look_sha256": proof.look.hex(),
        "kept_sha256": None if proof.kept is None else proof.kept.hex(),
        "kept_is_altered": proof.kept_is_altered,
        "folded_sha256": proof.folded.hex(),
        "is_same": proof.is_same,
    }
    if as_json:
        output.as_json(result)
    else:
        output.facts(result.items())
    if proof.kept_is_altered:
        output.complain("the body kept of this answer was altered since: it is folded anew instead")
    if not proof.is_same:
        raise typer.Exit(Exit.FOUND)
    output.next_step("tallystick log verify")


def _ask(member: Member, given: dict[str, Any], *, request_key: str) -> Ask:
    """The same inquiry as by API: a call begun there can be repeated here under its key."""
    from tallystick.service.inquire import Ask, request_digest

    identifiers, name, birth_date = identified(given["subject"])
    basis = given["legal_basis"]
    consent = basis.get("consent_id")
    return Ask(
        member=member,
        identifiers=identifiers,
        name=name,
        birth_date=birth_date,
        purpose=given["purpose"],
        permit=basis["type"],
        consent_id=None if consent is None else read("consent", consent),
        idempotency_key=request_key,
        request_digest=request_digest(given),
    )


def _give(given: Answer, *, as_json: bool) -> None:
    """The body alone, or with `--json` the body in its envelope."""
    look = shown("inquiry", given.look_id)
    output.say(f"{look}: {given.outcome}" + (" (given before)" if given.is_replay else ""))
    if given.known_at is not None:
        output.say(f"answered as the bureau knew it at {given.known_at.isoformat()}")
    body = given.body
    if as_json:
        envelope = {
            "inquiry_id": look,
            "outcome": given.outcome,
            "occurred_at": given.occurred_at,
            "known_at": given.known_at,
            "is_replay": given.is_replay,
            "body": None if body is None else json.loads(body),
            "body_digest": given.body_digest,
            "receipt": given.receipt,
        }
        output.as_json(envelope)
    elif body is not None:
        output.data_bytes([body])
    if body is None:
        output.next_step(
            "compare number, name and birth date with the person's document, then ask again:"
            " tallystick inquire"
        )
    else:
        output.next_step(f"tallystick report {look}")
