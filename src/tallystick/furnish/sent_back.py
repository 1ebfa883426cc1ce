"""Rows of a reject file that came back as they were given: still what could not be read.

A record that could not be split has no cells of its own, so the reject file gives its whole text in
one place. Judged cell by cell it would get faults that say nothing of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tallystick.furnish import rule_ids
from tallystick.furnish.csv_record import Broken, seen_text
from tallystick.furnish.header import REJECT_COLUMNS, UNREADABLE_KEY, Header

_RULE: Final = REJECT_COLUMNS.index("rule_id")
#: The faults of a record that could not be split.
_BROKEN: Final = frozenset(one for one in rule_ids.ALL if one.startswith("FMT-ROW-")) - {
    rule_ids.ROW_FIELD_UNKNOWN
}


def broken_record(record: Mapping[str, Any]) -> Broken | None:
    """The fault of an object that only holds the text of a line that was none; else None.

    Missing: without the rule it was given back with, the line is no object
    """
    if UNREADABLE_KEY not in record or not record.keys() <= {UNREADABLE_KEY, *REJECT_COLUMNS}:
        return None
    given = record.get("rule_id")
    rule = given if isinstance(given, str) and given in _BROKEN else rule_ids.ROW_NOT_JSON
    return Broken(rule, None, seen_text(str(record[UNREADABLE_KEY])))


def broken_cells(cells: Sequence[str], header: Header) -> Broken | None:
    """The fault of a row whose first cell holds a whole line, and none of the others anything.

    Missing: None also where the columns of the reject file, or the rule among them, are not there
    """
    own = len(header.names)
    if header.extra != len(REJECT_COLUMNS) or own < 2 or not cells[0] or any(cells[1:own]):
        return None
    rule = cells[own + _RULE]
    return Broken(rule, 1, seen_text(cells[0])) if rule in _BROKEN else None
