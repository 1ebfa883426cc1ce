"""Which credit accounts a person holds, and what was agreed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from random import Random

from tallystick.synth import members as cast
from tallystick.synth.members import SynthMember
from tallystick.synth.window import MONTHS, Window

#: (member group, product, weight, terms in months; no terms: revolving)
_PRODUCTS = (
    ("shy", "revolving_loan", 15, ()),
    ("shy", "instalment_loan", 16, (3, 6, 12, 12, 24)),
    ("other", "revolving_loan", 9, ()),
    ("other", "instalment_loan", 13, (3, 6, 9, 12)),
    ("card", "credit_card", 13, ()),
    ("bank", "credit_card", 9, ()),
    ("bank", "mortgage", 5, (240, 360)),
    ("bank", "auto_loan", 5, (36, 60)),
    ("bank", "instalment_loan", 6, (12, 24, 36)),
    ("small", "instalment_loan", 3, (12, 24)),
    ("small", "business_loan", 3, (12, 36)),
    ("micro", "micro_loan", 5, (3, 6, 12)),
)
_WEIGHTS = tuple(product[2] for product in _PRODUCTS)
#: Instalment in whole yuan, from and to.
_INSTALMENTS = {
    "mortgage": (2000, 9000), "auto_loan": (1500, 5000), "business_loan": (2000, 8000),
    "micro_loan": (200, 1200), "instalment_loan": (150, 2500),
}  # fmt: skip
_LIMITS = {"credit_card": (5000, 60000), "revolving_loan": (1000, 30000)}
#: Shares of (originator, funders …) of a platform loan in parts per hundred, with weights.
_SPLITS = (((2, 98), 45), ((30, 70), 30), ((2, 49, 49), 10), ((30, 35, 35), 7), ((100,), 8))
_MEAN_FURTHER_ACCOUNTS = 3.5
_MOST_ACCOUNTS = 18
#: Account numbers are scattered, so that they tell nothing of the person across lenders.
_SCATTER, _NUMBERS = 48_271, 899_999_963
_EARLIEST_OPENING = {"mortgage": -30, "auto_loan": -20, "": -14, "instalment_loan": -4}


@dataclass(slots=True, kw_only=True)
class Account:
    """One account as its lender keeps it; amounts in whole yuan.

    `opened_month` counts in the window and may lie before it. `term` is 0 for a revolving account.
    `missed` has one number for each month after the opening that lies in the window.
    `furnished_from` is None when nothing about it is ever furnished.
    """

    member: str
    product: str
    number: str
    opened_month: int
    opened_on: date
    due_day: int
    term: int
    instalment: int
    limit: int
    split: tuple[tuple[str, int], ...] = ()
    closes_in: int | None = None
    restructures: bool = False
    joint: bool = False
    guaranteed: bool = False
    agreement: str = ""
    basis: str = "legal_duty"
    consent_id: str = ""
    is_furnished: bool = True
    worst: int = 0
    missed: list[int] = field(default_factory=list)

    @property
    def principal(self) -> int:
        """What was lent, in whole yuan; 0 for a revolving account."""
        return self.instalment * self.term

    @property
    def first_payment_month(self) -> int:
        """The first month of the window in which a payment may be due."""
        return max(self.opened_month + 1, 0)

    @property
    def payable_months(self) -> int:
        """Months of the window in which a payment is surely due."""
        end = MONTHS if self.term == 0 else min(MONTHS, self.opened_month + 1 + self.term)
        return max(0, end - self.first_payment_month)


def number_of_accounts(rng: Random) -> int:
    """How many credit accounts a person with credit holds in the window: 3.7 on average."""
    return min(_MOST_ACCOUNTS, 1 + int(rng.expovariate(1 / _MEAN_FURTHER_ACCOUNTS)))


def account_number(member: SynthMember, order: int) -> str:
    """The number of the `order`-th account of a run, at a member."""
    return f"{member.number:02d}{order * _SCATTER % _NUMBERS:09d}"


def draw_account(
    rng: Random, *, members: dict[str, SynthMember], window: Window, order: int
) -> Account:
    """One account with its terms, before anybody has paid or missed anything.

    Takes:  `order`, different for every account of a run
    """
    group, product, _, terms = rng.choices(_PRODUCTS, _WEIGHTS)[0]
    member = _member(rng, group)
    term = rng.choice(terms) if terms else 0
    opened_month = _opening(rng, product, term)
    opened_on = window.day(opened_month, rng.randrange(1, 29))
    low, high = _LIMITS[product] if term == 0 else _INSTALMENTS[product]
    size = int(low * (high / low) ** rng.random())
    account = Account(
        member=member,
        product=product,
        number=account_number(members[member], order),
        opened_month=opened_month,
        opened_on=opened_on,
        due_day=rng.randrange(5, 26),
        term=term,
        instalment=size // 10 * 10 if term else 0,
        limit=0 if term else size // 500 * 500,
    )
    if term == 0 and rng.random() < 0.25:
        account.closes_in = rng.randrange(account.first_payment_month + 3, MONTHS + 30)
    elif term and rng.random() < 0.15:
        account.closes_in = account.first_payment_month + rng.randrange(2, term + 2)
    if member in cast.PLATFORMS:
        account.split = _split(rng, member)
    account.joint = product == "mortgage" and rng.random() < 0.6
    account.guaranteed = product == "business_loan" and rng.random() < 0.6
    return account


def _member(rng: Random, group: str) -> str:
    if group == "bank":
        return rng.choice(cast.LENDING_BANKS)
    return {
        "shy": cast.SHY_PLATFORM,
        "other": cast.OTHER_PLATFORM,
        "card": cast.CARD_ISSUER,
        "small": cast.SMALL_BANK,
        "micro": cast.MICRO_LENDER,
    }[group]


def _opening(rng: Random, product: str, term: int) -> int:
    """The month of opening: at least one month after it lies in the window and before the end."""
    earliest = _EARLIEST_OPENING.get(product, -2 if term else _EARLIEST_OPENING[""])
    return rng.randrange(max(earliest, 1 - term) if term else earliest, MONTHS - 1)


def _split(rng: Random, originator: str) -> tuple[tuple[str, int], ...]:
    """Members and their parts per hundred, the originator first."""
    parts = rng.choices([split for split, _ in _SPLITS], [weight for _, weight in _SPLITS])[0]
    # Each platform works with seven of the nine banks.
    partners = cast.BANKS[:7] if originator == cast.SHY_PLATFORM else cast.BANKS[2:]
    funders = rng.sample(partners, len(parts) - 1)
    return tuple(zip((originator, *funders), parts, strict=True))
