"""A lender's pages: the inquiry form and the report it brings."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tallystick.entry.http.api_inquiries import MOST_NAME, MOST_NUMBER
from tallystick.entry.http.language import TAKES_LANGUAGE
from tallystick.entry.http.pages.render import Words, render, words_of
from tallystick.entry.http.pages.report_view import report_view
from tallystick.entry.http.pages.session import SignedIn, posted, signed_in
from tallystick.entry.http.reading import id_in_address
from tallystick.entry.http.web import web_of
from tallystick.errors import BadRequest, Refused
from tallystick.model.ids import edge_id, parse_edge_id
from tallystick.model.instant import read_day
from tallystick.model.permit import MEMBERS_PERMITS
from tallystick.model.unshown import escaped, has_unshown
from tallystick.service.catalogue import entry_of
from tallystick.service.inquire import Answer, Ask, answer, request_digest
from tallystick.service.replay import again

_FIELDS = ("scheme", "number", "name", "birth_date", "purpose", "consent_id")
#: Characters that may be typed; a consent's id and a day have their one form, which is told.
_MOST = {"number": MOST_NUMBER, "name": MOST_NAME}
_MOST_CHOICE = 200
#: What a refusal is about, where that is not the purpose.
_FIELD_OF = {"identifier_invalid": "number", "consent_missing": "consent_id"}
router = APIRouter(dependencies=[TAKES_LANGUAGE])


@router.get("/inquiry")
async def inquiry_form(request: Request) -> Response:
    """The empty form."""
    return _form(request, await signed_in(request, "lender"))


@router.post("/inquiry")
async def inquire(request: Request) -> Response:
    """Ask, and show the report; sent twice (a reload) it is one inquiry."""
    who = await signed_in(request, "lender")
    given = await posted(request, who)
    ask, faults = _ask(request, who, given)
    if ask is None:
        return _form(request, who, given=given, faults=faults, status=422)
    try:
        result = await answer(web_of(request).deps, ask)
    except (Refused, BadRequest) as refusal:
        status = entry_of(refusal.code).status
        said = [_refusal(refusal.code, words_of(request))]
        return _form(request, who, given=given, faults=said, status=status)
    return report_page(request, who, result)


def _refusal(code: str, words: Words) -> tuple[str, str]:
    """The place on the form a refusal is about, and what is said there."""
    if code == "idempotency_key_reused":  # the form came back by the browser's button, and changed
        return "ask", words.t("inquiry.fault_changed")
    return _FIELD_OF.get(code, "purpose"), entry_of(code).said(words.language)


@router.get("/reports/{inquiry_id}")
async def report_again(inquiry_id: str, request: Request) -> Response:
    """The same answer again; that is a look too, and the person sees it."""
    who = await signed_in(request, "lender", "person")
    look_id = id_in_address("inq", inquiry_id)
    reader = who.session if who.member is None else who.member
    result = await again(web_of(request).deps, reader, look_id)
    return report_page(request, who, result, identity=inquiry_id)


def report_page(
    request: Request, who: SignedIn, result: Answer, *, identity: str | None = None
) -> Response:
    """A report as a page, made from the answer's own bytes."""
    identity = identity or edge_id("inq", result.look_id)
    if result.body is None:
        return render(
            request,
            "no_report.html",
            who=who,
            outcome=result.outcome,
            identity=identity,
            answered_at=result.occurred_at,
            get_path="/inquiry",
        )
    profile = web_of(request).deps.profile_today
    return render(
        request,
        "report.html",
        who=who,
        report=report_view(orjson.loads(result.body), words=words_of(request), profile=profile),
        identity=identity,
        answered_at=result.occurred_at,
        known_at=result.known_at,
        digest=hashlib.sha256(result.body).hexdigest(),
        get_path=f"/reports/{identity}",
    )


def _form(
    request: Request,
    who: SignedIn,
    *,
    given: dict[str, str] | None = None,
    faults: list[tuple[str, str]] | None = None,
    status: int = 200,
) -> Response:
    profile, words = web_of(request).deps.profile_today, words_of(request)
    member = who.the_member()
    purposes = [
        (f"{purpose.code}/{permit}", purpose.label_en, purpose.label_zh, permit)
        for purpose in profile.purposes.values()
        for permit in purpose.permits
        if permit in MEMBERS_PERMITS
        and purpose.allows(permit=permit, member_class=member.member_class)
    ]
    values = {field: (given or {}).get(field, "") for field in _FIELDS}
    key = (given or {}).get("request_key") if not faults else None
    return render(
        request,
        "inquiry.html",
        status=status,
        who=who,
        schemes=[(code, words.pick(s.label_en, s.label_zh)) for code, s in profile.schemes.items()],
        purposes=purposes,
        given=values,
        faults=faults or [],
        fault_of=dict(faults or []),
        request_key=key or web_of(request).deps.new_id().hex,
        get_path="/inquiry",
    )


def _text_faults(given: dict[str, str], words: Words) -> list[tuple[str, str]]:
    """What is missing, too long or cannot be seen, by field; of a choice only that it is none."""
    faults = []
    for field in ("scheme", "number", "name", "purpose"):
        value, most = given.get(field, ""), _MOST.get(field)
        if most is not None and len(value) > most:
            faults.append((field, words.t(f"inquiry.long_{field}", most=most)))
        elif most is not None and has_unshown(value):
            faults.append((field, words.t(f"inquiry.unshown_{field}", seen=escaped(value))))
        elif not value or len(value) > _MOST_CHOICE or has_unshown(value):
            faults.append((field, words.t(f"inquiry.fault_{field}")))
    return faults


def _ask(
    request: Request, who: SignedIn, given: dict[str, str]
) -> tuple[Ask | None, list[tuple[str, str]]]:
    words = words_of(request)
    faults = _text_faults(given, words)
    birth_date = read_day(given.get("birth_date", ""))
    if birth_date is None:
        faults.append(("birth_date", words.t("inquiry.fault_birth_date")))
    purpose, _, permit = given.get("purpose", "").partition("/")
    if given.get("purpose") and (not purpose or permit not in MEMBERS_PERMITS):
        faults.append(("purpose", words.t("inquiry.fault_purpose")))
    consent_id = parse_edge_id("cns", given.get("consent_id", ""))
    if consent_id is None and given.get("consent_id"):  # left out, the gate refuses: that is a look
        faults.append(("consent_id", words.t("inquiry.fault_consent_id")))
    elif consent_id is not None and permit not in ("", "consent"):
        faults.append(("consent_id", words.t("inquiry.fault_consent_unasked")))
    request_key = given.get("request_key", "")
    if len(request_key) != len(UUID(int=0).hex) or not request_key.isalnum():
        raise Refused("form_expired")
    if faults or birth_date is None:
        return None, faults
    identity: dict[str, Any] = {field: given.get(field, "") for field in _FIELDS}
    digest = request_digest(identity)
    ask = Ask(
        member=who.the_member(),
        identifiers=((given["scheme"], given["number"]),),
        name=given["name"],
        birth_date=birth_date,
        purpose=purpose,
        permit=permit,
        consent_id=consent_id,
        idempotency_key=f"page-{request_key}",
        request_digest=digest,
    )
    return ask, []
