"""Consents: registering what a person signed, and taking it back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from tallystick.entry.http.once import answered_once
from tallystick.entry.http.reading import Fields, id_in_address, parsed, require_json
from tallystick.entry.http.shapes import consent_shape
from tallystick.entry.http.web import authenticated, web_of
from tallystick.service.consents import withdraw
from tallystick.service.members import Member
from tallystick.service.submit import register_consent as register

_MOST_ARTEFACT = 16_000
Caller = Annotated[Member, Depends(authenticated)]
router = APIRouter(prefix="/v1", tags=["consents"])
_TEXTS = {
    "artefact": "The signed consent, a compact JWS.",
    "salt": "The random salt of the subject's hash, base64url.",
    "scheme": "Scheme of the identity number.",
    "number": "The identity number; it is checked against the artefact and sealed.",
}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": list(_TEXTS),
                    "additionalProperties": False,
                    "properties": {
                        name: {"type": "string", "description": text}
                        for name, text in _TEXTS.items()
                    },
                }
            }
        },
    }
}


@router.post("/consents", status_code=201, openapi_extra=_BODY, summary="Register a consent")
async def register_consent(request: Request, caller: Caller) -> Response:
    """Register a consent the person gave; it may come before any file."""
    web = web_of(request)
    require_json(request)
    payload = await request.body()
    body = Fields(parsed(payload))
    artefact = body.text("artefact", most=_MOST_ARTEFACT)
    salt, scheme = body.text("salt", most=200), body.text("scheme", most=40)
    number = body.text("number", most=80)
    body.finish()

    def act() -> tuple[int, dict[str, Any]]:
        view = register(
            web.deps, caller, artefact=artefact, salt=salt, scheme=scheme, number=number
        )
        return 201, consent_shape(view)

    return await answered_once(request, caller, payload, act)


@router.post("/consents/{consent_id}/withdraw", summary="Withdraw a consent")
async def withdraw_consent(consent_id: str, request: Request, caller: Caller) -> Response:
    """Take a consent back, for the person, as the member who captured it; at once, for good."""
    web = web_of(request)
    identity = id_in_address("cns", consent_id)
    payload = await request.body()
    if payload.strip():
        Fields(parsed(payload)).finish()

    def act() -> tuple[int, dict[str, Any]]:
        view = withdraw(web.deps, identity, withdrawn_by=f"member:{caller.code}", member=caller)
        return 200, consent_shape(view)

    return await answered_once(request, caller, payload, act)
