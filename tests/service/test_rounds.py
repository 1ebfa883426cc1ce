"""Inquiries that come at once share a transaction, and answer as if each had come alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import gate_world as gw
import psycopg
import pytest
from gate_world import Run
from worlds import world_beginning

from tallystick.errors import BadRequest, Refused
from tallystick.service.gate import desk_of
from tallystick.service.inquire import Answer, Ask, answer
from tallystick.service.rounds import Alone, Rounds

PERSONS = 5


#: The consent of each of them, by serial: known where the module begins.
CONSENTS: dict[int, UUID] = {}


def _begin(world: gw.World) -> None:
    for serial in range(1, PERSONS + 1):
        gw.furnish(world, world.platform, serial=serial, account=f"A-{serial}")
        CONSENTS[serial] = world.consent(number=gw.resident_id(serial))


template = world_beginning(_begin)


@pytest.fixture
def asks(world: gw.World, run: Run) -> list[Ask]:
    """One lawful question about each of some persons."""
    run(desk_of(world.deps).learn_members(world.deps))  # as the first answer of a process does
    return [
        world.ask(consent, identifiers=((gw.SCHEME, gw.resident_id(serial)),))
        for serial, consent in CONSENTS.items()
    ]


async def at_once(world: gw.World, asks: list[Ask]) -> list[Any]:
    """What each comes to, answers and errors alike; asked in one turn of the loop."""
    return await asyncio.gather(*(answer(world.deps, one) for one in asks), return_exceptions=True)


def transactions(world: gw.World) -> int:
    """How many transactions wrote the looks there are."""
    return int(world.rows("select count(distinct xmin::text) from log.look")[0][0])


@contextmanager
def holding(world: gw.World, statement: str, *given: Any) -> Iterator[None]:
    """Another's transaction, open for the block, that has run a statement."""
    with psycopg.connect(world.url) as other:
        other.execute(statement, given)  # type: ignore[call-overload]
        yield


def test_what_comes_at_once_is_answered_in_one_transaction_as_if_each_came_alone(
    world: gw.World, run: Run, asks: list[Ask]
) -> None:
    together = run(at_once(world, asks))
    assert [one.outcome for one in together] == ["hit"] * PERSONS
    assert (world.looks(), transactions(world)) == (PERSONS, 1)
    assert len({one.body_digest for one in together}) == PERSONS
    for ask, given in zip(asks, together, strict=True):
        alone: Answer = run(answer(world.deps, ask))  # the same request: the answer that was given
        assert (alone.is_replay, alone.look_id, alone.body) == (True, given.look_id, given.body)
    assert world.looks() == PERSONS


def test_more_than_a_round_seats_are_answered_in_further_ones(
    world: gw.World, run: Run, asks: list[Ask]
) -> None:
    many = [world.ask(one.consent_id, identifiers=one.identifiers) for one in asks * 4]
    together = run(at_once(world, many))
    assert {one.outcome for one in together} == {"hit"}
    assert (world.looks(), transactions(world)) == (4 * PERSONS, 3)


# fmt: off
STRANGE: dict[str, tuple[dict[str, Any], str]] = {
    "another's number":    ({"identifiers": ((gw.SCHEME, gw.resident_id(90)),)},      "refused"),
    "another's name":      ({"name": "罗另外"},                                        "no_hit"),
    "another's purpose":   ({"purpose": "card_application"},                          "refused"),
    "no consent of hers":  ({"consent_id": None},                                     "refused"),
    "the past":            ({"as_of": gw.at("2024-06-30T00:00:00+00:00")},            "refused"),
    "own values only":     ({"permit": "furnisher_verification", "consent_id": None,
                             "purpose": "data_quality"},                              "no_hit"),
    "no scheme we know":   ({"identifiers": (("shoe_size", "43"),)},                  "bad"),
    "no name":             ({"name": "  "},                                           "bad"),
}
# fmt: on


@pytest.mark.parametrize("case", STRANGE)
def test_what_cannot_be_done_in_company_is_done_alone_and_harms_nobody_beside_it(
    world: gw.World, run: Run, asks: list[Ask], case: str
) -> None:
    changes, expected = STRANGE[case]
    odd = world.ask(**{"consent_id": asks[0].consent_id, **changes})
    first, *others = run(at_once(world, [odd, *asks]))
    came = {Refused: "refused", BadRequest: "bad"}.get(type(first)) or first.outcome
    assert came == expected, first
    assert [one.outcome for one in others] == ["hit"] * PERSONS
    assert world.looks() == PERSONS + (expected != "bad")


def test_a_consent_that_allows_one_use_is_used_once_by_those_who_come_at_once(
    world: gw.World, run: Run
) -> None:
    consent = world.consent(uses=1)
    came = run(at_once(world, [world.ask(consent) for _ in range(5)]))
    outcomes = sorted(getattr(one, "outcome", "refused") for one in came)
    assert outcomes == ["hit", *["refused"] * 4]
    assert world.looks() == 5


def test_the_same_request_twice_at_once_is_one_look(
    world: gw.World, run: Run, asks: list[Ask]
) -> None:
    came = run(at_once(world, [*asks, *reversed(asks)]))
    first, second = came[:PERSONS], came[:PERSONS - 1 : -1]  # fmt: skip
    assert [one.look_id for one in first] == [one.look_id for one in second]
    assert [one.body for one in first] == [one.body for one in second]
    assert world.looks() == PERSONS


def test_a_head_that_is_locked_keeps_nobody_else_waiting(
    world: gw.World, run: Run, asks: list[Ask]
) -> None:
    async def ask_all() -> list[Any]:
        tasks = [asyncio.ensure_future(answer(world.deps, one)) for one in asks]
        her_head = (
            "select from gate.head where subject_id = (select subject_id from file.account"
            " order by account_id limit 1) for update"
        )
        with holding(world, her_head):
            done, waiting = await asyncio.wait(tasks, timeout=2)
            assert (len(done), len(waiting), world.looks()) == (PERSONS - 1, 1, PERSONS - 1)
        return list(await asyncio.gather(*tasks))

    assert [one.outcome for one in run(ask_all())] == ["hit"] * PERSONS
    assert world.looks() == PERSONS


async def _until_one_waits(world: gw.World) -> int:
    """The server process that waits to write looks."""
    for _ in range(200):
        rows = world.rows(
            "select pid from pg_locks where not granted and relation = 'log.look'::regclass"
        )
        if rows:
            return int(rows[0][0])
        await asyncio.sleep(0.01)
    raise AssertionError("nobody came to write")


@pytest.mark.parametrize("trouble", ["the server process ends", "a caller goes away"])
def test_a_round_that_fails_while_it_writes_leaves_each_answered_once(
    world: gw.World, run: Run, asks: list[Ask], trouble: str
) -> None:
    async def ask_all() -> list[Any]:
        tasks = [asyncio.ensure_future(answer(world.deps, one)) for one in asks]
        with holding(world, "lock table log.look in exclusive mode"):
            waiting = await _until_one_waits(world)
            if trouble == "a caller goes away":
                tasks[0].cancel()
            else:
                world.rows("select pg_terminate_backend(%s)", waiting)
                await asyncio.sleep(0.1)
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    first, *others = run(ask_all())
    assert [one.outcome for one in others] == ["hit"] * (PERSONS - 1)
    if trouble == "a caller goes away":
        # What was committed and not delivered stands as a look.
        assert isinstance(first, asyncio.CancelledError)
    else:
        assert first.outcome == "hit"
    assert world.looks() == PERSONS


def test_a_seat_given_up_before_its_round_begins_keeps_nobody_waiting(
    world: gw.World, run: Run
) -> None:
    async def sit() -> list[Any]:
        rounds = Rounds(world.deps)
        gone = asyncio.ensure_future(rounds.seat(("bank", "1")))
        stays = asyncio.ensure_future(rounds.seat(("bank", "2")))
        gone.cancel()
        seat = await stays
        (rows,) = await seat.run(("select 1::int8 as one", {}))
        seat.leave()
        return rows

    assert run(sit()) == [(1,)]


def test_a_statement_that_fails_sends_every_seat_of_its_round_to_try_alone(
    world: gw.World, run: Run
) -> None:
    async def said(seat: Awaitable[Any], statement: str) -> str:
        taken = await seat
        try:
            await taken.run((statement, {}))
        except Alone:
            return "alone"
        finally:
            taken.leave()
        return "done"

    async def sit() -> list[str]:
        rounds = Rounds(world.deps)
        seats = [rounds.seat(("bank", str(number))) for number in range(3)]
        statements = ("select 1::int8 as one", "select 1 / 0 as none", "select 2::int8 as two")
        return list(await asyncio.gather(*map(said, seats, statements)))

    assert run(sit()) == ["alone"] * 3
