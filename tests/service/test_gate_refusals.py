"""Each refusal on its own, the instant before it and the instant of it; each is a look."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import gate_world as gw
import pytest
from gate_world import Run
from worlds import world_beginning

from tallystick.entry.compose import new_id
from tallystick.errors import BadRequest, Refused, Unavailable
from tallystick.service.consents import withdraw
from tallystick.service.inquire import Ask, answer
from tallystick.service.log import sequence_once
from tallystick.service.sessions import open_session, session

TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)


def _begin(world: gw.World) -> None:
    gw.furnish(world, world.platform)


template = world_beginning(_begin)


def outcome(world: gw.World, run: Run, ask: Ask) -> str:
    """What came of an ask: its outcome or its refusal; either way one look more.

    A refusal is asked for once more: the same words, and no other look.
    """
    before = world.looks()
    refused: list[Refused] = []
    came = ""
    try:
        came = run(answer(world.deps, ask)).outcome
    except Refused as refusal:
        refused.append(refusal)
    for refusal in refused:
        came = refusal.code
        look = world.rows(
            "select outcome, refusal_code, subject_id, body_digest from log.look"
            " where look_id = %s",
            UUID(refusal.extra["look_id"]),
        )
        assert look == [("refused", came, None, None)]
        with pytest.raises(Refused) as again:
            run(answer(world.deps, ask))
        told = again.value
        assert (told.code, told.detail) == (came, refusal.detail)
        assert told.extra == {**refusal.extra, "is_replay": "true"}
    assert world.looks() == before + 1
    return came


def test_a_consent_binds_in_every_respect(world: gw.World, run: Run) -> None:
    gw.furnish(world, world.platform, serial=2, name="陈另某", born="1985-01-01", account="A-2")
    good, late = world.consent(), world.consent(starts=timedelta(days=40))
    withdrawn, spare = world.consent(), world.consent(uses=2)
    anothers = world.consent(number=gw.resident_id(2))
    withdraw(world.deps, withdrawn, withdrawn_by="person")
    ask = world.ask(good)

    def came(**changes: Any) -> str:
        return outcome(world, run, replace(ask, idempotency_key=new_id().hex, **changes))

    assert came() == "hit"
    assert came(member=world.other) == "consent_other_recipient"
    assert came(purpose="limit_review") == "consent_other_purpose"
    assert came(purpose="tenancy") == "purpose_not_permitted"
    assert came(purpose="data_quality") == "purpose_not_permitted"
    assert came(permit="legal_duty") == "purpose_not_permitted"
    assert came(consent_id=None) == "consent_missing"
    assert came(consent_id=new_id()) == "consent_missing"
    assert came(consent_id=anothers) == "consent_other_subject"
    assert came(consent_id=withdrawn) == "consent_withdrawn"
    assert came(consent_id=late) == "consent_not_yet"
    assert came(as_of=world.clock()) == "history_not_permitted"
    assert came(known_at=world.clock() - TICK) == "history_not_permitted"
    assert [came(consent_id=spare) for _ in range(3)] == ["hit", "hit", "consent_used_up"]


def test_a_consent_holds_from_its_first_instant_up_to_its_last(
    world: gw.World,
    run: Run,
) -> None:
    consent_id = world.consent(starts=timedelta(hours=1), days=1)
    starts = world.clock() + timedelta(hours=1)
    cases = (
        (starts - TICK, "consent_not_yet"),
        (starts, "hit"),
        (starts + timedelta(days=1) - TICK, "hit"),
        (starts + timedelta(days=1), "consent_expired"),
    )
    for moment, expected in cases:
        sequence_once(world.deps)  # the clock jumps, and the gate stops where the log is behind
        world.clock.set(moment)
        assert outcome(world, run, world.ask(consent_id)) == expected


def test_without_leave_nobody_learns_who_is_on_file(world: gw.World, run: Run) -> None:
    known = world.ask(None)
    unknown = world.ask(None, identifiers=((gw.SCHEME, gw.resident_id(9)),))
    stranger = world.ask(None, name="陈另某")
    codes = {outcome(world, run, ask) for ask in (known, unknown, stranger)}
    assert codes == {"consent_missing"}


def test_an_account_review_needs_an_open_account_of_the_askers(
    world: gw.World,
    run: Run,
) -> None:
    closed = {"closed_on": "2024-12-31", "closed_reason": "paid"}
    gw.furnish(world, world.bank, account="B-1", months=0, **closed)
    review = {"permit": "account_review", "purpose": "account_review"}
    assert outcome(world, run, world.ask(**review, member=world.platform)) == "hit"
    assert outcome(world, run, world.ask(**review)) == "no_open_account"
    assert outcome(world, run, world.ask(**review, member=world.other)) == "no_open_account"
    today = world.deps.clock().date()
    for last_day, found in ((today - timedelta(days=1), "no_open_account"), (today, "hit")):
        gw.send(world, world.platform, "funding", {**FUNDED, "valid_to": f"{last_day}"})
        assert outcome(world, run, world.ask(**review, member=world.other)) == found


FUNDED = {
    "originator": "platform", "account_number": "A-1", "funder": "other", "role": "funder",
    "valid_from": "2024-01-01", "share": "0.7",
}  # fmt: skip


@pytest.mark.parametrize(
    ("who", "said", "found"),
    [
        ("platform", FUNDED, "hit"),
        ("other", FUNDED, "no_open_account"),
        ("other", {**FUNDED, "role": "servicer", "share": "0"}, "no_open_account"),
        ("platform", {**FUNDED, "role": "servicer", "share": "0"}, "no_open_account"),
    ],
)
def test_nobody_reviews_an_account_because_it_says_itself_that_it_funds_it(
    world: gw.World, run: Run, who: str, said: dict[str, str], found: str
) -> None:
    gw.send(world, getattr(world, who), "funding", said)
    ask = world.ask(permit="account_review", purpose="account_review", member=world.other)
    assert outcome(world, run, ask) == found


def test_a_legal_duty_stands_by_itself_for_those_the_profile_names(
    world: gw.World,
    run: Run,
) -> None:
    duty = {"permit": "legal_duty", "purpose": "joint_loan_duty"}
    assert outcome(world, run, world.ask(**duty)) == "hit"
    assert outcome(world, run, world.ask(**duty, member=world.platform)) == (
        "purpose_not_permitted"
    )


def test_a_refused_request_is_refused_again_without_a_look(world: gw.World, run: Run) -> None:
    ask = world.ask(None)
    assert outcome(world, run, ask) == "consent_missing"
    with pytest.raises(Refused) as raised:
        run(answer(world.deps, ask))
    assert raised.value.code == "consent_missing"
    assert world.looks() == 1


def test_the_gate_stops_while_the_log_is_behind(world: gw.World, run: Run) -> None:
    ask = world.ask(world.consent())
    run(answer(world.deps, ask))
    world.clock.advance(timedelta(seconds=60))
    assert run(answer(world.deps, world.ask(ask.consent_id))).outcome == "hit"
    world.clock.advance(timedelta(seconds=1))
    with pytest.raises(Unavailable) as raised:
        run(answer(world.deps, world.ask(ask.consent_id)))
    assert raised.value.code == "log_delayed"
    assert world.looks() == 2
    sequence_once(world.deps)
    world.clock.advance(timedelta(milliseconds=250))
    assert run(answer(world.deps, world.ask(ask.consent_id))).outcome == "hit"


def test_no_exception_holds_identity_data(world: gw.World, run: Run) -> None:
    secret = (gw.NAME, gw.BORN, gw.resident_id(1))
    asks = (
        world.ask(None),
        world.ask(None, as_of=world.clock()),
        world.ask(None, identifiers=()),
        world.ask(None, purpose="tenancy"),
    )
    for ask in asks:
        with pytest.raises((Refused, BadRequest)) as raised:
            run(answer(world.deps, ask))
        said = f"{raised.value}{raised.value.args}{raised.value.extra}"
        assert not any(part in said for part in secret)


def test_a_session_ends_at_its_instant(world: gw.World) -> None:
    secret = open_session(world.deps, persona="lender", member_id=world.bank.member_id, life=HOUR)
    assert session(world.deps, secret + "x") is None
    world.clock.advance(HOUR - TICK)
    found = session(world.deps, secret)
    assert found is not None
    assert found.member_id == world.bank.member_id
    world.clock.advance(TICK)
    assert session(world.deps, secret) is None
    with pytest.raises(BadRequest):
        open_session(world.deps, persona="person")
