"""Home, signing in and out, and the few files pages need."""

from __future__ import annotations

from functools import cache
from importlib import resources

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tallystick.entry.http.pages.render import render
from tallystick.entry.http.pages.session import (
    COOKIE,
    keep_session,
    posted,
    signed_in,
    signed_in_or_none,
    who_has,
)
from tallystick.entry.http.web import web_of
from tallystick.errors import BadRequest, Refused
from tallystick.service.sessions import close_session

_FILES = {"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}
router = APIRouter()


@router.get("/")
async def home(request: Request) -> Response:
    """What to do next, for whoever is signed in."""
    return render(request, "home.html", who=await signed_in_or_none(request))


@router.get("/sign-in/{link}")
async def sign_in(link: str, request: Request) -> Response:
    """Turn a sign-in link into a session."""
    if await who_has(request, link) is None:
        raise Refused("sign_in_link_invalid")
    response = RedirectResponse("/", status_code=303)
    keep_session(request, response, link)
    return response


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session, here and for whoever else holds its secret."""
    who = await signed_in(request)
    await posted(request, who)
    await run_in_threadpool(close_session, web_of(request).deps, who.secret)
    response = RedirectResponse("/", status_code=303)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
    return response


@cache
def _file(name: str) -> bytes:
    return (resources.files("tallystick.entry.http") / "static" / name).read_bytes()


@router.get("/static/{name}")
async def static(name: str) -> Response:
    """A style sheet or picture."""
    kind = _FILES.get(name)
    if kind is None:
        raise BadRequest("not_found")
    headers = {"Cache-Control": "public, max-age=3600"}
    return Response(_file(name), headers=headers, media_type=kind)
