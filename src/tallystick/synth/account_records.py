"""`account`, `funding` and `event` records of one account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tallystick.synth import members as cast
from tallystick.synth.accounts import Account
from tallystick.synth.course import Course, CourseMonth
from tallystick.synth.desk import Desk
from tallystick.synth.going_on import GoingOn, terms_going_on
from tallystick.synth.window import BACKLOAD_MONTHS, Window, at

#: From here on the platforms tell each payment and each purchase as it happens; those of earlier
#: years are in the months only, as where a duty to report single events began late.
FIRST_MONTH_TOLD_SINGLY = BACKLOAD_MONTHS - 12
#: The header the event rows are written for; compared with the registry before the first row.
EVENT_HEADER = (
    "account_number", "event_id", "event_type", "occurred_at", "currency", "amount",
    "extended_months",
)  # fmt: skip
_UNSECURED = frozenset({"credit_card", "revolving_loan", "instalment_loan", "micro_loan"})


@dataclass(frozen=True, slots=True)
class BasisChange:
    """From `day` on the account is furnished because the law says so: her consent was withdrawn."""

    month: int
    day: date


def write_account(
    desk: Desk, account: Account, course: Course, *,
    borrower_number: str, basis_change: BasisChange | None, new: GoingOn | None = None,
) -> None:  # fmt: skip
    """All `account` records: the first terms, then one for each change in a later file.

    Takes:  `new` where the account goes on under another number
    """
    window = desk.window
    record = _first_terms(account, borrower_number, window)
    versions: list[tuple[int, dict[str, str]]] = [(max(account.opened_month, 0), record)]
    changed_first = basis_change is not None and basis_change.month < (
        course.restructured_month or 0
    )
    if basis_change is not None and changed_first:
        _go_on_by_law(versions, basis_change, closed_month=course.closed_month)
    if course.restructured_month is not None:
        _restructure(account, course, versions, window)
    if basis_change is not None and not changed_first:
        _go_on_by_law(versions, basis_change, closed_month=course.closed_month)
    if course.closed_month is not None:
        _close(account, course, versions, window)
    if new is not None:
        versions = terms_going_on(versions, account, new)
    for month, version in versions:
        is_new = new is not None and new.number == version["account_number"]
        desk.add(month, new.member if new and is_new else account.member, "account", version)


def _restructure(
    account: Account, course: Course, versions: list[tuple[int, dict[str, str]]], window: Window
) -> None:
    """New terms: the end moves by the months that were behind."""
    month = course.restructured_month or 0
    maturity = account.opened_month + account.term + course.extended_months
    changed = {
        "valid_from": window.day(month, account.due_day).isoformat(),
        "maturity_on": window.day(maturity, account.due_day).isoformat(),
    }
    versions.append((month, versions[-1][1] | changed))


def _go_on_by_law(
    versions: list[tuple[int, dict[str, str]]], change: BasisChange, *, closed_month: int | None
) -> None:
    """New terms from the day of the withdrawal; in the month of closing, those of the closing."""
    law = {"basis": "legal_duty", "consent_ref": ""}
    last_month, last = versions[-1]
    day = change.day.isoformat()
    if last_month == change.month:
        versions[-1] = (last_month, last | law)
    elif closed_month != change.month:
        versions.append((change.month, last | law | {"valid_from": day}))
    else:
        # The closing's own terms take it over (`_close`); they are in a file of their own.
        versions.append((change.month, last | law))


def _first_terms(account: Account, borrower_number: str, window: Window) -> dict[str, str]:
    opened_on = account.opened_on.isoformat()
    record = {
        "account_number": account.number,
        "valid_from": opened_on,
        "person_number": borrower_number,
        "product": account.product,
        "currency": "CNY",
        "opened_on": opened_on,
        "repayment_frequency": "month",
        "security": _security(account),
        "agreement_number": account.agreement,
        "basis": account.basis,
        "consent_ref": account.consent_id,
    }
    if account.term:
        maturity = window.day(account.opened_month + account.term, account.due_day)
        record |= {
            "maturity_on": maturity.isoformat(),
            "principal": f"{account.principal}.00",
            "instalment_count": str(account.term),
        }
    else:
        record["credit_limit"] = f"{account.limit}.00"
    return record


def _security(account: Account) -> str:
    if account.guaranteed:
        return "guarantor"
    if account.product in _UNSECURED:
        return "none"
    return {"mortgage": "mortgage", "auto_loan": "pledge"}.get(account.product, "none")


def closing_day(account: Account, course: Course, window: Window) -> date:
    """The day of the last payment. Takes: a course that closed."""
    month = course.closed_month or 0
    paid_day = next(row.paid_day for row in reversed(course.months) if row.month == month)
    return window.day(month, paid_day or account.due_day)


def _close(
    account: Account, course: Course, versions: list[tuple[int, dict[str, str]]], window: Window
) -> None:
    """Closing goes into the last terms where they are in the same file, else it makes new ones."""
    month = course.closed_month or 0
    day = closing_day(account, course, window).isoformat()
    closing = {
        "closed_on": day,
        "closed_reason": "paid" if account.term else "by_consumer",
    }
    last_month, last = versions[-1]
    if window.batch(last_month) == window.batch(month):
        moved = {"valid_from": day} if last["valid_from"] == versions[0][1]["valid_from"] else {}
        versions[-1] = (last_month, last | closing | (moved if len(versions) > 1 else {}))
    else:
        versions.append((month, last | closing | {"valid_from": day}))


def write_fundings(desk: Desk, account: Account) -> None:
    """Who funds what share; some banks say so themselves, the platform says it for the others."""
    month = max(account.opened_month, 0)
    if len(account.split) < 2:
        return
    for funder, parts in account.split:
        is_originator = funder == account.member
        if is_originator and account.member != cast.SHY_PLATFORM:
            continue  # what is not furnished is the originator's
        furnisher = funder if funder in cast.BANKS_FURNISHING_SHARES else account.member
        file = (desk.window.batch(month), furnisher)
        desk.originators.setdefault(file, set()).add(account.member)
        desk.add(month, furnisher, "funding", {
            "originator": account.member,
            "account_number": account.number,
            "funder": funder,
            "role": "originator" if is_originator else "funder",
            "valid_from": account.opened_on.isoformat(),
            "share": f"0.{parts:02d}",
        })  # fmt: skip


class EventWriter:
    """The events of one account, numbered as they come."""

    def __init__(self, desk: Desk, account: Account):
        self._desk = desk
        self._account = account
        self._lines: dict[str, list[str]] = {}
        self._number = 0

    def write(self, course: Course) -> None:
        """Write all events of the course in the window."""
        account = self._account
        if account.opened_month >= 0:
            self._event(account.opened_month, account.opened_on.day, "opened")
            if account.term:
                self._event(account.opened_month, account.opened_on.day, "drawn_down",
                            amount=account.principal)  # fmt: skip
        before = 0
        for row in course.months:
            if row.state == "closed" and row.month != course.closed_month:
                break
            self._month(row, before, course)
            before = row.missed
        for batch, lines in self._lines.items():
            self._desk.sheets.add_lines(batch, account.member, "event", lines)
        self._desk.count("events", self._number)

    def _month(self, row: CourseMonth, before: int, course: Course) -> None:
        day = row.paid_day or self._account.due_day
        if row.month == course.restructured_month:
            self._event(row.month, day, "restructured")
            self._event(row.month, day, "extended", extended=course.extended_months)
        is_told_singly = row.month >= FIRST_MONTH_TOLD_SINGLY
        early = row.month == course.closed_month and course.closed_early
        if row.paid and (early or is_told_singly):
            self._event(row.month, day, "prepaid" if early else "repaid", amount=row.paid)
        if before and not row.missed and row.month != course.restructured_month:
            self._event(row.month, day, "cured")
        if row.spent and is_told_singly:
            late_day = min(28, max(day, self._account.opened_on.day) + 2)
            self._event(row.month, late_day, "drawn_down", amount=row.spent)
        if row.missed and not before:
            self._event(row.month, self._account.due_day + 1, "overdue", amount=row.past_due)
        if row.month == course.written_off_month:
            self._event(row.month, 28, "written_off", amount=row.balance)
        if row.month == course.closed_month:
            self._event(row.month, day, "closed")

    def _event(
        self, month: int, day: int, kind: str, *, amount: int = 0, extended: int = 0
    ) -> None:
        account, window = self._account, self._desk.window
        self._number += 1
        # Seconds rise within a day, so that events keep the order they happened in.
        second = (int(account.number[-7:]) * 61 + month * 977) % 50_000 + 20_000 + self._number * 7
        moment = at(window.day(month, day), second % 86_000)
        money = f"CNY,{amount}.00" if amount else ","
        self._lines.setdefault(window.batch(month), []).append(
            f"{account.number},E{self._number:04d},{kind},{moment.isoformat()},{money},"
            f"{extended or ''}"
        )
