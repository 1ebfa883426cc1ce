"""Inquiries: the hot path. Parsed by hand, answered with the body's own bytes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tallystick.entry.http.known_parameters import require_known
from tallystick.entry.http.once import request_key
from tallystick.entry.http.problem import REPLAYED
from tallystick.entry.http.reading import Fields, id_in_address, parsed, require_json
from tallystick.entry.http.web import authenticated, web_of
from tallystick.model.ids import edge_id, parse_edge_id
from tallystick.model.instant import instant_text
from tallystick.model.permit import MEMBERS_PERMITS
from tallystick.service.inquire import Answer, Ask, answer, request_digest
from tallystick.service.members import Member
from tallystick.service.port import Deps
from tallystick.service.replay import again

_MOST_IDENTIFIERS = 5
#: Characters of a name and of a number, here and on the lender's form.
MOST_NAME, MOST_NUMBER = 200, 80
router = APIRouter(prefix="/v1", tags=["inquiries"])


async def inquire(request: Request) -> Response:
    """POST /v1/inquiries: 201 with the envelope, hit or not; a refusal is a problem."""
    require_known(request)
    web = web_of(request)
    member = await authenticated(request)
    key = request_key(request)
    require_json(request)
    given = parsed(await request.body())
    digest = request_digest(given)
    zone = web.deps.profile_today.time_zone
    ask = read_ask(given, member=member, request_key=key, digest=digest, time_zone=zone)
    result = await answer(web.deps, ask)
    identity = edge_id("inq", result.look_id)
    headers = {"Location": f"/v1/reports/{identity}", "Cache-Control": "no-store"}
    if result.is_replay:
        headers[REPLAYED] = "true"
    return Response(
        envelope(web.deps, result, kind="inquiry", identity=identity),
        status_code=201,
        headers=headers,
        media_type="application/json",
    )


def read_ask(given: Any, *, member: Member, request_key: str, digest: bytes, time_zone: str) -> Ask:
    """The inquiry a JSON body asks; a bare day means its end in the profile's time zone.

    Raises: InvalidRequest with the places
    """
    body = Fields(given)
    subject = body.part("subject")
    name = subject.text("name", most=MOST_NAME)
    birth_date = subject.day("birth_date")
    identifiers = []
    for item in subject.parts("identifiers", most=_MOST_IDENTIFIERS):
        identifiers.append((item.text("scheme", most=40), item.text("value", most=MOST_NUMBER)))
        item.close()
    subject.close()
    purpose = body.text("purpose", most=60)
    basis = body.part("legal_basis")
    permit = basis.choice("type", MEMBERS_PERMITS)
    consent_id = _consent_id(basis, permit)
    basis.close()
    as_of, known_at = body.instant("as_of", time_zone), body.instant("known_at", time_zone)
    body.finish()
    return Ask(
        member=member,
        identifiers=tuple(identifiers),
        name=name,
        birth_date=birth_date,
        purpose=purpose,
        permit=permit,
        consent_id=consent_id,
        idempotency_key=request_key,
        request_digest=digest,
        as_of=as_of,
        known_at=known_at,
    )


def _consent_id(basis: Fields, permit: str) -> UUID | None:
    """The consent named, which no other basis has: naming one there would be ignored in silence.

    None too where it is left out: the gate refuses that, and the attempt is a look.
    """
    if not permit:  # told already: without its type nobody can say what goes with it
        basis.take("consent_id")
        return None
    if permit != "consent":
        if basis.has("consent_id"):
            basis.take("consent_id")
            place = "/legal_basis/consent_id"
            basis.fault(place, "goes with the type consent only", "take it out")
        return None
    if not basis.has("consent_id"):
        return None
    text = basis.text("consent_id", most=60)
    consent_id = parse_edge_id("cns", text)
    if text and consent_id is None:
        basis.fault("/legal_basis/consent_id", "must be a consent's id, cns_ and 32 hex digits")
    return consent_id


def envelope(deps: Deps, result: Answer, *, kind: str, identity: str) -> bytes:
    """The envelope around a body; the body's canonical bytes stand in it as they are.

    Gives: `signature` (hex) is over the canonical JSON of the signed members: id, outcome,
           answered_at, body_sha256
    """
    digest = None if result.body_digest is None else result.body_digest.hex()
    signed = {
        "id": identity,
        "outcome": result.outcome,
        "answered_at": instant_text(result.occurred_at),
        "body_sha256": digest,
    }
    # orjson sorted is RFC 8785 on strings, at a tenth of the time of `json`.
    text = orjson.dumps(signed, option=orjson.OPT_SORT_KEYS)
    readable_until = result.readable_until
    shell = {
        **signed,
        "object": kind,
        "key_id": deps.keys.key_id,
        "signature": deps.keys.sign(text).hex(),
        "readable_until": None if readable_until is None else instant_text(readable_until),
        "receipt": result.receipt,
    }
    return orjson.dumps(shell)[:-1] + b',"report":' + (result.body or b"null") + b"}"


@router.get("/reports/{inquiry_id}", summary="The same answer again")
async def read_again(inquiry_id: str, request: Request) -> Response:
    """The answer of an inquiry of yours, byte for byte, until it is no longer readable."""
    web = web_of(request)
    member = await authenticated(request)
    look_id = id_in_address("inq", inquiry_id)
    result = await again(web.deps, member, look_id)
    return Response(
        envelope(web.deps, result, kind="report", identity=inquiry_id),
        headers={"Cache-Control": "no-store"},
        media_type="application/json",
    )
