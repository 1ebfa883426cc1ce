"""The limits a summary adds up: each line of credit once, however many accounts draw on it."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.model.file import Record
from tallystick.report.account import ShownAccount
from tallystick.report.versions import Version

NOT_DRAWN = "agreement_not_drawn"
#: A row of the summary: product and currency.
Row = tuple[str, str]


def limits_by_row(
    debts: Sequence[ShownAccount], *, agreements: Sequence[Record], version: Version
) -> dict[Row, list[int | None]]:
    """The limits of each row, in minor units; None for one that was not told.

    Takes:   what she owes, in the order of the report; her agreements that have not run out
    Gives:   the limit of an agreement in the row of the first account, in that order, that is open
             and draws on it: as the agreement tells it where it is at hand, else the highest that
             the accounts tell
    Missing: a row with no open account of its own is not there
    """
    shared = _shared_limits(debts, agreements, keeps_repaid=version.keeps_repaid)
    limits: dict[Row, list[int | None]] = {}
    for product, currency, limit in shared.values():
        limits.setdefault((product, currency), []).append(limit)
    apart = [a for a in debts if not a.is_closed and _agreement(a) not in shared]
    for row, told in _told(apart, version).items():
        limits[row] = [*told, *limits.get(row, ())]
    return limits


def _shared_limits(
    debts: Sequence[ShownAccount], agreements: Sequence[Record], *, keeps_repaid: bool
) -> dict[str, tuple[str, str, int]]:
    """Active agreements and where their limit counts, once: at the first account drawing on it.

    What was drawn from a line that does not revolve and was paid back cannot be drawn again: with
    every account of it closed there is no limit left.
    """
    shared = {}
    for agreement in agreements:
        agreement_id = agreement.get("object_id")
        if agreement_id is None or agreement["status"] != "active":
            continue
        drawn = [a for a in debts if _agreement(a) == agreement_id]
        product = next((a.product for a in drawn if not a.is_closed), NOT_DRAWN)
        is_repaid = bool(drawn) and product == NOT_DRAWN and not agreement["is_revolving"]
        if is_repaid and not keeps_repaid:
            continue
        shared[agreement_id] = (product, agreement["currency"], agreement["credit_limit_minor"])
    return shared


def _told(accounts: Sequence[ShownAccount], version: Version) -> dict[Row, list[int | None]]:
    """Limits told with the accounts themselves; of draws on one agreement in a currency one.

    The agreement may be in another's file, as of a co-borrower, or may have run out.
    """
    told: dict[Row, list[int | None]] = {}
    places: dict[tuple[str, ...], tuple[list[int | None], int]] = {}
    for account in accounts:
        row = account.product, account.currency
        line, limit = _agreement(account), _limit(account)
        limits = told.setdefault(row, [])
        if line is None or version.adds_draws:
            limits.append(limit)
            continue
        drawn = (line, *row) if version.repeats_limits else (line, account.currency)
        if drawn not in places:
            places[drawn] = limits, len(limits)
            limits.append(limit)
            continue
        limits, at = places[drawn]
        limits[at] = _highest(limits[at], limit, forgets=version.repeats_limits)
    return told


def _highest(known: int | None, limit: int | None, *, forgets: bool) -> int | None:
    """The higher of two limits told for one line; what one of them leaves out the other tells.

    Takes: `forgets`: as it was, the second takes the place of the first where it leaves it out
    """
    if known is None or limit is None:
        return limit if known is None or forgets else known
    return max(known, limit)


def _agreement(account: ShownAccount) -> str | None:
    agreement_id: str | None = account.line.terms.get("agreement_id")
    return agreement_id


def _limit(account: ShownAccount) -> int | None:
    newest = (account.line.latest or {}).get("credit_limit_minor")
    return account.line.terms.get("credit_limit_minor") if newest is None else newest
