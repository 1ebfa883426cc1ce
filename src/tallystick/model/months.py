"""The month grid: 21 bytes a month, packed, oldest first.

One `bytea` column per account is 2.6 times faster to read than arrays and can be appended to in
place by the database (`grid || month`). Layout of one month, big-endian:

    period   uint16   months since 1900-01 (1900-01 is 0)
    bucket   uint8    the ASCII code of the bucket
    days     int16    days past due; -1 = absent
    balance  int64    minor units; -2^63 = absent
    due      int64    payment due, minor units; -2^63 = absent
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

FORMAT = ">HBhqq"
SIZE = struct.calcsize(FORMAT)
ABSENT_DAYS = -1
ABSENT_MINOR = -(2**63)
#: Months a file keeps per account; the ledger keeps all.
KEPT_MONTHS = 60
_pack = struct.Struct(FORMAT)


class Month(NamedTuple):
    """One month of one account; None where the furnisher said the value is absent."""

    period: int
    bucket: str
    days_past_due: int | None
    balance_minor: int | None
    payment_due_minor: int | None


def period_of(day: date) -> int:
    """The period number of the month `day` lies in."""
    return (day.year - 1900) * 12 + day.month - 1


def period_text(period: int) -> str:
    """`YYYY-MM` of a period number."""
    year, month = divmod(period, 12)
    return f"{year + 1900:04d}-{month + 1:02d}"


def pack(months: Iterable[Month]) -> bytes:
    """The packed grid of months given oldest first, cut to the newest `KEPT_MONTHS`."""
    packed = b"".join(
        _pack.pack(
            month.period,
            ord(month.bucket),
            ABSENT_DAYS if month.days_past_due is None else month.days_past_due,
            ABSENT_MINOR if month.balance_minor is None else month.balance_minor,
            ABSENT_MINOR if month.payment_due_minor is None else month.payment_due_minor,
        )
        for month in months
    )
    return packed[-KEPT_MONTHS * SIZE :]


def unpack(grid: bytes) -> Iterator[Month]:
    """The months of a packed grid, oldest first."""
    for period, bucket, days, balance, due in _pack.iter_unpack(grid):
        yield Month(
            period,
            chr(bucket),
            None if days == ABSENT_DAYS else days,
            None if balance == ABSENT_MINOR else balance,
            None if due == ABSENT_MINOR else due,
        )


def periods_of(months: bytes) -> list[int]:
    """The periods of a packed grid, in its order."""
    return [int.from_bytes(months[at : at + 2], "big") for at in range(0, len(months), SIZE)]
