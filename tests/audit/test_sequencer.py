"""The sequencer on a real server: gapless, once each, all or nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest

from tallystick.audit import oldest_unnumbered, sequence
from tallystick.errors import InvariantBroken

from .conftest import NOON, Log, connect_as_sequencer, made_look, write


def numbers(log: Log) -> list[int]:
    return [row[0] for row in log.admin.execute("SELECT number FROM log.entry ORDER BY 1")]


def test_an_empty_log_gives_no_head(log: Log) -> None:
    result = log.sequence()
    assert (result.looks, result.publications, result.head, result.more) == (0, 0, None, False)
    assert log.verify().ok


def test_publications_come_before_looks_and_looks_in_the_order_of_time(log: Log) -> None:
    for number in (2, 0, 1):
        write(log.admin, made_look(number))
    log.publish()
    log.publish()
    result = log.sequence()
    assert (result.looks, result.publications) == (3, 2)
    assert result.head is not None
    assert result.head.size == 5
    rows = log.admin.execute(
        "SELECT number, kind, position, look_id FROM log.entry ORDER BY number"
    ).fetchall()
    assert rows[:2] == [(0, "publication", 1, None), (1, "publication", 2, None)]
    assert [row[3] for row in rows[2:]] == [made_look(number).look_id for number in range(3)]
    assert log.verify().ok


def test_a_look_that_commits_late_is_numbered_later_not_skipped(log: Log) -> None:
    log.looks = [made_look(0)]
    with psycopg.connect(log.url) as late:
        late.execute("SELECT 1")  # opens the transaction that stays open
        write(late, made_look(0))
        log.look(3)
        assert log.sequence().looks == 3
        late.commit()
    assert log.sequence().looks == 1
    assert numbers(log) == list(range(4))
    assert log.verify().ok


def test_the_limit_leaves_the_rest_for_the_next_call(log: Log) -> None:
    log.look(5)
    results = [log.sequence(limit=2) for _ in range(3)]
    assert [(result.looks, result.more) for result in results] == [(2, True), (2, True), (1, False)]
    assert log.verify().ok


def test_the_oldest_unnumbered_look_is_told_until_it_has_its_number(log: Log) -> None:
    assert oldest_unnumbered(log.sequencer) is None
    log.look(2)
    assert oldest_unnumbered(log.sequencer) == NOON
    log.sequence(limit=1)
    assert oldest_unnumbered(log.sequencer) == NOON + timedelta(milliseconds=1)
    log.sequence()
    assert oldest_unnumbered(log.sequencer) is None


def test_a_clock_set_back_does_not_turn_the_heads_back(filled: Callable[[], Log]) -> None:
    log = filled()
    log.now -= timedelta(days=1)
    log.look()
    head = log.sequence().head
    assert head is not None
    assert head.signed_at == NOON + timedelta(seconds=3)
    assert log.verify().ok


def test_a_failure_before_the_commit_leaves_everything_as_it_was(log: Log) -> None:
    log.look(3)

    def broken(_: bytes) -> bytes:
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 -- our own, raised above
        sequence(log.sequencer, now=NOON, sign=broken, key_id="k")
    assert numbers(log) == []
    assert log.verify().unnumbered == 3
    assert log.sequence().looks == 3
    assert log.verify().ok


def test_a_server_process_killed_before_the_commit_loses_and_doubles_nothing(log: Log) -> None:
    log.look(3)
    log.publish()
    pid = log.sequencer.info.backend_pid

    def signed_while_killed(message: bytes) -> bytes:
        log.admin.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        return log.keys.sign(message)

    with pytest.raises(psycopg.OperationalError):
        sequence(log.sequencer, now=NOON, sign=signed_while_killed, key_id=log.keys.key_id)
    assert numbers(log) == []
    with connect_as_sequencer(log.url) as again:
        result = sequence(again, now=NOON, sign=log.keys.sign, key_id=log.keys.key_id)
    assert (result.looks, result.publications) == (3, 1)
    assert numbers(log) == [0, 1, 2, 3]


def test_the_sequencer_refuses_to_work_in_somebody_elses_transaction(log: Log) -> None:
    with log.sequencer.transaction(), pytest.raises(InvariantBroken):
        log.sequence()


def test_concurrent_writers_and_sequencers_number_every_look_once(log: Log) -> None:
    writers, each = 4, 60
    done = threading.Event()

    def writing(first: int) -> None:
        with psycopg.connect(log.url, autocommit=True) as connection:
            for number in range(first, first + each):
                write(connection, made_look(number))

    def sequencing() -> None:
        with connect_as_sequencer(log.url) as connection:
            is_last = False
            while not is_last:
                is_last = done.is_set()
                sequence(
                    connection, now=NOON, sign=log.keys.sign, key_id=log.keys.key_id, limit=1000
                )

    with ThreadPoolExecutor() as pool:
        numbering = [pool.submit(sequencing) for _ in range(2)]
        for written in [pool.submit(writing, n * each) for n in range(writers)]:
            written.result()
        done.set()
        for numbered in numbering:
            numbered.result()
    assert numbers(log) == list(range(writers * each))
    report = log.verify()
    assert report.ok, report.first
    assert (report.looks, report.unnumbered) == (writers * each, 0)
