"""The OpenAPI 3.1 document: what the framework knows, and what it does not route itself."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from tallystick import __version__
from tallystick.model.permit import MEMBERS_PERMITS

_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "minLength": 16, "maxLength": 255},
}
_PROBLEM = {"description": "A problem", "content": {"application/problem+json": {}}}
_ABOUT = (
    "Credit records that lenders share, people can see and check, and nobody can quietly change or"
    " quietly read. Errors are RFC 9457 problems; their codes: /docs/errors."
)


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """The document of all API routes (pages are not in it)."""
    document = get_openapi(
        title="Tallystick",
        version=__version__,
        openapi_version="3.1.0",
        description=_ABOUT,
        routes=app.routes,
    )
    document["paths"]["/v1/inquiries"] = _inquiry()
    document.setdefault("components", {})["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "sk_test_…, test mode only"}
    }
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = _PROBLEM
            if method == "post" and _KEY not in operation.setdefault("parameters", []):
                operation["parameters"].append(_KEY)
            if path.startswith("/v1/") and path.split("/")[2] in _PRIVATE:
                operation["security"] = [{"key": []}]
    return document


_PRIVATE = frozenset({"submissions", "records", "consents", "inquiries", "reports"})


def _inquiry() -> dict[str, Any]:
    """The OpenAPI entry of POST /v1/inquiries, which is routed past the framework."""
    text = {"type": "string"}
    identifier = {"scheme": text, "value": text}
    subject = {
        "identifiers": {"type": "array", "minItems": 1, "items": _object(identifier)},
        "name": text,
        "birth_date": {"type": "string", "format": "date"},
    }
    basis = _object(
        {"type": {"enum": list(MEMBERS_PERMITS)}, "consent_id": text}, required=["type"]
    )
    schema = _object({"subject": _object(subject), "purpose": text, "legal_basis": basis})
    hexes = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    answer = _object(
        {
            "id": text,
            "object": {"const": "inquiry"},
            "outcome": {"enum": ["hit", "no_hit", "multiple_candidates"]},
            "answered_at": {"type": "string", "format": "date-time"},
            "readable_until": {"type": ["string", "null"], "format": "date-time"},
            "body_sha256": {"anyOf": [hexes, {"type": "null"}]},
            "signature": text,
            "key_id": text,
            "receipt": {"type": "object"},
            "report": {"type": ["object", "null"]},
        }
    )
    return {
        "post": {
            "tags": ["inquiries"],
            "summary": "Ask for a report",
            "operationId": "inquire",
            "parameters": [_KEY],
            "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
            "responses": {
                "201": {
                    "description": "Answered; the look is on record",
                    "content": {"application/json": {"schema": answer}},
                },
            },
        }
    }


def _object(properties: dict[str, Any], *, required: list[str] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
        "properties": properties,
    }
