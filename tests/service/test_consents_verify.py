"""What somebody with the database's own rights changes about a consent, the log's proof names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import gate_world as gw
import psycopg
import pytest
from gate_world import Run
from worlds import world_beginning

from tallystick.errors import Refused
from tallystick.service.consents import withdraw
from tallystick.service.erase import erase
from tallystick.service.identity import link, unlink
from tallystick.service.inquire import answer
from tallystick.service.log import log_verify, sequence_once
from tallystick.service.replay import again

#: What is done to the second of three consents, which is withdrawn; `%(id)s` is its id.
_TAMPERED = {
    "a withdrawal deleted": "delete from gate.withdrawal where consent_id = %(id)s",
    "a withdrawal later": "update gate.withdrawal set withdrawn_at = withdrawn_at"
    " + interval '1 microsecond' where consent_id = %(id)s",
    "another purpose": "update gate.consent set purpose = 'card_application'"
    " where consent_id = %(id)s",
    "more data": "update gate.consent set data_classes = data_classes || '{events}'::text[]"
    " where consent_id = %(id)s",
    "a longer life": "update gate.consent set valid_to = valid_to + interval '1 microsecond'"
    " where consent_id = %(id)s",
    "an earlier start": "update gate.consent set valid_from = valid_from - interval '1 day'"
    " where consent_id = %(id)s",
    "given earlier": "update gate.consent set given_at = given_at - interval '1 day'"
    " where consent_id = %(id)s",
    "more uses": "update gate.consent set uses_allowed = 7 where consent_id = %(id)s",
    "another recipient": "update gate.consent set recipient_id = (select member_id"
    " from member.member where code = 'other') where consent_id = %(id)s",
    "another captor": "update gate.consent set captured_by = (select member_id"
    " from member.member where code = 'other') where consent_id = %(id)s",
    "another text": "update gate.consent set text_sha256 = repeat('1', 64)"
    " where consent_id = %(id)s",
    "another language": "update gate.consent set locale = 'en' where consent_id = %(id)s",
    "registered earlier": "update gate.consent set registered_at = registered_at"
    " - interval '1 second' where consent_id = %(id)s",
    "another artefact": "update gate.consent c set artefact = o.artefact from gate.consent o"
    " where c.consent_id = %(id)s and o.consent_id <> c.consent_id",
    "another signature": "update gate.consent c set countersignature = o.countersignature"
    " from gate.consent o where c.consent_id = %(id)s and o.consent_id <> c.consent_id",
    "another person": "update gate.consent set token = sha256('x') where consent_id = %(id)s",
    "its id leads elsewhere": "update directory.consent set token = sha256('x')"
    " where consent_id = %(id)s",
    "its id leads nowhere": "delete from directory.consent where consent_id = %(id)s",
    "the consent deleted": "delete from gate.consent where consent_id = %(id)s",
    "a step of the head deleted": "delete from gate.head_event where consent_id = %(id)s"
    " and kind = 'consent_withdrawn'",
    "the last step deleted and the head with it": "with gone as (delete from gate.head_event"
    " where consent_id = %(id)s and kind = 'consent_withdrawn' returning subject_id)"
    " update gate.head set head_version = head_version - 1"
    " where subject_id in (select subject_id from gone)",
}


def _begin(world: gw.World) -> None:
    gw.furnish(world, world.platform)


template = world_beginning(_begin)


def _three(world: gw.World) -> UUID:
    """Three consents of one person on file, the second withdrawn last of all; gives its id."""
    named = [world.consent() for _ in range(3)][1]
    world.clock.advance(timedelta(seconds=1))
    withdraw(world.deps, named, withdrawn_by="person")
    return named


def _sql(world: gw.World, query: str, **given: object) -> None:
    with psycopg.connect(world.url) as connection:
        connection.execute(query, given)  # type: ignore[call-overload]


def test_what_nobody_touched_is_fine_and_counted(world: gw.World) -> None:
    _three(world)
    report = log_verify(world.deps)
    assert (report.faults, report.consents) == ((), 3)


@pytest.mark.parametrize("query", _TAMPERED.values(), ids=_TAMPERED)
def test_the_consent_that_was_changed_is_named(world: gw.World, query: str) -> None:
    named = _three(world)
    _sql(world, query, id=named)
    report = log_verify(world.deps)
    assert report.first is not None
    assert report.first.consent_id == named
    assert f"consent {named}" in str(report.first)
    assert {one.consent_id for one in report.faults} <= {named, None}


@pytest.mark.parametrize(
    ("query", "version"),
    [
        ("delete from gate.head_event where kind = 'token_linked'", 1),
        ("update gate.head_event set head_version = 9 where head_version = 5", 5),
        ("delete from gate.head", 1),
        ("update gate.head set head_version = 6", 6),
        ("update gate.head set head_version = 4", 5),
    ],
)
def test_a_head_that_leaves_out_a_step_is_named(world: gw.World, query: str, version: int) -> None:
    _three(world)
    _sql(world, query)
    first = log_verify(world.deps).first
    assert first is not None
    assert (first.consent_id, first.head_version) == (None, version)
    assert f"head version {version}, subject {first.subject_id}" in str(first)


def test_a_withdrawal_taken_back_without_a_trace_is_known_by_a_look_after_it(
    world: gw.World, run: Run
) -> None:
    named = _three(world)
    run(answer(world.deps, world.ask(world.consent())))
    sequence_once(world.deps)
    _sql(world, "delete from gate.withdrawal")
    _sql(world, "delete from gate.head_event where kind = 'consent_withdrawn'")
    _sql(world, "update gate.head_event set head_version = 5 where head_version = 6")
    _sql(world, "update gate.head set head_version = 5")
    assert run(answer(world.deps, world.ask(named))).outcome == "hit"
    (fault,) = log_verify(world.deps).faults
    assert (fault.what, fault.head_version) == ("missing", 6)


def _same_person(world: gw.World) -> tuple[UUID, UUID]:
    """A party at another bank that is the same person, and the subject both are of."""
    gw.furnish(world, world.other)
    found = world.rows(
        "select p.party_id, p.subject_id from directory.party_subject p"
        " join directory.party using (party_id) where furnisher_id = %s",
        world.other.member_id,
    )
    return found[0][0], found[0][1]


def test_consents_brought_along_by_a_link_are_fine(world: gw.World) -> None:
    named = _three(world)
    party, subject = _same_person(world)
    unlink(world.deps, party, "operator")
    assert log_verify(world.deps).faults == ()
    withdraw(world.deps, world.consent(), withdrawn_by="person")
    assert log_verify(world.deps).faults == ()
    link(world.deps, party, subject, "operator")
    assert log_verify(world.deps).faults == ()
    _sql(world, "delete from gate.withdrawal where consent_id = %(id)s", id=named)
    first = log_verify(world.deps).first
    assert first is not None
    assert first.consent_id == named


@pytest.mark.parametrize(
    "jwk",
    [
        "jwk || 'x'",
        "'[]'",
        "jsonb_set(jwk::jsonb, '{x}', to_jsonb(repeat('A', 43)))::text",
        "jsonb_set(jwk::jsonb, '{x}', to_jsonb('A'::text))::text",
    ],
)
def test_a_members_key_that_was_changed_vouches_for_nothing(world: gw.World, jwk: str) -> None:
    named = _three(world)
    _sql(world, f"update member.public_key set jwk = {jwk}")
    report = log_verify(world.deps)
    assert [one.what for one in report.faults] == ["altered"] * 3
    assert named in {one.consent_id for one in report.faults}


@pytest.mark.parametrize("is_parted", [False, True])
def test_an_erased_person_is_no_fault(world: gw.World, run: Run, is_parted: bool) -> None:
    _three(world)
    run(answer(world.deps, world.ask(world.consent())))
    sequence_once(world.deps)
    if is_parted:
        unlink(world.deps, _same_person(world)[0], "operator")
    for (subject_id,) in world.rows("select subject_id from gate.head order by 1"):
        erase(world.deps, subject_id, "retention is over", "operator")
        assert log_verify(world.deps).faults == ()
    assert log_verify(world.deps).consents == 0


def _forge(query: str) -> Callable[[gw.World], None]:
    return lambda world: _sql(world, query)


@pytest.mark.parametrize(
    "forge",
    [
        _forge("delete from log.subject_erasure"),
        _forge(
            "update log.subject_erasure"
            " set statement = replace(statement, 'retention', 'detention')"
        ),
        _forge("update log.subject_erasure set statement = '[]'"),
        _forge("update log.subject_erasure set statement = ''"),
    ],
)
def test_an_erasure_nobody_signed_excuses_nothing(
    world: gw.World, forge: Callable[[gw.World], None]
) -> None:
    _three(world)
    ((subject_id,),) = world.rows("select subject_id from gate.head")
    erase(world.deps, subject_id, "retention is over", "operator")
    forge(world)
    first = log_verify(world.deps).first
    assert first is not None
    assert (first.what, first.subject_id, first.head_version) == ("missing", subject_id, 1)


def test_a_withdrawn_consent_answers_again_only_with_a_fault_to_see(
    world: gw.World, run: Run
) -> None:
    named = _three(world)
    with pytest.raises(Refused, match="consent_withdrawn"):
        run(answer(world.deps, world.ask(named)))
    _sql(world, "delete from gate.withdrawal")
    assert run(answer(world.deps, world.ask(named))).outcome == "hit"
    assert [one.what for one in log_verify(world.deps).faults] == ["missing"]


#: What is done to a consent for two uses, of which one was made, and what that is called.
_USES = {
    "the use taken back": ("update gate.consent_use set used = 0 where consent_id = %(id)s",
                           "altered"),
    "more than allowed": ("update gate.consent_use set used = 3 where consent_id = %(id)s",
                          "altered"),
    "counted no more": ("delete from gate.consent_use where consent_id = %(id)s", "missing"),
}  # fmt: skip


@pytest.mark.parametrize(("query", "what"), _USES.values(), ids=_USES)
def test_a_limited_consent_whose_uses_are_not_its_looks_is_named(
    world: gw.World, run: Run, query: str, what: str
) -> None:
    named, other = world.consent(uses=2), world.consent(uses=1)
    for one in (named, other):
        assert run(answer(world.deps, world.ask(one))).outcome == "hit"
    with pytest.raises(Refused):
        run(answer(world.deps, world.ask(other)))
    assert log_verify(world.deps).faults == ()
    _sql(world, query, id=named)
    faults = log_verify(world.deps).faults
    assert {(one.what, one.consent_id) for one in faults} <= {(what, named), ("altered", named)}
    assert faults[0].what == what


def test_a_use_set_back_and_made_again_is_named(world: gw.World, run: Run) -> None:
    named = world.consent(uses=1)
    first = run(answer(world.deps, world.ask(named)))
    sequence_once(world.deps)
    run(again(world.deps, world.bank, first.look_id))
    assert log_verify(world.deps).faults == ()
    _sql(world, "update gate.consent_use set used = 0")
    assert run(answer(world.deps, world.ask(named))).outcome == "hit"
    (fault,) = log_verify(world.deps).faults
    assert (fault.what, fault.consent_id) == ("altered", named)


def test_a_consent_without_a_limit_may_be_used_again_and_again(world: gw.World, run: Run) -> None:
    named = world.consent()
    for _ in range(2):
        run(answer(world.deps, world.ask(named)))
    assert log_verify(world.deps).faults == ()
