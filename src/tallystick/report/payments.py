"""Non-credit payments (rent, telecom, utility), with the same retention as months of an account."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from tallystick.model.file import Record
from tallystick.report.codes import Codes
from tallystick.report.fields import PAYMENT, Block, period_of_text
from tallystick.report.grid import NOT_DISPLAYED
from tallystick.report.reader import Reader
from tallystick.report.retention import NONE, Clock, hidden_periods


def payment_blocks(
    payments: Sequence[Record], *, reader: Reader, codes: Codes, clock: Clock | None
) -> tuple[list[Block], int]:
    """Payments sorted by payer account and period, and how many are shown without content."""
    shown: list[Block] = []
    hidden_count = 0
    ordered = sorted(payments, key=lambda record: (record["object_id"], record["period_end"]))
    for _, group in groupby(ordered, key=lambda record: record["object_id"]):
        records = list(group)
        hidden = _hidden(records, codes=codes, clock=clock)
        for record in records:
            is_hidden = period_of_text(record["period_end"]) in hidden
            hidden_count += is_hidden
            shown.append(_payment(record, reader=reader, is_hidden=is_hidden))
    return shown, hidden_count


def _hidden(records: Sequence[Record], *, codes: Codes, clock: Clock | None) -> frozenset[int]:
    if clock is None:
        return NONE
    return hidden_periods(
        [period_of_text(record["period_end"]) for record in records],
        "".join(record["bucket"] for record in records).encode(),
        codes=codes,
        clock=clock,
        is_unpaid=False,
    )


def _payment(record: Record, *, reader: Reader, is_hidden: bool) -> Block:
    block = PAYMENT.pick(record, currency=record["currency"], mask=reader.mask)
    block["furnisher"] = reader.member(record["furnisher_id"])
    if is_hidden:
        for name in ("days_past_due", "amount_due", "amount_paid", "absent"):
            block.pop(name, None)
        block["bucket"] = NOT_DISPLAYED
    return block
