"""Values that hold from a day on: the law as dated data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from tallystick.profile.reading import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One value with the first day it holds and, where it ended, the first day it does not."""

    start: date
    until: date | None
    value: Any

    def holds_on(self, day: date) -> bool:
        """Whether the value is in force on `day`."""
        return self.start <= day and (self.until is None or day < self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedValue:
    """One parameter: unit, source and its values in time, oldest first."""

    key: str
    unit: str
    cite: str
    status: str
    entries: tuple[Entry, ...]

    def on(self, day: date) -> Entry | None:
        """The entry in force on `day`; None before the first and after an end.

        A value without an end holds until the next one starts; once replaced it never returns.
        """
        started = [entry for entry in self.entries if entry.start <= day]
        return started[-1] if started and started[-1].holds_on(day) else None


def read_dated(
    table: Table, *, key: str, unit: str, parse: Callable[[Table, str], Any], live: bool
) -> DatedValue:
    """One parameter from its table.

    Takes:    a table with `unit` (which must be `unit`), `cite`, `status`, `values`; `parse` takes
              the value out of an entry's table under the key given and checks its type
    Raises:   ProfileError with file and path when unit, source or start is missing, when an entry
              has an unknown key, or when entries are unsorted or overlap
    """
    table.text("unit", allowed={unit})
    cite, status = table.source(live=live)
    entries: list[Entry] = []
    for item in table.tables("values"):
        start, until = item.day("from"), item.day_or_none("until")
        entries.append(Entry(start=start, until=until, value=parse(item, "value")))
        item.close()
        _check_order(item, entries)
    table.close()
    return DatedValue(key=key, unit=unit, cite=cite, status=status, entries=tuple(entries))


def _check_order(item: Table, entries: list[Entry]) -> None:
    newest = entries[-1]
    if newest.until is not None and newest.until <= newest.start:
        raise item.fail("ends before it starts")
    if len(entries) > 1:
        before = entries[-2]
        if newest.start <= before.start:
            raise item.fail("values are not sorted by their start")
        if before.until is not None and newest.start < before.until:
            raise item.fail("overlaps the value before it")
