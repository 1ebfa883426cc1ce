"""An account that its newest month closed, without a word in its terms, allows no review of her."""

from __future__ import annotations

from typing import Any

import gate_world as gw
import orjson
import pytest
from gate_world import Run
from worlds import world_beginning

from tallystick.errors import Refused
from tallystick.service.inquire import answer

_ABSENT = {"absent": "not_applicable"}
_GONE = {
    "bucket": "C", "status": "closed", "balance": "0.00", "payment_due": "0.00",
    "days_past_due": _ABSENT,
}  # fmt: skip
FUNDED = {
    "originator": "platform", "account_number": "A-1", "funder": "other", "role": "funder",
    "valid_from": "2024-01-01", "share": "0.7",
}  # fmt: skip


def _begin(world: gw.World) -> None:
    gw.furnish(world, world.platform, months=0)
    gw.send(world, world.platform, "snapshot", gw.month("A-1", "2024-11-30"))


template = world_beginning(_begin)


def reviewed(world: gw.World, run: Run, member: Any) -> str:
    """What came of a review: its outcome or the code of its refusal."""
    ask = world.ask(permit="account_review", purpose="account_review", member=member)
    try:
        return str(run(answer(world.deps, ask)).outcome)
    except Refused as refusal:
        return refusal.code


@pytest.mark.parametrize(
    ("newest", "is_closed"),
    [
        (_GONE, True),
        ({**_GONE, "bucket": "X", "days_past_due": {"absent": "not_held"}}, True),
        ({**_GONE, "status": "open"}, True),
        ({"status": "sold"}, True),
        ({"status": "frozen"}, False),
        ({"bucket": "X", "days_past_due": {"absent": "not_held"}}, False),
        ({}, False),
    ],
)
def test_a_review_is_refused_where_the_report_says_closed(
    world: gw.World, run: Run, newest: dict[str, Any], is_closed: bool
) -> None:
    gw.send(world, world.platform, "funding", FUNDED)
    gw.send(world, world.platform, "snapshot", gw.month("A-1", "2024-12-31", **newest))
    body = run(answer(world.deps, world.ask(world.consent()))).body
    assert orjson.loads(body)["accounts"][0]["is_closed"] is is_closed
    expected = "no_open_account" if is_closed else "hit"
    assert reviewed(world, run, world.platform) == expected
    assert reviewed(world, run, world.other) == expected  # it funds the account


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({}, "hit"),
        ({"closed_on": "2024-12-31", "closed_reason": "paid"}, "no_open_account"),
    ],
)
def test_one_open_account_is_enough(
    world: gw.World, run: Run, terms: dict[str, str], expected: str
) -> None:
    gw.send(world, world.platform, "snapshot", gw.month("A-1", "2024-12-31", **_GONE))
    loan = {
        "account_number": "A-2", "valid_from": "2024-01-01", "person_number": "P-1",
        "product": "credit_card", "currency": "CNY", "opened_on": "2024-01-01",
        "credit_limit": "5000.00", "basis": "legal_duty", **terms,
    }  # fmt: skip
    gw.send(world, world.platform, "account", loan)
    assert reviewed(world, run, world.platform) == expected
