"""Row-level security and concurrency: what raw SQL sees, and who wins a race with a withdrawal."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import gate_world as gw
import psycopg
import pytest
from gate_world import Run

from tallystick.consent import permit_text
from tallystick.errors import Refused
from tallystick.service.consents import withdraw
from tallystick.service.inquire import answer

COUNT = "select (select count(*) from file.subject) + (select count(*) from file.account)"


def subject_of(world: gw.World, serial: int) -> UUID:
    token = world.deps.keys.identity_token(gw.SCHEME, gw.resident_id(serial))
    rows = world.rows("select subject_id from directory.token_subject where token = %s", token)
    found: UUID = rows[0][0]
    return found


def test_a_file_opens_for_its_permit_in_its_transaction_only(world: gw.World) -> None:
    gw.furnish(world, world.platform)
    gw.furnish(world, world.platform, serial=2, name="陈另某", born="1985-01-01", account="A-2")
    subject, other = subject_of(world, 1), subject_of(world, 2)
    key = world.deps.keys.mint_key
    with psycopg.connect(world.url, autocommit=True) as connection:
        connection.execute("set role tallystick_serve")

        def seen(permit: str | None, *, ours: bool = True) -> int:
            with connection.transaction():
                number = connection.execute("select pg_current_xact_id()::text").fetchone()
                assert number is not None
                here = permit_text(key, subject, number[0] if ours else str(int(number[0]) - 1))
                value = here if permit is None else permit
                connection.execute("select set_config('tallystick.permit', %s, true)", (value,))
                row = connection.execute(COUNT).fetchone()
                assert row is not None
                return int(row[0])

        assert connection.execute(COUNT).fetchone() == (0,)
        assert seen(None) == 2
        assert seen(None, ours=False) == 0
        assert seen("") == 0
        assert seen(f"{subject}:{'0' * 64}") == 0
        assert connection.execute(COUNT).fetchone() == (0,)
        with connection.transaction():
            number = connection.execute("select pg_current_xact_id()::text").fetchone()
            assert number is not None
            mine = permit_text(key, subject, number[0])
            for value in (
                mine.replace(str(subject), str(other)),
                permit_text(b"x" * 32, subject, number[0]),
                mine.upper(),
                mine[:-1],
            ):
                connection.execute("select set_config('tallystick.permit', %s, true)", (value,))
                assert connection.execute(COUNT).fetchone() == (0,)


def test_a_withdrawal_stands_after_every_answer_it_waited_for(world: gw.World, run: Run) -> None:
    gw.furnish(world, world.platform)
    consent_id = world.consent()
    run(answer(world.deps, world.ask(consent_id)))
    with world.deps.database.connect("serve") as connection:  # an answer on its way
        connection.execute("select from gate.head for share")
        late = threading.Thread(
            target=withdraw, args=(world.deps, consent_id), kwargs={"withdrawn_by": "person"}
        )
        late.start()
        while not world.rows("select from pg_stat_activity where wait_event_type = 'Lock'"):
            time.sleep(0.01)
        world.clock.advance(timedelta(seconds=3))
        answered_at = world.clock()
    late.join()
    assert world.rows("select withdrawn_at from gate.withdrawal") == [(answered_at,)]


@pytest.mark.parametrize("attempt", range(3))
def test_none_is_answered_after_a_withdrawal_commits(
    world: gw.World,
    run: Run,
    attempt: int,
) -> None:
    gw.furnish(world, world.platform)
    consent_id = world.consent()
    done = threading.Event()
    began: list[tuple[bool, str]] = []

    async def one(delay: float) -> None:
        await asyncio.sleep(delay)
        is_after = done.is_set()
        try:
            came = (await answer(world.deps, world.ask(consent_id))).outcome
        except Refused as refusal:
            came = refusal.code
        began.append((is_after, came))

    def take_back() -> None:
        withdraw(world.deps, consent_id, withdrawn_by="person")
        done.set()

    async def race() -> None:
        await one(0)
        asks = [one(at * 0.004) for at in range(20)]
        late = asyncio.to_thread(take_back)
        await asyncio.gather(*asks, late)
        await asyncio.gather(*(one(0) for _ in range(3)))

    run(race())
    assert began[0] == (False, "hit")
    assert {came for _, came in began} <= {"hit", "consent_withdrawn"}
    assert {came for is_after, came in began if is_after} == {"consent_withdrawn"}
    assert len(began) == world.looks() == 24
    # The look's own order agrees: no hit read the head at the version of the withdrawal.
    versions: list[tuple[Any, ...]] = world.rows(
        "select max(head_version) from log.look where outcome = 'hit'"
    )
    withdrawn = world.rows(
        "select head_version from gate.head_event where kind = 'consent_withdrawn'"
    )
    assert versions[0][0] < withdrawn[0][0]


def test_twenty_of_the_same_request_at_once_are_one_look(world: gw.World, run: Run) -> None:
    gw.furnish(world, world.platform)
    ask = world.ask(world.consent())

    async def all_at_once() -> list[Any]:
        return list(await asyncio.gather(*(answer(world.deps, ask) for _ in range(20))))

    answers = run(all_at_once())
    assert world.looks() == 1
    assert len({one.body for one in answers}) == 1
    assert sum(not one.is_replay for one in answers) == 1


def test_a_limit_of_uses_holds_among_many_at_once(world: gw.World, run: Run) -> None:
    gw.furnish(world, world.platform)
    consent_id = world.consent(uses=3)

    async def one() -> str:
        try:
            return str((await answer(world.deps, world.ask(consent_id))).outcome)
        except Refused as refusal:
            return refusal.code

    async def all_at_once() -> list[str]:
        return list(await asyncio.gather(*(one() for _ in range(10))))

    came = run(all_at_once())
    assert sorted(came) == ["consent_used_up"] * 7 + ["hit"] * 3
    assert world.looks() == 10
