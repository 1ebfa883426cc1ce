"""Home, signing in and out, and the few files pages need."""

from __future__ import annotations

from functools import cache
from importlib import resources

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tallystick.entry.http.language import TAKES_LANGUAGE
from tallystick.entry.http.pages.render import nav_of, render
from tallystick.entry.http.pages.session import (
    COOKIE,
    MOST_SECRET,
    keep_session,
    posted,
    signed_in,
    signed_in_or_none,
)
from tallystick.entry.http.web import web_of
from tallystick.errors import BadRequest, Refused
from tallystick.service.sessions import close_session, redeem

_FILES = {"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}
router = APIRouter(dependencies=[TAKES_LANGUAGE])


@router.get("/")
async def home(request: Request) -> Response:
    """What to do next, for whoever is signed in."""
    return render(request, "home.html", who=await signed_in_or_none(request))


@router.get("/sign-in/{link}")
async def sign_in(link: str, request: Request) -> Response:
    """Use a sign-in link up, and go to the persona's own page with a fresh session."""
    if "prefetch" in request.headers.get("sec-purpose", ""):
        return Response(status_code=503)  # fetched ahead by a browser: nobody has opened it yet
    if len(link) > MOST_SECRET or not link.isascii():
        raise Refused("sign_in_link_invalid")
    secret, found = await run_in_threadpool(redeem, web_of(request).deps, link)
    response = RedirectResponse(nav_of(found.persona)[0][0], status_code=303)
    keep_session(request, response, secret)
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
        raise BadRequest("not_found", "no style sheet or picture has this name")
    headers = {"Cache-Control": "public, max-age=3600"}
    return Response(_file(name), headers=headers, media_type=kind)
