"""The course of an account from month to month: balances, dues, payments, closing.

No interest anywhere, so the arithmetic can be checked by hand: an instalment loan's balance is the
instalments not yet paid; a revolving balance is the last one less payments plus what was spent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from tallystick.synth.accounts import Account
from tallystick.synth.delinquency import WRITE_OFF_AT
from tallystick.synth.window import MONTHS

#: Months for which a closed account is still reported as closed.
CLOSED_MONTHS = 4


class CourseMonth(NamedTuple):
    """One month of one account; amounts in whole yuan.

    `missed` counts payments missed at its end. `state` is open, closed or written_off.
    `paid_day` is 0 when nothing was paid.
    """

    month: int
    missed: int
    balance: int
    due: int
    paid: int
    past_due: int
    left: int
    paid_day: int
    spent: int
    state: str


@dataclass(slots=True)
class Course:
    """All months of an account in the window and what happened on the way.

    `closed_month` and `restructured_month` are None where it did not happen.
    """

    months: list[CourseMonth] = field(default_factory=list)
    closed_month: int | None = None
    closed_early: bool = False
    restructured_month: int | None = None
    extended_months: int = 0
    written_off_month: int | None = None


def course_of(rng: Random, account: Account) -> Course:
    """The course an account takes given the payments it misses."""
    course = Course()
    if account.term:
        _instalments(rng, account, course)
    else:
        _revolving(rng, account, course)
    if course.closed_month is not None:
        last = min(MONTHS, course.closed_month + 1 + CLOSED_MONTHS)
        course.months.extend(
            CourseMonth(month, 0, 0, 0, 0, 0, 0, 0, 0, "closed")
            for month in range(course.closed_month + 1, last)
        )
    return course


def _instalments(rng: Random, account: Account, course: Course) -> None:
    one, term = account.instalment, account.term
    start = account.first_payment_month
    if account.opened_month >= 0:
        course.months.append(
            CourseMonth(account.opened_month, 0, one * term, 0, 0, 0, term, 0, 0, "open")
        )
    paid_before, before, shift = start - account.opened_month - 1, 0, 0
    for month in range(start, MONTHS):
        elapsed = month - account.opened_month - shift
        missed = account.missed[month - start] if not shift else 0
        if account.restructures and not shift and before >= 3:
            # What is behind moves to the end of the schedule; this month is paid as planned.
            shift = before
            elapsed, missed = elapsed - shift, 0
            course.restructured_month, course.extended_months = month, shift
        paid = min(elapsed - missed, term)
        due = one * (min(elapsed, term) - paid_before)
        early = account.closes_in == month and missed == 0 and before == 0 and paid < term
        if early:
            paid = term
        written_off = missed >= WRITE_OFF_AT
        if written_off and course.written_off_month is None:
            course.written_off_month = month
        is_closed = paid >= term
        course.months.append(
            CourseMonth(
                month, missed, one * (term - paid), due, one * (paid - paid_before),
                0 if is_closed else one * (min(elapsed, term) - paid), term - paid,
                _paid_day(rng, account, before) if paid > paid_before else 0, 0,
                "closed" if is_closed else "written_off" if written_off else "open",
            )
        )  # fmt: skip
        if is_closed:
            course.closed_month, course.closed_early = month, early
            return
        paid_before, before = paid, missed


def _revolving(rng: Random, account: Account, course: Course) -> None:
    limit, appetite = account.limit, rng.uniform(0.02, 0.25)
    always_used = account.worst > 0
    floor = limit // 10 if always_used else 0
    balance = int(limit * rng.uniform(0.1, 0.6)) if always_used or rng.random() < 0.8 else 0
    if account.opened_month >= 0:
        course.months.append(
            CourseMonth(account.opened_month, 0, balance, 0, 0, 0, 0, 0, balance, "open")
        )
    least, before = 0, 0
    start = account.first_payment_month
    for month in range(start, MONTHS):
        missed = account.missed[month - start]
        if before == 0:
            least = min(balance, max(balance // 10, 50))
        due = min(balance, least * (before + 1))
        closes = account.closes_in is not None and month >= account.closes_in and missed == 0
        spent = 0
        if closes:
            paid = balance
        elif missed > before:
            paid = 0
        elif missed:
            paid = max(0, min(balance - least * missed, least * (before + 1 - missed)))
        else:
            paid = due + int((balance - due) * rng.random() ** 2)
            room = limit - (balance - paid)
            spent = min(room, max(int(limit * appetite * rng.random()), floor))
        balance = balance - paid + spent
        written_off = missed >= WRITE_OFF_AT
        if written_off and course.written_off_month is None:
            course.written_off_month = month
        past_due = balance if written_off else min(balance, least * missed)
        course.months.append(
            CourseMonth(
                month, missed, balance, due, paid, past_due, 0,
                _paid_day(rng, account, before) if paid else 0, spent,
                "closed" if closes else "written_off" if written_off else "open",
            )
        )  # fmt: skip
        if closes:
            course.closed_month = month
            return
        before = missed


def _paid_day(rng: Random, account: Account, missed_before: int) -> int:
    """On time: the due day or up to three days before it; catching up: any day until then."""
    if missed_before:
        return rng.randrange(1, account.due_day + 1)
    return account.due_day - rng.randrange(0, 4)
