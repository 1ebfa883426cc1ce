"""The month grid as a report shows it: newest 60 calendar months, once each, gaps said aloud.

Written for speed: a report of 15 accounts holds 900 months. Nearly all of them take the first
branch of the comprehension; the rest goes through `_month`, which says the same slowly.
"""

from __future__ import annotations

import struct
from collections.abc import Set as AbstractSet

from tallystick.model.money import CURRENCY_DIGITS
from tallystick.model.months import (
    ABSENT_MINOR,
    FORMAT,
    KEPT_MONTHS,
    SIZE,
    Month,
    pack,
    period_text,
    unpack,
)
from tallystick.report.fields import Block, amount_text

NOT_REPORTED = "not_reported"
NOT_DISPLAYED = "not_displayed"
_unpack = struct.Struct(FORMAT).iter_unpack
_CHARACTERS = tuple(chr(code) for code in range(256))
_NEVER = 2**63
#: The low bytes of the numbers of months that follow one another, from any on: periods stand in
#: their order, so that a grid whose low bytes are found here has neither two in a month nor a gap.
_NEIGHBOURS = bytes(range(256)) * 2


class _MonthTexts(dict[int, str]):
    """`YYYY-MM` of period numbers, each made once for good: there are at most 65,536."""

    def __missing__(self, period: int) -> str:
        text = self[period] = period_text(period)
        return text


_MONTHS = _MonthTexts()


def newest_months(months: bytes) -> bytes:
    """A packed grid of one period a month, cut to the 60 calendar months that end with its newest.

    Takes: the periods on file in the order they end; every figure a report makes of months is made
           of what this gives of them
    Gives: of several periods in a month the one that ends last
    """
    lows = months[1::SIZE]
    if not lows or _NEIGHBOURS.startswith(lows, lows[0]):  # as nearly always: no two in a month
        return months[-KEPT_MONTHS * SIZE :]
    if len(set(lows)) < len(lows):
        months = _one_a_month(months)
    oldest = int.from_bytes(months[-SIZE : 2 - SIZE], "big") - KEPT_MONTHS + 1
    start = 0
    while int.from_bytes(months[start : start + 2], "big") < oldest:
        start += SIZE
    return months[start:]


def _one_a_month(months: bytes) -> bytes:
    """The last period of each month, months in their order."""
    last = {months[at : at + 2]: months[at : at + SIZE] for at in range(0, len(months), SIZE)}
    return b"".join(last.values())


def among_others(months: bytes, others: AbstractSet[int]) -> bytes:
    """A packed grid with places for the months another furnished, whose content stays hidden."""
    placed = {period: Month(period, " ", None, None, None) for period in others}
    placed |= {month.period: month for month in unpack(months)}
    return newest_months(pack(placed[period] for period in sorted(placed)))


def grid(months: bytes, *, currency: str, hidden: AbstractSet[int]) -> list[Block]:
    """The months of a packed grid, oldest first.

    Takes:    a grid already cut by `newest_months`; periods in `hidden` are shown without content
    Missing:  a month nobody reported between two that were is `not_reported`; an amount or the
              days past due stated absent are left out
    """
    months_by_number = _MONTHS
    characters = _CHARACTERS
    dues = _AmountTexts(currency)  # the same due repeats month after month
    # Below this a decimal string is not simply the digits with a point before the last two.
    simple_from = 100 if CURRENCY_DIGITS[currency] == 2 else _NEVER
    shown = [
        {
            "month": months_by_number[period],
            "bucket": characters[bucket],
            "days_past_due": days,
            "balance": f"{(digits := str(balance))[:-2]}.{digits[-2:]}",
            "payment_due": dues[due],
        }
        if balance >= simple_from and days >= 0 and due != ABSENT_MINOR and period not in hidden
        else _month((period, bucket, days, balance, due), dues=dues, hidden=hidden)
        for period, bucket, days, balance, due in _unpack(months)
    ]
    return _with_gaps(shown, months)


def _month(
    packed: tuple[int, int, int, int, int], *, dues: _AmountTexts, hidden: AbstractSet[int]
) -> Block:
    """One month that lacks something, is hidden, or has an amount that needs care."""
    period, bucket, days, balance, due = packed
    if period in hidden:
        return {"month": _MONTHS[period], "bucket": NOT_DISPLAYED}
    month: Block = {"month": _MONTHS[period], "bucket": _CHARACTERS[bucket]}
    if days >= 0:
        month["days_past_due"] = days
    if balance != ABSENT_MINOR:
        month["balance"] = dues[balance]
    if due != ABSENT_MINOR:
        month["payment_due"] = dues[due]
    return month


def _with_gaps(shown: list[Block], months: bytes) -> list[Block]:
    """The months with `not_reported` between those that are not neighbours."""
    first = int.from_bytes(months[:2], "big")
    newest = int.from_bytes(months[-SIZE : 2 - SIZE], "big")
    if newest - first + 1 == len(shown) or not shown:
        return shown
    filled: list[Block] = []
    expected = first
    for at, line in enumerate(shown):
        period = int.from_bytes(months[at * SIZE : at * SIZE + 2], "big")
        filled += (
            {"month": _MONTHS[missing], "bucket": NOT_REPORTED}
            for missing in range(expected, period)
        )
        filled.append(line)
        expected = period + 1
    return filled


class _AmountTexts(dict[int, str]):
    """Decimal strings of one currency, each made once."""

    def __init__(self, currency: str):
        self._currency = currency

    def __missing__(self, minor: int) -> str:
        text = self[minor] = amount_text(minor, self._currency)
        return text
