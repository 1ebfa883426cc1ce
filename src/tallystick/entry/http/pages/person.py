"""A person's pages: her own report with who looked and why, and her consents."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tallystick.entry.http.language import TAKES_LANGUAGE
from tallystick.entry.http.pages.lender import report_page
from tallystick.entry.http.pages.render import render, words_of
from tallystick.entry.http.pages.session import SignedIn, posted, signed_in
from tallystick.entry.http.problem import InvalidRequest
from tallystick.entry.http.web import web_of
from tallystick.errors import BadRequest
from tallystick.model.ids import edge_id, parse_edge_id
from tallystick.model.instant import read_instant
from tallystick.service.consents import of_subject, withdraw
from tallystick.service.members import members
from tallystick.service.person import own_consents, own_report
from tallystick.service.port import Deps

_NOT_HERS = "no consent of this id that you may withdraw"
_NOT_REPORTABLE = "instant_not_reportable"
Asked = Annotated[str | None, Query(max_length=40)]
router = APIRouter(prefix="/me", dependencies=[TAKES_LANGUAGE])


@router.get("/report")
async def report(request: Request, as_of: Asked = None, known_at: Asked = None) -> Response:
    """Everything about her, who looked and why; as things stood, and as they were known, when."""
    who = await signed_in(request, "person")
    stood, known = _instant(request, "as_of", as_of), _instant(request, "known_at", known_at)
    try:
        found = await own_report(web_of(request).deps, who.session, as_of=stood, known_at=known)
    except BadRequest as refusal:
        if stood is None or refusal.code != "invalid_request":
            raise
        detail = refusal.detail
    else:
        return report_page(request, who, found)
    raise BadRequest(_NOT_REPORTABLE, detail)


def _instant(request: Request, name: str, text: str | None) -> datetime | None:
    """An instant with its offset, or the end of a day. Raises: InvalidRequest."""
    if text is None:
        return None
    zone = web_of(request).deps.profile_today.time_zone
    # A `+` in an address reads as a blank, and no instant needs a blank.
    found = read_instant(text.replace(" ", "+"), zone)
    if found is None:
        allowed = "must be a day, YYYY-MM-DD, or an ISO 8601 instant with an offset"
        raise InvalidRequest([{"pointer": f"/query/{name}", "message": allowed}], _NOT_REPORTABLE)
    return found


@router.get("/consents")
async def consents(request: Request) -> Response:
    """Her consents as cards; a look of hers, as the form is that shows one of them."""
    who = await signed_in(request, "person")
    return render(request, "consents.html", who=who, consents=await _cards(request, who))


@router.get("/consents/{consent_id}/withdraw")
async def withdraw_form(consent_id: str, request: Request) -> Response:
    """Ask once whether she means it: what it does, what it does not."""
    who = await signed_in(request, "person")
    card = _card_of(await _cards(request, who), consent_id)
    return render(request, "withdraw.html", who=who, consent=card)


@router.post("/consents/{consent_id}/withdraw")
async def withdraw_now(consent_id: str, request: Request) -> Response:
    """Withdraw; in force at once."""
    who = await signed_in(request, "person")
    await posted(request, who)
    # It shows nothing, so it is no look: she can withdraw even while the log is behind.
    await run_in_threadpool(_withdraw_own, web_of(request).deps, who, consent_id)
    return RedirectResponse("/me/consents", status_code=303)


def _withdraw_own(deps: Deps, who: SignedIn, consent_id: str) -> None:
    identity, subject_id = parse_edge_id("cns", consent_id), who.session.subject_id
    hers = [] if subject_id is None else [view.consent_id for view in of_subject(deps, subject_id)]
    if identity is None or identity not in hers:
        raise BadRequest("not_found", _NOT_HERS)
    withdraw(deps, identity, withdrawn_by="person")


async def _cards(request: Request, who: SignedIn) -> list[dict[str, Any]]:
    deps, words = web_of(request).deps, words_of(request)
    if who.session.subject_id is None:
        return []
    views = await own_consents(deps, who.session)
    known = await run_in_threadpool(members, deps)
    names = {m.member_id: words.pick(m.name_en, m.name_zh) for m in known}
    purposes = deps.profile_today.purposes
    cards = []
    for view in views:
        purpose = purposes.get(view.purpose)
        cards.append(
            {
                "id": edge_id("cns", view.consent_id),
                "view": view,
                "recipient": "" if view.recipient_id is None else names.get(view.recipient_id, ""),
                "captured_by": names.get(view.captured_by, ""),
                "purpose": words.pick(purpose.label_en, purpose.label_zh)
                if purpose
                else words.label("purpose", view.purpose),
                "stands": view.withdrawn_at is None and view.status != "expired",
            }
        )
    return cards


def _card_of(cards: list[dict[str, Any]], consent_id: str) -> dict[str, Any]:
    """The card of one of her own consents. Raises: BadRequest `not_found`."""
    identity = parse_edge_id("cns", consent_id)
    for card in cards:
        if card["view"].consent_id == identity:
            return card
    raise BadRequest("not_found", _NOT_HERS)
