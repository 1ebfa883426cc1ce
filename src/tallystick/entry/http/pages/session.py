"""Who is signed in: the session cookie, the sign-in link, the token that binds a form to it."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from tallystick.entry.http.known_parameters import require_each_once
from tallystick.entry.http.web import web_of
from tallystick.errors import InvariantBroken, Refused
from tallystick.service.members import Member, members
from tallystick.service.port import Deps
from tallystick.service.sessions import Session, session

COOKIE = "tallystick_session"
MOST_SECRET = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A session and, for a member's staff, the member."""

    secret: str
    session: Session
    member: Member | None

    @property
    def persona(self) -> str:
        """furnisher, lender, person or operator."""
        return str(self.session.persona)

    def the_member(self) -> Member:
        """The member. Raises: InvariantBroken for a person's session."""
        if self.member is None:
            raise InvariantBroken("a member's session without a member")
        return self.member


def _look_up(deps: Deps, secret: str) -> SignedIn | None:
    found = session(deps, secret)
    if found is None:
        return None
    member = None
    if found.member_id is not None:
        member = next((m for m in members(deps) if m.member_id == found.member_id), None)
    return SignedIn(secret=secret, session=found, member=member)


async def who_has(request: Request, secret: str) -> SignedIn | None:
    """Whose session a secret is; None when it is nobody's (any more)."""
    if not secret or len(secret) > MOST_SECRET or not secret.isascii():
        return None
    return await run_in_threadpool(_look_up, web_of(request).deps, secret)


async def signed_in_or_none(request: Request) -> SignedIn | None:
    """Who is signed in, if anybody."""
    return await who_has(request, request.cookies.get(COOKIE, ""))


async def signed_in(request: Request, *personas: str) -> SignedIn:
    """Who is signed in. Raises: Refused `sign_in_required`, `wrong_persona`."""
    who = await signed_in_or_none(request)
    if who is None:
        raise Refused("sign_in_required")
    if personas and who.persona not in personas:
        raise Refused("wrong_persona", f"this page is for: {', '.join(personas)}")
    return who


def keep_session(request: Request, response: Response, secret: str) -> None:
    """Put the session into the browser: not readable by scripts, not sent along from elsewhere."""
    response.set_cookie(
        COOKIE,
        secret,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        path="/",
    )


def csrf_token(secret: str) -> str:
    """The token of a session's forms; it tells nothing about the secret."""
    return hmac.digest(secret.encode(), b"tallystick form", "sha256").hex()


def check_csrf(who: SignedIn, given: object) -> None:
    """Raise Refused `form_expired` unless the form came from a page of this session."""
    if not isinstance(given, str) or not hmac.compare_digest(
        given.encode(), csrf_token(who.secret).encode()
    ):
        raise Refused("form_expired")


async def posted(request: Request, who: SignedIn) -> dict[str, str]:
    """The text fields of a form of this session. Raises: DoubledField; Refused `form_expired`."""
    form: FormData = await request.form()
    require_each_once([name for name, _ in form.multi_items()])
    check_csrf(who, form.get("csrf"))
    return {key: value.strip() for key, value in form.items() if isinstance(value, str)}
