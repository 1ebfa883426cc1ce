"""Whether an account is closed: one definition, for what a report says and who may review it."""

from __future__ import annotations

from tallystick.model.file import AccountLine
from tallystick.model.months import SIZE
from tallystick.report.codes import Codes

_STATUSES = frozenset({"closed", "sold"})


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


def _reopened_on(line: AccountLine) -> str:
    """The day (ISO) the account was opened again last; a text before all days where it never was.

    On the day of its closing it counts as after it, as the rules of closings have it.
    """
    days = (event["occurred_at"][:10] for event in line.events if event["event_type"] == "reopened")
    return max(days, default="")
