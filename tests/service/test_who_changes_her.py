"""Whoever changes a person waits for the answers that began before, and for none that come later.

A lender that asks about her without a pause could else hold off her withdrawal as long as it asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import gate_world as gw
import psycopg
import pytest
from gate_world import Run
from worlds import world_beginning

from tallystick.errors import Refused
from tallystick.service import gate_sql, heads, identity
from tallystick.service.consents import withdraw
from tallystick.service.erase import erase
from tallystick.service.gate import desk_of
from tallystick.service.inquire import answer

CONSENTS: list[UUID] = []


def _begin(world: gw.World) -> None:
    for serial, member in ((1, world.platform), (2, world.platform), (1, world.bank)):
        gw.furnish(world, member, serial=serial, account=f"A-{serial}-{member.code}")
    CONSENTS[:] = [world.consent(number=gw.resident_id(1))]


template = world_beginning(_begin)


def _her(world: gw.World) -> UUID:
    rows = world.rows(
        "select subject_id from directory.party_subject group by 1 having count(*) = 2"
    )
    return UUID(str(rows[0][0]))


def _withdrawn(world: gw.World) -> None:
    withdraw(world.deps, CONSENTS[0], withdrawn_by="person")


def _erased(world: gw.World) -> None:
    erase(world.deps, _her(world), "retention is over", "operator")


def _parted(world: gw.World) -> None:
    rows = world.rows(
        "select party_id from directory.party_subject where subject_id = %s order by 1 limit 1",
        _her(world),
    )
    identity.unlink(world.deps, rows[0][0], "operator")


#: What is done to her, and what whoever asks about her under the consent meanwhile hears after it.
CHANGES: dict[str, tuple[Callable[[gw.World], None], str]] = {
    "withdrawal": (_withdrawn, "consent_withdrawn"),
    "erasure": (_erased, "consent_missing"),
    "unlinking": (_parted, "multiple_candidates"),
}


async def _until_somebody_queues(world: gw.World) -> None:
    for _ in range(500):
        if world.rows("select 1 from pg_locks where locktype = 'advisory' and not granted"):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody came to change her")


@pytest.mark.parametrize("change", CHANGES)
def test_an_answer_begun_after_a_change_waits_for_it(
    world: gw.World, run: Run, change: str
) -> None:
    done, heard = CHANGES[change]
    run(desk_of(world.deps).learn_members(world.deps))
    ask = world.ask(CONSENTS[0])

    async def all_at_once() -> Any:
        with psycopg.connect(world.url) as before:  # an answer that began before
            before.execute(gate_sql.LOCK, _locks(_her(world)))
            changing = asyncio.create_task(asyncio.to_thread(done, world))
            await _until_somebody_queues(world)
            asking = asyncio.create_task(answer(world.deps, ask))
            finished, _ = await asyncio.wait([changing, asking], timeout=1)
            assert (finished, world.looks()) == (set(), 0)
        await changing
        return (await asyncio.gather(asking, return_exceptions=True))[0]

    came = run(all_at_once())
    assert (came.code if isinstance(came, Refused) else came.outcome) == heard


def test_answers_about_one_person_keep_none_of_each_other_waiting(world: gw.World) -> None:
    with psycopg.connect(world.url) as one, psycopg.connect(world.url) as other:
        for connection in (one, other):
            connection.execute("set lock_timeout = '1s'")
            for statement in (gate_sql.LOCK, gate_sql.LOCK_FREE):
                row = connection.execute(statement, _locks(_her(world))).fetchone()
                assert row is not None
                assert row[1] == str(_her(world))


@pytest.mark.parametrize(("persons", "queues"), [(32, 32), (33, 0)])
def test_a_file_of_many_persons_stands_in_no_queue(
    world: gw.World, persons: int, queues: int
) -> None:
    """Each would take a place in memory that is counted once for all connections."""
    with psycopg.connect(world.url) as connection:
        heads.lock(connection, [uuid4() for _ in range(persons)])
        held = (
            "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
        )
        assert connection.execute(held).fetchall() == [(queues,)]


def _locks(subject_id: UUID) -> dict[str, Any]:
    return {
        "tokens": [], "subjects": [subject_id], "member_key": "", "client_key": "",
        "request_keys": [],
    }  # fmt: skip
