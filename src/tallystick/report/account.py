"""One account: what is shown of it, and what the summary needs of it."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from tallystick.errors import require
from tallystick.model.file import DEBT_ROLES, AccountLine, Record
from tallystick.model.money import CURRENCY_DIGITS
from tallystick.model.months import SIZE, periods_of
from tallystick.report.closed import is_closed, is_unpaid, settled_on
from tallystick.report.codes import Codes
from tallystick.report.fields import (
    EVENT,
    EVENT_IN_FULL,
    LATEST,
    REMARK,
    RESPONSIBILITY,
    TERMS,
    TERMS_IN_FULL,
    Block,
    currency_of,
    has_ended,
    period_of_text,
)
from tallystick.report.fundings import funding_block
from tallystick.report.grid import NOT_DISPLAYED, NOT_REPORTED, among_others, grid, newest_months
from tallystick.report.reader import Reader
from tallystick.report.retention import (
    LATE_EVENTS,
    NONE,
    Clock,
    Past,
    aged_events,
    aged_periods,
    hidden_in_grid,
)
from tallystick.report.versions import NEWEST, Version

_NEVER = 2**16


@dataclass(slots=True, kw_only=True)  # frozen would cost more to make than all it holds
class ShownAccount:
    """An account with its displayable months worked out once, for its block and the summary.

    `months` are `newest_months`: the file's own (`line.months`) may hold several periods a month.
    `late` are the buckets of the late months that count, oldest first; those `uncounted` do not.
    `masked` are months that are not hers or not the verifying furnisher's: all but their place in
    the grid is left out. `untold` are the places of events that speak of what may not be shown;
    `is_latest_old`: so does `line.latest`.
    """

    line: AccountLine
    product: str
    currency: str
    months: bytes
    hidden: AbstractSet[int]
    uncounted: AbstractSet[int]
    masked: AbstractSet[int]
    untold: AbstractSet[int]
    is_latest_old: bool
    late: bytes
    is_late_now: bool
    is_closed: bool
    is_debt: bool


def shown_account(
    line: AccountLine, *, codes: Codes, clock: Clock | None, version: Version = NEWEST
) -> ShownAccount:
    """Work out what may be shown of an account; without a clock everything may."""
    currency = line.terms.get("currency")
    require(currency in CURRENCY_DIGITS, "an account without a known currency")
    months = newest_months(line.months)
    hidden = untold = NONE
    settled = None if version.settles_by_months else _period(settled_on(line))
    if clock is not None:
        hidden = hidden_in_grid(
            months,
            codes=codes,
            clock=clock,
            is_unpaid=settled is None and is_unpaid(line),
            settled=settled,
            ended=_period(line.role_ended_on),
            apart=line.others,
        )
    buckets, last = codes.of(months), _last(months)
    is_latest_old = last in hidden and not version.settles_by_months
    counts_all = version.counts_unowed or not line.unowed
    uncounted = hidden if counts_all else hidden | line.unowed
    late = codes.late(_without(months, buckets, uncounted) if uncounted else buckets)
    newest = buckets[-1:]
    if clock is not None and line.events:
        past = _past(line, months, hidden, settled)
        untold = _untold(past, line.events, codes=codes, clock=clock, version=version)
    if clock is not None and not version.shows_old and clock.is_over(_first(months)):
        aged = aged_periods(periods_of(months), buckets, hidden, codes=codes, clock=clock)
        hidden, months = hidden | aged, months[len(aged) * SIZE :]
    masked = NONE
    if line.others:
        months = among_others(months, line.others)
        oldest = _first(months)
        masked = frozenset(period for period in line.others if period >= oldest)
    return ShownAccount(
        line=line,
        product=line.terms["product"],
        currency=line.terms["currency"],
        months=months,
        hidden=hidden,
        uncounted=uncounted,
        masked=masked,
        untold=untold,
        is_latest_old=is_latest_old,
        late=late,
        is_late_now=bool(newest)
        and newest in codes.negative
        and line.before is None
        and (settled is None or settled < last),
        is_closed=is_closed(line, codes=codes),
        is_debt=line.role in DEBT_ROLES and line.role_ended_on is None,
    )


def account_block(account: ShownAccount, *, reader: Reader, version: Version = NEWEST) -> Block:
    """The account as the reader sees it."""
    line = account.line
    in_full = reader.sees_in_full(line.furnisher_id)
    fields = TERMS_IN_FULL if in_full else TERMS
    block: Block = {
        "account_id": reader.mask("account", line.account_id),
        "furnisher": reader.member(line.furnisher_id),
        "role": line.role,
        "is_debt": account.is_debt,
        "is_closed": account.is_closed,
        "other_roles": list(line.other_roles),
        "terms": fields.pick(line.terms, currency=account.currency, mask=reader.mask),
        "latest": _latest(account, reader=reader),
        "fundings": funding_block(line, reader=reader),
        "grid": grid(
            account.months, currency=account.currency, hidden=account.masked | account.hidden
        ),
    }
    if line.role_ended_on is not None:
        block["role_ended_on"] = line.role_ended_on
    if line.responsibility is not None and version.shows_responsibility:
        block["responsibility"] = RESPONSIBILITY.pick(
            line.responsibility, currency=currency_of(line.responsibility), mask=reader.mask
        )
    number = line.private.get("account_number")
    if in_full and number is not None:
        block["account_number"] = number
    if "formerly_account_id" in line.terms and not version.names_itself_formerly:
        _tell_former(block, line, reader=reader)
    if reader.wants("events"):
        block["events"] = _events(account, reader=reader, version=version)
    if reader.wants("remarks"):
        block["remarks"] = remarks_block(
            line.remarks, line.furnisher_id, reader=reader, version=version
        )
    return block


def _tell_former(block: Block, line: AccountLine, *, reader: Reader) -> None:
    """Name the account that an account goes on from where that is another, and its number to her.

    One that is sold or renumbered keeps its id of ours. The number is no lender's to read, nor the
    buyer's: terms yet to come may be the buyer's, and those of today the seller's.
    """
    if line.terms["formerly_account_id"] == line.account_id:
        block["terms"].pop("formerly_account_id", None)
    number = line.private.get("formerly_account_number")
    if reader.is_person and number is not None:
        block["formerly_account_number"] = number


def remarks_block(
    remarks: tuple[Record, ...],
    furnisher_id: str | None,
    *,
    reader: Reader,
    version: Version = NEWEST,
) -> list[Block]:
    """Remarks the reader may see, oldest first; `furnisher_id` is whose they are by default.

    Time: only the person and the furnisher still see a remark that has ended
    """
    shown = []
    for remark in sorted(remarks, key=_remark_order):
        said_by = remark.get("furnisher_id", furnisher_id)
        if not version.names_holder_of_remarks:
            said_by = remark.get("stated_by", said_by)
        ended = has_ended(remark, "valid_to", today=reader.today)
        if reader.sees({"furnisher_id": said_by}) and not (ended and reader.is_lender):
            block = REMARK.pick(remark, currency=None, mask=reader.mask)
            if said_by is not None:
                block["furnisher"] = reader.member(said_by)
            shown.append(block)
    return shown


def _remark_order(remark: Record) -> tuple[str, ...]:
    said_by, text = remark.get("furnisher_id") or "", remark.get("text") or ""
    return remark["valid_from"], remark["kind"], said_by, text, remark.get("stated_by") or ""


def _latest(account: ShownAccount, *, reader: Reader) -> Block | str:
    latest = account.line.latest
    if account.is_latest_old:
        return NOT_DISPLAYED
    if latest is None:
        is_cut = account.line.role_ended_on is not None or account.line.before is not None
        return NOT_DISPLAYED if is_cut else NOT_REPORTED
    currency = currency_of(latest, account.currency)
    block = LATEST.pick(latest, currency=currency, mask=reader.mask)
    if account.hidden and not account.late:
        block.pop("first_delinquency_on", None)  # it tells of months that may not be shown
    return block


def _events(account: ShownAccount, *, reader: Reader, version: Version) -> list[Block]:
    line = account.line
    told = [(at, one) for at, one in enumerate(line.events) if at not in account.untold]
    if not told:
        return []
    if not version.orders_by_text:
        told = _happened(told, as_of=reader.as_of)
    in_full = reader.sees_in_full(line.furnisher_id)
    masked = NONE
    if reader.is_lender and version.masks_event_ids_by_furnisher:
        masked = line.others_events
    return [
        (EVENT_IN_FULL if in_full and at not in masked else EVENT).pick(
            event, currency=currency_of(event, account.currency), mask=reader.mask
        )
        for at, event in told
    ]


def _happened(events: Sequence[tuple[int, Record]], *, as_of: str) -> list[tuple[int, Record]]:
    """The events up to an instant in the order they happened, at whatever offset each is told."""
    until = datetime.fromisoformat(as_of)
    dated = [(datetime.fromisoformat(one["occurred_at"]), (at, one)) for at, one in events]
    happened = [(moment, one) for moment, one in dated if moment <= until]
    return [one for _, one in sorted(happened, key=lambda pair: pair[0])]


def _past(line: AccountLine, months: bytes, hidden: AbstractSet[int], settled: int | None) -> Past:
    return Past(
        months=months,
        hidden=hidden,
        closed_on=line.terms.get("closed_on") or line.role_ended_on,
        is_unpaid=line.role_ended_on is None and settled is None and is_unpaid(line),
        settled=settled,
    )


def _untold(
    past: Past, events: Sequence[Record], *, codes: Codes, clock: Clock, version: Version
) -> frozenset[int]:
    """The places of events that speak of late months that may not be shown."""
    untold = NONE
    if past.hidden:
        untold = frozenset(
            at for at, event in enumerate(events) if _tells_of_hidden(event, past.hidden)
        )
    if version.shows_old:
        return untold
    return untold | aged_events(events, past, codes=codes, clock=clock)


def _tells_of_hidden(event: Record, hidden: AbstractSet[int]) -> bool:
    """Whether an event speaks of late months that may not be shown (a cure ends a month later)."""
    if event["event_type"] not in LATE_EVENTS:
        return False
    period = period_of_text(event["occurred_at"])
    return period in hidden or period - 1 in hidden


def _first(months: bytes) -> int:
    """The first period of a packed grid; one after all others where there is none."""
    return int.from_bytes(months[:2], "big") if months else _NEVER


def _last(months: bytes) -> int:
    """The last period of a packed grid; one before all others where there is none."""
    return int.from_bytes(months[-SIZE : 2 - SIZE], "big") if months else -1


def _without(months: bytes, buckets: bytes, hidden: AbstractSet[int]) -> bytes:
    return bytes(
        code
        for at, code in enumerate(buckets)
        if int.from_bytes(months[at * SIZE : at * SIZE + 2], "big") not in hidden
    )


def _period(day: str | None) -> int | None:
    return None if day is None else period_of_text(day)
