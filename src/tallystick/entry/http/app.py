"""The web application put together: envelope, API, pages, errors, start and stop."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tallystick import __version__
from tallystick.entry.http import api_consents, api_inquiries, api_public, api_submissions
from tallystick.entry.http.background import Background
from tallystick.entry.http.envelope import Envelope
from tallystick.entry.http.known_parameters import only_known_parameters, require_known
from tallystick.entry.http.methods import allowed
from tallystick.entry.http.openapi import openapi_document
from tallystick.entry.http.pages import error_page, page_routers, wants_page
from tallystick.entry.http.problem import problem_of
from tallystick.entry.http.web import Callers, Web
from tallystick.errors import TallystickError
from tallystick.service.port import Deps

#: An answer leaves no cycles behind but makes hundreds of maps at once; the usual threshold (700)
#: would look for cycles several times while each is being put together.
_COLLECTED_AFTER = (20_000, 20, 20)
Enqueue = Callable[[UUID], None]


def create_app(deps: Deps, *, background: bool, enqueue: Enqueue | None = None) -> FastAPI:
    """The application of one bureau.

    Takes: `background`: number looks, and work off submissions when `enqueue` is not given, in
           threads of this process; `enqueue` hands a received submission to a worker elsewhere
    """
    worker = Background(deps, works_off=enqueue is None) if background else None
    if enqueue is None:
        enqueue = worker.enqueue if worker else _stays_queued
    web = Web(deps=deps, enqueue=enqueue, callers=Callers(deps))
    app = FastAPI(
        title="Tallystick",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=partial(_lifespan, deps=deps, worker=worker),
        default_response_class=JSONResponse,
        dependencies=[Depends(only_known_parameters)],
    )
    app.state.web = web
    hot = Route("/v1/inquiries", api_inquiries.inquire, methods=["POST"])
    app.router.routes.append(hot)  # matched here only for what is not a POST
    for module in (api_inquiries, api_submissions, api_consents, api_public):
        app.include_router(module.router)
    app.router.routes.append(Route("/openapi.json", _openapi))
    for router in page_routers():
        app.include_router(router, include_in_schema=False)
    for kind in (TallystickError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _answer_error)
    app.add_middleware(Envelope, new_id=deps.new_id, answer_error=_answer_error, direct=(hot,))
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI, *, deps: Deps, worker: Background | None) -> AsyncIterator[None]:
    """What exists when serving starts is never looked at by the collector again."""
    app.state.openapi = openapi_document(app)
    gc.collect()
    gc.freeze()
    usual = gc.get_threshold()
    gc.set_threshold(*_COLLECTED_AFTER)
    async with _running(worker):
        yield
    for held in (deps.database, deps.vault):
        close = getattr(held, "aclose", None)  # those that opened something on this loop
        if close is not None:
            await close()
    gc.set_threshold(*usual)
    gc.unfreeze()  # or the libraries report everything frozen as leaked when the process ends


def _running(worker: Background | None) -> AbstractAsyncContextManager[Any]:
    @asynccontextmanager
    async def nothing() -> AsyncIterator[None]:
        yield

    return nothing() if worker is None else worker.running()


def _stays_queued(submission_id: UUID) -> None:
    """Nobody to hand it to: the next worker finds every unfinished submission by itself."""


async def _openapi(request: Request) -> Response:
    require_known(request)
    document = getattr(request.app.state, "openapi", None)
    return JSONResponse(document or openapi_document(request.app))


async def _answer_error(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 405:
        error.headers = {"Allow": allowed(request, request.app.router.routes)}
    if wants_page(request):
        return await error_page(request, error)
    return problem_of(request, error)
