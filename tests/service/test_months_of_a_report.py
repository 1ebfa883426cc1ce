"""A month stands once in an answer, as it ended, whatever periods were sent and in what order."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import gate_world as gw
import orjson
import pytest
from gate_world import Run

from tallystick.service.inquire import answer
from tallystick.service.replay import replay

LATE = {
    "bucket": "1", "days_past_due": 10, "amount_past_due": "100.00", "notice_sent_on": "2024-11-05",
}  # fmt: skip
OCTOBER = gw.month("A-1", "2024-10-31", payment_due="300.00")
NOVEMBER = [
    gw.month("A-1", "2024-11-10", payment_due="900.00"),
    gw.month("A-1", "2024-11-20", payment_due="500.00", **LATE),
    gw.month("A-1", "2024-11-30", payment_due="100.00", **LATE),
]


def answered(world: gw.World, run: Run) -> Any:
    result = run(answer(world.deps, world.ask(world.consent())))
    assert run(replay(world.deps, result.look_id, fold=True)) == result.body
    return orjson.loads(result.body)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_month_is_told_once_as_it_ended(
    world: gw.World, run: Run, order: tuple[int, ...]
) -> None:
    gw.furnish(world, world.platform, months=0)
    gw.send(world, world.platform, "snapshot", OCTOBER)
    for at in order:
        gw.send(world, world.platform, "snapshot", NOVEMBER[at])

    body = answered(world, run)
    cells = body["accounts"][0]["grid"]
    assert [(one["month"], one["bucket"]) for one in cells] == [("2024-10", "0"), ("2024-11", "1")]
    assert cells[-1]["payment_due"] == "100.00"
    assert body["accounts"][0]["latest"]["period_end"] == "2024-11-30"
    assert body["summary"]["by_product"][0]["delinquency"]["late_months"] == 1
    assert body["summary"]["payments_due"] == [{"currency": "CNY", "six_month_average": "200.00"}]
