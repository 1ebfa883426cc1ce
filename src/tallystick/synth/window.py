"""The sixty months of a simulation: month numbers, their days, and when files are sent."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache

MONTHS = 60
#: Months in the one back-load; the rest comes month by month.
BACKLOAD_MONTHS = 48
#: All synthetic clocks stand in one zone without summer time.
ZONE = timezone(timedelta(hours=8))
_SENDING_DAY = 3
_SENDING_HOUR = 9


@dataclass(frozen=True, slots=True)
class Window:
    """Months are numbered 0 to 59; negative numbers lie before the window."""

    first_month: int

    @classmethod
    def until(cls, day: date) -> Window:
        """The window whose last month is the one `day` lies in."""
        return cls(day.year * 12 + day.month - MONTHS)

    def day(self, month: int, day: int) -> date:
        """A day of a month; days after its last are its last."""
        return _day(self.first_month + month, day)

    def end(self, month: int) -> date:
        """The last day of a month."""
        return self.day(month, 31)

    def month_of(self, day: date) -> int:
        """The number of the month a day lies in."""
        return day.year * 12 + day.month - 1 - self.first_month

    def batch(self, month: int) -> str:
        """The name of the submission a month's records go out with."""
        return "backload" if month < BACKLOAD_MONTHS else f"{self.day(month, 1):%Y-%m}"

    def batches(self) -> list[int]:
        """The last month of each submission, in order."""
        return list(range(BACKLOAD_MONTHS - 1, MONTHS))

    def sent_at(self, month: int) -> datetime:
        """When the submission that ends with `month` is sent: the third of the next month."""
        return at(self.day(month + 1, _SENDING_DAY), _SENDING_HOUR * 3600)


@lru_cache(maxsize=16384)
def _day(month: int, day: int) -> date:
    year, number = divmod(month, 12)
    return date(year, number + 1, min(day, monthrange(year, number + 1)[1]))


def at(day: date, second: int) -> datetime:
    """The instant `second` seconds into a day of the synthetic zone."""
    return datetime(day.year, day.month, day.day, tzinfo=ZONE) + timedelta(seconds=second)
