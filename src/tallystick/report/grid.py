"""The month grid as a report shows it: newest 60 calendar months, gaps said aloud.

The loop is written for speed: a report of 15 accounts holds 900 months.
"""

from __future__ import annotations

import struct
from collections.abc import Set as AbstractSet

from tallystick.model.money import CURRENCY_DIGITS
from tallystick.model.months import ABSENT_MINOR, FORMAT, KEPT_MONTHS, SIZE, period_text
from tallystick.report.fields import Block, amount_text

NOT_REPORTED = "not_reported"
NOT_DISPLAYED = "not_displayed"
_unpack = struct.Struct(FORMAT).iter_unpack
_CHARACTERS = tuple(chr(code) for code in range(256))
_FIRST_YEARS = 3600  # 1900 to 2199: texts made once
_MONTHS = tuple(period_text(period) for period in range(_FIRST_YEARS))


def month_text(period: int) -> str:
    """`YYYY-MM` of a period number."""
    return _MONTHS[period] if period < _FIRST_YEARS else period_text(period)


def newest_months(months: bytes) -> bytes:
    """A packed grid cut to the 60 calendar months that end with its newest."""
    months = months[-KEPT_MONTHS * SIZE :]
    if not months:
        return months
    oldest = int.from_bytes(months[-SIZE : 2 - SIZE], "big") - KEPT_MONTHS + 1
    start = 0
    while int.from_bytes(months[start : start + 2], "big") < oldest:
        start += SIZE
    return months[start:]


def grid(months: bytes, *, currency: str, hidden: AbstractSet[int]) -> list[Block]:
    """The months of a packed grid, oldest first.

    Takes:    a grid already cut by `newest_months`; periods in `hidden` are shown without content
    Missing:  a month nobody reported between two that were is `not_reported`; an amount or the
              days past due stated absent are left out
    """
    shown: list[Block] = []
    append = shown.append
    texts, characters = _MONTHS, _CHARACTERS
    dues = _AmountTexts(currency)  # the same due repeats month after month
    is_cents = CURRENCY_DIGITS[currency] == 2
    expected = -1
    for period, bucket, days, balance, due in _unpack(months):
        if period != expected and expected >= 0:
            for missing in range(expected, period):
                append({"month": month_text(missing), "bucket": NOT_REPORTED})
        expected = period + 1
        text = texts[period] if period < _FIRST_YEARS else period_text(period)
        if hidden and period in hidden:
            append({"month": text, "bucket": NOT_DISPLAYED})
        elif is_cents and days >= 0 and balance >= 100 and due != ABSENT_MINOR:
            append(
                {
                    "month": text,
                    "bucket": characters[bucket],
                    "days_past_due": days,
                    "balance": f"{(digits := str(balance))[:-2]}.{digits[-2:]}",
                    "payment_due": dues[due],
                }
            )
        else:
            month: Block = {"month": text, "bucket": characters[bucket]}
            if days >= 0:
                month["days_past_due"] = days
            if balance != ABSENT_MINOR:
                month["balance"] = amount_text(balance, currency)
            if due != ABSENT_MINOR:
                month["payment_due"] = dues[due]
            append(month)
    return shown


class _AmountTexts(dict[int, str]):
    """Decimal strings of one currency, each made once."""

    def __init__(self, currency: str):
        self._currency = currency

    def __missing__(self, minor: int) -> str:
        text = self[minor] = amount_text(minor, self._currency)
        return text
