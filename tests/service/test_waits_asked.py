"""What waits is looked for where a file of its dataset can bring it, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.service import pending
from tallystick.service.members import member_by_code


def _begin(bureau: Any) -> None:
    """A month of bank1's own waits for its account 9, and so does bank2's funding of that."""
    deps = bureau.deps
    bank, funder = factory.member(deps), factory.member(deps, "bank2")
    factory.open_account(deps, bank)
    for member, dataset, record in (
        (bank, "snapshot", factory.snapshot(9, "2024-12")),
        (funder, "funding", factory.funding(9, "bank2", "0.1")),
    ):
        assert factory.counts(factory.send(deps, member, dataset, record)) == (0, 0, 0, 1)


template = beginning(_begin)
ACCOUNT_AGAIN = factory.correction("account", factory.account(1, purpose="housing"))


@pytest.mark.parametrize(
    ("dataset", "record", "others", "fundings"),
    [
        ("account", factory.account(2, 1), True, True),
        ("correction", ACCOUNT_AGAIN, True, True),
        ("subject", factory.subject(2), True, False),
        ("agreement", factory.agreement(1), True, False),
        ("snapshot", factory.snapshot(1, "2024-12"), False, False),
        ("event", factory.event(1), False, False),
        ("payment", factory.PAYMENT, False, False),
        ("remark", factory.REMARK, False, False),
        ("funding", factory.funding(1, "bank2", "0.1"), False, False),
    ],
)
def test_only_what_brings_a_parent_asks_who_waits_for_it(
    bureau: Any, dataset: str, record: Any, others: bool, fundings: bool
) -> None:
    deps, bank = bureau.deps, member_by_code(bureau.deps, "bank1")
    sent = factory.send(deps, bank, dataset, record)
    with deps.database.connect("intake") as connection:
        worth = pending._worth_asking(connection, sent.submission_id)
    assert (worth.others, worth.fundings) == (others, fundings)
