"""Whether an account is closed: one definition, for what a report says and who may review it."""

from __future__ import annotations

from tallystick.model.file import AccountLine
from tallystick.model.months import SIZE
from tallystick.report.codes import Codes

_STATUSES = frozenset({"closed", "sold"})


def is_closed(line: AccountLine, *, codes: Codes) -> bool:
    """Whether an account is closed: by its terms, by its newest month's status or by its code.

    Takes:   the codes of the profile on the day the line is read on; the newest month counts, also
             where it came before she had her role
    Missing: an account nothing of which says that it is closed is open
    """
    newest = codes.of(line.months[-SIZE:])
    if line.before is not None:
        newest = line.before["bucket"].encode()
    return (
        line.terms.get("closed_on") is not None
        or (line.latest or line.before or {}).get("status") in _STATUSES
        or (bool(newest) and newest in codes.closed)
    )
