"""Pages for people, in English and Chinese, without scripts.

Each page calls one or two services and renders; a report page is made from the report's own bytes.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request

from tallystick.entry.http.pages import furnisher, home, lender, operator, person, reference
from tallystick.entry.http.pages.render import error_page

__all__ = ["error_page", "page_routers", "wants_page"]
_MACHINE_PATHS = ("/v1/", "/.well-known/", "/livez/", "/readyz/", "/openapi.json/")


def page_routers() -> list[APIRouter]:
    """The routers of all pages."""
    return [module.router for module in (home, furnisher, lender, person, operator, reference)]


def wants_page(request: Request) -> bool:
    """Whether an error should come as a page: not on the API, unless JSON alone is asked for."""
    if f"{request.url.path}/".startswith(_MACHINE_PATHS):
        return False
    asked = ",".join(request.headers.getlist("accept")).lower()
    return "text/html" in asked or "json" not in asked
