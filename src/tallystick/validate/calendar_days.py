"""Whole-month arithmetic on days, as the rule language means it."""

from __future__ import annotations

from calendar import monthrange
from datetime import MAXYEAR, MINYEAR, date


def months_between(first: date, second: date) -> int:
    """Calendar months from `first` to `second`: 31 January to 1 February is one."""
    return (second.year - first.year) * 12 + second.month - first.month


def month_end(day: date) -> date:
    """The last day of the month `day` lies in."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def add_months(day: date, months: int) -> date | None:
    """The same day `months` later, or the month's last day where it has no such day.

    Missing:  None outside the years 1 to 9999
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not MINYEAR <= year <= MAXYEAR:
        return None
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
