"""Cursors: opaque, stable, without offsets."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Query
from pydantic import BeforeValidator
from starlette.requests import Request
from starlette.responses import JSONResponse

from tallystick.errors import BadRequest

_PREFIX = "cur_"
_NOT_OURS = "`after` must be a `next_cursor` of this very list"


def _digits(given: Any) -> Any:
    """A number as it came in an address, if it is one: else `+2`, `2.0` and `1_0` were numbers.

    Raises: ValueError, which becomes the problem that says what it must be
    """
    if isinstance(given, str) and not (given.isascii() and given.isdigit()):
        raise ValueError("digits only")
    return given


Limit = Annotated[
    int,
    Query(ge=1, le=200, description="The most entries of one page."),
    BeforeValidator(_digits),  # last: before the bounds it would hide them from the schema
]
After = Annotated[str | None, Query(max_length=120, description="The `next_cursor` before.")]


def cursor(place: str) -> str:
    """The opaque form of a place in a list."""
    return _PREFIX + base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place_of(text: str | None) -> str | None:
    """The place of a cursor; None when there is none. Raises: BadRequest `invalid_cursor`."""
    if text is None:
        return None
    encoded = text.removeprefix(_PREFIX)
    try:
        if encoded != text:
            return base64.b64decode(
                encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True
            ).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        pass
    raise BadRequest("invalid_cursor", _NOT_OURS)


def id_place(text: str | None) -> UUID | None:
    """The id a cursor stands at. Raises: BadRequest `invalid_cursor`."""
    place = place_of(text)
    try:
        return None if place is None else UUID(place)
    except ValueError:
        pass
    raise BadRequest("invalid_cursor", _NOT_OURS)


def number_place(text: str | None) -> int:
    """The number a cursor stands at; -1 without one. Raises: BadRequest `invalid_cursor`."""
    place = place_of(text)
    if place is None:
        return -1
    if not place.isdigit() or len(place) > 18:
        raise BadRequest("invalid_cursor", _NOT_OURS)
    return int(place)


def page(
    request: Request, data: Sequence[Mapping[str, Any]], *, next_place: str | None
) -> JSONResponse:
    """One page of a list; `next_place` None on the last."""
    body = {"object": "list", "data": list(data), "has_more": next_place is not None}
    body["next_cursor"] = None if next_place is None else cursor(next_place)
    headers = {}
    if next_place is not None:
        kept = {key: value for key, value in request.query_params.items() if key != "after"}
        query = urlencode({**kept, "after": cursor(next_place)})
        headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
    return JSONResponse(body, headers=headers)
