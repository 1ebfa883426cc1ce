"""Non-credit payments (rent, telecom, utility), with the same retention as months of an account."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from tallystick.model.file import Record
from tallystick.report.codes import Codes
from tallystick.report.fields import PAYMENT, Block, period_of_text
from tallystick.report.grid import NOT_DISPLAYED
from tallystick.report.reader import Reader
from tallystick.report.retention import NONE, Clock, aged_periods, hidden_periods


def payment_blocks(
    payments: Sequence[Record],
    *,
    reader: Reader,
    codes: Codes,
    clock: Clock | None,
    shows_old: bool = False,
) -> tuple[list[Block], int]:
    """Payments sorted by payer account and period, and how many are not shown, or without content.

    Takes: `shows_old`: as `Version` has it
    """
    shown: list[Block] = []
    hidden_count = 0
    ordered = sorted(payments, key=lambda record: (record["object_id"], record["period_end"]))
    for _, group in groupby(ordered, key=lambda record: record["object_id"]):
        records = list(group)
        hidden, cut = _hidden(records, codes=codes, clock=clock, shows_old=shows_old)
        hidden_count += cut
        records = records[cut:]
        for record in records:
            is_hidden = _period(record) in hidden
            hidden_count += is_hidden
            shown.append(_payment(record, reader=reader, is_hidden=is_hidden))
    return shown, hidden_count


def _period(record: Record) -> int:
    return period_of_text(record["period_end"])


def _hidden(
    records: Sequence[Record], *, codes: Codes, clock: Clock | None, shows_old: bool
) -> tuple[frozenset[int], int]:
    """The periods shown without content, and how many of the first ones are not shown at all."""
    if clock is None:
        return NONE, 0
    periods = [_period(record) for record in records]
    buckets = "".join(record["bucket"] for record in records).encode()
    hidden = hidden_periods(periods, buckets, codes=codes, clock=clock, is_unpaid=False)
    if shows_old:
        return hidden, 0
    aged = aged_periods(periods, buckets, hidden, codes=codes, clock=clock)
    return hidden, sum(period in aged for period in periods)


def _payment(record: Record, *, reader: Reader, is_hidden: bool) -> Block:
    block = PAYMENT.pick(record, currency=record["currency"], mask=reader.mask)
    block["furnisher"] = reader.member(record["furnisher_id"])
    if is_hidden:
        for name in ("days_past_due", "amount_due", "amount_paid", "absent"):
            block.pop(name, None)
        block["bucket"] = NOT_DISPLAYED
    return block
