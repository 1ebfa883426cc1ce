"""A bureau that took in the whole sample, and how the tests ask it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import orjson
import psycopg
from recomputed import is_day
from tradelines import Account, subject_row

from tallystick.adapters.clock import FakeClock
from tallystick.adapters.postgres import Database
from tallystick.adapters.vault import Vault
from tallystick.service import inquire, log, person, sessions, submit
from tallystick.service.answers import Answer
from tallystick.service.members import Member
from tallystick.service.port import Deps
from tallystick.service.submissions import SubmissionView

T = TypeVar("T")
PURPOSE = "joint_loan_duty"


@dataclass(frozen=True, slots=True)
class Look:
    """One look the tests made: under whose number, at whom (None: nobody was found)."""

    number: str
    subject_id: UUID | None
    member: str | None
    permit: str
    purpose: str
    outcome: str


@dataclass(slots=True, kw_only=True, repr=False)
class Loaded:
    """The bureau, the sample, and what was asked of it (`bodies` by look id)."""

    deps: Deps
    database: Database
    vault: Vault
    clock: FakeClock
    runner: asyncio.Runner
    accounts: dict[str, Account]
    members: dict[str, Member] = field(default_factory=dict)
    views: dict[tuple[str, str], SubmissionView] = field(default_factory=dict)
    looks: list[Look] = field(default_factory=list)
    bodies: dict[UUID, bytes] = field(default_factory=dict)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the tests' one loop."""
        return self.runner.run(work)

    def send(self, path: Path, dataset: str, lender: str, *, again: bool = False) -> SubmissionView:
        """Receive and process one file of a lender."""
        self.clock.advance(timedelta(seconds=1))
        with path.open("rb") as stream:
            received = submit.receive(self.deps, self.members[lender], dataset, stream, again=again)
        return submit.process(self.deps, received.submission_id)

    def subject_of(self) -> dict[str, UUID]:
        """Whose each account is, as the bureau decided."""
        found: dict[str, UUID] = {}
        for lender, member in self.members.items():
            numbers = [one.number for one in self.accounts.values() if one.lender == lender]
            tokens = self.deps.keys.number_tokens(member.member_id, "account", numbers)
            number_of = dict(zip(tokens, numbers, strict=True))
            for token, subject_id in self.rows(
                "select number_token, subject_id from directory.object"
                " join directory.party_subject using (party_id)"
                " where furnisher_id = %s and kind = 'account'",
                member.member_id,
            ):
                found[number_of[bytes(token)]] = subject_id
        return found

    def party_of(self, account: Account) -> UUID:
        """The party an account is kept under."""
        furnisher = self.members[account.lender].member_id
        token = self.deps.keys.number_token(furnisher, "account", account.number)
        found: UUID = self.rows(
            "select party_id from directory.object where furnisher_id = %s"
            " and kind = 'account' and number_token = %s",
            furnisher,
            token,
        )[0][0]
        return found

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows as the database's owner sees them."""
        with psycopg.connect(self.database.url) as connection:
            return connection.execute(query, values).fetchall()

    def ask(self, account: Account, lender: str) -> Answer:
        """A lender's inquiry with the identity as it stands in one account's row."""
        self.clock.advance(timedelta(milliseconds=10))
        identity = subject_row(account)
        number, key = identity["identifier_number"], f"{lender}-{len(self.looks)}"
        answer = self.run(
            inquire.answer(
                self.deps,
                inquire.Ask(
                    member=self.members[lender],
                    identifiers=((identity["identifier_scheme"], number),),
                    name=identity["name"],
                    birth_date=identity["birth_date"] if is_day(identity["birth_date"]) else None,
                    purpose=PURPOSE,
                    permit="legal_duty",
                    consent_id=None,
                    idempotency_key=key,
                    request_digest=hashlib.sha256(key.encode()).digest(),
                ),
            )
        )
        subject_id = None if answer.body is None else self._looked_at(answer)
        self.looks.append(Look(number, subject_id, lender, "legal_duty", PURPOSE, answer.outcome))
        return answer

    def own(self, subject_id: UUID) -> Answer:
        """A person's report of herself."""
        self.clock.advance(timedelta(milliseconds=10))
        secret = sessions.open_session(self.deps, persona="person", subject_id=subject_id)
        session = sessions.session(self.deps, secret)
        assert session is not None
        answer = self.run(person.own_report(self.deps, session))
        self.looks.append(
            Look("", self._looked_at(answer), None, "self", "own_access", answer.outcome)
        )
        return answer

    def number_looks(self) -> None:
        """Let the sequencer number the looks made so far."""
        log.sequence_once(self.deps)

    def _looked_at(self, answer: Answer) -> UUID:
        assert answer.body is not None
        self.bodies[answer.look_id] = answer.body
        found: UUID = self.rows(
            "select subject_id from log.look where look_id = %s", answer.look_id
        )[0][0]
        return found

    def looks_at(self, subject_id: UUID, numbers: Iterable[str]) -> list[Look]:
        """The looks the person must see: at her, and those under her numbers that found nobody."""
        hers = set(numbers)
        return [
            one
            for one in self.looks
            if one.subject_id == subject_id or (one.subject_id is None and one.number in hers)
        ]

    def close(self) -> None:
        """Close the pools and the loop."""
        self.run(self.database.aclose())
        self.run(self.vault.aclose())
        self.runner.close()
        self.database.close()


def body_of(answer: Answer) -> dict[str, Any]:
    """An answer's body."""
    assert answer.body is not None
    found: dict[str, Any] = orjson.loads(answer.body)
    return found
