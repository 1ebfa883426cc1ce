"""What hangs on a deleted person is in no answer, though another furnisher still knows her."""

from __future__ import annotations

from typing import Any

import gate_world as gw
import orjson
import pytest
from gate_world import Run

import factory
from tallystick.service.inquire import answer
from tallystick.service.replay import replay

CLASSES = ("identity", "accounts", "agreements", "summary", "looks", "consents")
AGREEMENT = {
    "agreement_number": "G-1", "person_number": "P-1", "valid_from": "2024-01-01",
    "currency": "CNY", "credit_limit": "5000.00", "is_revolving": "true", "status": "active",
    "basis": "legal_duty",
}  # fmt: skip
KEY = {"person_number": "P-1", "valid_from": "2024-01-01"}
IDENTITY = {
    **KEY, "identifier_scheme": gw.SCHEME, "identifier_number": gw.resident_id(1),
    "name": gw.NAME, "birth_date": gw.BORN,
}  # fmt: skip


def answered(world: gw.World, run: Run) -> Any:
    result = run(answer(world.deps, world.ask(world.consent(classes=CLASSES))))
    assert run(replay(world.deps, result.look_id, fold=True)) == result.body
    return orjson.loads(result.body)


def seen(world: gw.World, run: Run) -> tuple[int, int, int]:
    """How many accounts, agreements and identities an answer shows."""
    body = answered(world, run)
    return len(body["accounts"]), len(body["agreements"]), len(body["identity"])


@pytest.mark.parametrize("is_whole", [True, False])
def test_what_hangs_on_a_deleted_person_is_hidden_until_she_is_certified_back(
    world: gw.World, run: Run, is_whole: bool
) -> None:
    for member in (world.platform, world.bank):
        gw.furnish(world, member, months=0)
        gw.send(world, member, "agreement", AGREEMENT)
    if not is_whole:  # another record of hers is left
        gw.send(world, world.platform, "subject", {**IDENTITY, "valid_from": "2024-02-01"})
    assert seen(world, run) == (2, 2, 2)
    gw.send(world, world.platform, "deletion", factory.deletion("subject", KEY, reason="not_his"))
    assert seen(world, run) == ((1, 1, 1) if is_whole else (2, 2, 2))
    back = factory.correction("subject", IDENTITY, IDENTITY, reason="reinsertion_certified")
    gw.send(world, world.platform, "correction", back)
    assert seen(world, run) == (2, 2, 2)
