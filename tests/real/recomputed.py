"""A person's report, recomputed from the raw rows of the sample: plain Python, nothing of ours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from tradelines import LATE, NOT_HELD, Account, is_adjacent, snapshot_rows, subject_row

Block = dict[str, Any]
GRID_MONTHS = 60
#: 60 months before the day of the bureau's clock (`conftest.loaded`), in January 2025.
OLDEST_MONTH = "2020-01"
_ABSENT_AMOUNTS = dict.fromkeys(
    ("days_past_due", "balance", "payment_due", "amount_paid", "amount_past_due"), "not_held"
)


def grid(account: Account) -> list[Block]:
    """The last 60 calendar months up to its newest, gaps said."""
    days = sorted(account.months)
    newest = days[-1].year * 12 + days[-1].month
    shown: list[Block] = []
    before: date | None = None
    for day in days:
        if newest - (day.year * 12 + day.month) >= GRID_MONTHS:
            continue
        while before is not None and not is_adjacent(before, day):
            year, month = divmod(before.year * 12 + before.month, 12)
            before = date(year, month + 1, 28)
            shown.append({"month": f"{before:%Y-%m}", "bucket": "not_reported"})
        shown.append({"month": f"{day:%Y-%m}", "bucket": account.months[day]})
        before = day
    return shown


def young_enough(months: list[Block]) -> list[Block]:
    """Without the first months that are older than the law keeps lateness, late or not.

    The sample holds no late month whose time is over: each of them ends it.
    """
    start = 0
    for at, month in enumerate(months):
        if month["month"] >= OLDEST_MONTH or month["bucket"] in LATE:
            break
        start = at + 1
    return months[start:]


def withheld(accounts: Iterable[Account]) -> list[Block]:
    """What the header says is left out of the accounts for its age."""
    whole = [grid(account) for account in accounts]
    left_out = sum(
        month["bucket"] != "not_reported"
        for months in whole
        for month in months[: len(months) - len(young_enough(months))]
    )
    if not left_out:
        return []
    return [{"block": "accounts", "reason": "retention_over", "periods": left_out}]


def account_block(account: Account) -> Block:
    """What a report says of one account."""
    newest = list(snapshot_rows(account))[-1]
    latest = {
        "period_end": newest["period_end"],
        "bucket": newest["bucket"],
        "currency": "CNY",
        "status": newest["status"],
        "absent": _ABSENT_AMOUNTS,
    }
    if newest["notice_sent_on"]:
        latest["notice_sent_on"] = newest["notice_sent_on"]
    return {
        "role": "borrower",
        "is_debt": True,
        "is_closed": newest["bucket"] == "C",
        "other_roles": [],
        "terms": {
            "valid_from": account.first_day.isoformat(),
            "product": "other",
            "currency": "CNY",
            "basis": "legal_duty",
            "absent": {"opened_on": "not_held"},
        },
        "latest": latest,
        "fundings": [],
        "grid": young_enough(grid(account)),
        "events": [],
        "remarks": [],
    }


def summary(accounts: Sequence[Account]) -> Block:
    """The totals: everything is an account of one product and nobody told an amount."""
    shown = [[month["bucket"] for month in grid(account)] for account in accounts]
    opened = sum(buckets[-1] != "C" for buckets in shown)
    late = [bucket for buckets in shown for bucket in buckets if bucket in LATE]
    untold = "not_reported" if opened else "not_applicable"
    return {
        "lenders": len({account.lender for account in accounts}),
        "accounts": len(accounts),
        "open_accounts": opened,
        "closed_accounts": len(accounts) - opened,
        "by_product": [
            {
                "product": "other",
                "currency": "CNY",
                "accounts": len(accounts),
                "open_accounts": opened,
                "balance": untold,
                "credit_limit": untold,
                "delinquency": {
                    "ever_late_accounts": sum(bool(LATE & set(buckets)) for buckets in shown),
                    "late_now_accounts": sum(buckets[-1] in LATE for buckets in shown),
                    "late_months": len(late),
                    "worst_bucket": max(late, default="none"),
                    "highest_balance_past_due": "not_reported" if late else "not_applicable",
                },
            }
        ],
        "payments_due": [{"currency": "CNY", "six_month_average": "not_reported"}]
        if opened
        else [],
        "responsibilities": [],
        "guarantees": [],
    }


def identity(account: Account) -> Block:
    """The person as this lender reported her; an impossible birth date is not valid."""
    reported: Block = {}
    absent: Block = {}
    for name, value in subject_row(account).items():
        if name in ("account_number", "role", "holder_no") or not value:
            continue
        if value == NOT_HELD:
            absent[name] = "not_held"
        elif name == "birth_date" and not is_day(value):
            absent[name] = "not_valid"
        else:
            reported[name] = value
    return {**reported, "absent": absent} if absent else reported


def is_day(text: str) -> bool:
    """Whether an ISO text is a day of the calendar."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def differing(found: Block, expected: Block, *, at: str = "") -> list[str]:
    """Names of the fields that are not as recomputed; names only, no values of anybody."""
    names = []
    for name in sorted(found.keys() | expected.keys()):
        here, there = found.get(name, ...), expected.get(name, ...)
        if isinstance(here, dict) and isinstance(there, dict):
            names += differing(here, there, at=f"{at}{name}.")
        elif here != there:
            names.append(f"{at}{name}")
    return names


def skipped_buckets(accounts: Iterable[Account]) -> list[str]:
    """The account of each step of more than one bucket between adjacent known months."""
    return [
        account.number
        for account in accounts
        for (day, bucket), (later, worse) in zip(
            account.months.items(), list(account.months.items())[1:], strict=False
        )
        if is_adjacent(day, later)
        and bucket.isdigit()
        and worse.isdigit()
        and int(worse) - int(bucket) > 1
    ]
