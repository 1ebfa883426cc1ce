"""A log on a real database, with a sequencer, a gate that writes looks, and a publisher."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tallystick.adapters.keys import BureauKeys
from tallystick.audit import (
    INSERT_LOOK,
    INSERT_OUTBOX,
    LogReport,
    Look,
    SequenceResult,
    TreeHead,
    look_parameters,
    sequence,
    verify,
)

NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)


def made_look(number: int) -> Look:
    """The look of that number: its time and id rise with it, every other one a refusal."""
    source = random.Random(number)
    granted = number % 2 == 0
    return Look(
        token=source.randbytes(32),
        look_id=UUID(int=(number << 64) + source.getrandbits(32)),
        occurred_at=NOON + timedelta(milliseconds=number),
        permit="consent",
        purpose="credit_application",
        outcome="granted" if granted else "no_hit",
        audience="lender",
        salt=source.randbytes(32),
        member_id=UUID(int=1),
        refusal_code=None if granted else "no_hit",
        subject_id=UUID(int=source.getrandbits(127)) if granted else None,
        as_of=NOON if granted else None,
        position=number if granted else None,
        log_size=number if granted else None,
        head_version=1 if granted else None,
        versions="format 1, profile zz 1" if granted else None,
        body_digest=source.randbytes(32) if granted else None,
    )


def write(connection: psycopg.Connection[Any], look: Look) -> None:
    """Write a look as the gate does: both rows in one commit."""
    parameters = look_parameters(look)
    with connection.transaction(), connection.pipeline():
        connection.execute(INSERT_LOOK, parameters)
        connection.execute(INSERT_OUTBOX, parameters)


@dataclass
class Log:
    """The log of one test. `admin` may do all, as an attacker with the database in hand."""

    url: str
    keys: BureauKeys
    admin: psycopg.Connection[Any]
    sequencer: psycopg.Connection[Any]
    looks: list[Look] = field(default_factory=list)
    now: datetime = NOON
    published: int = 0

    def look(self, count: int = 1) -> None:
        for _ in range(count):
            look = made_look(len(self.looks))
            write(self.admin, look)
            self.looks.append(look)

    def publish(self) -> None:
        self.published += 1
        position = self.published
        self.admin.execute(
            "INSERT INTO ledger.publication (position, recorded_at, chunk_id, digest)"
            " VALUES (%s, %s, %s, %s)",
            (position, NOON + timedelta(seconds=position), position + 100, bytes([position]) * 32),
        )

    def sequence(self, limit: int = 5000) -> SequenceResult:
        self.now += timedelta(seconds=1)
        return sequence(
            self.sequencer, now=self.now, sign=self.keys.sign, key_id=self.keys.key_id, limit=limit
        )

    def verify(self, *kept_heads: TreeHead) -> LogReport:
        public = {self.keys.key_id: self.keys.signing_key.public_key()}
        return verify(self.sequencer, public_keys=public, kept_heads=kept_heads)

    def look_id_at(self, number: int) -> UUID:
        row = self.admin.execute(
            "SELECT look_id FROM log.entry WHERE number = %s", (number,)
        ).fetchone()
        assert row is not None
        look_id: UUID = row[0]
        return look_id


def connect_as_sequencer(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(url, autocommit=True, options="-c role=tallystick_sequencer")


@pytest.fixture
def log(database: Any, keys: BureauKeys) -> Iterator[Log]:
    with (
        psycopg.connect(database.url, autocommit=True) as admin,
        connect_as_sequencer(database.url) as sequencer,
    ):
        yield Log(url=database.url, keys=keys, admin=admin, sequencer=sequencer)


@pytest.fixture
def filled(log: Log) -> Callable[[], Log]:
    """Three batches: numbers 0-9 (two publications, then looks), 10-14 and 15-22."""

    def fill() -> Log:
        log.publish()
        log.publish()
        log.look(8)
        log.sequence()
        log.look(5)
        log.sequence()
        log.publish()
        log.look(7)
        log.sequence()
        return log

    return fill
