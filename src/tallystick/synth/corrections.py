"""Corrections: a late month that was the furnisher's own mistake, put right months afterwards."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import Any

from tallystick.formats import record_digest
from tallystick.synth import members as cast
from tallystick.synth.accounts import Account
from tallystick.synth.course import Course
from tallystick.synth.desk import Desk
from tallystick.synth.snapshot_rows import HEADER, snapshot_lines
from tallystick.synth.window import BACKLOAD_MONTHS, MONTHS, at

_CORRECTED = 0.15
_CORRECTING = frozenset((*cast.BANKS, *cast.PLATFORMS))


def correct_late_month(desk: Desk, rng: Random, account: Account, course: Course) -> None:
    """Now and then plan the correction of one late month of an instalment loan (and the next)."""
    if account.member not in _CORRECTING or not account.term or account.worst != 1:
        return
    place = _single_late_month(course)
    if place is None or rng.random() >= _CORRECTED:
        return
    one = account.instalment
    late, following = course.months[place], course.months[place + 1]
    on_time = late._replace(
        missed=0, balance=late.balance - one, paid=one, past_due=0, left=late.left - 1,
        paid_day=account.due_day,
    )  # fmt: skip
    mended = replace(course, months=[
        *course.months[:place], on_time,
        following._replace(due=following.due - one, paid=following.paid - one),
    ])  # fmt: skip
    lines, said = (
        snapshot_lines(account, told, window=desk.window, buckets=desk.buckets)[-2:]
        for told in (mended, replace(course, months=course.months[: place + 2]))
    )
    reason = rng.choice(("furnisher_error", "dispute_upheld", "system_error"))
    moment = at(
        desk.window.day(rng.randrange(BACKLOAD_MONTHS, MONTHS), rng.randrange(5, 28)), 43000
    )
    batch = f"corrections/{account.number}"
    for (_, line), (_, replaced) in zip(lines, said, strict=True):
        desk.sheets.add(batch, account.member, "correction", {
            "record_dataset": "snapshot",
            "record": json.dumps(_record(line), ensure_ascii=False),
            "replaces_digest": record_digest("snapshot", _record(replaced)),
            "reason": reason,
        })  # fmt: skip
    desk.steps.add(
        moment, "correct", account.member, dataset="correction",
        file=desk.sheets.path(batch, account.member, "correction"),
    )  # fmt: skip
    desk.count("corrections")


def _single_late_month(course: Course) -> int | None:
    """The place of a late month of the back-load with quiet open months on both sides."""
    months = course.months
    for place in range(1, len(months) - 1):
        around = (months[place - 1], months[place], months[place + 1])
        if [row.missed for row in around] == [0, 1, 0] and all(
            row.state == "open" and row.month < BACKLOAD_MONTHS for row in around
        ):
            return place
    return None


def _record(line: str) -> dict[str, Any]:
    """A CSV row as a native JSON record; its amounts have all digits, so it is in full form."""
    record: dict[str, Any] = {}
    for name, text in zip(HEADER, line.split(","), strict=True):
        if text.startswith("absent:"):
            record[name] = {"absent": text.removeprefix("absent:")}
        elif text:
            record[name] = text
    return record
