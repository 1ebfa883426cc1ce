"""An identity number is the same number however it is written: by furnishers, askers, signers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import gate_world as gw
import orjson
import pytest
from gate_world import Run

import factory
from tallystick.errors import BadRequest
from tallystick.service.consents import register
from tallystick.service.inquire import answer

PLAIN = gw.resident_id(1)
WIDE = PLAIN.translate({48 + digit: 0xFF10 + digit for digit in range(10)})
FORMS = {
    "plain": PLAIN,
    "hyphens": f"{PLAIN[:6]}-{PLAIN[6:14]}-{PLAIN[14:]}",
    "full width": WIDE,
    "blanks": f" {PLAIN[:6]}\u3000{PLAIN[6:]}",
}


def furnish(world: gw.World, furnisher: Any, number: str) -> None:
    """The same person with a loan of her own at each furnisher."""
    identity = {
        "person_number": "P-1", "valid_from": "2024-01-01", "identifier_scheme": gw.SCHEME,
        "identifier_number": number, "name": gw.NAME, "birth_date": gw.BORN,
    }  # fmt: skip
    gw.send(world, furnisher, "subject", identity)
    gw.send(world, furnisher, "account", {**factory.account(1), "person_number": "P-1"})


def test_one_number_in_three_forms_is_one_person_to_every_asker(world: gw.World, run: Run) -> None:
    sent = (FORMS["hyphens"], FORMS["full width"], FORMS["plain"])
    for furnisher, number in zip((world.bank, world.other, world.platform), sent, strict=True):
        furnish(world, furnisher, number)
    assert world.rows(
        "select count(*), count(distinct subject_id) from directory.party_subject"
    ) == [(3, 1)]
    for number in FORMS.values():
        consent = world.consent(number=number)
        result = run(answer(world.deps, world.ask(consent, identifiers=((gw.SCHEME, number),))))
        assert result.outcome == "hit"
        assert len(orjson.loads(result.body)["accounts"]) == 3


@pytest.mark.parametrize("number", ["1000001", "100-0001", "１０００００１"])
def test_a_consent_names_a_number_by_its_one_form(world: gw.World, run: Run, number: str) -> None:
    signed = factory.consent_record(world.deps, world.bank, 1)
    register(
        world.deps, world.bank, artefact=signed["artefact"], salt=signed["salt"],
        scheme=factory.SCHEME, number=number,
    )  # fmt: skip
    factory.send(world.deps, world.platform, "subject", factory.subject(1))
    ask = factory.ask(world.deps, world.bank, 1, UUID(signed["consent_id"]))
    assert run(answer(world.deps, ask)).outcome == "hit"


@pytest.mark.parametrize("number", ["1000002", "1000-002"])
def test_a_consent_is_refused_with_another_number(world: gw.World, number: str) -> None:
    signed = factory.consent_record(world.deps, world.bank, 1)
    with pytest.raises(BadRequest) as raised:
        register(
            world.deps, world.bank, artefact=signed["artefact"], salt=signed["salt"],
            scheme=factory.SCHEME, number=number,
        )  # fmt: skip
    assert raised.value.code == "consent_other_subject"
    assert number not in str(raised.value)
