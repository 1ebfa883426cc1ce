"""Web servers killed and in competition: no answer without its look, none after a withdrawal."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
import rig as rigs
import web

from service import gate_world as gw
from tallystick.adapters.clock import SystemClock
from tallystick.model.ids import edge_id, parse_edge_id
from tallystick.service.members import issue_key

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3600)]
PERSONS = 4
CALLERS = 16


@pytest.fixture
def world(database: Any, keys: Any, tmp_path: Path) -> Iterator[gw.World]:
    """A bureau on the system's clock with a few persons on file."""
    made = gw.build(database, keys, SystemClock(), tmp_path / "work")  # type: ignore[arg-type]
    for serial in range(1, PERSONS + 1):
        gw.furnish(
            made, made.platform, serial=serial, name=_name(serial), account=f"A-{serial}", months=1
        )
    yield made
    gw.close(made)


def _name(serial: int) -> str:
    return f"{gw.NAME}{chr(0x4E00 + serial)}"


def _addresses(database: Any, tmp_path: Path) -> str:
    given = {
        "url": database.url, "vault_url": database.vault_url, "work": str(tmp_path / "child"),
        "seed": rigs.SEED,
    }  # fmt: skip
    return orjson.dumps(given).decode()


def _contents(world: gw.World) -> list[dict[str, Any]]:
    return [
        web.inquiry(serial, _name(serial), world.consent(number=gw.resident_id(serial)))
        for serial in range(1, PERSONS + 1)
    ]


def test_a_killed_server_gave_no_answer_without_its_look(
    world: gw.World, database: Any, tmp_path: Path, prove_rounds: int
) -> None:
    chance = random.Random(3)
    secret = issue_key(world.deps, world.bank.member_id, "load").secret
    contents = _contents(world)
    everything: list[web.Sent] = []
    cut_off = 0
    for _ in range(prove_rounds):
        sent: list[web.Sent] = []
        port = web.free_port()
        with rigs.child("serve", _addresses(database, tmp_path), str(port)) as server:
            asyncio.run(_load(port, secret, contents, sent, server, chance.uniform(0.2, 1.5)))
        given = {one.key: one.body for one in sent if one.status == 201}
        assert {one.status for one in sent} <= {201, None}
        kept = {row[0] for row in world.rows("select look_id from log.look where outcome = 'hit'")}
        assert {parse_edge_id("inq", body["id"]) for body in given.values()} <= kept
        cut_off += sum(one.status is None for one in sent)
        port = web.free_port()
        with rigs.child("serve", _addresses(database, tmp_path), str(port)):
            asyncio.run(_again(port, secret, sent))
        for one in sent:
            assert one.status == 201, one.body
            assert one.body["outcome"] == "hit"
            if one.key in given:
                assert one.body["id"] == given[one.key]["id"]
                assert one.body["report"] == given[one.key]["report"]
        everything += sent
    assert len({one.body["id"] for one in everything}) == len(everything) == world.looks()
    rigs.check_whole(world)  # type: ignore[arg-type]
    numbers = "select count(*), count(distinct look_id) from log.entry where look_id is not null"
    assert world.rows(numbers) == [(len(everything), len(everything))]
    print(f"{len(everything)} inquiries, {cut_off} cut off by {prove_rounds} kills")


async def _load(
    port: int,
    secret: str,
    contents: list[dict[str, Any]],
    sent: list[web.Sent],
    server: Any,
    seconds: float,
) -> None:
    async with web.client(port, secret) as to:
        asking = [
            asyncio.create_task(web.keep_asking(to, contents, sent, asyncio.Event()))
            for _ in range(CALLERS)
        ]
        await asyncio.sleep(seconds)
        server.kill()
        await asyncio.gather(*asking)


async def _again(port: int, secret: str, sent: list[web.Sent]) -> None:
    """Send everything once more, with the same keys."""
    async with web.client(port, secret) as to:
        for start in range(0, len(sent), CALLERS):
            part = sent[start : start + CALLERS]
            assert all(await asyncio.gather(*(web.send(to, one) for one in part)))


def test_two_servers_give_nothing_after_a_withdrawal(
    world: gw.World, database: Any, tmp_path: Path, prove_rounds: int
) -> None:
    secret = issue_key(world.deps, world.bank.member_id, "load").secret
    refused = given = 0
    ports = (web.free_port(), web.free_port())
    addresses = [_addresses(database, tmp_path / str(port)) for port in ports]
    for place in ports:
        (tmp_path / str(place)).mkdir()
    with (
        rigs.child("serve", addresses[0], str(ports[0])),
        rigs.child("serve", addresses[1], str(ports[1])),
    ):
        for _ in range(prove_rounds):
            consent_id = world.consent()
            withdrawn_at, sent = asyncio.run(_race(ports, secret, consent_id))
            late = [one for one in sent if one.sent_at > withdrawn_at]
            assert late
            assert {(one.status, one.body.get("code")) for one in late} == {
                (403, "consent_withdrawn")
            }
            assert {one.status for one in sent} <= {201, 403}
            given += sum(one.status == 201 for one in sent)
            refused += sum(one.status == 403 for one in sent)
            assert world.rows(_AFTER, consent_id) == []
    print(f"{given} answered, {refused} refused in {prove_rounds} races")


#: Answers under a consent whose head is not older than its withdrawal's: there must be none.
_AFTER = """
select l.look_id from log.look l join gate.head_event e
  on e.subject_id = l.subject_id and e.consent_id = l.consent_id and e.kind = 'consent_withdrawn'
where l.consent_id = %s and l.outcome = 'hit' and l.head_version >= e.head_version
"""


async def _race(
    ports: tuple[int, int], secret: str, consent_id: UUID
) -> tuple[float, list[web.Sent]]:
    """50 callers on two servers; in the midst of it the consent is withdrawn."""
    sent: list[web.Sent] = []
    stop = asyncio.Event()
    contents = [web.inquiry(1, _name(1), consent_id)]
    async with web.client(ports[0], secret) as one, web.client(ports[1], secret) as other:
        asking = [
            asyncio.create_task(web.keep_asking(to, contents, sent, stop))
            for to in (one, other)
            for _ in range(25)
        ]
        await asyncio.sleep(0.5)
        answer = await one.post(
            f"/v1/consents/{edge_id('cns', consent_id)}/withdraw",
            headers={"Idempotency-Key": uuid4().hex},
        )
        assert answer.status_code == 200, answer.text
        withdrawn_at = time.monotonic()
        await asyncio.sleep(0.5)
        stop.set()
        await asyncio.gather(*asking)
    return withdrawn_at, sent
