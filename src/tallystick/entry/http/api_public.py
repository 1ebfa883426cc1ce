"""What anybody may read: rules, schemas, limits, keys, health, and what each error code means."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tallystick import __version__
from tallystick.entry.http.api_submissions import MOST_RECORDS
from tallystick.entry.http.envelope import RECORDS_BODY, SMALL_BODY, UPLOAD_BODY
from tallystick.entry.http.reading import rule_in_address
from tallystick.entry.http.shapes import rule_shape
from tallystick.entry.http.web import web_of
from tallystick.errors import BadRequest
from tallystick.formats.schema import json_schema
from tallystick.model.permit import MEMBERS_PERMITS
from tallystick.report import VERSIONS
from tallystick.report.reference import schema as report_schema
from tallystick.service import domains
from tallystick.service.submit import require_dataset
from tallystick.validate import load_rules

router = APIRouter(tags=["reference"])


@router.get("/v1/rules", summary="All rules")
def list_rules() -> JSONResponse:
    """Every rule of the registry; there is one page."""
    data = [rule_shape(rule) for rule in load_rules().values()]
    return JSONResponse({"object": "list", "data": data, "has_more": False, "next_cursor": None})


@router.get("/v1/rules/{rule_id}", summary="One rule")
def show_rule(rule_id: str) -> JSONResponse:
    """A rule with its expression, texts, source and examples."""
    return JSONResponse(rule_shape(rule_in_address(rule_id)))


@router.get("/v1/schemas", summary="All datasets")
def list_schemas(request: Request) -> JSONResponse:
    """The datasets of native records v1."""
    data = [
        {
            "dataset": dataset.name,
            "version": dataset.version,
            "label": {"en": dataset.label_en, "zh": dataset.label_zh},
            "meaning": dataset.meaning,
            "url": f"/v1/schemas/{dataset.name}",
        }
        for dataset in web_of(request).deps.registry.values()
    ]
    return JSONResponse({"object": "list", "data": data, "has_more": False, "next_cursor": None})


# Before the datasets, of which none has this name.
@router.get("/v1/schemas/report", summary="JSON Schema of a report")
def show_report_schema() -> Response:
    """The JSON Schema (2020-12) of a report's body, in the newest version of its format."""
    return JSONResponse(report_schema(), media_type="application/schema+json")


@router.get("/v1/schemas/report/{number}", summary="JSON Schema of a report of any version")
def show_earlier_report_schema(number: str) -> Response:
    """The schema of a version of the format, by its number: an answer given in it stays in it."""
    version = VERSIONS.get(f"tallystick.report/{number}")
    if version is None:
        numbers = ", ".join(name.rpartition("/")[2] for name in VERSIONS)
        raise BadRequest("not_found", f"the versions of the report are {numbers}")
    return JSONResponse(report_schema(version), media_type="application/schema+json")


@router.get("/v1/schemas/{dataset}", summary="JSON Schema of a record")
def show_schema(dataset: str, request: Request) -> Response:
    """The JSON Schema (2020-12) of one record of a dataset."""
    deps = web_of(request).deps
    require_dataset(deps, dataset)
    schema = json_schema(deps.registry[dataset], domains.of(deps.profile_today))
    return JSONResponse(schema, media_type="application/schema+json")


@router.get("/v1/meta", summary="Version, limits, purposes")
def meta(request: Request) -> JSONResponse:
    """What this bureau runs and allows today."""
    deps = web_of(request).deps
    profile = deps.profile_today
    purposes = [
        {
            "code": purpose.code,
            "label": {"en": purpose.label_en, "zh": purpose.label_zh},
            "permits": list(purpose.permits),
            "member_classes": list(purpose.who),
            "effect": purpose.effect,
        }
        for purpose in profile.purposes.values()
    ]
    return JSONResponse(
        {
            "object": "meta",
            "version": __version__,
            "livemode": not deps.is_test_mode,
            "time": deps.clock().isoformat(),
            "profile": {"id": profile.id, "version": profile.version},
            "permits": list(MEMBERS_PERMITS),
            "purposes": purposes,
            "identifier_schemes": list(profile.schemes),
            "limits": {
                "records_per_request": MOST_RECORDS,
                "page_entries": 200,
                "body_bytes": SMALL_BODY,
                "records_body_bytes": RECORDS_BODY,
                "upload_bytes": UPLOAD_BODY,
                "idempotency_key_kept_days": 7,
            },
        }
    )


@router.get("/.well-known/jwks.json", summary="The bureau's public keys")
def jwks(request: Request) -> JSONResponse:
    """The keys that verify answers, receipts and tree heads."""
    return JSONResponse({"keys": [web_of(request).deps.keys.public_jwk()]})


@router.get("/livez", summary="The process lives")
async def livez() -> JSONResponse:
    """Always ok while the process answers at all."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz", summary="The bureau can answer")
async def readyz(request: Request) -> JSONResponse:
    """Ok when the database answers; 503 `unavailable` otherwise."""
    deps = web_of(request).deps

    def ask() -> None:
        with deps.database.connect("serve") as connection:
            connection.execute("select 1")

    await run_in_threadpool(ask)
    return JSONResponse({"status": "ok"})
