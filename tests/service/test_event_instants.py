"""An event is shown from the instant it happened, at whatever offset it is told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import gate_world as gw
import made_before
import orjson
import pytest
from gate_world import Run
from worlds import world_beginning

from tallystick.errors import Refused
from tallystick.service.inquire import answer
from tallystick.service.person import own_report
from tallystick.service.replay import replay
from tallystick.service.sessions import open_session, session

NAME, BORN = "陈另某", "1985-01-01"
NOW = gw.at("2025-01-20T12:00:00+00:00")


def _begin(world: gw.World) -> None:
    """Account A-1 of one person, and a second person without a role; profile `zz` is at +08:00."""
    world.clock.set(NOW)
    gw.furnish(world, world.platform, months=0)
    known = {"person_number": "P-2", "valid_from": "2024-01-01", "name": NAME, "birth_date": BORN}
    number = {"identifier_scheme": gw.SCHEME, "identifier_number": gw.resident_id(2, BORN)}
    gw.send(world, world.platform, "subject", {**known, **number})


template = world_beginning(_begin)


def happen(world: gw.World, *instants: str, kind: str = "extended") -> None:
    world.clock.set(NOW)
    gw.send(
        world, world.platform, "event",
        *({"account_number": "A-1", "event_id": f"e{no}", "event_type": kind, "occurred_at": one}
          for no, one in enumerate(instants)),
    )  # fmt: skip


def own(world: gw.World, run: Run, as_of: datetime | None, serial: int = 1) -> tuple[Any, Any]:
    """Account A-1 of a person's own report: as it is given and proved, and as version 5 gave it."""
    number = gw.resident_id(serial, gw.BORN if serial == 1 else BORN)
    token = world.deps.keys.identity_token(gw.SCHEME, number)
    ((subject,),) = world.rows(
        "select subject_id from directory.token_subject where token = %s", token
    )
    who = session(world.deps, open_session(world.deps, persona="person", subject_id=subject))
    assert who is not None
    given = run(own_report(world.deps, who, as_of=as_of))
    assert run(replay(world.deps, given.look_id, fold=True)) == given.body
    before = made_before.body_in(world.deps, world.url, run, given.look_id, 5)
    return orjson.loads(given.body)["accounts"][0], before["accounts"][0]


def told(account: Any) -> list[str]:
    return [one["occurred_at"] for one in account["events"]]


@pytest.mark.parametrize(
    ("occurred_at", "is_told", "was_told"),
    [
        ("2025-01-15T20:00:00+08:00", True, True),
        ("2025-01-15T20:00:01+08:00", False, False),
        ("2025-01-16T01:00:00+14:00", True, False),
        ("2025-01-16T02:00:00+14:00", True, False),
        ("2025-01-16T02:00:01+14:00", False, False),
        ("2025-01-15T00:00:00-12:00", True, True),
        ("2025-01-15T00:00:01-12:00", False, False),
        ("2025-01-13T23:59:59-12:00", True, True),
        ("2025-01-14T00:00:00+14:00", True, True),
    ],
)
def test_an_event_is_told_from_its_instant(
    world: gw.World, run: Run, occurred_at: str, is_told: bool, was_told: bool
) -> None:
    happen(world, "2024-02-01T10:00:00+08:00", occurred_at, "2025-01-19T10:00:00+08:00")
    account, before = own(world, run, gw.at("2025-01-15T12:00:00+00:00"))
    assert (occurred_at in told(account), occurred_at in told(before)) == (is_told, was_told)
    assert len(told(account)) == 1 + is_told


@pytest.mark.parametrize(
    ("occurred_at", "is_hers", "was_hers"),
    [
        ("2025-01-09T23:59:59+08:00", False, False),
        ("2025-01-10T00:00:00+08:00", True, True),
        ("2025-01-09T15:59:59+00:00", False, False),
        ("2025-01-09T16:00:00+00:00", True, False),
        ("2025-01-10T05:59:59+14:00", False, True),
        ("2025-01-10T06:00:00+14:00", True, True),
        ("2025-01-12T15:59:59+00:00", True, True),
        ("2025-01-12T16:00:00+00:00", False, True),
        ("2025-01-13T05:59:59+14:00", True, False),
        ("2025-01-13T06:00:00+14:00", False, False),
    ],
)
@pytest.mark.parametrize("again", [[], ["2025-01-15"]], ids=["ended", "begun again"])
def test_a_day_of_a_role_is_one_of_the_profiles_time_zone(
    world: gw.World, run: Run, occurred_at: str, is_hers: bool, was_hers: bool, again: list[str]
) -> None:
    role = {"account_number": "A-1", "person_number": "P-2", "role": "co_borrower", "holder_no": 2}
    world.clock.set(NOW)
    gw.send(
        world, world.platform, "account_party",
        {**role, "valid_from": "2025-01-10", "valid_to": "2025-01-12"},
        *({**role, "valid_from": one} for one in again),
    )  # fmt: skip
    happen(world, occurred_at)
    account, before = own(world, run, None, serial=2)
    assert (told(account), told(before)) == ([occurred_at] * is_hers, [occurred_at] * was_hers)


@pytest.mark.parametrize(
    ("now", "is_open", "was_open"),
    [
        ("2025-01-15T10:59:59+00:00", False, False),
        ("2025-01-15T11:00:00+00:00", True, False),
        ("2025-01-15T16:00:00+00:00", True, True),
    ],
)
def test_an_account_is_open_again_from_the_instant_of_its_event(
    world: gw.World, run: Run, now: str, is_open: bool, was_open: bool
) -> None:
    world.clock.set(NOW)
    terms = {
        "account_number": "A-1", "person_number": "P-1", "product": "instalment_loan",
        "currency": "CNY", "opened_on": "2024-01-01", "basis": "legal_duty",
        "principal": "12000.00", "valid_from": "2025-01-10",
        "closed_on": "2025-01-10", "closed_reason": "paid",
    }  # fmt: skip
    gw.send(world, world.platform, "account", terms)
    happen(world, "2025-01-16T01:00:00+14:00", kind="reopened")
    account, before = own(world, run, gw.at(now))
    assert (account["is_closed"], before["is_closed"]) == (not is_open, not was_open)
    world.clock.set(gw.at(now))
    review = {"permit": "account_review", "purpose": "account_review", "member": world.platform}
    if is_open:
        assert run(answer(world.deps, world.ask(**review))).outcome == "hit"
    else:
        with pytest.raises(Refused, match="open") as refused:
            run(answer(world.deps, world.ask(**review)))
        assert refused.value.code == "no_open_account"
