"""What somebody with the database's own rights changes of a kept answer, the log's proof names."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import gate_world as gw
import psycopg
import pytest
from gate_world import Run
from worlds import world_beginning

from tallystick.service.consents import withdraw
from tallystick.service.erase import erase
from tallystick.service.identity import unlink
from tallystick.service.inquire import answer
from tallystick.service.log import log_verify, sequence_once
from tallystick.service.person import own_report
from tallystick.service.replay import again
from tallystick.service.sessions import Session

_MORE = "interval '1 microsecond'"
#: No party's, and greater than any.
_LAST = "ffffffff-ffff-7fff-bfff-ffffffffffff"
#: What is done to the body of the second of three answers, and what is named of it.
_BESIDE = {
    "readable longer": (f"readable_until = readable_until + {_MORE}", "readable_until"),
    "readable shorter": (f"readable_until = readable_until - {_MORE}", "readable_until"),
    "readable for ever": ("readable_until = 'infinity'", "readable_until"),
    "never readable": ("readable_until = '-infinity'", "readable_until"),
    "kept longer": (f"kept_until = kept_until + {_MORE}", "kept_until"),
    "kept shorter": (f"kept_until = kept_until - {_MORE}", "kept_until"),
    "kept for ever": ("kept_until = 'infinity'", "kept_until"),
    "no parties": ("parties = '{}'", "parties"),
    "a party twice": ("parties = parties[1:1] || parties", "parties"),
    "parties in another order": (f"parties = '{{{_LAST}}}' || parties", "parties"),
    "parties in rows": (
        "parties = array[array[gen_random_uuid()], array[gen_random_uuid()]]",
        "parties",
    ),
}
_WITHIN = {
    "a byte": "sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1)",
    "cut short": "sealed = substr(sealed, 1, 12)",
    "emptied": "sealed = ''",
    "another's bytes": "sealed = (select o.sealed from log.body o where o.look_id <> b.look_id"
    " limit 1)",
    "a party that is none": f"parties = parties || '{_LAST}'::uuid",
    "a party that is nobody": "parties = parties || null::uuid",
    "other parties": "parties = array[gen_random_uuid()]",
}


def _begin(world: gw.World) -> None:
    gw.furnish(world, world.platform)


template = world_beginning(_begin)


def _three(world: gw.World, run: Run) -> Any:
    """Three answers given, the second again; gives its look."""
    consent = world.consent()
    named = [run(answer(world.deps, world.ask(consent))).look_id for _ in range(3)][1]
    run(again(world.deps, world.bank, named))
    run(answer(world.deps, world.ask(consent, name="谁也不")))  # nobody's: no body is kept of it
    sequence_once(world.deps)
    return named


def _sql(world: gw.World, query: str, *given: object) -> None:
    with psycopg.connect(world.url) as connection:
        connection.execute(query, given)  # type: ignore[call-overload]


def _named(world: gw.World, *, bodies: bool) -> list[Any]:
    return [
        (one.what, one.body, one.look_id) for one in log_verify(world.deps, bodies=bodies).faults
    ]


def test_what_nobody_touched_is_fine_and_counted(world: gw.World, run: Run) -> None:
    _three(world, run)
    report = log_verify(world.deps)
    assert (report.faults, report.bodies, report.bodies_opened) == ((), 3, 0)
    report = log_verify(world.deps, bodies=True)
    assert (report.faults, report.bodies, report.bodies_opened) == ((), 3, 3)


@pytest.mark.parametrize(("change", "part"), _BESIDE.values(), ids=_BESIDE)
def test_what_does_not_follow_from_the_look_is_named(
    world: gw.World, run: Run, change: str, part: str
) -> None:
    named = _three(world, run)
    _sql(world, f"update log.body set {change} where look_id = %s", named)
    assert _named(world, bodies=False) == [("altered", part, named)]
    assert _named(world, bodies=True) == [("altered", part, named)]
    said = f"altered: {part} of the body kept of look {named}"
    assert str(log_verify(world.deps).first) == said


@pytest.mark.parametrize("change", _WITHIN.values(), ids=_WITHIN)
def test_a_body_that_does_not_open_to_what_its_look_names_is_named(
    world: gw.World, run: Run, change: str
) -> None:
    named = _three(world, run)
    _sql(world, f"update log.body b set {change} where look_id = %s", named)
    assert _named(world, bodies=False) == []
    assert _named(world, bodies=True) == [("altered", "content", named)]
    assert log_verify(world.deps, bodies=True).bodies_opened == 2


def test_her_report_of_a_past_with_nothing_on_file_is_of_no_party(
    world: gw.World, run: Run
) -> None:
    before = world.rows("select min(recorded_at) from ledger.publication")[0][0]
    found = world.rows("select token, subject_id from directory.token_subject")
    who = Session(
        persona="person", member_id=None, subject_id=found[0][1], token=bytes(found[0][0]),
        expires_at=world.clock() + timedelta(hours=1),
    )  # fmt: skip
    run(own_report(world.deps, who, known_at=before - timedelta(days=1)))
    assert world.rows("select cardinality(parties) from log.body") == [(0,)]
    report = log_verify(world.deps, bodies=True)
    assert (report.faults, report.bodies, report.bodies_opened) == ((), 1, 1)
    _sql(world, "update log.body set sealed = ''")
    assert [part for _, part, _ in _named(world, bodies=True)] == ["content"]


def test_a_body_of_no_answers_look_is_named(world: gw.World, run: Run) -> None:
    named = _three(world, run)
    _sql(world, "update log.body set subject_id = gen_random_uuid() where look_id = %s", named)
    assert _named(world, bodies=False) == [("unlogged", "body", named)]
    assert _named(world, bodies=True) == [("unlogged", "body", named), ("missing", "body", named)]
    _sql(world, "update log.body set subject_id = l.subject_id from log.look l"
         " where l.look_id = log.body.look_id")  # fmt: skip
    assert _named(world, bodies=True) == []
    for outcome in ("outcome = 'no_hit'", "outcome = 'hit', permit = 'again'"):
        _sql(world, f"update log.look set {outcome} where look_id = %s", named)
        found = _named(world, bodies=False)
        assert found == [("altered", None, named), ("unlogged", "body", named)]


def test_a_body_that_is_gone_is_named_until_its_time_is_over(world: gw.World, run: Run) -> None:
    named = _three(world, run)
    kept_until = world.rows("select kept_until from log.body where look_id = %s", named)[0][0]
    _sql(world, "delete from log.body where look_id = %s", named)
    assert _named(world, bodies=False) == []
    world.clock.set(kept_until - timedelta(microseconds=1))
    assert _named(world, bodies=True) == [("missing", "body", named)]
    assert str(log_verify(world.deps, bodies=True).first) == (f"missing: body kept of look {named}")
    world.clock.set(kept_until)
    assert _named(world, bodies=True) == []


def test_of_another_version_of_the_profile_nothing_is_said_of_times(
    world: gw.World, run: Run
) -> None:
    named = _three(world, run)
    _sql(world, "update log.body set readable_until = 'infinity', kept_until = 'infinity'")
    _sql(world, """update log.look set versions = replace(versions, '"version":"', '"version":"0')
                   where look_id = %s""", named)  # fmt: skip
    parts = [(part, look_id) for _, part, look_id in _named(world, bodies=True)]
    assert (None, named) in parts  # the look itself: the log's tree names it
    assert {part for part, look_id in parts if look_id == named} == {None}
    _sql(world, "delete from log.body where look_id = %s", named)
    assert ("missing", "body", named) not in _named(world, bodies=True)


@pytest.mark.parametrize("is_withdrawn", [False, True])
def test_an_erased_person_is_no_fault(world: gw.World, run: Run, is_withdrawn: bool) -> None:
    _three(world, run)
    gw.furnish(world, world.other)
    given = world.consent()
    run(answer(world.deps, world.ask(given)))
    sequence_once(world.deps)
    if is_withdrawn:
        withdraw(world.deps, given, withdrawn_by="person")
    unlink(world.deps, world.rows(
        "select party_id from directory.party where furnisher_id = %s", world.other.member_id
    )[0][0], "operator")  # fmt: skip
    for (subject_id,) in world.rows("select subject_id from gate.head order by 1"):
        erase(world.deps, subject_id, "retention is over", "operator")
        assert _named(world, bodies=True) == []
    assert world.rows("select count(*) from log.body") == [(0,)]


def test_a_body_with_somebody_erased_in_it_cannot_be_opened_and_is_fine(
    world: gw.World, run: Run
) -> None:
    named = _three(world, run)
    gone = [row[0] for row in world.rows("select party_id from directory.party limit 1")]
    world.deps.vault.destroy(gone, world.clock(), "test")
    report = log_verify(world.deps, bodies=True)
    assert (report.faults, report.bodies, report.bodies_opened) == ((), 3, 0)
    _sql(world, "update log.body set readable_until = 'infinity' where look_id = %s", named)
    assert _named(world, bodies=True) == [("altered", "readable_until", named)]
