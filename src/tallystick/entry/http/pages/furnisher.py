"""A furnisher's pages: sending a file, what became of it, what to mend."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tallystick.entry.http.api_submissions import (
    receive_file,
    reject_response,
    submission_id_of,
)
from tallystick.entry.http.language import TAKES_LANGUAGE
from tallystick.entry.http.pages.picture import stacked_bar
from tallystick.entry.http.pages.render import render, words_of
from tallystick.entry.http.pages.session import SignedIn, check_csrf, signed_in
from tallystick.entry.http.paging import cursor, id_place, number_place
from tallystick.entry.http.reading import rule_in_address
from tallystick.entry.http.shapes import stages_of
from tallystick.entry.http.uploads import FormUpload
from tallystick.entry.http.web import web_of
from tallystick.model.ids import edge_id
from tallystick.service.intake_store import FINISHED
from tallystick.service.submissions import SubmissionView, findings, listing, show
from tallystick.validate import load_rules

PARTS = ("accepted", "unchanged", "rejected", "pending")
_PAGE = 20
_SAMPLES = 3
_REFRESH_SECONDS = 2
router = APIRouter(prefix="/submissions", dependencies=[TAKES_LANGUAGE])


@router.get("")
async def submissions(request: Request, after: str | None = None) -> Response:
    """A furnisher's submissions, and the form to send one."""
    return await _listed(request, await signed_in(request, "furnisher"), after=after)


async def _listed(
    request: Request, who: SignedIn, *, after: str | None = None, wrong: str | None = None
) -> Response:
    """The list with its form; `wrong` is the form's field in which nothing fit was chosen."""
    deps, member, place = web_of(request).deps, who.the_member(), id_place(after)
    views = await run_in_threadpool(lambda: listing(deps, member, after=place, limit=_PAGE + 1))
    following = cursor(views[_PAGE - 1].submission_id.hex) if len(views) > _PAGE else None
    return render(
        request,
        "submissions.html",
        who=who,
        submissions=[_shown(request, view) for view in views[:_PAGE]],
        next_cursor=following,
        datasets=list(deps.registry.values()),
        wrong=wrong,
        get_path="/submissions",
        status=200 if wrong is None else 422,
    )


@router.post("")
async def upload(request: Request) -> Response:
    """Receive the form's file as a stream and go to its page."""
    who = await signed_in(request, "furnisher")
    web, form = web_of(request), FormUpload(request)
    fields = await form.read_fields()
    check_csrf(who, fields.get("csrf"))
    dataset = fields.get("dataset", "")
    if dataset not in web.deps.registry:
        return await _listed(request, who, wrong="dataset")
    if not form.has_file:
        return await _listed(request, who, wrong="file")
    member, again = who.the_member(), fields.get("again") == "yes"
    view: SubmissionView = await run_in_threadpool(
        lambda: receive_file(web, member, dataset, form.file(), again=again)
    )
    identity = edge_id("sbm", view.submission_id)
    return RedirectResponse(f"/submissions/{identity}?watch=yes", status_code=303)


@router.get("/{submission_id}")
async def submission(submission_id: str, request: Request, watch: str = "") -> Response:
    """One submission: stages while it runs, then funnel and findings by rule.

    It reloads by itself only where it was asked to, and says how to stop that.
    """
    who = await signed_in(request, "furnisher")
    deps, member = web_of(request).deps, who.the_member()
    identity = submission_id_of(submission_id)

    def read() -> tuple[SubmissionView, dict[str, list[Any]]]:
        view = show(deps, member, identity)
        samples = {
            rule.rule_id: findings(deps, member, identity, rule_id=rule.rule_id, limit=_SAMPLES)
            for rule in view.by_rule
        }
        return view, samples

    view, samples = await run_in_threadpool(read)
    raw_days = deps.profile_today.raw_days
    is_watched = watch == "yes" and view.state not in FINISHED
    page = render(
        request,
        "submission.html",
        who=who,
        submission=_shown(request, view),
        samples=samples,
        rules=load_rules(),
        is_watched=is_watched,
        raw_days=raw_days,
        is_gone=deps.clock() - view.received_at > timedelta(days=raw_days),
    )
    if is_watched:
        page.headers["Refresh"] = str(_REFRESH_SECONDS)
    return page


@router.get("/{submission_id}/rules/{rule_id}")
async def findings_of_rule(
    submission_id: str, rule_id: str, request: Request, after: str | None = None
) -> Response:
    """All findings of one rule, page by page."""
    who = await signed_in(request, "furnisher")
    deps, member, place = web_of(request).deps, who.the_member(), number_place(after)
    rule = rule_in_address(rule_id)
    identity = submission_id_of(submission_id)
    found = await run_in_threadpool(
        lambda: findings(deps, member, identity, rule_id=rule_id, after=place, limit=_PAGE + 1)
    )
    following = cursor(str(found[_PAGE - 1].finding_no)) if len(found) > _PAGE else None
    return render(
        request,
        "findings.html",
        who=who,
        submission_id=submission_id,
        rule=rule,
        findings=found[:_PAGE],
        next_cursor=following,
    )


@router.get("/{submission_id}/rejects.csv")
async def rejected_rows(submission_id: str, request: Request) -> Response:
    """The reject file."""
    who = await signed_in(request, "furnisher")
    web, member = web_of(request), who.the_member()
    return await run_in_threadpool(reject_response, web, member, submission_id)


def _shown(request: Request, view: SubmissionView) -> dict[str, Any]:
    words = words_of(request)
    counts = [(part, int(getattr(view, part) or 0)) for part in PARTS]
    title = words.t("comma").join(f"{words.t(f'funnel.{part}')} {count}" for part, count in counts)
    total = view.progress_total
    return {
        "id": edge_id("sbm", view.submission_id),
        "view": view,
        "is_final": view.state in FINISHED,
        "stages": stages_of(view),
        "percent": None if not total else min(100, view.progress_done * 100 // total),
        "counts": counts,
        "picture": stacked_bar([(f"part-{part}", count) for part, count in counts], title=title),
    }
