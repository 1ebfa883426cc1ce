"""Counts what became of the files: published, funnels that add up, exactly the planted faults."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tallystick.entry.demo.building import Built
from tallystick.entry.demo.steps import Sent
from tallystick.entry.demo.tally import Tally
from tallystick.service.port import Deps
from tallystick.service.submissions import findings

_STEP = "furnish"
#: The rule that a share over the whole meets: it names every share of that account in the file.
_OVER_WHOLE = "FND-SHARE-001"


def check(tally: Tally, deps: Deps, built: Built, synth: Path) -> None:
    """All files against the plan, and their bad rows against the truth."""
    sent = built.history.sent
    steps = built.plan.steps
    wanted = steps.get("submit", 0) + steps.get("correct", 0)
    tally.expect(_STEP, "files sent", wanted=wanted, found=len(sent))
    done = sum(one.view.state == "published" or _is_all_bad(one) for one in sent)
    tally.expect(_STEP, "files published, or rejected row for row", wanted=wanted, found=done)
    adding_up = sum(_adds_up(one) for one in sent)
    tally.expect(_STEP, "funnels that add up", wanted=wanted, found=adding_up)
    rows = sum(one.view.sent for one in sent)
    tally.expect(_STEP, "rows sent", wanted=sum(built.plan.rows.values()), found=rows)
    _planted(tally, deps, sent, synth)


def _is_all_bad(one: Sent) -> bool:
    """A file of nothing but bad rows has nothing to publish."""
    return one.view.state == "rejected" and one.view.rejected == one.view.sent > 0


def _adds_up(one: Sent) -> bool:
    view = one.view
    return view.sent == view.accepted + view.unchanged + view.rejected + view.pending


def _planted(tally: Tally, deps: Deps, sent: list[Sent], synth: Path) -> None:
    """Every planted fault is found in its line; what else was rejected stands beside one."""
    planted: list[Mapping[str, Any]] = json.loads(
        (synth / "truth" / "planted.json").read_text(encoding="utf-8")
    )
    wanted: dict[tuple[str, int], str] = {}
    for fault in planted:  # among few people two may meet in one line: the worse one decides
        place = (fault["file"], fault["line"])
        if wanted.get(place) != "reject":
            wanted[place] = fault["severity"]
    found: dict[tuple[str, int | None], str] = {}
    beside = set()
    for one in sent:
        if one.view.rejected == one.view.pending == 0:
            continue
        for finding in findings(deps, None, one.view.submission_id, limit=10_000):
            key = (one.file, finding.line_no)
            if finding.severity == "reject" or (finding.severity == "pend" and key not in found):
                found[key] = finding.severity
            if finding.rule_id == _OVER_WHOLE and key not in wanted:
                beside.add(key)
    hit = sum(found.get(key) == severity for key, severity in wanted.items())
    tally.expect(_STEP, "planted faults found", wanted=len(wanted), found=hit)
    others = set(found) - set(wanted) - beside
    tally.expect(_STEP, "other rows rejected or pending", wanted=0, found=len(others))
