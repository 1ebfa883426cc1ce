"""The operator's page: how the bureau stands, and the cases that wait for a decision."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from tallystick.entry.http.language import TAKES_LANGUAGE
from tallystick.entry.http.pages.render import render
from tallystick.entry.http.pages.session import signed_in
from tallystick.entry.http.web import web_of
from tallystick.model.ids import edge_id
from tallystick.service.identity import CaseView
from tallystick.service.state import bureau_state

_MOST_CASES = 50
router = APIRouter(prefix="/operator", dependencies=[TAKES_LANGUAGE])


@router.get("")
async def state(request: Request) -> Response:
    """Submissions, ledger, log and open cases; ids and counts, nobody's data."""
    who = await signed_in(request, "operator")
    deps = web_of(request).deps
    found = await run_in_threadpool(lambda: bureau_state(deps, most_cases=_MOST_CASES))
    cases = [_shown(case) for case in found.cases]
    return render(request, "operator.html", who=who, state=found, cases=cases)


def _shown(case: CaseView) -> dict[str, Any]:
    """A case with its ids as the command line takes them."""
    return {
        "view": case,
        "id": edge_id("cas", case.case_id),
        "party": edge_id("pty", case.party_id),
        "subject": None if case.subject_id is None else edge_id("sbj", case.subject_id),
        "candidates": [edge_id("sbj", one) for one in case.candidates],
        "accounts": [(edge_id("acc", one.account_id), one.furnisher) for one in case.accounts],
    }
