"""Days before January 1900, from which months are counted, are placeholders and not taken."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.service.members import member_by_code

FIRST, BEFORE, PLACEHOLDER = "1900-01-01", "1899-12-31", "0001-01-01"
ACCEPTED, REJECTED = (1, 0, 0, 0), (0, 0, 1, 0)


def _begin(bureau: Any) -> None:
    factory.two_accounts_beside_another(bureau.deps)


template = beginning(_begin)


def opened(day: str) -> factory.Native:
    return factory.account(3, 1, opened_on=day)


def valid(day: str) -> factory.Native:
    return factory.subject(3, valid_from=day)


def agreed(day: str) -> factory.Native:
    return factory.agreement(3, 1, valid_from=day)


def paid(day: str) -> factory.Native:
    return {**factory.PAYMENT, "period_end": day}


@pytest.mark.parametrize(
    ("dataset", "build", "rule", "first"),
    [
        ("account", opened, "ACC-DATE-006", FIRST),
        ("subject", valid, "ANY-DATE-003", FIRST),
        ("agreement", agreed, "ANY-DATE-003", FIRST),
        ("payment", paid, "MON-DATE-002", "1900-01-31"),
    ],
)
def test_a_day_before_1900_is_rejected(
    bureau: Any, dataset: str, build: Any, rule: str, first: str
) -> None:
    bank = member_by_code(bureau.deps, "bank1")
    for day in (BEFORE, PLACEHOLDER):
        view = factory.send(bureau.deps, bank, dataset, build(day))
        assert factory.counts(view) == REJECTED
        assert rule in factory.rules(view)
    view = factory.send(bureau.deps, bank, dataset, build(first))
    assert factory.counts(view) == ACCEPTED, factory.rules(view)
    assert rule not in factory.rules(view)
