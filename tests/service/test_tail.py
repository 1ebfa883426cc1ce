"""Months that wait in the tail: read as if in the row, taken in by whoever writes, never lost."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import gate_world as gw
import orjson
import pytest
from gate_world import Run

from tallystick.ledger import tail
from tallystick.service.erase import erase
from tallystick.service.housekeeping import take_in_tails
from tallystick.service.identity import unlink
from tallystick.service.inquire import answer
from tallystick.service.log import sequence_once
from tallystick.service.replay import replay
from tallystick.service.submit import process, receive
from tallystick.service.verify import ledger_rebuild, ledger_verify

IN_TAIL = "select count(*), coalesce(max(length(months)), 0) from file.tail"
IN_ROWS = "select count(*), max(length(months)) from file.account where months <> ''"
_REPAID = {
    "account_number": "A-1",
    "event_id": "e1",
    "event_type": "repaid",
    "occurred_at": "2024-12-20T10:00:00+08:00",
    "currency": "CNY",
    "amount": "1.00",
}


def send_month(world: gw.World, member: Any, account: str, period_end: str) -> None:
    process(world.deps, received(world, member, "snapshot", gw.month(account, period_end)))


def received(world: gw.World, member: Any, dataset: str, *records: dict[str, Any]) -> Any:
    data = b"".join(orjson.dumps(record) + b"\n" for record in records)
    return receive(world.deps, member, dataset, io.BytesIO(data)).submission_id


def test_an_answer_is_the_same_before_and_after_the_tail_is_taken_in(
    world: gw.World, run: Run
) -> None:
    gw.furnish(world, world.platform, months=0)
    send_month(world, world.platform, "A-1", "2024-11-30")
    send_month(world, world.platform, "A-1", "2024-12-31")
    assert world.rows(IN_TAIL) == [(1, 21)]  # the month before was taken in to make room
    before = run(answer(world.deps, world.ask(world.consent())))
    assert before.body is not None
    assert b"2024-12" in before.body
    sequence_once(world.deps)
    kept = before.body
    assert run(replay(world.deps, before.look_id, fold=True)) == kept
    assert take_in_tails(world.deps) == 1
    assert take_in_tails(world.deps) == 0
    assert world.rows(IN_TAIL) == [(0, 0)]
    assert run(replay(world.deps, before.look_id, fold=True)) == kept
    assert ledger_verify(world.deps).faults == ()


def test_whoever_writes_an_account_takes_its_tail_in_first(world: gw.World) -> None:
    gw.furnish(world, world.platform, months=0)
    gw.furnish(world, world.platform, serial=2, account="B-2", months=0)
    for account in ("A-1", "B-2"):
        send_month(world, world.platform, account, "2024-12-31")
    assert world.rows(IN_TAIL) == [(2, 21)]
    gw.send(world, world.platform, "event", _REPAID)
    assert world.rows(IN_TAIL) == [(1, 21)]
    assert world.rows(IN_ROWS) == [(1, 21)]
    assert ledger_verify(world.deps).faults == ()


def test_parting_a_person_and_rebuilding_leave_no_tail(world: gw.World) -> None:
    for member, account in ((world.platform, "A-1"), (world.other, "B-1")):
        gw.furnish(world, member, account=account, months=0)
        send_month(world, member, account, "2024-12-31")
    party = world.rows(
        "select party_id from directory.party where furnisher_id = %s", world.other.member_id
    )[0][0]
    unlink(world.deps, party, "a person who knows")
    assert world.rows(IN_TAIL) == [(1, 21)]
    assert world.rows(IN_ROWS) == [(1, 21)]
    assert ledger_verify(world.deps).faults == ()
    ledger_rebuild(world.deps)
    assert (world.rows(IN_TAIL), world.rows(IN_ROWS)) == ([(0, 0)], [(2, 21)])


def test_erasing_a_person_leaves_nothing_in_the_tail(world: gw.World) -> None:
    gw.furnish(world, world.platform, months=0)
    gw.furnish(world, world.platform, serial=2, account="B-2", months=0)
    for account in ("A-1", "B-2"):
        send_month(world, world.platform, account, "2024-12-31")
    token = world.deps.keys.identity_token(gw.SCHEME, gw.resident_id(1))
    (subject,) = world.rows(
        "select subject_id from directory.token_subject where token = %s", token
    )
    erase(world.deps, subject[0], "retention is over", "operator")
    assert world.rows(f"{IN_TAIL} where subject_id = %s", subject[0]) == [(0, 0)]
    assert world.rows(IN_TAIL) == [(1, 21)]
    assert ledger_verify(world.deps).faults == ()


def test_a_tail_without_its_row_is_found(world: gw.World) -> None:
    gw.furnish(world, world.platform, months=0)
    send_month(world, world.platform, "A-1", "2024-12-31")
    assert ledger_verify(world.deps).faults == ()
    with world.deps.database.connect("intake") as connection:
        connection.execute("delete from file.account")
    assert any("has a tail only" in fault for fault in ledger_verify(world.deps).faults)
    assert take_in_tails(world.deps) == 0  # and does not try for ever


def test_who_writes_a_row_waits_for_who_adds_to_its_tail(
    world: gw.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row alone would not tell that months are on their way: it is not touched by them."""
    gw.furnish(world, world.platform, months=0)
    month = received(world, world.platform, "snapshot", gw.month("A-1", "2024-12-31"))
    event = received(world, world.platform, "event", _REPAID)
    added, may_go_on, add = threading.Event(), threading.Event(), tail.add

    def slow(*given: Any, **named: Any) -> bool:
        found = add(*given, **named)
        if not added.is_set():
            added.set()
            assert may_go_on.wait(30)
        return found

    monkeypatch.setattr(tail, "add", slow)
    acts = [
        threading.Thread(target=process, args=(world.deps, one), daemon=True)
        for one in (month, event)
    ]
    acts[0].start()
    assert added.wait(30)
    acts[1].start()
    acts[1].join(timedelta(seconds=1).total_seconds())
    assert acts[1].is_alive()
    may_go_on.set()
    for act in acts:
        act.join(60)
    assert world.rows("select length(months), events is not null from file.account") == [(21, True)]
    assert world.rows(IN_TAIL) == [(0, 0)]
    assert ledger_verify(world.deps).faults == ()


def paused(monkeypatch: pytest.MonkeyPatch, name: str) -> tuple[threading.Event, threading.Event]:
    """Stop whoever comes to a step of the tail first, until he may go on."""
    arrived, may_go_on, step = threading.Event(), threading.Event(), getattr(tail, name)

    def slow(*given: Any, **named: Any) -> Any:
        if not arrived.is_set():
            arrived.set()
            assert may_go_on.wait(30)
        return step(*given, **named)

    monkeypatch.setattr(tail, name, slow)
    return arrived, may_go_on


def test_months_judged_before_a_party_left_and_the_files_were_rebuilt_reach_both_files(
    world: gw.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stamp of a rebuilt row must not be the one that stood before the party left."""
    gw.furnish(world, world.platform, months=0)
    holder = {"account_number": "A-1", "person_number": "P-9", "role": "co_borrower",
              "holder_no": 2, "valid_from": "2024-01-01"}  # fmt: skip
    number = {"identifier_scheme": gw.SCHEME, "identifier_number": gw.resident_id(1)}
    known = {"person_number": "P-9", "valid_from": "2024-01-01", "name": gw.NAME}
    gw.send(world, world.platform, "subject", {**known, **number, "birth_date": gw.BORN})
    gw.send(world, world.platform, "account_party", holder)
    gw.send(world, world.platform, "snapshot", gw.month("A-1", "2024-11-30"))
    ((party,),) = world.rows("select distinct holder_party_id from ledger.account_party")
    month = received(world, world.platform, "snapshot", gw.month("A-1", "2024-12-31"))
    arrived, may_go_on = paused(monkeypatch, "add")
    act = threading.Thread(target=process, args=(world.deps, month), daemon=True)
    act.start()
    assert arrived.wait(30)
    unlink(world.deps, party, "a person who knows")
    ledger_rebuild(world.deps)
    may_go_on.set()
    act.join(60)
    ends = world.rows("select last_period_end::text from file.account_now")
    assert ends == [("2024-12-31",), ("2024-12-31",)]
    assert ledger_verify(world.deps).faults == ()


@pytest.mark.parametrize("step", ["take_in", "clear"])
def test_a_rebuild_waits_for_who_holds_rows_and_nobody_is_killed(
    world: gw.World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    gw.furnish(world, world.platform, months=0)
    send_month(world, world.platform, "A-1", "2024-12-31")
    token = world.deps.keys.identity_token(gw.SCHEME, gw.resident_id(1))
    ((subject,),) = world.rows(
        "select subject_id from directory.token_subject where token = %s", token
    )
    acts = {
        "take_in": lambda: take_in_tails(world.deps),
        "clear": lambda: erase(world.deps, subject, "retention is over", "operator"),
    }
    arrived, may_go_on = paused(monkeypatch, step)
    with ThreadPoolExecutor(2) as threads:
        writes = threads.submit(acts[step])
        assert arrived.wait(30)
        rebuilds = threads.submit(ledger_rebuild, world.deps)
        with pytest.raises(TimeoutError):
            rebuilds.result(1)
        may_go_on.set()
        writes.result(30)
        rebuilds.result(30)
    assert ledger_verify(world.deps).faults == ()
