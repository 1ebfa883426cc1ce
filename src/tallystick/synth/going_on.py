"""Accounts that go on under another number: cards renumbered by their bank, micro loans sold.

The bureau is told by `formerly` in the new number's first terms; what was furnished before stays
where it is, and grid and first delinquency go on. Only from the month by month files on: what a
number continues must be on file before it, and so must the seller's word that it sold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from random import Random

from tallystick.synth import members as cast
from tallystick.synth.accounts import Account, account_number
from tallystick.synth.course import Course
from tallystick.synth.desk import Desk
from tallystick.synth.identity_records import person_number
from tallystick.synth.people import Person
from tallystick.synth.window import BACKLOAD_MONTHS, MONTHS, at

#: Who buys the micro-lender's loans.
BUYER = cast.LENDING_BANKS[0]
#: Numbers given later than at the opening are far from all others.
_NEW_ORDER = 200_000_000
#: How often, by reason: of accounts late at both ends of a month, and of the others.
_SHARES = {"renumbered": (0.4, 0.008), "sold": (0.6, 0.05)}
_CHANGE_DAY = 2
#: The day of the month before on which the seller says that it sold.
_SALE_DAY = 28

Versions = list[tuple[int, dict[str, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class GoingOn:
    """From `month` on the account is `number` at `member`, who knows the borrower by his own."""

    month: int
    day: date
    member: str
    number: str
    reason: str
    borrower_number: str

    def later(self, account: Account) -> Account:
        """The account as it is kept from then on."""
        return replace(account, member=self.member, number=self.number)

    def holds(self, month: int) -> bool:
        """Whether a month is furnished under the new number."""
        return month >= self.month


def goes_on(desk: Desk, person: Person, account: Account, course: Course) -> GoingOn | None:
    """Whether an account goes on under another number, and from when.

    Gives:  None for nearly all; never for one that is furnished under another basis afterwards
    """
    reason = _reason(account)
    if reason is None or course.restructured_month is not None:
        return None
    rng = Random(f"goes on {desk.seed} {account.number}")
    months = _fitting(account, course)
    late = [month for month, is_late in months if is_late]
    share = _SHARES[reason][0 if late else 1]
    if not months or (rng.random() >= share and desk.counts.get(reason)):
        return None
    month = rng.choice(late or [month for month, _ in months])
    member = desk.members[BUYER if reason == "sold" else account.member]
    order = _NEW_ORDER + person.index * 20 + rng.randrange(20)
    desk.count(reason)
    return GoingOn(
        month=month, day=desk.window.day(month, _CHANGE_DAY), member=member.code,
        number=account_number(member, order), reason=reason,
        borrower_number=person_number(member, person),
    )  # fmt: skip


def _reason(account: Account) -> str | None:
    if account.member == cast.MICRO_LENDER:
        return "sold"
    is_card = account.product == "credit_card" and account.basis == "legal_duty"
    return "renumbered" if is_card else None


def _fitting(account: Account, course: Course) -> list[tuple[int, bool]]:
    """Months in which it may change, open before and after; and whether late at both ends."""
    found = []
    for before, row in zip(course.months, course.months[1:], strict=False):
        is_monthly = max(BACKLOAD_MONTHS, account.opened_month + 2) <= row.month < MONTHS - 1
        if is_monthly and before.state == row.state == "open":
            found.append((row.month, before.missed > 0 and row.missed > 0))
    return found


def terms_going_on(versions: Versions, account: Account, new: GoingOn) -> Versions:
    """All terms in order: those of the old number, then the new number's first and its later."""
    before = [version for version in versions if not new.holds(version[0])]
    formerly = {
        "account_number": new.number,
        "person_number": new.borrower_number,
        "formerly_account_number": account.number,
        "formerly_reason": new.reason,
    }
    if new.member != account.member:
        formerly |= {"formerly_furnisher": account.member, "basis": "legal_duty"}
        formerly |= {"consent_ref": ""}
    first = before[-1][1] | formerly | {"valid_from": new.day.isoformat()}
    after = [(month, terms | formerly) for month, terms in versions if new.holds(month)]
    return [*before, (new.month, first), *after]


def report_sale(desk: Desk, account: Account, new: GoingOn) -> None:
    """The seller's word, in its file of the month before; without it the buyer's account waits."""
    if new.reason != "sold":
        return
    sold_at = at(desk.window.day(new.month - 1, _SALE_DAY), 57_600)
    desk.sheets.add_lines(
        desk.window.batch(new.month - 1), account.member, "event",
        [f"{account.number},S0001,sold,{sold_at.isoformat()},,,"],
    )  # fmt: skip
    desk.count("events")


def note_going_on(desk: Desk, account: Account, course: Course, *, new: GoingOn) -> None:
    """Keep in the truth what the bureau should show at the end under the new number."""
    late_at_change = [row.missed > 0 for row in course.months if row.month in _ends(new.month)]
    desk.note(
        "going_on", member=new.member, account_number=new.number, reason=new.reason,
        month=desk.window.end(new.month).isoformat(), former_member=account.member,
        former_account_number=account.number, months=len(course.months),
        first_delinquency_on=_first_delinquency(desk, account, course),
        is_late_at_change=all(late_at_change),
    )  # fmt: skip


def _ends(month: int) -> tuple[int, int]:
    return month - 1, month


def _first_delinquency(desk: Desk, account: Account, course: Course) -> str:
    """The day the arrears at the end of the course began; empty without arrears."""
    began = ""
    for row in course.months:
        if row.state == "closed" or not row.missed:
            began = ""
        elif not began:
            began = desk.window.day(row.month, account.due_day).isoformat()
    return began
