"""Patterns of JSON Schema that hold exactly what the intake takes, without lookahead.

ECMA, Python's `re` and RE2 read them alike.
"""

from __future__ import annotations

from typing import Final

_DAY: Final = (
    "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    "|02-(0[1-9]|1[0-9]|2[0-8]))"
)
_LEAP: Final = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29"
#: How a day of the calendar begins; the year 0000 is refused beside it.
DAY: Final = f"^([0-9]{{4}}-{_DAY}|{_LEAP})"
NO_YEAR: Final = "^0000"
#: Days that would leave the calendar in another offset, and the offset that says it is not known.
NO_INSTANT: Final = "^(0000|0001-01-01|9999-12-31)|-00:00$"


def whole_pattern(low: int, high: int) -> str:
    """What a whole number of a range looks like as text: no sign, no leading zeros.

    Takes: 0 ≤ low ≤ high
    """
    return f"^({_whole(low, high)})$"


def decimal_pattern(low: int, high: int, places: int) -> str:
    """What a decimal of a range looks like: at most `places` digits after the point.

    Takes: 0 ≤ low < high
    """
    below = f"({_whole(low, high - 1)})([.][0-9]{{1,{places}}})?"
    return f"^({below}|{high}([.]0{{1,{places}}})?)$"


def _whole(low: int, high: int) -> str:
    found = []
    for digits in range(len(str(low)), len(str(high)) + 1):
        first = 10 ** (digits - 1) if digits > 1 else 0
        found.append(_between(str(max(low, first)), str(min(high, 10**digits - 1))))
    return "|".join(found)


def _between(low: str, high: str) -> str:
    """Of numbers with equally many digits."""
    if low == high:
        return low
    if len(low) == 1:
        return f"[{low}-{high}]"
    left = len(low) - 1
    if low[0] == high[0]:
        return f"{low[0]}({_between(low[1:], high[1:])})"
    parts = [f"{low[0]}({_between(low[1:], '9' * left)})"]
    if int(high[0]) - int(low[0]) > 1:
        parts.append(f"[{int(low[0]) + 1}-{int(high[0]) - 1}][0-9]{{{left}}}")
    parts.append(f"{high[0]}({_between('0' * left, high[1:])})")
    return "|".join(parts)
