"""Delinquency as a month-to-month process.

Whether a person is ever late, and how badly, is drawn first (her frailty); then each account walks
from month to month between 0 missed payments and more, never up by more than one. Shares wanted
(never late, at worst one payment, worse): per person 75.6 / 20.0 / 4.4 %, per account
88.5 / 10.1 / 1.4 %.
"""

from __future__ import annotations

from random import Random

#: Worst state of a person: 0 never late, 1 at worst one missed payment, 2 worse.
PERSON_SHARES = (0.756, 0.200, 0.044)
#: Missed payments at which a lender gives up.
WRITE_OFF_AT = 9
#: Chance that a further account of the person is late too, by (person's class, account's class).
_FURTHER = {1: (0.32, 0.0), 2: (0.50, 0.10)}
_ENTER = 0.03
_STAY_AT_ONE = 0.22
_ROLL, _STAY, _FALL = 0.52, 0.18, 0.15


def person_class(rng: Random) -> int:
    """How badly a person will ever be late."""
    draw = rng.random()
    if draw < PERSON_SHARES[0]:
        return 0
    return 1 if draw < PERSON_SHARES[0] + PERSON_SHARES[1] else 2


def account_classes(rng: Random, worst: int, payable_months: list[int]) -> list[int]:
    """The class of each account of a person of class `worst`.

    Takes:  for each account the number of months with a payment due in the window
    Gives:  classes whose greatest is `worst` wherever one account is long enough
    """
    if worst == 0:
        return [0] * len(payable_months)
    late, worse = _FURTHER[worst]
    classes = []
    for months in payable_months:
        draw = rng.random()
        wanted = 2 if draw < worse else 1 if draw < worse + late else 0
        classes.append(min(wanted, 0 if months < 1 else 1 if months < 3 else 2))
    fit = [
        place for place, months in enumerate(payable_months) if months >= (3 if worst == 2 else 1)
    ]
    if fit and max(classes) < worst:
        classes[rng.choice(fit)] = worst
    return classes


def missed_payments(rng: Random, worst: int, months: int, payable: int) -> list[int]:
    """Payments missed at the end of each of `months` months.

    Takes:  the account's class; how many months, from the first, surely have a payment due
    Gives:  a walk from 0 that rises by at most one a month; its greatest value is 0, 1 or at
            least 2 as the class says; once `WRITE_OFF_AT` is reached it only rises
    """
    if worst == 0:
        return [0] * months
    walk = [0] * months
    missed = 0
    for month in range(months):
        missed = _step(rng, missed, worst)
        walk[month] = missed
    if max(walk[:payable]) < worst:
        _force(rng, walk, worst, payable)
    return walk


def _step(rng: Random, missed: int, worst: int) -> int:
    if missed >= WRITE_OFF_AT:
        return missed + 1
    draw = rng.random()
    if missed == 0:
        return 1 if draw < _ENTER else 0
    if worst == 1:
        return 1 if draw < _STAY_AT_ONE else 0
    if draw < _ROLL:
        return missed + 1
    if draw < _ROLL + _STAY:
        return missed
    return missed - 1 if draw < _ROLL + _STAY + _FALL else 0


def _force(rng: Random, walk: list[int], worst: int, payable: int) -> None:
    """Lay one episode of exactly `worst` missed payments over a walk that stayed below."""
    start = rng.randrange(payable - worst + 1)
    for step in range(worst):
        walk[start + step] = step + 1
    following = start + worst
    while following < len(walk) and walk[following] > 0:
        walk[following] = 0
        following += 1
