"""RFC 9457 problems: every error of the API in one shape, from one catalogue.

What the caller sent is never repeated: `detail` and `errors` hold places and what is allowed there.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import psycopg
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolClosed, PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tallystick.entry.http.language import TAGS, accepted
from tallystick.entry.http.parameters import Params, must_be, params_of
from tallystick.errors import Coded, Unavailable
from tallystick.model.ids import edge_id
from tallystick.service.catalogue import INTERNAL, CodeEntry, entry_of

MEDIA_TYPE = "application/problem+json"
#: The header of an answer given before under the same Idempotency-Key.
REPLAYED = "Idempotent-Replayed"
_STATUS_CODES = {
    401: "not_authenticated",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
}
#: Headers that an answer of a code has.
_HEADERS = {"unsupported_content_encoding": {"Accept-Encoding": "identity"}}
_log = logging.getLogger("tallystick.http")


def problem_body(
    entry: CodeEntry,
    *,
    request_id: str,
    language: str,
    detail: str = "",
    errors: Sequence[Mapping[str, Any]] = (),
    retryable: bool | None = None,
) -> dict[str, Any]:
    """The members of a problem; `display_message` is for people, in their language."""
    return {
        "type": f"/docs/errors/{entry.code}",
        "title": entry.title_en,
        "status": entry.status,
        "detail": detail or entry.fix_en,
        "instance": request_id,
        "code": entry.code,
        "retryable": entry.retryable if retryable is None else retryable,
        "errors": list(errors),
        "display_message": entry.said(language),
    }


def problem(
    request: Request,
    code: str,
    *,
    detail: str = "",
    errors: Sequence[Mapping[str, Any]] = (),
    retryable: bool | None = None,
    more: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The response of a code."""
    entry = entry_of(code)
    language = accepted(request.headers.get("accept-language", ""))
    body = problem_body(
        entry,
        request_id=request_id_of(request),
        language=language,
        detail=detail,
        errors=errors,
        retryable=retryable,
    )
    body |= more or {}
    all_headers = {"Content-Language": TAGS[language], "Cache-Control": "no-store"}
    if entry.status == 401:
        all_headers["WWW-Authenticate"] = 'Bearer realm="tallystick"'
    all_headers.update(_HEADERS.get(entry.code, {}))
    if body["retryable"]:
        all_headers["Retry-After"] = "1"
    all_headers.update(headers or {})
    return Response(
        orjson.dumps(body), status_code=entry.status, headers=all_headers, media_type=MEDIA_TYPE
    )


def request_id_of(request: Request) -> str:
    """The id this answer carries."""
    return str(request.scope.get("state", {}).get("request_id", ""))


class InvalidRequest(Coded):
    """A request that does not fit, with the places."""

    def __init__(self, errors: Sequence[Mapping[str, str]], code: str = "invalid_request"):
        super().__init__(code)
        self.errors = list(errors)


@dataclass(frozen=True, slots=True)
class Said:
    """What an exception says to the caller: a code, and more of what a problem holds."""

    code: str
    parts: Mapping[str, Any]


def described(error: Exception, request: Request) -> Said:
    """What an exception says to the caller; for an unexpected one nothing but `internal_error`.

    Of the request only its route is looked at, for what its parameters may be.
    """
    if isinstance(error, InvalidRequest):
        return Said(error.code, {"detail": error.detail, "errors": error.errors})
    if isinstance(error, Unavailable):
        return Said(error.code, {"detail": error.detail, "retryable": error.retryable})
    if isinstance(error, Coded):
        headers = {REPLAYED: "true"} if "is_replay" in error.extra else {}
        return Said(error.code, {"detail": error.detail, "more": _more(error), "headers": headers})
    if isinstance(error, RequestValidationError):
        return Said("invalid_request", {"errors": _places(error, params_of(request))})
    if isinstance(error, HTTPException):
        code = _STATUS_CODES.get(error.status_code)
        if code is None:
            code = INTERNAL if error.status_code >= 500 else "invalid_request"
        return Said(code, {"headers": error.headers})
    if isinstance(error, PoolTimeout | PoolClosed | psycopg.OperationalError):
        return Said("unavailable", {})
    return Said(INTERNAL, {})


def _more(error: Coded) -> dict[str, str]:
    """What else the caller may know: the inquiry a refusal is on record as, a law's statement."""
    more = {}
    if "look_id" in error.extra:
        more["inquiry"] = edge_id("inq", UUID(error.extra["look_id"]))
    if "statement" in error.extra:
        more["statement"] = error.extra["statement"]
    return more


def _places(error: RequestValidationError, params: Params) -> list[dict[str, str]]:
    return [
        {
            "pointer": "/" + "/".join(str(part) for part in place["loc"]),
            "message": must_be(place, params),
        }
        for place in error.errors()
    ]


def problem_of(request: Request, error: Exception) -> Response:
    """The response to any exception; an unexpected one is logged without a word of the request."""
    said = described(error, request)
    if said.code == INTERNAL:
        log_failure(error, request_id_of(request))
    return problem(request, said.code, **said.parts)


def log_failure(error: BaseException, request_id: str) -> None:
    """Log kind and place of a failure; its message may quote a record, so it is left out."""
    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames[-8:]))
    _log.error("%s failed: %s at %s", request_id, type(error).__name__, where)
