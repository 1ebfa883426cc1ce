"""The summary: totals per product and currency, each account once, nothing added across currencies.

Only what the person owes is counted; accounts she answers for or may use stand apart, and those
where her role has ended are left out. A total with a part that was not reported is not computable:
the sum of the reported part is said beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from tallystick.model.file import Record
from tallystick.model.money import format_minor
from tallystick.model.months import ABSENT_MINOR, FORMAT, SIZE
from tallystick.report.account import ShownAccount
from tallystick.report.codes import Codes
from tallystick.report.fields import Block, has_ended
from tallystick.report.grid import NOT_REPORTED
from tallystick.report.limits import limits_by_row
from tallystick.report.versions import NEWEST, Version

#: Months over which payments due are averaged.
AVERAGED_MONTHS = 6
_unpack = Struct(FORMAT).iter_unpack
Total = str | Block


def total(
    amounts: Sequence[int | None], *, currency: str, of_none: str = NEWEST.total_of_none
) -> Total:
    """The sum of amounts in minor units as a decimal string.

    Takes:    `of_none`: what stands for the sum of no amounts, as nothing is open to have one
    Missing:  all None: "not_reported"; some None: not computable, with the sum of what was
              reported and how many were not
    """
    if not amounts:
        return of_none
    known = [amount for amount in amounts if amount is not None]
    if not known:
        return NOT_REPORTED
    summed = format_minor(sum(known), currency)
    if len(known) == len(amounts):
        return summed
    return {
        "not_computable": "not reported for some accounts",
        "sum_of_reported": summed,
        "not_reported_accounts": len(amounts) - len(known),
    }


def summary_block(
    accounts: Sequence[ShownAccount],
    *,
    agreements: Sequence[Record],
    guarantees: Sequence[Record],
    codes: Codes,
    today: str,
    version: Version = NEWEST,
) -> Block:
    """The summary of a person's accounts.

    Time: agreements and guarantees whose last day was before `today` (ISO day) are not counted
    """
    debts = [account for account in accounts if account.is_debt]
    open_debts = [account for account in debts if not account.is_closed]
    return {
        "lenders": len({account.line.furnisher_id for account in debts}),
        "accounts": len(debts),
        "open_accounts": len(open_debts),
        "closed_accounts": len(debts) - len(open_debts),
        "by_product": _by_product(
            debts,
            agreements=[
                line for line in agreements if not has_ended(line, "expires_on", today=today)
            ],
            codes=codes,
            version=version,
        ),
        "payments_due": _payments_due(open_debts),
        "responsibilities": _responsibilities(accounts, version=version),
        "guarantees": _guarantees(
            [line for line in guarantees if not has_ended(line, "valid_to", today=today)]
        ),
    }


def _by_product(
    debts: Sequence[ShownAccount],
    *,
    agreements: Sequence[Record],
    codes: Codes,
    version: Version,
) -> list[Block]:
    groups: dict[tuple[str, str], list[ShownAccount]] = {}
    for account in debts:
        groups.setdefault((account.product, account.currency), []).append(account)
    limits = limits_by_row(debts, agreements=agreements, version=version)
    return [
        _product_row(
            key,
            groups.get(key, []),
            limits=limits.get(key, []),
            codes=codes,
            of_none=version.total_of_none,
        )
        for key in sorted(groups.keys() | limits.keys())
    ]


def _product_row(
    key: tuple[str, str],
    accounts: Sequence[ShownAccount],
    *,
    limits: Sequence[int | None],
    codes: Codes,
    of_none: str,
) -> Block:
    product, currency = key
    opened = [account for account in accounts if not account.is_closed]
    balances = [_latest(account, "balance_minor") for account in opened]
    late = b"".join(account.late for account in accounts)
    return {
        "product": product,
        "currency": currency,
        "accounts": len(accounts),
        "open_accounts": len(opened),
        "balance": total(balances, currency=currency, of_none=of_none),
        "credit_limit": total(limits, currency=currency, of_none=of_none),
        "delinquency": {
            "ever_late_accounts": sum(1 for account in accounts if account.late),
            "late_now_accounts": sum(1 for account in accounts if account.is_late_now),
            "late_months": len(late),
            "worst_bucket": codes.worst(late),
            "highest_balance_past_due": _highest_past_due(accounts, codes=codes),
        },
    }


def _latest(account: ShownAccount, field: str) -> int | None:
    return None if account.line.latest is None else account.line.latest.get(field)


def _highest_past_due(accounts: Sequence[ShownAccount], *, codes: Codes) -> str:
    """The highest balance in a month that was late.

    Missing:  "not_applicable" when no month was late; "not_reported" when none of them tells its
              balance
    """
    late = [account for account in accounts if account.late]
    if not late:
        return "not_applicable"
    balances = [
        balance
        for account in late
        for period, bucket, _, balance, _ in _unpack(account.months)
        if bucket in codes.negative and balance != ABSENT_MINOR and period not in account.uncounted
    ]
    return format_minor(max(balances), late[0].currency) if balances else NOT_REPORTED


def _payments_due(open_debts: Sequence[ShownAccount]) -> list[Block]:
    """Per currency: the sum over open accounts of each one's mean payment due.

    The window is the six months that end with the newest month of any open account; an account
    counts with the mean of the months it reported in the window, rounded half up.
    """
    newest: dict[str, int] = {}
    for account in open_debts:
        if account.months:
            last = int.from_bytes(account.months[-SIZE : 2 - SIZE], "big")
            newest[account.currency] = max(last, newest.get(account.currency, 0))
    rows = []
    for currency in sorted({account.currency for account in open_debts}):
        since = newest.get(currency, 0) - AVERAGED_MONTHS + 1
        means = [_mean_due(a, since) for a in open_debts if a.currency == currency]
        rows.append({"currency": currency, "six_month_average": total(means, currency=currency)})
    return rows


def _mean_due(account: ShownAccount, since: int) -> int | None:
    window = account.months[-AVERAGED_MONTHS * SIZE :]
    dues = [
        due
        for period, _, _, _, due in _unpack(window)
        if period >= since and period not in account.hidden and period not in account.masked
    ]
    if not dues or ABSENT_MINOR in dues:
        return None
    count = len(dues)
    return int((2 * sum(dues) + count) // (2 * count))


def _responsibilities(accounts: Sequence[ShownAccount], *, version: Version) -> list[Block]:
    groups: dict[tuple[str, str, str], list[ShownAccount]] = {}
    for account in accounts:
        if not (account.is_debt or account.is_closed or account.line.role_ended_on):
            key = (account.line.role, account.product, account.currency)
            groups.setdefault(key, []).append(account)
    rows: list[Block] = []
    for (role, product, currency), group in sorted(groups.items()):
        row: Block = {
            "role": role,
            "product": product,
            "currency": currency,
            "accounts": len(group),
            "balance": total([_latest(a, "balance_minor") for a in group], currency=currency),
        }
        if version.shows_responsibility:
            row["responsibility"] = total([_responsible(a) for a in group], currency=currency)
        rows.append(row)
    return rows


def _responsible(account: ShownAccount) -> int | None:
    """For how much she answers, in the account's currency; None where that was not said."""
    said = account.line.responsibility
    if said is None or said["currency"] != account.currency:
        return None
    amount_minor: int = said["amount_minor"]
    return amount_minor


def _guarantees(guarantees: Sequence[Record]) -> list[Block]:
    amounts: dict[str, list[int | None]] = {}
    for guarantee in guarantees:
        amounts.setdefault(guarantee["currency"], []).append(guarantee.get("amount_minor"))
    return [
        {
            "currency": currency,
            "guarantees": len(group),
            "amount": total(group, currency=currency),
        }
        for currency, group in sorted(amounts.items())
    ]
