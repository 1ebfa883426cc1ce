"""Late months of an account that its terms close as paid are not told for ever."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import gate_world as gw
import orjson
import pytest
from gate_world import Run

from tallystick.service.person import own_report
from tallystick.service.sessions import open_session, session

LATE = {
    "bucket": "1", "days_past_due": 20, "amount_past_due": "100.00", "notice_sent_on": "2024-12-20",
}  # fmt: skip
CLOSED = {"closed_on": "2025-01-10", "closed_reason": "paid"}


def own(world: gw.World, run: Run) -> Any:
    """What she reads of herself on the clock's day."""
    token = world.deps.keys.identity_token(gw.SCHEME, gw.resident_id(1))
    ((subject,),) = world.rows("select subject_id from directory.token_subject")
    secret = open_session(world.deps, persona="person", subject_id=subject, token=token)
    return orjson.loads(run(own_report(world.deps, session(world.deps, secret))).body)


@pytest.mark.parametrize(
    ("closing", "now", "late_months", "late_now"),
    [
        (CLOSED, datetime(2030, 1, 31, 15, 59, tzinfo=UTC), 1, 0),
        (CLOSED, datetime(2030, 1, 31, 16, tzinfo=UTC), 0, 0),
        ({}, datetime(2030, 1, 31, 16, tzinfo=UTC), 1, 1),
    ],
)
def test_no_month_need_say_that_it_was_paid(
    world: gw.World, run: Run, closing: dict[str, str], now: datetime, late_months: int,
    late_now: int,
) -> None:  # fmt: skip
    gw.furnish(world, world.platform, months=0)
    gw.send(world, world.platform, "snapshot", gw.month("A-1", "2024-12-31", **LATE))
    terms = {
        "account_number": "A-1", "valid_from": "2025-01-10", "person_number": "P-1",
        "product": "instalment_loan", "currency": "CNY", "opened_on": "2024-01-01",
        "principal": "12000.00", "basis": "legal_duty",
    }  # fmt: skip
    if closing:
        gw.send(world, world.platform, "account", {**terms, **closing})
    world.clock.set(now)
    told = own(world, run)["summary"]["by_product"][0]["delinquency"]
    assert (told["late_months"], told["late_now_accounts"]) == (late_months, late_now)
