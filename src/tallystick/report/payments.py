"""Non-credit payments (rent, telecom, utility), with the same retention as months of an account."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from tallystick.model.file import Record
from tallystick.report.codes import Codes
from tallystick.report.fields import PAYMENT, Block, period_of_text
from tallystick.report.grid import NOT_DISPLAYED
from tallystick.report.reader import Reader
from tallystick.report.retention import NONE, Clock, aged_count, hidden_places
from tallystick.report.versions import NEWEST, Version


def payment_blocks(
    payments: Sequence[Record],
    *,
    reader: Reader,
    codes: Codes,
    clock: Clock | None,
    version: Version = NEWEST,
) -> tuple[list[Block], int]:
    """Payments sorted by payer account and period, and how many are not shown, or without content.

    Of several in one month each is hidden, or too old, for itself.
    """
    shown: list[Block] = []
    hidden_count = 0
    ordered = sorted(payments, key=lambda record: (record["object_id"], record["period_end"]))
    for _, group in groupby(ordered, key=lambda record: record["object_id"]):
        records = list(group)
        hidden, cut = _hidden(records, codes=codes, clock=clock, version=version)
        hidden_count += cut
        for at, record in enumerate(records[cut:], start=cut):
            is_hidden = at in hidden
            hidden_count += is_hidden
            shown.append(_payment(record, reader=reader, is_hidden=is_hidden))
    return shown, hidden_count


def _hidden(
    records: Sequence[Record], *, codes: Codes, clock: Clock | None, version: Version
) -> tuple[frozenset[int], int]:
    """The places of those shown without content, and how many of the first are not shown at all."""
    if clock is None:
        return NONE, 0
    periods = [period_of_text(record["period_end"]) for record in records]
    buckets = "".join(record["bucket"] for record in records).encode()
    hidden = hidden_places(periods, buckets, codes=codes, clock=clock, is_unpaid=False)
    if version.hides_by_month and hidden:
        months = {periods[at] for at in hidden}
        hidden = frozenset(at for at, period in enumerate(periods) if period in months)
    if version.shows_old:
        return hidden, 0
    aged = aged_count(periods, buckets, hidden, codes=codes, clock=clock)
    if version.hides_by_month and aged:
        aged += periods[aged:].count(periods[aged - 1])
    return hidden, aged


def _payment(record: Record, *, reader: Reader, is_hidden: bool) -> Block:
    block = PAYMENT.pick(record, currency=record["currency"], mask=reader.mask)
    block["furnisher"] = reader.member(record["furnisher_id"])
    if is_hidden:
        for name in ("days_past_due", "amount_due", "amount_paid", "absent"):
            block.pop(name, None)
        block["bucket"] = NOT_DISPLAYED
    return block
