"""Sending data: files as a stream, single records, and what became of them."""

from __future__ import annotations

import itertools
import json
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from tallystick.entry.http.once import answered_once, request_digest, request_key, response_of
from tallystick.entry.http.paging import After, Limit, id_place, number_place, page
from tallystick.entry.http.reading import Fields, id_in_address, parsed, require_json
from tallystick.entry.http.shapes import finding_shape, submission_shape
from tallystick.entry.http.uploads import BodyStream, raw_body
from tallystick.entry.http.web import Web, authenticated, web_of
from tallystick.errors import BadRequest
from tallystick.service.idempotency import StoredAnswer, keep_answer, stored_answer
from tallystick.service.members import Member
from tallystick.service.submissions import findings, listing, rejects, show
from tallystick.service.submit import receive, require_dataset, submit_records, too_many

FILE_KINDS = frozenset(
    {
        "text/csv",
        "application/x-ndjson",
        "application/gzip",
        "application/x-gzip",
        "application/octet-stream",
    }
)
MOST_RECORDS = 100
Caller = Annotated[Member, Depends(authenticated)]
router = APIRouter(prefix="/v1", tags=["submissions"])


def submission_id_of(text: str) -> UUID:
    """The id of a submission in an address. Raises: BadRequest `not_found`."""
    return id_in_address("sbm", text)


_FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file as it is; gzip is taken (as the file's own form).",
        "content": {kind: {"schema": {"type": "string"}} for kind in sorted(FILE_KINDS)},
    }
}


@router.post("/submissions", status_code=202, openapi_extra=_FILE_BODY, summary="Send a file")
async def send_file(
    request: Request,
    caller: Caller,
    dataset: Annotated[str, Query(max_length=40)],
    again: Annotated[bool, Query(description="Take the same bytes once more.")] = False,
) -> Response:
    """Receive a file and queue it; the answer points to the job."""
    web = web_of(request)
    key = request_key(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in FILE_KINDS:
        raise BadRequest(
            "unsupported_media_type", f"Content-Type must be one of {', '.join(sorted(FILE_KINDS))}"
        )
    require_dataset(web.deps, dataset)
    stream = raw_body(request)
    client = caller.member_id

    def run() -> tuple[StoredAnswer, bool]:
        with web.in_flight.hold(client.hex, key):
            if stored_answer(web.deps, client, key, None) is not None:
                digest = request_digest(request, stream.drained_digest())
                stored = stored_answer(web.deps, client, key, digest)
                if stored is not None:
                    return stored, True
            body = submission_shape(receive_file(web, caller, dataset, stream, again=again))
            answer = StoredAnswer(status=202, body=orjson.dumps(body).decode())
            digest = request_digest(request, stream.drained_digest())
            return keep_answer(web.deps, client, key, request_digest=digest, answer=answer), False

    answer, is_replay = await run_in_threadpool(run)
    return response_of(answer, is_replay=is_replay)


def receive_file(
    web: Web, member: Member, dataset: str, stream: BodyStream, *, again: bool = False
) -> Any:
    """Receive a stream for good, queue it when it is new, and say how it stands."""
    received = receive(web.deps, member, dataset, stream.buffered(), channel="file", again=again)
    if received.is_new:
        web.enqueue(received.submission_id)
    return show(web.deps, member, received.submission_id)


_RECORDS_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["dataset", "records"],
                    "additionalProperties": False,
                    "properties": {
                        "dataset": {"type": "string"},
                        "records": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": MOST_RECORDS,
                            "items": {"type": "object"},
                        },
                    },
                }
            }
        },
    }
}


@router.post("/records", status_code=201, openapi_extra=_RECORDS_BODY, summary="Send records")
async def send_records(request: Request, caller: Caller) -> Response:
    """Send up to 100 records; they are judged and published before the answer leaves."""
    web = web_of(request)
    require_json(request)
    payload = await request.body()
    body = Fields(parsed(payload))
    dataset = body.text("dataset", most=40)
    records = body.take("records")
    if isinstance(records, list) and len(records) > MOST_RECORDS:
        raise BadRequest("too_many_records", too_many(len(records)))
    if not isinstance(records, list) or not records:
        body.fault("/records", f"must be an array of 1 to {MOST_RECORDS} objects")
        records = []
    for at, record in enumerate(records):
        if not isinstance(record, dict):
            body.fault(f"/records/{at}", "must be an object")
    body.finish()
    require_dataset(web.deps, dataset)

    def act() -> tuple[int, dict[str, Any]]:
        sent = _as_written(payload)
        return 201, submission_shape(submit_records(web.deps, caller, dataset, sent))

    return await answered_once(request, caller, payload, act)


def _as_written(payload: bytes) -> list[dict[str, Any]]:
    """The records of a body that was read, each number to the letter, as a file would have it.

    A reader turns a whole number beyond 64 bits into a float, and 1.10 into 1.1.
    """
    records: list[dict[str, Any]] = json.loads(
        payload, parse_int=orjson.Fragment, parse_float=orjson.Fragment
    )["records"]
    return records


@router.get("/submissions", summary="Your submissions, newest first")
def list_submissions(
    request: Request, caller: Caller, limit: Limit = 50, after: After = None
) -> JSONResponse:
    """One page of your submissions."""
    views = listing(web_of(request).deps, caller, after=id_place(after), limit=limit + 1)
    shown = views[:limit]
    following = shown[-1].submission_id.hex if len(views) > limit else None
    return page(request, [submission_shape(view) for view in shown], next_place=following)


@router.get("/submissions/{submission_id}", summary="One submission")
def show_submission(submission_id: str, request: Request, caller: Caller) -> JSONResponse:
    """State, stages, progress, funnel, and the rules that were hit."""
    view = show(web_of(request).deps, caller, submission_id_of(submission_id))
    return JSONResponse(submission_shape(view))


@router.get("/submissions/{submission_id}/findings", summary="What was found")
def list_findings(
    submission_id: str,
    request: Request,
    caller: Caller,
    rule_id: Annotated[str | None, Query(max_length=60)] = None,
    limit: Limit = 50,
    after: After = None,
) -> JSONResponse:
    """One page of findings, in the order of the file."""
    found = findings(
        web_of(request).deps,
        caller,
        submission_id_of(submission_id),
        rule_id=rule_id,
        after=number_place(after),
        limit=limit + 1,
    )
    shown = found[:limit]
    following = str(shown[-1].finding_no) if len(found) > limit else None
    return page(request, [finding_shape(view) for view in shown], next_place=following)


@router.get("/submissions/{submission_id}/rejects.csv", summary="The reject file")
def reject_file(submission_id: str, request: Request, caller: Caller) -> StreamingResponse:
    """Your own rows that were not taken, with why and how to mend them; send it back as it is."""
    return reject_response(web_of(request), caller, submission_id)


def reject_response(web: Web, member: Member, submission_id: str) -> StreamingResponse:
    """The reject file as a download, of the form the submission came in."""
    rows = rejects(web.deps, member, submission_id_of(submission_id))
    first = next(rows, b"")  # a refusal comes here, before the answer has begun
    form, media_type = "csv", "text/csv; charset=utf-8"
    if first.startswith(b"{"):  # no header of ours does
        form, media_type = "ndjson", "application/x-ndjson"
    headers = {
        "Content-Disposition": f'attachment; filename="{submission_id}-rejects.{form}"',
        "Cache-Control": "no-store",
    }
    body = itertools.chain((first,), rows)
    return StreamingResponse(body, media_type=media_type, headers=headers)
