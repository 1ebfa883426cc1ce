"""`remark` records: disputes and statements beside an account."""

from __future__ import annotations

from random import Random

from tallystick.synth.accounts import Account
from tallystick.synth.course import Course
from tallystick.synth.desk import Desk

_REMARKED = 0.02
_TEXTS = (
    ("disputed", "zh", "本人对该月逾期记录有异议，已申请核查。"),
    ("disputed", "en", "The amount past due is disputed; the lender is checking it."),
    ("statement", "zh", "因住院未能按期还款，现已结清欠款。"),
    ("statement", "en", "The payment was late because my wages came late."),
)


def write_remarks(desk: Desk, rng: Random, account: Account, course: Course) -> None:
    """A remark beside some accounts that were late, in the month after."""
    late = [row.month for row in course.months if row.missed]
    if not late or rng.random() >= _REMARKED * 5:
        return
    kind, locale, text = rng.choice(_TEXTS)
    month = max(0, late[0])
    record = {
        "object_type": "account",
        "account_number": account.number,
        "kind": kind,
        "valid_from": desk.window.end(month).isoformat(),
        "text": text,
        "locale": locale,
    }
    if kind == "disputed" and month + 2 < desk.window.month_of(desk.window.end(47)):
        record["valid_to"] = desk.window.day(month + 2, 20).isoformat()
    desk.add(month, account.member, "remark", record)
    desk.count("remarks")
