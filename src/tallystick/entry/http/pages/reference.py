"""Reference pages anybody may read: error codes and rules."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tallystick.entry.http.language import TAKES_LANGUAGE
from tallystick.entry.http.pages.render import render
from tallystick.entry.http.pages.session import signed_in_or_none
from tallystick.entry.http.reading import rule_in_address
from tallystick.errors import BadRequest
from tallystick.service.catalogue import CATALOGUE
from tallystick.validate import load_rules

router = APIRouter(prefix="/docs", dependencies=[TAKES_LANGUAGE])


@router.get("/errors")
async def error_codes(request: Request) -> Response:
    """All error codes."""
    entries = sorted(CATALOGUE.values(), key=lambda entry: (entry.status, entry.code))
    who = await signed_in_or_none(request)
    return render(request, "codes.html", who=who, entries=entries)


@router.get("/reference/codes.md")
async def error_codes_by_their_file(request: Request) -> Response:
    """Where the project's documentation has the same list: to its page, in the same language."""
    asked = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/docs/errors{asked}", status_code=303)


@router.get("/errors/{code}")
async def error_code(code: str, request: Request) -> Response:
    """What one error code means and what to do: the `type` of a problem points here."""
    entry = CATALOGUE.get(code)
    if entry is None:
        raise BadRequest("not_found", "no error code has this name; /docs/errors lists all")
    return render(request, "code.html", who=await signed_in_or_none(request), entry=entry)


@router.get("/rules")
async def rules(request: Request) -> Response:
    """All rules."""
    who = await signed_in_or_none(request)
    return render(request, "rules.html", who=who, rules=list(load_rules().values()))


@router.get("/rules/{rule_id}")
async def rule(rule_id: str, request: Request) -> Response:
    """One rule, readable."""
    found = rule_in_address(rule_id)
    return render(request, "rule.html", who=await signed_in_or_none(request), rule=found)
