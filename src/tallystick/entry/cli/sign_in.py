"""`tallystick sign-in`: a link to the pages for one person or one institution's staff."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote, urlsplit

import typer

from tallystick.entry.cli import opening, output
from tallystick.entry.cli.on_file import named, person_of, require_on_file
from tallystick.entry.cli.options import AsJson

if TYPE_CHECKING:
    from tallystick.service.port import Deps

_STAFF: Final = ("furnisher", "lender")
PERSONAS: Final = (*_STAFF, "person", "operator")
_LINK_MINUTES: Final = 30
_MOST_MINUTES: Final = 12 * 60


def sign_in(
    persona: Annotated[str, typer.Argument(metavar="|".join(PERSONAS), help="Who is to sign in.")],
    code: Annotated[
        str | None, typer.Argument(metavar="[CODE]", help="The member, for its staff.")
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option(
            "--subject",
            metavar="FILE|-|SUBJECT-ID",
            help="JSON file that names the person, as for `inquire`, or - for standard input; or"
            " her id, sbj_….",
        ),
    ] = None,
    minutes: Annotated[
        int, typer.Option("--minutes", min=1, max=_MOST_MINUTES, help="How long the link waits.")
    ] = _LINK_MINUTES,
    address: Annotated[
        str | None, typer.Option("--address", help="Where the pages are served: https://…")
    ] = None,
    session: Annotated[
        bool,
        typer.Option(
            "--session", help="Print a session's secret, for the command line, in place of a link."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print a sign-in link; it works once. Whoever opens it reads as that persona."""
    if persona not in PERSONAS:
        raise typer.BadParameter(f"wants one of {', '.join(PERSONAS)}")
    if (persona in _STAFF) != (code is not None):
        raise typer.BadParameter("a member's CODE goes with furnisher and lender, and only there")
    if (persona == "person") != (subject is not None):
        raise typer.BadParameter("--subject goes with person, and only there")
    if address is not None:
        _require_web(address)
    content = None if subject is None else named(subject)
    from tallystick.service.sessions import issue_link, open_session

    with opening.bureau() as opened:
        settings, parts = opened.settings, opened.deps
        who = _who(parts, code=code, content=content)
        if session:
            secret = open_session(parts, persona=persona, **who)
        else:
            secret = issue_link(parts, persona=persona, life=timedelta(minutes=minutes), **who)
    if session:
        _give("session", secret, as_json=as_json)
        output.next_step(f"{opening.SESSION_VARIABLE}=… tallystick consents list")
        return
    base = (address or f"http://{settings.host}:{settings.port}").rstrip("/")
    _give("link", f"{base}/sign-in/{quote(secret)}", as_json=as_json)
    output.say(f"works once, within {minutes} minutes; give it to nobody else")
    output.next_step("tallystick serve --worker")


def _require_web(address: str) -> None:
    """Refuse what no sign-in page can be under."""
    try:
        parts = urlsplit(address)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, half a bracket
        is_web = False
    if not is_web or parts.query or parts.fragment or any(map(str.isspace, address)):
        raise typer.BadParameter("--address takes http:// or https://, a host, and a path or none")


def _who(parts: Deps, *, code: str | None, content: dict[str, Any] | None) -> dict[str, Any]:
    """What the session stands for, as `open_session` takes it."""
    if code is not None:
        from tallystick.service.members import member_by_code

        return {"member_id": member_by_code(parts, code).member_id}
    if content is None:
        return {}
    person = person_of(parts, content)
    require_on_file(parts, person.subject_id)
    return {"subject_id": person.subject_id, "token": person.token}


def _give(name: str, value: str, *, as_json: bool) -> None:
    if as_json:
        output.as_json({name: value})
    else:
        output.data(value)
