"""Everything at once, from many threads: no deadlock, and file = fold at the end."""

from __future__ import annotations

import asyncio
import calendar
import io
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import rig as rigs

from service import gate_world as gw
from tallystick.errors import BadRequest, Refused
from tallystick.service.consents import withdraw
from tallystick.service.housekeeping import take_in_tails
from tallystick.service.identity import link, unlink
from tallystick.service.inquire import answer
from tallystick.service.log import sequence_once
from tallystick.service.members import Member
from tallystick.service.submit import process, receive, submit_records

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3600)]
PERSONS = 3
SECONDS = 5.0 if os.environ.get("TALLYSTICK_PROVE") == "short" else 20.0


def test_two_submissions_of_one_account_at_once(
    prepared: tuple[str, Member], work: Path, prove_rounds: int
) -> None:
    """Three files of the same 60 accounts, some months the same: all rows find their place."""
    accounts = range(60)
    files = [
        rigs.snapshots(accounts, rigs.months(6)[:4]),
        rigs.snapshots(accounts, rigs.months(6)[2:]),
        rigs.snapshots(accounts, rigs.months(6)[1:5], balance="800.00"),
    ]
    with rigs.copied(prepared[0], work, prepared[1]) as rig:
        for number in range(prove_rounds):
            ids = [
                receive(rig.deps, rig.bank, "snapshot", io.BytesIO(one), again=True).submission_id
                for one in files
            ]
            random.Random(number).shuffle(ids)
            with ThreadPoolExecutor(len(ids)) as threads:
                for view in threads.map(lambda one: process(rig.deps, one), ids):
                    assert view.state == "published"
                    assert view.sent == view.accepted + view.unchanged + view.rejected
                    assert view.rejected == 0, view.by_rule
        rigs.check_whole(rig)


@pytest.fixture
def world(database: Any, keys: Any, clock: Any, tmp_path: Path) -> Iterator[gw.World]:
    """Persons known to two members each, with a few months; the last one stays unlinked."""
    made = gw.build(database, keys, clock, tmp_path / "work")
    for serial in range(1, PERSONS + 1):
        for member in (made.platform, made.other):
            gw.furnish(made, member, serial=serial, account=f"A-{serial}", months=1)
    yield made
    gw.close(made)


class Crowd:
    """Threads that go on until the time is over; the first thing that breaks is kept."""

    def __init__(self, seconds: float):
        self._until = time.monotonic() + seconds
        self._threads: list[threading.Thread] = []
        self.broken: list[BaseException] = []
        self.done: Counter[str] = Counter()

    def add(self, name: str, step: Callable[[int], None]) -> None:
        def go() -> None:
            number = 0
            while time.monotonic() < self._until and not self.broken:
                try:
                    step(number)
                except BaseException as error:  # noqa: BLE001  kept, and raised by the test
                    self.broken.append(error)
                number += 1
                self.done[name] += 1

        self._threads.append(threading.Thread(target=go, name=name))

    def run(self, beside: Callable[[], None] = lambda: None) -> None:
        """All threads, and `beside` in this one; ended when the last of them is."""
        for thread in self._threads:
            thread.start()
        try:
            beside()
        except BaseException as error:  # noqa: BLE001  kept, and raised below
            self.broken.append(error)
        for thread in self._threads:
            thread.join()
        if self.broken:
            raise self.broken[0]


def test_all_at_once(world: gw.World) -> None:
    crowd = Crowd(SECONDS)
    withdrawn: list[UUID] = []
    live = {serial: world.consent(number=gw.resident_id(serial)) for serial in _serials()}
    parties = _parties(world)
    for number, member in enumerate((world.platform, world.other, world.platform)):
        crowd.add(f"publish {number}", _publisher(world, member, number))
    crowd.add("withdraw", _withdrawer(world, live, withdrawn))
    crowd.add("unlink and link", _mover(world, parties))
    crowd.add("number looks", lambda _: _number(world))
    with asyncio.Runner() as runner:
        try:
            crowd.run(lambda: runner.run(_askers(world, live, crowd)))
        finally:  # not before the last thread is done: they work on the same connections
            runner.run(world.deps.database.aclose())  # type: ignore[attr-defined]
            runner.run(world.deps.vault.aclose())  # type: ignore[attr-defined]
    print(dict(crowd.done))
    assert all(crowd.done[name] for name in ("withdraw", "unlink and link", "hit"))
    assert world.rows(_AFTER) == []
    rigs.check_whole(world)  # type: ignore[arg-type]


def test_months_that_follow_beside_all_who_write_their_accounts(world: gw.World) -> None:
    """New months touch no row that others lock; still none is lost, doubled or out of place."""
    crowd = Crowd(SECONDS)
    for member in (world.platform, world.other):
        for serial in _serials():
            gw.send(world, member, "account", {**_LONG_AGO, **_whose(serial)})
    sent: dict[UUID, set[str]] = {}
    for number, member in enumerate((world.platform, world.platform, world.other)):
        crowd.add(f"months {number}", _follower(world, member, sent))
    crowd.add("events", lambda number: _event(world, number))
    crowd.add("unlink and link", _mover(world, _parties(world)))
    crowd.add("keep house", lambda _: _keep_house(world))
    crowd.run()
    print(dict(crowd.done))
    assert all(crowd.done[name] for name in ("months 0", "events", "unlink and link"))
    found = world.rows(
        "select distinct f.furnisher_id, length(months) / 21 from file.account_now f"
        " join ledger.account a on a.object_id = f.account_id where a.opened_on = '2016-01-01'"
    )
    assert dict(found) == {member: len(ends) for member, ends in sent.items()}
    rigs.check_whole(world)  # type: ignore[arg-type]


_LONG_AGO = {
    "valid_from": "2016-01-01", "opened_on": "2016-01-01", "product": "instalment_loan",
    "currency": "CNY", "principal": "12000.00", "basis": "legal_duty",
}  # fmt: skip


def _whose(serial: int) -> dict[str, str]:
    return {"account_number": f"T-{serial}", "person_number": f"P-{serial}"}


_ENDS = [
    date(year, month, calendar.monthrange(year, month)[1]).isoformat()
    for year in range(2020, 2025)
    for month in range(1, 13)
]


def _follower(world: gw.World, member: Member, sent: dict[UUID, set[str]]) -> Callable[[int], None]:
    def step(number: int) -> None:
        end = _ENDS[number % len(_ENDS)]
        records = [gw.month(f"T-{serial}", end) for serial in _serials()]
        view = submit_records(world.deps, member, "snapshot", records)
        assert view.sent == view.accepted + view.unchanged, view
        sent.setdefault(member.member_id, set()).add(end)

    return step


def _event(world: gw.World, number: int) -> None:
    for serial in _serials():
        happened = {
            "account_number": f"T-{serial}", "event_id": f"e{number}", "event_type": "repaid",
            "occurred_at": "2024-12-20T10:00:00+08:00", "currency": "CNY", "amount": "1.00",
        }  # fmt: skip
        gw.send(world, world.platform, "event", happened)


def _keep_house(world: gw.World) -> None:
    take_in_tails(world.deps)
    time.sleep(0.02)


_AFTER = """
select l.look_id from log.look l join gate.head_event e
  on e.subject_id = l.subject_id and e.consent_id = l.consent_id and e.kind = 'consent_withdrawn'
where l.outcome = 'hit' and l.permit = 'consent' and l.head_version >= e.head_version
"""


def _serials() -> range:
    return range(1, PERSONS + 1)


def _parties(world: gw.World) -> list[tuple[UUID, UUID]]:
    """(party, subject) of each person at the second member."""
    return world.rows(
        "select p.party_id, s.subject_id from directory.party p join directory.party_subject s"
        " using (party_id) where p.furnisher_id = %s order by 1",
        world.other.member_id,
    )  # type: ignore[return-value]


def _publisher(world: gw.World, member: Member, seed: int) -> Callable[[int], None]:
    chance = random.Random(seed)

    def step(number: int) -> None:
        records = [
            {
                "account_number": f"A-{serial}", "period_end": end, "bucket": "0",
                "days_past_due": 0, "currency": "CNY", "balance": f"{chance.randrange(9000)}.00",
                "payment_due": "500.00", "amount_paid": "500.00", "amount_past_due": "0.00",
                "status": "open",
            }
            for serial in chance.sample(_serials(), 2)
            for end in chance.sample(("2024-10-31", "2024-11-30", "2024-12-31"), 2)
        ]  # fmt: skip
        view = submit_records(world.deps, member, "snapshot", records)
        assert view.sent == view.accepted + view.unchanged, view

    return step


def _withdrawer(
    world: gw.World, live: dict[int, UUID], withdrawn: list[UUID]
) -> Callable[[int], None]:
    def step(number: int) -> None:
        serial = number % PERSONS + 1
        fresh = world.consent(number=gw.resident_id(serial))
        old, live[serial] = live[serial], fresh
        withdraw(world.deps, old, withdrawn_by="the person")
        withdrawn.append(old)

    return step


def _mover(world: gw.World, parties: list[tuple[UUID, UUID]]) -> Callable[[int], None]:
    def step(number: int) -> None:
        party, subject = parties[number % len(parties)]
        try:
            unlink(world.deps, party, "stress")
        except BadRequest as refused:
            if refused.code != "conflict":
                raise
        link(world.deps, party, subject, "stress")

    return step


def _number(world: gw.World) -> None:
    sequence_once(world.deps)
    time.sleep(0.05)


async def _askers(world: gw.World, live: dict[int, UUID], crowd: Crowd) -> None:
    until = time.monotonic() + SECONDS

    async def ask_on(number: int) -> None:
        while time.monotonic() < until and not crowd.broken:
            number += 1
            serial = number % PERSONS + 1
            ask = world.ask(
                live[serial],
                identifiers=((gw.SCHEME, gw.resident_id(serial)),),
                idempotency_key=uuid4().hex,
            )
            try:
                crowd.done[(await answer(world.deps, ask)).outcome] += 1
            except Refused as refused:
                if refused.code != "consent_withdrawn":
                    raise
                crowd.done[refused.code] += 1

    await asyncio.gather(*(ask_on(start) for start in range(6)))
