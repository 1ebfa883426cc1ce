"""Answers end to end on a real database: hits, misses, repeats, the past, the same bytes again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import gate_world as gw
import orjson
import pytest
from gate_world import Run

from tallystick.errors import BadRequest, Refused
from tallystick.service.consents import withdraw
from tallystick.service.identity import link, unlink
from tallystick.service.inquire import answer
from tallystick.service.log import log_verify, sequence_once
from tallystick.service.person import own_looks, own_report
from tallystick.service.replay import again, replay
from tallystick.service.sessions import open_session, session


def person_session(world: gw.World, serial: int = 1) -> Any:
    token = world.deps.keys.identity_token(gw.SCHEME, gw.resident_id(serial))
    subject = world.rows("select subject_id from directory.token_subject where token = %s", token)
    secret = open_session(world.deps, persona="person", subject_id=subject[0][0], token=token)
    return session(world.deps, secret)


def same_both_ways(world: gw.World, run: Run, result: Any) -> None:
    assert run(replay(world.deps, result.look_id, fold=False)) == result.body
    assert run(replay(world.deps, result.look_id, fold=True)) == result.body


def test_a_consented_inquiry_is_answered_and_logged(world: gw.World, run: Run) -> None:
    gw.furnish(world, world.platform)
    gw.furnish(world, world.bank, account="B-1")
    result = run(answer(world.deps, world.ask(world.consent())))
    assert result.outcome == "hit"
    body = orjson.loads(result.body)
    assert len(body["accounts"]) == 2
    assert [one["permit"] for one in body["looks"]] == []
    assert world.looks() == 1
    same_both_ways(world, run, result)


def test_the_same_request_gives_the_same_answer_and_no_look(world: gw.World, run: Run) -> None:
    gw.furnish(world, world.platform)
    ask = world.ask(world.consent())
    first, second = run(answer(world.deps, ask)), run(answer(world.deps, ask))
    assert second.is_replay
    assert not first.is_replay
    assert (first.body, first.receipt, first.look_id) == (
        second.body,
        second.receipt,
        second.look_id,
    )
    assert world.looks() == 1
    with pytest.raises(BadRequest) as raised:
        run(answer(world.deps, replace(ask, request_digest=b"x" * 32)))
    assert raised.value.code == "idempotency_key_reused"
    assert world.looks() == 1


@pytest.mark.parametrize(
    ("name", "born", "outcome"),
    [
        (gw.NAME, gw.BORN, "hit"),
        (gw.NAME, "1990-07-03", "hit"),  # day and month exchanged
        (gw.NAME, "1990-03-08", "hit"),  # one part differs
        (gw.NAME, "1990-04-08", "no_hit"),  # two parts differ
        ("陈另某", gw.BORN, "no_hit"),
    ],
)
def test_name_and_birth_date_are_checked_as_in_resolving(
    world: gw.World,
    run: Run,
    name: str,
    born: str,
    outcome: str,
) -> None:
    gw.furnish(world, world.platform)
    ask = world.ask(world.consent(), name=name, birth_date=born)
    result = run(answer(world.deps, ask))
    assert result.outcome == outcome
    assert (result.body is None) == (outcome != "hit")
    assert world.looks() == 1


def test_an_unknown_person_is_a_miss_under_the_token(world: gw.World, run: Run) -> None:
    number = gw.resident_id(9)
    consent_id = world.consent(number=number)
    ask = world.ask(consent_id, identifiers=((gw.SCHEME, number),))
    assert run(answer(world.deps, ask)).outcome == "no_hit"
    token = world.deps.keys.identity_token(gw.SCHEME, number)
    assert world.rows("select token, outcome from log.look") == [(token, "no_hit")]
    assert world.rows("select count(*) from directory.token where token = %s", token) == [(1,)]
    gw.furnish(world, world.platform, serial=9)
    sequence_once(world.deps)
    assert [one["outcome"] for one in run(own_looks(world.deps, person_session(world, 9)))] == [
        "no_hit"
    ]


def test_two_persons_under_one_number_that_both_fit_are_not_told_apart(
    world: gw.World,
    run: Run,
) -> None:
    gw.furnish(world, world.platform, name="Ann Zhao", born="1990-03-07")
    gw.furnish(world, world.bank, name="Zhu Li", born="1990-03-08", account="B-1")
    ask = world.ask(world.consent(), name="Ann Zhu", birth_date="1990-03-07")
    result = run(answer(world.deps, ask))
    assert result.outcome == "multiple_candidates"
    assert result.body is None
    ask = world.ask(world.consent(), name="Zhao Ann")
    first = run(answer(world.deps, ask))
    assert first.outcome == "hit"
    assert len(orjson.loads(first.body)["accounts"]) == 1
    same_both_ways(world, run, first)


def test_again_stands_after_withdrawal_until_its_time_is_over(
    world: gw.World,
    run: Run,
) -> None:
    gw.furnish(world, world.platform)
    consent_id = world.consent()
    first = run(answer(world.deps, world.ask(consent_id)))
    withdraw(world.deps, consent_id, withdrawn_by="person")
    with pytest.raises(Refused) as refused:
        run(answer(world.deps, world.ask(consent_id)))
    assert refused.value.code == "consent_withdrawn"
    second = run(again(world.deps, world.bank, first.look_id))
    assert second.body == first.body
    assert run(again(world.deps, world.bank, second.look_id)).body == first.body
    assert run(replay(world.deps, second.look_id, fold=True)) == first.body
    assert world.looks() == 4
    with pytest.raises(BadRequest) as raised:
        run(again(world.deps, world.other, first.look_id))
    assert raised.value.code == "not_found"
    sequence_once(world.deps)
    world.clock.set(first.readable_until - timedelta(microseconds=1))
    assert run(again(world.deps, world.bank, first.look_id)).body == first.body
    sequence_once(world.deps)
    world.clock.set(first.readable_until)
    with pytest.raises(BadRequest) as over:
        run(again(world.deps, world.bank, first.look_id))
    assert over.value.code == "no_longer_readable"


def test_after_erasure_an_answer_is_gone(world: gw.World, run: Run) -> None:
    gw.furnish(world, world.platform)
    ask = world.ask(world.consent())
    first = run(answer(world.deps, ask))
    parties = [row[0] for row in world.rows("select party_id from directory.party")]
    world.deps.vault.destroy(parties, world.clock(), "test")
    for call in (
        again(world.deps, world.bank, first.look_id),
        answer(world.deps, ask),
        replay(world.deps, first.look_id, fold=False),
        own_report(world.deps, person_session(world)),
    ):
        with pytest.raises(BadRequest) as raised:
            run(call)
        assert raised.value.code == "erased"


def test_her_own_report_shows_who_looked_and_the_past(world: gw.World, run: Run) -> None:
    gw.furnish(world, world.platform)
    before = world.clock()
    world.clock.advance(timedelta(days=1))
    consent_id = world.consent()
    run(answer(world.deps, world.ask(consent_id)))
    with pytest.raises(Refused):
        run(answer(world.deps, world.ask(consent_id, member=world.other)))
    sequence_once(world.deps)
    gw.send(world, world.platform, "snapshot", gw.month("A-1", "2024-09-30", balance="9500.00"))
    who = person_session(world)
    now = run(own_report(world.deps, who))
    body = orjson.loads(now.body)
    assert [one["outcome"] for one in body["looks"]] == ["hit", "refused"]
    assert body["accounts"][0]["account_number"] == "A-1"
    assert len(body["consents"]) == 1
    same_both_ways(world, run, now)
    then = run(own_report(world.deps, who, known_at=before))
    past = orjson.loads(then.body)
    assert past["looks"] == []
    assert past["consents"] == []
    assert past["header"]["head_version"] == 1
    assert past["header"]["position"] != body["header"]["position"]
    assert then.coordinates.position < now.coordinates.position
    assert then.known_at <= before
    same_both_ways(world, run, then)
    old = run(own_report(world.deps, who, as_of=gw.at("2024-11-15T00:00:00+08:00")))
    assert orjson.loads(old.body)["accounts"][0]["latest"]["period_end"] == "2024-10-31"
    same_both_ways(world, run, old)
    late = run(own_report(world.deps, who, known_at=world.clock() + timedelta(days=9)))
    assert late.known_at <= world.clock()
    assert log_verify(world.deps).ok


def test_a_furnisher_verifies_its_own_values_only(world: gw.World, run: Run) -> None:
    gw.furnish(world, world.platform)
    gw.furnish(world, world.bank, account="B-1")
    ask = world.ask(permit="furnisher_verification", purpose="data_quality")
    result = run(answer(world.deps, ask))
    body = orjson.loads(result.body)
    assert [one["account_number"] for one in body["accounts"]] == ["B-1"]
    same_both_ways(world, run, result)
    stranger = world.ask(
        permit="furnisher_verification", purpose="data_quality", member=world.other
    )
    assert run(answer(world.deps, stranger)).outcome == "no_hit"


def test_members_see_ids_that_do_not_join(world: gw.World, run: Run) -> None:
    gw.furnish(world, world.platform)
    seen = []
    for member, recipient in ((world.bank, "bank"), (world.other, "other")):
        consent_id = world.consent(recipient=recipient)
        body = orjson.loads(run(answer(world.deps, world.ask(consent_id, member=member))).body)
        seen.append({body["header"]["subject_id"], body["accounts"][0]["account_id"]})
    assert seen[0] & seen[1] == set()


def test_a_look_at_another_subject_counts_once_though_two_parties_of_hers_were_there(
    world: gw.World, run: Run
) -> None:
    for member, account in ((world.platform, "A-1"), (world.other, "B-1")):
        gw.furnish(world, member, account=account)
    consent = world.consent()
    run(answer(world.deps, world.ask(consent)))
    sequence_once(world.deps)
    first, second = (
        row[0] for row in world.rows("select party_id from directory.party order by party_id")
    )
    unlink(world.deps, first, "a person who knows")
    ((target,),) = world.rows(
        "select subject_id from directory.party_subject where party_id = %s", first
    )
    link(world.deps, second, target, "a person who knows")
    given = run(answer(world.deps, world.ask(consent, idempotency_key="k" * 20)))
    assert given.body is not None
    assert len(orjson.loads(given.body)["looks"]) == 1
    assert run(replay(world.deps, given.look_id, fold=True)) == given.body
