"""Commands of a furnisher: send a file, follow it, see what was wrong, take back the bad rows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import typer

from tallystick.entry.cli import opening, output
from tallystick.entry.cli.allowed_table import print_allowed
from tallystick.entry.cli.exits import Exit
from tallystick.entry.cli.findings_table import first_findings, print_findings, seen_of
from tallystick.entry.cli.ids import read, shown
from tallystick.entry.cli.machine import reading, writing
from tallystick.entry.cli.options import AsJson, KeyFile, Limit

if TYPE_CHECKING:
    from tallystick.service.submissions import FindingView, SubmissionView

submissions = typer.Typer(no_args_is_help=True, help="What was sent, and what became of it.")

SubmissionId = Annotated[str, typer.Argument(metavar="SUBMISSION-ID", help="sbm_…")]
_FINISHED: Final = frozenset({"published", "rejected", "failed"})
_POLL_S: Final = 0.5
FailOn = Annotated[
    str,
    typer.Option(
        "--fail-on", metavar="reject|pend|warn|never", help="Exit 1 at findings this bad or worse."
    ),
]
#: Severities from worst to least; `--fail-on` names the last that counts.
_SEVERITIES: Final = ("reject", "pend", "warn")


def severities_from(name: str) -> frozenset[str]:
    """The severities at or above `name`. Raises: typer.BadParameter on an unknown name."""
    if name == "never":
        return frozenset()
    if name not in _SEVERITIES:
        raise typer.BadParameter(f"--fail-on takes {', '.join(_SEVERITIES)} or never")
    return frozenset(_SEVERITIES[: _SEVERITIES.index(name) + 1])


def submit(
    file: Annotated[
        Path, typer.Argument(help="CSV or NDJSON, plain or gzip.", exists=True, dir_okay=False)
    ],
    dataset: Annotated[str, typer.Option("--dataset", help="Which records the file holds.")],
    again: Annotated[
        bool, typer.Option("--again", help="A new submission even of bytes sent before.")
    ] = False,
    parent: Annotated[
        str | None, typer.Option("--parent", help="The submission whose rejects these are, mended.")
    ] = None,
    key_file: KeyFile = None,
    fail_on: FailOn = "reject",
    as_json: AsJson = False,
) -> None:
    """Send a file, and wait until it is published or refused."""
    from tallystick.service.submit import process, receive

    counted = severities_from(fail_on)
    with opening.deps() as parts:
        member = opening.acting_member(parts, key_file)
        parent_id = read("submission", parent) if parent else None
        with reading(file), file.open("rb") as stream:
            received = receive(parts, member, dataset, stream, again=again, parent=parent_id)
        if not received.is_new:
            output.say("the same bytes were sent before: this is that submission (--again: new)")
        with _told_that_it_goes_on(received.submission_id), output.progress() as move:
            view = process(parts, received.submission_id, move)
        found = first_findings(parts, member, view.submission_id)
    _print_view(view, found, as_json=as_json)
    _next_after(view)
    _end(view, counted)


@contextmanager
def _told_that_it_goes_on(submission_id: UUID) -> Iterator[None]:
    """What ends the waiting inside does not end the submission: say so, and how to follow it."""
    try:
        yield
    except BaseException:
        name = shown("submission", submission_id)
        output.say(
            f"{name} was received and stands: a worker goes on with it (`tallystick worker`,"
            " `tallystick serve --worker`), or the same command run again"
        )
        output.next_step(f"tallystick submissions watch {name}")
        raise


@submissions.command("list")
def list_submissions(
    after: Annotated[str | None, typer.Option("--after", help="Go on after this one.")] = None,
    limit: Limit = 50,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """List submissions: a member's own with its key, all of them for the operator."""
    from tallystick.service.submissions import listing

    start = read("submission", after) if after else None
    with opening.deps() as parts:
        member = opening.acting_member_or_none(parts, key_file)
        views = listing(parts, member, after=start, limit=limit)
    if as_json:
        output.as_json([_plain(view) for view in views])
    else:
        columns = ("id", "dataset", "state", "received", "sent", "accepted", "rejected", "pending")
        output.table(columns, [_row(view) for view in views])
    if views:
        output.next_step(f"tallystick submissions show {_id(views[0])}")
    else:
        output.next_step("tallystick submit FILE --dataset account")


@submissions.command("show")
def show_submission(
    submission_id: SubmissionId, key_file: KeyFile = None, as_json: AsJson = False
) -> None:
    """Show one submission: its stage, its funnel, its findings by rule."""
    view = _show(submission_id, key_file)
    _print_view(view, as_json=as_json)
    _next_after(view)


@submissions.command("watch")
def watch(
    submission_id: SubmissionId,
    key_file: KeyFile = None,
    fail_on: FailOn = "reject",
    as_json: AsJson = False,
) -> None:
    """Follow a submission until it is finished."""
    from tallystick.service.submissions import show

    identity, counted = read("submission", submission_id), severities_from(fail_on)
    with opening.deps() as parts, output.progress() as move:
        member = opening.acting_member_or_none(parts, key_file)
        view = show(parts, member, identity)
        while view.state not in _FINISHED:
            move(view.stage, view.progress_done, view.progress_total)
            time.sleep(_POLL_S)
            view = show(parts, member, identity)
        found = [] if member is None else first_findings(parts, member, identity)
    _print_view(view, found, as_json=as_json)
    _next_after(view)
    _end(view, counted)


@submissions.command("findings")
def list_findings(
    submission_id: SubmissionId,
    rule_id: Annotated[str | None, typer.Option("--rule", help="Only those of this rule.")] = None,
    after: Annotated[int, typer.Option("--after", min=-1, help="Go on after this number.")] = -1,
    limit: Limit = 50,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """List findings with line, column and what was seen; needs the furnisher's key."""
    from tallystick.service.submissions import findings

    identity = read("submission", submission_id)
    with opening.deps() as parts:
        member = opening.acting_member(parts, key_file)
        found = findings(parts, member, identity, rule_id=rule_id, after=after, limit=limit)
    if as_json:
        output.as_json([_plain_finding(one) for one in found])
    else:
        columns = ("no", "severity", "rule", "line", "column", "field", "seen")
        rows = [
            (f.finding_no, f.severity, f.rule_id, f.line_no, f.column_no, f.field, seen_of(f))
            for f in found
        ]
        output.table(columns, rows)
        print_allowed((f.rule_id, f.field, f.allowed) for f in found)
    if len(found) == limit:
        output.next_step(
            f"tallystick submissions findings {submission_id} --after {found[-1].finding_no}"
        )
    elif found:
        output.next_step(f"tallystick explain {found[0].rule_id}")


@submissions.command("rejects")
def write_rejects(
    submission_id: SubmissionId,
    to: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; else standard output.")
    ] = None,
    key_file: KeyFile = None,
) -> None:
    """Give back the bad rows as they came, with what is wrong and how to fix it (CSV)."""
    from tallystick.service.submissions import rejects, show

    if to is not None and to.exists():
        raise typer.BadParameter(f"{to} is there already, and is not written over")
    identity = read("submission", submission_id)
    with opening.deps() as parts:
        member = opening.acting_member(parts, key_file)
        dataset = show(parts, member, identity).dataset
        chunks = rejects(parts, member, identity)
        first = next(iter(chunks), b"")  # a refusal comes here, before a file is made
        if to is None:
            output.data_bytes(chain([first], chunks))
        else:
            with writing(to), to.open("xb") as file:
                file.writelines(chain([first], chunks))
    mended = f"FILE --dataset {dataset} --parent {shown('submission', identity)}"
    output.next_step(f"mend the rows, then: tallystick submit {mended}")


def _show(submission_id: str, key_file: Path | None) -> SubmissionView:
    from tallystick.service.submissions import show

    identity = read("submission", submission_id)
    with opening.deps() as parts:
        return show(parts, opening.acting_member_or_none(parts, key_file), identity)


def _plain_finding(finding: FindingView) -> dict[str, Any]:
    """A finding as the offline check gives it; with the record only where one is named."""
    plain = output.plain_finding(finding)
    if finding.record is None:
        del plain["record"]
    return plain


def _id(view: SubmissionView) -> str:
    return shown("submission", view.submission_id)


def _plain(view: SubmissionView) -> dict[str, Any]:
    found: dict[str, Any] = output.plain(view)
    return found | {"submission_id": _id(view)}


def _row(view: SubmissionView) -> tuple[Any, ...]:
    received = view.received_at.isoformat(timespec="seconds")
    counts = (view.sent, view.accepted, view.rejected, view.pending)
    return (_id(view), view.dataset, view.state, received, *counts)


def _print_view(view: SubmissionView, found: Sequence[FindingView] = (), *, as_json: bool) -> None:
    if as_json:
        output.as_json(_plain(view))
        return
    names = ("dataset", "state", "stage", "received_at", "finished_at")
    funnel = ("sent", "accepted", "unchanged", "rejected", "pending")
    pairs = [("submission", _id(view)), *((name, getattr(view, name)) for name in names + funnel)]
    output.facts(pairs)
    if view.by_rule:
        rows = [(one.rule_id, one.severity, one.count) for one in view.by_rule]
        output.table(("rule", "severity", "count"), rows, title="findings")
    print_findings(found, view.submission_id)
    if view.erased_at is not None:
        when = view.erased_at.isoformat(timespec="seconds")
        output.say(
            f"records of it are no longer on file: their persons were erased, last on {when}"
        )


def _next_after(view: SubmissionView) -> None:
    if view.state not in _FINISHED:
        output.next_step(f"tallystick submissions watch {_id(view)}")
    elif view.rejected:
        output.next_step(f"tallystick submissions rejects {_id(view)} -o rejects.csv")
    elif view.by_rule and view.state == "rejected":  # the file itself: no row of it was read
        output.next_step(f"mend the file, then: tallystick submit FILE --dataset {view.dataset}")
    elif view.by_rule:
        output.next_step(f"tallystick explain {view.by_rule[0].rule_id}")
    else:
        output.next_step("tallystick submissions list")


def _end(view: SubmissionView, counted: frozenset[str]) -> None:
    """Exit 1 where the submission failed, or a finding is as bad as `--fail-on` says."""
    is_bad = any(one.severity in counted and one.count for one in view.by_rule)
    if is_bad or view.state == "failed":
        raise typer.Exit(Exit.FOUND)
