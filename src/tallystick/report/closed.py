"""Whether an account is closed, and paid: one definition, for reports and for who may review it."""

from __future__ import annotations

from tallystick.model.file import AccountLine
from tallystick.model.months import SIZE
from tallystick.report.codes import Codes

_STATUSES = frozenset({"closed", "sold"})
#: Why an account was closed, where nothing of it is owed to anybody from that day on. The others
#: do not say so: given up or moved elsewhere unpaid, or closed to new use.
_SETTLING_REASONS = frozenset({"paid", "refinanced", "settled_for_less"})
_UNPAID_STATUSES = frozenset({"written_off", "sold", "in_recovery"})
_UNPAID_REASONS = frozenset({"written_off", "sold"})


def is_closed(line: AccountLine, *, codes: Codes) -> bool:
    """Whether an account is closed: by its terms, by its newest month's status or by its code.

    What was told of a time before a `reopened` event closes nothing any more.

    Takes:   the codes of the profile on the day the line is read on; the newest month counts, also
             where it came before she had her role
    Missing: an account nothing of which says that it is closed is open
    """
    reopened_on = _reopened_on(line)
    closed_on = line.terms.get("closed_on")
    if closed_on is not None and closed_on > reopened_on:
        return True
    newest_month = line.latest or line.before or {}
    if newest_month.get("period_end", "9999") < reopened_on:
        return False
    newest = codes.of(line.months[-SIZE:])
    if line.before is not None:
        newest = line.before["bucket"].encode()
    return newest_month.get("status") in _STATUSES or (bool(newest) and newest in codes.closed)


def is_unpaid(line: AccountLine) -> bool:
    """Whether an account's terms or newest month leave something unpaid, closed or not."""
    return _owes(line) or line.terms.get("closed_reason") in _UNPAID_REASONS


def settled_on(line: AccountLine) -> str | None:
    """The day (ISO) from which its terms say that nothing of an account is owed any more.

    What the newest month told before that day is over then, past due or written off as it was.

    Missing: None where the terms do not close the account, or for a reason that does not say so;
             where it was opened again since; where a month at or after the closing says that
             something is unpaid
    """
    closed_on: str | None = line.terms.get("closed_on")
    if closed_on is None or line.terms.get("closed_reason") not in _SETTLING_REASONS:
        return None
    told_later = (line.latest or {}).get("period_end", "") >= closed_on
    if closed_on <= _reopened_on(line) or (told_later and _owes(line)):
        return None
    return closed_on


def _owes(line: AccountLine) -> bool:
    newest = line.latest or {}
    past_due_minor = newest.get("amount_past_due_minor") or 0
    return newest.get("status") in _UNPAID_STATUSES or past_due_minor > 0


def _reopened_on(line: AccountLine) -> str:
    """The day (ISO) the account was opened again last; a text before all days where it never was.

    On the day of its closing it counts as after it, as the rules of closings have it.
    """
    days = (event["occurred_at"][:10] for event in line.events if event["event_type"] == "reopened")
    return max(days, default="")
