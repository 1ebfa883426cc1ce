"""Which methods an address takes: HEAD wherever GET only reads, and what a 405 lists.

HEAD is answered as GET without its body, which the web server leaves out. Not so where GET leaves
something behind: a look at a person, or a sign-in link used up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

#: Beginnings of the addresses whose GET leaves something behind.
LEAVES_SOMETHING: Final = ("/v1/reports/", "/reports/", "/me/report", "/sign-in/")
_METHODS: Final = ("GET", "POST")


def as_get(scope: Scope) -> Scope:
    """The scope to answer by: a GET's where a HEAD may stand for it, else as it came.

    The server keeps its own, and sends no body.
    """
    if scope["method"] != "HEAD" or scope["path"].startswith(LEAVES_SOMETHING):
        return scope
    return {**scope, "method": "GET"}


def allowed(request: Request, routes: Sequence[BaseRoute]) -> str:
    """What the Allow header of a 405 says: every method that some route takes at this address."""
    found = [method for method in _METHODS if _takes(request, routes, method)]
    if "GET" in found and not request.url.path.startswith(LEAVES_SOMETHING):
        found.append("HEAD")
    return ", ".join(found)


def _takes(request: Request, routes: Sequence[BaseRoute], method: str) -> bool:
    # What routing noted of the method asked for is left out: it would be written over.
    scope = {name: value for name, value in request.scope.items() if name != "fastapi"}
    return any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
