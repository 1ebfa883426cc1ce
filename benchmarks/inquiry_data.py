"""A bureau full of made-up files, written straight into its tables: what the inquiry load reads.

As intake would leave them (identity sealed, months packed), without the hours of sending them.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import psycopg

from benchmarks.bureau import account_number
from tallystick.entry.compose import new_id
from tallystick.ledger import seal
from tallystick.model.months import Month, pack, period_of
from tallystick.service.members import Member, add_member
from tallystick.service.port import Deps
from tallystick.synth.numbers import resident_id

SCHEME = "cn_resident_id"
PURPOSE = "credit_application"
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
NEWEST = period_of(datetime(2026, 5, 31, tzinfo=UTC).date())
#: A resident number tells a thousand persons of one day apart.
_FIRST_BORN = date(1950, 1, 1)
_BATCH = 2_000
FILLED = (
    "directory.token", "directory.token_subject", "directory.party", "directory.party_subject",
    "directory.object", "directory.consent", "identity.link", "gate.head", "gate.head_event",
    "gate.consent", "file.subject", "file.account",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """One person to be asked for."""

    number: str
    name: str
    birth_date: str
    consent_id: UUID


@dataclass(frozen=True, slots=True)
class Person:
    """One person's rows to be."""

    serial: int
    subject_id: UUID
    parties: tuple[UUID, ...]
    accounts: int
    months: int


def fill(deps: Deps, url: str, *, subjects: int, heavy: int) -> tuple[Member, list[Target]]:
    """Fill a fresh bureau; gives the asker and everybody it may ask for.

    Takes: `heavy` of the subjects have 15 accounts x 60 months, the others 3 or 4 x 24
    """
    furnishers = [
        add_member(deps, code=f"lender-{at}", name_en="Lender", name_zh="机构", member_class=kind)
        for at, kind in enumerate(("platform", "platform", "commercial_bank", "micro_lender"))
    ]
    bank = add_member(
        deps, code="bank", name_en="Bank", name_zh="银行", member_class="commercial_bank"
    )
    targets: list[Target] = []
    numbered = 0
    rng = random.Random(7)
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into ledger.chunk (chunk_no, dataset, row_count, root, inserted_at)"
            " values (0, 'link', 1, %s, %s)",
            (bytes(32), SINCE),
        )
        connection.execute(
            "insert into ledger.publication (position, recorded_at, chunk_id, digest)"
            " values (1, %s, 1, %s)",
            (SINCE, bytes(32)),
        )
        connection.execute("update ledger.counter set position = 1, recorded_at = %s", (SINCE,))
        for start in range(0, subjects, _BATCH):
            people = [
                _person(rng, serial, heavy)
                for serial in range(start, min(start + _BATCH, subjects))
            ]
            keys = deps.vault.create([p for one in people for p in one.parties], SINCE)
            batch = _Batch(deps, furnishers, keys, bank, first_number=numbered)
            targets += batch.write(connection, people)
            numbered += len(batch.own)
            print(f"  {len(targets):,} of {subjects:,} persons on file", flush=True)
    with psycopg.connect(url, autocommit=True) as connection:
        for table in FILLED:  # as autovacuum would: it leaves empty tables alone
            connection.execute(f"vacuum analyze {table}")  # type: ignore[call-overload]
    return bank, targets


def _person(rng: random.Random, serial: int, heavy: int) -> Person:
    is_heavy = serial < heavy
    parties = tuple(new_id() for _ in range(4 if is_heavy else rng.choice((1, 2, 2, 3))))
    accounts = 15 if is_heavy else rng.choice((3, 4, 4, 4, 3, 4, 4, 3, 4, 4))
    return Person(serial, new_id(), parties, accounts, 60 if is_heavy else 24)


class _Batch:
    """Writes some thousand persons with COPY."""

    def __init__(
        self,
        deps: Deps,
        furnishers: Sequence[Member],
        keys: dict[UUID, bytes],
        bank: Member,
        *,
        first_number: int,
    ):
        self.deps = deps
        self.furnishers = furnishers
        self.keys = keys
        self.bank = bank
        self.first_number = first_number
        #: Account and party of what the first furnisher reports, in the order of its numbers.
        self.own: list[tuple[UUID, UUID]] = []

    def write(self, connection: psycopg.Connection[Any], people: Sequence[Person]) -> list[Target]:
        targets = [
            Target(
                number=resident_id(born, one.serial % 1000), name=f"测试{one.serial}",
                birth_date=str(born), consent_id=new_id(),
            )
            for one in people
            for born in (_FIRST_BORN + timedelta(days=one.serial // 1000),)
        ]  # fmt: skip
        both = list(zip(people, targets, strict=True))
        tokens = [self.deps.keys.identity_token(SCHEME, target.number) for target in targets]
        subjects = [one.subject_id for one in people]
        pairs = list(zip(tokens, subjects, strict=True))
        tables: dict[str, Iterable[Sequence[Any]]] = {
            "directory.token": ((token, SCHEME, 1, SINCE) for token in tokens),
            "directory.token_subject": pairs,
            "directory.party (furnisher_id, person_token, party_id)": self._parties(people),
            "directory.party_subject": (
                (party, one.subject_id) for one in people for party in one.parties
            ),
            "identity.link (party_id, subject_id, chunk_id, row_no, decision, decided_by,"
            " decided_at, leaf)": (
                (party, one.subject_id, 1, 0, "new", "bureau", SINCE, bytes(32))
                for one in people
                for party in one.parties
            ),
            "gate.head": ((subject, 2) for subject in subjects),
            "gate.head_event": self._events(pairs, targets),
            "directory.consent": (
                (target.consent_id, token) for target, token in zip(targets, tokens, strict=True)
            ),
            "gate.consent": self._consents(targets, tokens),
            "file.subject": ((one.subject_id, self._document(*pair)) for pair in both
                             for one in pair[:1]),
            "file.account": (row for one in people for row in self._accounts(one)),
            "directory.object (furnisher_id, kind, number_token, object_id, party_id)":
                self._objects(),
        }  # fmt: skip
        with connection.cursor() as cursor:
            for table, rows in tables.items():
                with cursor.copy(f"copy {table} from stdin") as copy:  # type: ignore[call-overload]
                    for row in rows:
                        copy.write_row(row)
        connection.commit()
        return targets

    def _objects(self) -> Iterator[Sequence[Any]]:
        """The first furnisher's directory: a month of these accounts can be sent in."""
        numbers = [account_number(self.first_number + at) for at in range(len(self.own))]
        first = self.furnishers[0].member_id
        tokens = self.deps.keys.number_tokens(first, "account", numbers)
        for token, (account, party) in zip(tokens, self.own, strict=True):
            yield first, "account", token, account, party

    def _parties(self, people: Sequence[Person]) -> Iterator[Sequence[Any]]:
        for one in people:
            for at, party in enumerate(one.parties):
                yield self._furnisher(at), party.bytes, party

    def _furnisher(self, at: int) -> UUID:
        return self.furnishers[at % len(self.furnishers)].member_id

    def _events(
        self, pairs: Sequence[tuple[bytes, UUID]], targets: Sequence[Target]
    ) -> Iterator[Sequence[Any]]:
        for (token, subject), target in zip(pairs, targets, strict=True):
            yield subject, 1, "token_linked", token, None, SINCE
            yield subject, 2, "consent_given", token, target.consent_id, SINCE

    def _consents(
        self, targets: Sequence[Target], tokens: Sequence[bytes]
    ) -> Iterator[Sequence[Any]]:
        ends = SINCE + timedelta(days=3650)
        bank = self.bank.member_id
        for target, token in zip(targets, tokens, strict=True):
            yield (
                token, target.consent_id, bank, bank, PURPOSE,
                ["accounts", "identity", "inquiries", "summary"], SINCE, ends, SINCE, SINCE,
                None, "e30.e30.", b"s", b"c", "0" * 64, "zh",
            )  # fmt: skip

    def _document(self, one: Person, target: Target) -> str:
        parties = []
        for at, party in enumerate(one.parties):
            fields = {
                "name": target.name, "birth_date": target.birth_date, "phone": "+86 100",
                "identifier_number": target.number, "person_number": f"P{one.serial}",
            }  # fmt: skip
            sealed = seal.seal(self.keys[party], fields, b"subject")
            version = {
                "valid_from": "2024-01-01",
                "identifier_scheme": SCHEME,
                "sealed": base64.b64encode(sealed).decode(),
            }
            parties.append(
                {
                    "party_id": str(party),
                    "furnisher_id": str(self._furnisher(at)),
                    "versions": [version],
                }
            )
        blocks: dict[str, Any] = {"agreements": [], "guarantees": [], "payments": []}
        return orjson.dumps({"parties": parties, **blocks, "remarks": []}).decode()

    def _accounts(self, one: Person) -> Iterator[Sequence[Any]]:
        for at in range(one.accounts):
            party = one.parties[at % len(one.parties)]
            late = at % 4 == 0
            months = pack(
                Month(NEWEST - back, "1" if late and back % 11 == 3 else "0", 0, 900_000 - back, 5)
                for back in reversed(range(one.months))
            )
            sealed = seal.seal(self.keys[party], {"account_number": f"A{one.serial}-{at}"},
                               b"account")  # fmt: skip
            account = new_id()
            if at % len(one.parties) == 0:
                self.own.append((account, party))
            yield (
                one.subject_id, account, party, self._furnisher(at % len(one.parties)),
                "borrower", "instalment_loan", "CNY", "2024-01-01", None, None, 1_200_000, None,
                "legal_duty", _terms(party, sealed), None, "2026-05-31", "0", "open", 900_000,
                _LATEST, months, None, 1,
            )  # fmt: skip


def _terms(party: UUID, sealed: bytes) -> str:
    version = {
        "valid_from": "2024-01-01", "product": "instalment_loan", "currency": "CNY",
        "opened_on": "2024-01-01", "principal_minor": 1_200_000, "instalment_count": 36,
        "basis": "legal_duty", "sealed": base64.b64encode(sealed).decode(),
    }  # fmt: skip
    holder = {"party_id": str(party), "role": "borrower", "holder_no": 1}
    return orjson.dumps(
        {"versions": [version], "holders": [holder], "fundings": [], "remarks": []}
    ).decode()


_LATEST = orjson.dumps(
    {
        "period_end": "2026-05-31", "bucket": "0", "days_past_due": 0, "currency": "CNY",
        "balance_minor": 900_000, "payment_due_minor": 5, "amount_paid_minor": 5,
        "amount_past_due_minor": 0, "status": "open",
    }
).decode()  # fmt: skip
