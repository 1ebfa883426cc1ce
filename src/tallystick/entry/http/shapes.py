"""What the API says of a submission, a finding, a consent, a rule: plain JSON with edge ids."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tallystick.model.ids import edge_id
from tallystick.model.instant import instant_text
from tallystick.service.consents import ConsentView
from tallystick.service.intake_store import FINISHED
from tallystick.service.submissions import FindingView, SubmissionView
from tallystick.validate import Rule, load_rules

#: The stages a submission passes, in order, each with the states in which it is under way.
STAGES = ("received", "checking", "publishing", "published")


def moment(instant: datetime | None) -> str | None:
    """An instant as the API writes it."""
    return None if instant is None else instant_text(instant)


def stages_of(view: SubmissionView) -> list[dict[str, str]]:
    """Each stage with `done`, `running`, `waiting` or `failed`."""
    if view.state == "failed":
        reached = STAGES.index(view.stage) if view.stage in STAGES else 1
    elif view.state == "rejected":
        reached = STAGES.index("checking")
    else:
        reached = STAGES.index(view.state) if view.state in STAGES else 0
    shown = []
    for at, stage in enumerate(STAGES):
        if at < reached or view.state == "published" or at == 0:
            status = "done"
        elif at > reached:
            status = "waiting"
        else:
            status = "failed" if view.state in {"failed", "rejected"} else "running"
        shown.append({"stage": stage, "status": status})
    return shown


def submission_shape(view: SubmissionView) -> dict[str, Any]:
    """A submission as a job: state, stages, progress, funnel, rules that were hit."""
    identity = edge_id("sbm", view.submission_id)
    url = f"/v1/submissions/{identity}"
    return {
        "id": identity,
        "object": "submission",
        "url": url,
        "dataset": view.dataset,
        "state": view.state,
        "is_finished": view.state in FINISHED,
        "stage": view.stage,
        "stages": stages_of(view),
        "progress": {"done": view.progress_done, "total": view.progress_total},
        "received_at": moment(view.received_at),
        "finished_at": moment(view.finished_at),
        "erased_at": moment(view.erased_at),
        "funnel": {
            "sent": view.sent,
            "accepted": view.accepted,
            "unchanged": view.unchanged,
            "rejected": view.rejected,
            "pending": view.pending,
        },
        "by_rule": [
            {
                "rule_id": rule.rule_id,
                "severity": rule.severity,
                "count": rule.count,
                "url": f"/v1/rules/{rule.rule_id}",
            }
            for rule in view.by_rule
        ],
        "results": {"findings": f"{url}/findings", "rejects_csv": f"{url}/rejects.csv"},
    }


def finding_shape(view: FindingView) -> dict[str, Any]:
    """A finding with its rule's texts: what was seen, what is allowed, how to mend it."""
    rule = load_rules().get(view.rule_id)
    shape: dict[str, Any] = {
        "number": view.finding_no,
        "rule_id": view.rule_id,
        "severity": view.severity,
        "line": view.line_no,
        "column": view.column_no,
        "byte_offset": view.byte_offset,
        "field": view.field,
        "seen": view.seen,
        "record": None if view.record is None else dict(view.record),
        "other_line": view.other_line_no,
    }
    if rule is not None:
        allowed = view.allowed or rule.allowed
        shape |= {
            "message": {"en": rule.message.en, "zh": rule.message.zh},
            "allowed": {"en": allowed.en, "zh": allowed.zh},
            "how_to_fix": {"en": rule.fix.en, "zh": rule.fix.zh},
        }
    return shape


def rule_shape(rule: Rule) -> dict[str, Any]:
    """A rule of the registry, in full."""
    return {
        "id": rule.rule_id,
        "object": "rule",
        "datasets": list(rule.datasets),
        "severity": rule.severity,
        "needs": rule.needs,
        "fields": list(rule.fields),
        "expression": None if rule.expression is None else rule.expression.text,
        "message": {"en": rule.message.en, "zh": rule.message.zh},
        "allowed": {"en": rule.allowed.en, "zh": rule.allowed.zh},
        "how_to_fix": {"en": rule.fix.en, "zh": rule.fix.zh},
        "rationale": {"en": rule.rationale.en, "zh": rule.rationale.zh},
        "potential_harm": {"en": rule.potential_harm.en, "zh": rule.potential_harm.zh},
        "alternate_explanation": {
            "en": rule.alternate_explanation.en,
            "zh": rule.alternate_explanation.zh,
        },
        "source": rule.source,
        "examples": [
            {"hits": example.hits, "why": example.why, "row": _plain(example.row)}
            for example in rule.examples
        ],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | int) else str(value)


def consent_shape(view: ConsentView) -> dict[str, Any]:
    """A consent and how it stands."""
    identity = edge_id("cns", view.consent_id)
    return {
        "id": identity,
        "object": "consent",
        "purpose": view.purpose,
        "data_classes": list(view.data_classes),
        "valid_from": moment(view.valid_from),
        "valid_to": moment(view.valid_to),
        "given_at": moment(view.given_at),
        "withdrawn_at": moment(view.withdrawn_at),
        "status": view.status,
    }
