"""The sample of real month histories as native v1 files, lender by lender.

Identities and lenders of the sample are not real, its months are; nothing of it may enter the
project, so everything here goes from `../shared/data` into a temporary folder. The readers are
plain Python on purpose: the tests compare the bureau with what stands here.
"""

from __future__ import annotations

import csv
import gzip
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

DATA = Path(__file__).parents[3] / "shared" / "data" / "tradelines"
#: The calendar month the sample's month 0 is taken to be.
MONTH_0 = (2024, 12)
LATE = frozenset("12345")
NOT_HELD = "absent:not_held"
_AMOUNTS = ("days_past_due", "balance", "payment_due", "amount_paid", "amount_past_due")

SUBJECT = (
    "account_number", "role", "holder_no", "valid_from", "identifier_scheme", "identifier_number",
    "name", "birth_date", "address_line", "address_locality", "address_region", "postal_code",
)  # fmt: skip
ACCOUNT = ("account_number", "valid_from", "product", "currency", "opened_on", "basis")
SNAPSHOT = (
    "account_number", "period_end", "bucket", *_AMOUNTS, "currency", "status", "notice_sent_on",
)  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Account:
    """One account of the sample: its lender, its person as sent, bucket by period end."""

    number: str
    lender: str
    person: dict[str, str] = field(hash=False)
    months: dict[date, str] = field(hash=False)

    @property
    def has_name(self) -> bool:
        """Whether the lender told any part of a name."""
        return bool(self.person["given_name"] or self.person["surname"])

    @property
    def first_day(self) -> date:
        """The first day of its oldest month."""
        return min(self.months).replace(day=1)


def read_accounts(folder: Path = DATA) -> dict[str, Account]:
    """All accounts by number, their months oldest first."""
    months: dict[str, dict[date, str]] = defaultdict(dict)
    for row in sorted(_rows(folder / "months.csv.gz"), key=lambda row: int(row["month"])):
        months[row["account_id"]][period_end(int(row["month"]))] = row["status"]
    return {
        row["account_id"]: Account(
            number=row["account_id"],
            lender=row["member_id"].lower(),
            person=row,
            months=months[row["account_id"]],
        )
        for row in _rows(folder / "accounts.csv.gz")
    }


def read_truth(folder: Path = DATA) -> dict[str, str]:
    """The true person of each account number."""
    return {row["account_id"]: row["person_id"] for row in _rows(folder / "truth.csv.gz")}


def period_end(month: int) -> date:
    """The last day of a month of the sample (0 is the newest, -1 the one before)."""
    year, index = divmod(MONTH_0[0] * 12 + MONTH_0[1] - 1 + month, 12)
    return date(year, index + 1, monthrange(year, index + 1)[1])


def is_adjacent(earlier: date, later: date) -> bool:
    """Whether one month follows the other."""
    return earlier + timedelta(days=1) == later.replace(day=1)


def subject_row(account: Account) -> dict[str, str]:
    """Its person as this lender knows her: nothing ties two accounts together but what it says."""
    person = account.person
    birth = person["date_of_birth"]
    number = person["soc_sec_id"]
    address = (person["street_number"], person["address_1"], person["address_2"])
    name = " ".join(part for part in (person["given_name"], person["surname"]) if part)
    return {
        "account_number": account.number,
        "role": "borrower",
        "holder_no": "1",
        "valid_from": account.first_day.isoformat(),
        "identifier_scheme": "soc_sec_id" if number else NOT_HELD,
        "identifier_number": number or NOT_HELD,
        "name": name or NOT_HELD,
        "birth_date": f"{birth[:4]}-{birth[4:6]}-{birth[6:]}" if birth else NOT_HELD,
        "address_line": " ".join(part for part in address if part),
        "address_locality": person["suburb"],
        "address_region": person["state"],
        "postal_code": person["postcode"],
    }


def account_row(account: Account) -> dict[str, str]:
    """What is known of its terms: hardly anything."""
    return {
        "account_number": account.number,
        "valid_from": account.first_day.isoformat(),
        "product": "other",
        "currency": "CNY",
        "opened_on": NOT_HELD,
        "basis": "legal_duty",
    }


def snapshot_rows(account: Account) -> Iterator[dict[str, str]]:
    """Its months; the notice of each late run was sent on the eve of its first late month."""
    notice = None
    for day, bucket in account.months.items():
        if bucket not in LATE:
            notice = None
        elif notice is None:
            notice = day.replace(day=1) - timedelta(days=1)
        yield {
            "account_number": account.number,
            "period_end": day.isoformat(),
            "bucket": bucket,
            **dict.fromkeys(_AMOUNTS, NOT_HELD),
            "currency": "CNY",
            "status": "closed" if bucket == "C" else "open",
            "notice_sent_on": notice.isoformat() if notice else "",
        }


def write_files(accounts: dict[str, Account], folder: Path) -> dict[tuple[str, str], Path]:
    """Write each lender's three files; gives their paths by (dataset, lender), in sending order."""
    lenders: dict[str, list[Account]] = defaultdict(list)
    for account in accounts.values():
        lenders[account.lender].append(account)
    paths = {}
    for dataset, header in (("subject", SUBJECT), ("account", ACCOUNT), ("snapshot", SNAPSHOT)):
        for lender in sorted(lenders):
            path = folder / f"{lender}-{dataset}.csv"
            with path.open("w", newline="") as target:
                writer = csv.DictWriter(target, header)
                writer.writeheader()
                for account in lenders[lender]:
                    writer.writerows(_native_rows(dataset, account))
            paths[dataset, lender] = path
    return paths


def _native_rows(dataset: str, account: Account) -> Iterator[dict[str, str]]:
    if dataset == "snapshot":
        return snapshot_rows(account)
    return iter([subject_row(account) if dataset == "subject" else account_row(account)])


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", newline="") as source:
        return list(csv.DictReader(source))
