"""Whoever a question was about sees its look, in whatever order the numbers were asked by."""

from __future__ import annotations

from collections import Counter
from typing import Any

import gate_world as gw
import pytest
from gate_world import Run
from worlds import world_beginning

from tallystick.errors import Refused
from tallystick.service.inquire import Ask, answer
from tallystick.service.log import log_verify, sequence_once
from tallystick.service.person import own_looks
from tallystick.service.sessions import open_session, session

HERS, DECOY, LATER, OTHERS = 1, 2, 3, 4
#: Whom the decoy's and the other number lead to; she is asked for by what `Ask` has by default.
DECOYS = {"name": "陈另某", "born": "1985-01-01"}


def _begin(world: gw.World) -> None:
    gw.furnish(world, world.platform)
    gw.furnish(world, world.platform, serial=DECOY, account="A-2", **DECOYS)
    gw.furnish(world, world.platform, serial=OTHERS, account="A-4")


template = world_beginning(_begin)

#: What: the numbers in the order asked by, whether with leave, a wrong name or no; what came; and
#: under whose numbers it is a look.
CASES: list[tuple[str, tuple[int, ...], dict[str, Any], str, list[int]]] = [
    ("refused, hers alone", (HERS,), {}, "consent_missing", [HERS]),
    ("refused, hers first", (HERS, DECOY), {}, "consent_missing", [HERS]),
    ("refused, decoy first", (DECOY, HERS), {}, "consent_missing", [HERS]),
    ("refused, nobody first", (LATER, HERS), {}, "consent_missing", [HERS]),
    ("refused, nobody passes", (DECOY, HERS), {"name": "魏何人"}, "consent_missing", [DECOY, HERS]),
    ("refused, both pass", (HERS, OTHERS), {}, "consent_missing", [HERS, OTHERS]),
    ("refused, both unknown", (LATER, 9), {}, "consent_missing", [LATER, 9]),
    ("missed, hers alone", (HERS,), {"name": "魏何人", "leave": HERS}, "no_hit", [HERS]),
    ("missed, decoy first", (DECOY, HERS), {"name": "魏何人", "leave": HERS}, "no_hit",
     [DECOY, HERS]),
    ("missed, nobody first", (LATER, HERS), {"name": "魏何人", "leave": HERS}, "no_hit",
     [LATER, HERS]),
    ("missed, hers twice", (HERS, HERS), {"name": "魏何人", "leave": HERS}, "no_hit", [HERS]),
    ("many", (HERS, OTHERS), {"leave": HERS}, "multiple_candidates", [HERS, OTHERS]),
    ("many and a decoy", (DECOY, HERS, OTHERS), {"leave": HERS}, "multiple_candidates",
     [DECOY, HERS, OTHERS]),
    ("found, hers first", (HERS, DECOY), {"leave": HERS}, "hit", [HERS]),
    ("found, decoy first", (DECOY, HERS), {"leave": HERS}, "hit", [HERS]),
]  # fmt: skip


def _token(world: gw.World, serial: int) -> bytes:
    return world.deps.keys.identity_token(gw.SCHEME, gw.resident_id(serial))


def _came(world: gw.World, run: Run, ask: Ask) -> str:
    try:
        return str(run(answer(world.deps, ask)).outcome)
    except Refused as refusal:
        return refusal.code


def _shown(world: gw.World, run: Run, serial: int) -> list[str]:
    """The outcomes of the looks a person sees, without those of this reading."""
    token = _token(world, serial)
    ((subject,),) = world.rows(
        "select subject_id from directory.token_subject where token = %s", token
    )
    secret = open_session(world.deps, persona="person", subject_id=subject, token=token)
    looks = run(own_looks(world.deps, session(world.deps, secret)))
    return [one["outcome"] for one in looks if one["permit"] != "self"]


def _ask(world: gw.World, serials: tuple[int, ...], changes: dict[str, Any]) -> Ask:
    given = dict(changes)
    leave = given.pop("leave", None)
    consent = None if leave is None else world.consent(number=gw.resident_id(leave))
    numbers = tuple((gw.SCHEME, gw.resident_id(serial)) for serial in serials)
    return world.ask(consent, identifiers=numbers, **given)


@pytest.mark.parametrize(
    ("serials", "changes", "came", "under"), [one[1:] for one in CASES], ids=[c[0] for c in CASES]
)
def test_a_look_stands_under_the_numbers_of_all_it_was_about(
    world: gw.World,
    run: Run,
    serials: tuple[int, ...],
    changes: dict[str, Any],
    came: str,
    under: list[int],
) -> None:
    ask = _ask(world, serials, changes)
    assert _came(world, run, ask) == came
    looks = world.rows("select token, outcome from log.look")
    outcome = "refused" if came == "consent_missing" else came
    assert Counter(looks) == Counter((_token(world, one), outcome) for one in under)
    gw.furnish(world, world.platform, serial=LATER, account="A-3", name="卫后来")
    sequence_once(world.deps)
    for serial in (HERS, DECOY, LATER, OTHERS):
        assert _shown(world, run, serial) == ([outcome] if serial in under else []), serial
    assert log_verify(world.deps).ok


@pytest.mark.parametrize("changes", [{}, {"name": "魏何人", "leave": HERS}])
def test_the_same_question_by_several_numbers_again_adds_no_look(
    world: gw.World, run: Run, changes: dict[str, Any]
) -> None:
    ask = _ask(world, (LATER, DECOY, HERS), changes)
    first = _came(world, run, ask)
    before = world.looks()
    assert _came(world, run, ask) == first
    assert world.looks() == before
