"""A party of hers without a birth date vouches for none: the dates that are on file decide."""

from __future__ import annotations

from datetime import date
from typing import Any

import gate_world as gw
import pytest
from gate_world import Run

from tallystick.errors import BadRequest
from tallystick.service.asked import named_person
from tallystick.service.inquire import answer
from tallystick.service.members import Member

NEAR, WRONG = "1990-03-08", "1990-04-08"
#: A telecom that holds no birth date, and one whose spelling has a name in common.
NONE, BANK, SPELT = (gw.NAME, None), (gw.NAME, gw.BORN), ("Ann Zhu", None)
MISTAKEN = (gw.NAME, "1970-11-21")

#: (name, birth date) of each party of hers, what is asked, and what comes.
CASES: list[tuple[list[tuple[str, str | None]], str, str, str]] = [
    ([NONE], gw.NAME, WRONG, "hit"),  # no date is on file: none clashes
    ([NONE], "陈另某", gw.BORN, "no_hit"),
    ([NONE, BANK], gw.NAME, gw.BORN, "hit"),
    ([NONE, BANK], gw.NAME, NEAR, "hit"),
    ([NONE, BANK], gw.NAME, WRONG, "no_hit"),
    ([BANK, NONE], gw.NAME, WRONG, "no_hit"),
    ([NONE, BANK], "陈另某", gw.BORN, "no_hit"),
    ([NONE, MISTAKEN, BANK], gw.NAME, gw.BORN, "hit"),  # one that agrees is enough
    ([NONE, MISTAKEN, BANK], gw.NAME, MISTAKEN[1] or "", "hit"),
    ([NONE, MISTAKEN, BANK], gw.NAME, WRONG, "no_hit"),
    ([("Ann Zhao", gw.BORN), SPELT], "Ann Zhu", gw.BORN, "hit"),
    ([("Ann Zhao", gw.BORN), SPELT], "Ann Zhu", WRONG, "no_hit"),
    ([("Ann Zhao", gw.BORN), SPELT], "Li Zhu", gw.BORN, "no_hit"),  # name and date of no one party
]


def _furnish(world: gw.World, parties: list[tuple[str, str | None]], *but: Member) -> None:
    members = [one for one in (world.platform, world.bank, world.other) if one not in but]
    for member, (name, born) in zip(members, parties, strict=False):
        held = {"birth_date": born or {"absent": "not_held"}}
        identity = {
            "person_number": "P-1", "valid_from": "2024-01-01", "identifier_scheme": gw.SCHEME,
            "identifier_number": gw.resident_id(1), "name": name, **held,
        }  # fmt: skip
        gw.send(world, member, "subject", identity)


@pytest.mark.parametrize(("parties", "name", "born", "came"), CASES)
def test_the_date_asked_agrees_with_one_that_is_on_file(
    world: gw.World,
    run: Run,
    parties: list[tuple[str, str | None]],
    name: str,
    born: str,
    came: str,
) -> None:
    _furnish(world, parties)
    assert world.rows("select count(*) from directory.token_subject") == [(1,)]
    ask = world.ask(world.consent(), name=name, birth_date=born)
    assert run(answer(world.deps, ask)).outcome == came
    by_operator = (ask.identifiers, name, date.fromisoformat(born))
    if came == "hit":
        ((hers,),) = world.rows("select distinct subject_id from directory.party_subject")
        assert named_person(world.deps, *by_operator).subject_id == hers
    else:
        with pytest.raises(BadRequest, match="not_found"):
            named_person(world.deps, *by_operator)


@pytest.mark.parametrize(
    ("own", "born", "came"),
    [
        (NONE, WRONG, "hit"),  # the bank's date is not the asker's to be compared with
        (NONE, gw.BORN, "hit"),
        (MISTAKEN, gw.BORN, "no_hit"),
        (MISTAKEN, MISTAKEN[1], "hit"),
    ],
)
def test_to_verify_only_the_askers_own_dates_are_compared(
    world: gw.World, run: Run, own: tuple[str, str | None], born: Any, came: str
) -> None:
    _furnish(world, [NONE, BANK, own])
    ask = world.ask(
        member=world.other, permit="furnisher_verification", purpose="data_quality",
        birth_date=born,
    )  # fmt: skip
    assert run(answer(world.deps, ask)).outcome == came


@pytest.mark.parametrize(("born", "came"), [(gw.BORN, "hit"), (WRONG, "no_hit")])
def test_to_verify_a_share_the_lenders_date_counts_beside_an_own_party_without_one(
    world: gw.World, run: Run, born: str, came: str
) -> None:
    gw.furnish(world, world.platform)
    _furnish(world, [BANK, NONE], world.platform)
    share = {
        "originator": "platform", "account_number": "A-1", "funder": "other", "role": "funder",
        "valid_from": "2024-01-01", "share": "0.7",
    }  # fmt: skip
    for member in (world.platform, world.other):
        gw.send(world, member, "funding", share)
    ask = world.ask(
        member=world.other, permit="furnisher_verification", purpose="data_quality",
        birth_date=born,
    )  # fmt: skip
    assert run(answer(world.deps, ask)).outcome == came
