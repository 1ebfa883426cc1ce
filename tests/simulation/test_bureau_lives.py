"""Months in the life of a small bureau, and an auditor beside it with a model of his own.

The auditor keeps plain dictionaries: who holds which account, what each month says, which consents
stand. After every step the bureau must agree with him; at the end its files are the fold of its
ledger, its log verifies, and every answer it ever gave can be given again, from the kept body and
from the ledger.
"""

from __future__ import annotations

import calendar
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

import orjson
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

import factory
from tallystick.errors import Refused
from tallystick.report.grid import NOT_REPORTED
from tallystick.service import identity
from tallystick.service.consents import withdraw
from tallystick.service.inquire import answer
from tallystick.service.log import log_verify, sequence_once
from tallystick.service.replay import replay
from tallystick.service.verify import ledger_verify

BANKS = ("bank1", "bank2")
EITHER = st.sampled_from((0, 1))
#: One borrower is where it is interesting; the other shows that nothing spills over.
PERSON = st.sampled_from((0, 0, 0, 1))
PERSONS = 2
ACCEPTED, UNCHANGED, REJECTED = (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0)
Key = tuple[int, int]  # bank, person: each bank lends to each person once


class Auditor:
    """What the bureau should know, kept as simply as can be."""

    def __init__(self) -> None:
        self.months: dict[Key, dict[str, str]] = {}
        self.deleted: dict[tuple[Key, str], str] = {}
        self.group: dict[Key, object] = {}
        self.consents: dict[tuple[int, int], UUID] = {}
        self.withdrawn: set[UUID] = set()

    def expected(self, person: int) -> set[tuple[int, int]]:
        """(accounts, months) of each subject under a person's number."""
        groups: dict[object, list[Key]] = {}
        for key, group in self.group.items():
            if key[1] == person:
                groups.setdefault(group, []).append(key)
        return {(len(keys), sum(len(self.months[key]) for key in keys)) for keys in groups.values()}


class Life(RuleBasedStateMachine):
    """One life: the rules are what may happen on a day."""

    bureau: ClassVar[Any]
    lives: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.auditor = Auditor()
        self.answers: list[tuple[UUID, bytes]] = []
        self.looks = 0

    @initialize()
    def found(self) -> None:
        """New persons for every life: one bureau lives them all."""
        Life.lives += 1
        self.base = Life.lives * 10
        self.clock = self.bureau.clock
        self.clock.set(datetime(2024, 3, 5, 12, tzinfo=UTC))
        self.year, self.month = 2024, 2
        self.banks = BANKED
        self.looks = self._count_looks()
        numbers = [self.base + person for person in range(PERSONS)]
        for at, bank in enumerate(self.banks):
            factory.open_account(self.bureau.deps, bank, numbers)
            for person in range(PERSONS):
                self.auditor.months[at, person] = {}
                self.auditor.group[at, person] = person
            self.furnish_one(at, 0, 5)

    def _send(self, bank: int, dataset: str, *records: Any) -> tuple[int, int, int, int]:
        return factory.counts(
            factory.send_again(self.bureau.deps, self.banks[bank], dataset, *records)
        )

    def _count_looks(self) -> int:
        with psycopg.connect(self.bureau.url) as connection:
            row = connection.execute("select count(*) from log.look").fetchone()
        assert row is not None
        return int(row[0])

    def _period(self) -> str:
        return f"{self.year}-{self.month:02d}"

    @rule()
    def a_month_passes(self) -> None:
        self.year, self.month = (self.year + self.month // 12), self.month % 12 + 1
        later = self.month % 12 + 1
        year = self.year + self.month // 12
        self.clock.set(
            datetime(year, later, min(5, calendar.monthrange(year, later)[1]), 12, tzinfo=UTC)
        )

    @rule(bank=EITHER, person=PERSON, balance=st.integers(1, 9))
    def furnish(self, bank: int, person: int, balance: int) -> None:
        self.furnish_one(bank, person, balance)

    def furnish_one(self, bank: int, person: int, balance: int) -> None:
        """The month's snapshot, or a restatement of it."""
        key, period = (bank, person), self._period()
        money = f"{balance}.00"
        record = factory.snapshot(self.base + person, period, balance=money)
        counts = self._send(bank, "snapshot", record)
        if (key, period) in self.auditor.deleted:
            assert counts == REJECTED
            return
        assert counts == (UNCHANGED if self.auditor.months[key].get(period) == money else ACCEPTED)
        self.auditor.months[key][period] = money

    @rule(bank=EITHER, person=PERSON, balance=st.integers(1, 9), certified=st.booleans())
    def correct(self, bank: int, person: int, balance: int, certified: bool) -> None:
        """A correction; with the certificate it brings back what was deleted."""
        key, period = (bank, person), self._period()
        said, money = self.auditor.months[key].get(period), f"{balance}.00"
        record = factory.snapshot(self.base + person, period, balance=money)
        reason = "reinsertion_certified" if certified else "furnisher_error"
        was = said or self.auditor.deleted.get((key, period))
        replaces = {**record, "balance": was} if was else None
        counts = self._send(
            bank, "correction", factory.correction("snapshot", record, replaces, reason=reason)
        )
        is_back = certified and (key, period) in self.auditor.deleted
        if said is None and not is_back:
            assert counts == REJECTED
            return
        assert counts == (UNCHANGED if said == money else ACCEPTED)
        self.auditor.months[key][period] = money
        self.auditor.deleted.pop((key, period), None)

    @rule(bank=EITHER, person=PERSON)
    def delete(self, bank: int, person: int) -> None:
        key, period = (bank, person), self._period()
        if period not in self.auditor.months[key]:
            return
        named = {
            "account_number": f"A{self.base + person}",
            "period_end": factory.month_end(period),
        }
        assert self._send(bank, "deletion", factory.deletion("snapshot", named)) == (1, 0, 0, 0)
        self.auditor.deleted[(key, period)] = self.auditor.months[key].pop(period)

    def _party(self, key: Key) -> tuple[UUID, UUID]:
        with psycopg.connect(self.bureau.url) as connection:
            token = self.bureau.deps.keys.number_token(
                self.banks[key[0]].member_id, "account", f"A{self.base + key[1]}"
            )
            row = connection.execute(
                "select party_id, subject_id from directory.object"
                " join directory.party_subject using (party_id) where number_token = %s",
                (token,),
            ).fetchone()
        assert row is not None
        return row[0], row[1]

    @rule(bank=EITHER, person=PERSON)
    def unlink(self, bank: int, person: int) -> None:
        key = (bank, person)
        if self.auditor.group[key] != self.auditor.group[1 - bank, person]:
            return
        identity.unlink(self.bureau.deps, self._party(key)[0], "operator")
        self.auditor.group[key] = object()

    @rule(bank=EITHER, person=PERSON)
    def link(self, bank: int, person: int) -> None:
        key, other = (bank, person), (1 - bank, person)
        identity.link(self.bureau.deps, self._party(key)[0], self._party(other)[1], "operator")
        self.auditor.group[key] = self.auditor.group[other]

    @rule(bank=EITHER, person=PERSON)
    def consent(self, bank: int, person: int) -> None:
        self.consent_to(bank, person)

    def consent_to(self, bank: int, person: int) -> None:
        consent_id = factory.consent(self.bureau.deps, self.banks[bank], self.base + person)
        self.auditor.consents[bank, person] = consent_id

    @precondition(lambda self: self.auditor.consents)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        consent_id = data.draw(st.sampled_from(sorted(self.auditor.consents.values())))
        withdraw(self.bureau.deps, consent_id, withdrawn_by="person")
        self.auditor.withdrawn.add(consent_id)

    @rule(bank=EITHER, person=PERSON)
    def inquire(self, bank: int, person: int) -> None:
        if (bank, person) not in self.auditor.consents:
            self.consent_to(bank, person)
        consent_id = self.auditor.consents[bank, person]
        sequence_once(self.bureau.deps)
        ask = factory.ask(self.bureau.deps, self.banks[bank], self.base + person, consent_id)
        try:
            given = self.bureau.run(answer(self.bureau.deps, ask))
        except Refused as refusal:
            self.looks += 1
            assert refusal.code in ("consent_withdrawn", "consent_expired")  # noqa: PT017
            assert (refusal.code == "consent_expired") or consent_id in self.auditor.withdrawn  # noqa: PT017
            return
        self.looks += 1
        assert consent_id not in self.auditor.withdrawn
        groups = {group for key, group in self.auditor.group.items() if key[1] == person}
        assert given.outcome == ("hit" if len(groups) == 1 else "multiple_candidates")
        if given.body is not None:
            body = orjson.loads(given.body)
            grids = [
                sum(month["bucket"] != NOT_REPORTED for month in one["grid"])
                for one in body["accounts"]
            ]
            assert self.auditor.expected(person) == {(len(grids), sum(grids))}
            self.answers.append((given.look_id, given.body))

    def teardown(self) -> None:
        if not hasattr(self, "base"):
            return
        assert self._count_looks() == self.looks
        sequence_once(self.bureau.deps)
        report = ledger_verify(self.bureau.deps)
        assert report.ok, report.faults
        assert log_verify(self.bureau.deps, bodies=True).faults == ()
        for look_id, body in self.answers:
            for fold in (False, True):
                again = self.bureau.run(replay(self.bureau.deps, look_id, fold=fold))
                assert again == body


BANKED: list[Any] = []


def live(bureau: Any, *, lives: int, days: int) -> None:
    """Live some lives of some days each."""
    Life.bureau, Life.lives = bureau, 0
    BANKED[:] = [factory.member(bureau.deps, code) for code in BANKS]
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=lives,
            stateful_step_count=days,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_small_bureau_lives_and_the_auditor_agrees(bureau: Any) -> None:
    live(bureau, lives=3, days=18)


@pytest.mark.prove
def test_a_bureau_lives_long(bureau: Any) -> None:
    live(bureau, lives=20, days=40)
