"""Months sent again with another amount: a payment that was booked after the file had gone out."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tallystick.synth import members as cast
from tallystick.synth.accounts import Account
from tallystick.synth.course import Course, CourseMonth
from tallystick.synth.desk import Desk
from tallystick.synth.snapshot_rows import snapshot_lines
from tallystick.synth.window import BACKLOAD_MONTHS, MONTHS

_RESTATED = 0.012
_RESTATING = frozenset((*cast.BANKS, cast.CARD_ISSUER))

Lines = list[tuple[int, str]]


def restate(desk: Desk, account: Account, course: Course, lines: Lines) -> Lines:
    """Now and then a month goes out with a payment missing, and again, right, a month later.

    Takes:  the right rows, each with the month whose file carries it
    Gives:  the same for nearly all accounts; else one row more
    """
    if account.member not in _RESTATING or account.term:
        return lines
    rng = Random(f"restated {desk.seed} {account.number}")
    places = [place for place in range(1, len(course.months)) if _fits(account, course, place)]
    if not places or (rng.random() >= _RESTATED and desk.counts.get("restated")):
        return lines
    place = rng.choice(places)
    row = course.months[place]
    late_booked = (row.paid - row.due) // 2 + 1
    short = row._replace(paid=row.paid - late_booked, balance=row.balance + late_booked)
    wrong = _line(desk, account, course, [*course.months[:place], short])
    month, right = lines[place]
    desk.count("restated")
    desk.note(
        "restated", member=account.member, account_number=account.number,
        period_end=desk.window.end(month).isoformat(), first_balance=f"{short.balance}.00",
        balance=f"{row.balance}.00",
    )  # fmt: skip
    return [*lines[:place], (month, wrong), *lines[place + 1 :], (month + 1, right)]


def _fits(account: Account, course: Course, place: int) -> bool:
    """Quiet and open, paid more than was due, room under the limit, sent month by month."""
    row = course.months[place]
    return (
        BACKLOAD_MONTHS <= row.month < MONTHS - 1
        and row.state == "open"
        and row.missed == course.months[place - 1].missed == 0
        and row.paid - row.due >= 20
        and row.balance + row.paid <= account.limit
    )


def _line(desk: Desk, account: Account, course: Course, months: list[CourseMonth]) -> str:
    changed = replace(course, months=months)
    return snapshot_lines(account, changed, window=desk.window, buckets=desk.buckets)[-1][1]
