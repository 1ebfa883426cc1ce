"""`snapshot` rows of one account: the hot loop of a run, so rows are written as text at once."""

from __future__ import annotations

from datetime import timedelta

from tallystick.synth import members as cast
from tallystick.synth.accounts import Account
from tallystick.synth.course import Course, CourseMonth
from tallystick.synth.people import ProfileId
from tallystick.synth.window import Window

#: The header these rows are written for; compared with the registry before the first row.
HEADER = (
    "account_number", "period_end", "bucket", "days_past_due", "currency", "balance",
    "credit_limit", "payment_due", "amount_paid", "amount_past_due", "classification", "status",
    "first_delinquency_on", "last_payment_on", "remaining_instalments", "notice_sent_on",
)  # fmt: skip
_BUCKETS = {
    "zz": {"late": "012345", "closed": "C", "unknown": "X", "nothing_due": "0"},
    "cn": {"late": "N1234567", "closed": "C", "unknown": "#", "nothing_due": "*"},
}
_CLASSIFYING = frozenset((*cast.BANKS, cast.SMALL_BANK))
#: Values a furnisher does not hold, by field.
_NOT_HELD = {cast.SMALL_BANK: "amount_paid", cast.MICRO_LENDER: "payment_due"}
#: Months a small furnisher lost: one in so many rows of an account that is never late.
_LOST_ONE_IN = 400


class Buckets:
    """The code set of a profile, by payments missed."""

    def __init__(self, profile: ProfileId):
        codes = _BUCKETS[profile]
        self._late = codes["late"]
        self.closed = codes["closed"]
        self.unknown = codes["unknown"]
        self.nothing_due = codes["nothing_due"]

    def of(self, missed: int) -> str:
        """The bucket of so many missed payments; the worst one has no upper end."""
        return self._late[min(missed, len(self._late) - 1)]


def snapshot_lines(
    account: Account, course: Course, *, window: Window, buckets: Buckets
) -> list[tuple[int, str]]:
    """(month, CSV row) of every month of a course."""
    account_no = account.number
    limit = f"{account.limit}.00" if account.limit else ""
    classifies = account.member in _CLASSIFYING
    not_held = _NOT_HELD.get(account.member, "")
    loses = account.member == cast.SMALL_BANK and account.worst == 0
    first_late = notice = last_paid = ""
    lines: list[tuple[int, str]] = []
    for row in course.months:
        month, missed = row.month, row.missed
        end = window.end(month)
        if row.paid_day:
            last_paid = window.day(month, row.paid_day).isoformat()
        if row.state == "closed" or not missed:
            first_late = notice = ""
            bucket = _quiet_bucket(row, buckets)
            days = "0"
        else:
            if not first_late:
                first_late = window.day(month, account.due_day).isoformat()
                notice = notice_day(account, month, window=window)
            bucket = buckets.of(missed)
            days = str((end - window.day(month - missed + 1, account.due_day)).days)
        if loses and row.state == "open" and _is_lost(account_no, month):
            lines.append((month, _lost_line(account_no, end.isoformat(), buckets, limit)))
            continue
        due = "absent:not_held" if not_held == "payment_due" else f"{row.due}.00"
        paid = "absent:not_held" if not_held == "amount_paid" else f"{row.paid}.00"
        tier = _five_tier(row) if classifies else ""
        left = str(row.left) if account.term else ""
        lines.append((
            month,
            f"{account_no},{end.isoformat()},{bucket},{days},CNY,{row.balance}.00,{limit},{due},"
            f"{paid},{row.past_due}.00,{tier},{row.state},{first_late},{last_paid},{left},{notice}",
        ))  # fmt: skip
    return lines


def notice_day(account: Account, month: int, *, window: Window) -> str:
    """When the reminder with the notice went out: before the month of the first missed payment."""
    day = window.day(month, 1) - timedelta(days=1 + account.due_day % 4)
    return max(day, account.opened_on).isoformat()


def _quiet_bucket(row: CourseMonth, buckets: Buckets) -> str:
    if row.state == "closed":
        return buckets.closed
    return buckets.of(0) if row.due else buckets.nothing_due


def _is_lost(account_no: str, month: int) -> bool:
    return (int(account_no) * 31 + month * 17) % _LOST_ONE_IN == 0


def _lost_line(account_no: str, end: str, buckets: Buckets, limit: str) -> str:
    unknown = "absent:not_yet_known"
    return (
        f"{account_no},{end},{buckets.unknown},{unknown},CNY,{unknown},{limit},{unknown},"
        f"{unknown},{unknown},,open,,,,"
    )


def _five_tier(row: CourseMonth) -> str:
    if row.state == "written_off":
        return "loss"
    if row.missed >= 6:
        return "doubtful"
    if row.missed >= 4:
        return "substandard"
    return "special_mention" if row.missed else "normal"
