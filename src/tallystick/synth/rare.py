"""Rare things planted once everybody is known: identity cases, and accounts opened by mistake.

Both need somebody who stands a certain way on file, so they are picked after all were written. The
people behind identity cases are invented here and are in nobody's household.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from random import Random
from typing import NamedTuple

from tallystick.model.instant import instant_text
from tallystick.synth import members as cast
from tallystick.synth import names
from tallystick.synth.account_records import write_account
from tallystick.synth.accounts import Account, account_number
from tallystick.synth.course import Course, course_of
from tallystick.synth.desk import Desk
from tallystick.synth.identity_records import person_number, subject_record
from tallystick.synth.numbers import RESIDENT_SCHEME
from tallystick.synth.people import Person
from tallystick.synth.snapshot_rows import snapshot_lines
from tallystick.synth.trace import Trace
from tallystick.synth.window import BACKLOAD_MONTHS, MONTHS, at

#: Members whose records say exactly who she is: they type no names by hand and hold the number.
_EXACT = frozenset((cast.SHY_PLATFORM, *cast.BANKS[:7], cast.BANKS[8]))
#: Persons and numbers made up here are far from those of households.
_FIRST_INDEX = 5_000_000
_FIRST_ORDER = 150_000_000
_MISTAKEN_MONTHS = 3
_PEOPLE_PER_CLASH, _PEOPLE_PER_WEAK, _PEOPLE_PER_DELETION = 1000, 500, 1000
_MOST_DELETIONS = 3
_LOOK_DAY = 15
#: Among fewer people nobody is left for ordinary things.
_LEAST_PEOPLE = 20


class Look(NamedTuple):
    """Who is looked at by whom, under an account with her, and when."""

    trace: Trace
    member: str
    moment: datetime


class Rare:
    """Plants rare things among the people of a run, each of them at most once a person."""

    def __init__(self, desk: Desk, traces: Sequence[Trace]):
        self._desk = desk
        self._rng = Random(f"rare {desk.seed}")
        self._people = len(traces)
        self._waiting = [trace for trace in traces if _stands_exactly(trace)]
        self._rng.shuffle(self._waiting)
        self._made_up = 0
        #: Whose numbers now stand for two: an inquiry by such a number cannot be foretold.
        self.doubled: set[int] = set()

    def plant(self) -> list[Look]:
        """Plant all of it; gives looks at accounts that are deleted afterwards."""
        if self._people < _LEAST_PEOPLE:
            return []
        for _ in range(1 + self._people // _PEOPLE_PER_CLASH):
            self._clash()
        self._weak(cast.SMALL_BANK)
        deletions = min(_MOST_DELETIONS, 1 + self._people // _PEOPLE_PER_DELETION)
        looks = [self._mistaken() for _ in range(deletions)]
        for number in range(1 + self._people // _PEOPLE_PER_WEAK):
            self._weak((cast.CARD_ISSUER, cast.SMALL_BANK)[number % 2])
        return [look for look in looks if look is not None]

    def _clash(self) -> None:
        """A card issuer sends somebody else under her number: another name, another birth date."""
        trace = self._take(lambda one: _is_unknown_to(one, cast.CARD_ISSUER) and _is_han(one))
        if trace is None:
            return
        self.doubled.add(trace.person.index)
        other = self._made_up_person(trace.person)
        born = _another_birth_date(self._rng, trace.person.birth_date)
        other = replace(other, name=_another_name(self._rng, trace.person.name), birth_date=born)
        self._new_customer("clash", trace.person, other, cast.CARD_ISSUER)

    def _weak(self, member: str) -> None:
        """A lender that asks for no number knows her name and birth date, and nothing else fits."""
        trace = self._take(lambda one: _is_unknown_to(one, member) and _is_han(one))
        if trace is not None:
            self._new_customer("weak", trace.person, self._made_up_person(trace.person), member)

    def _made_up_person(self, like: Person) -> Person:
        """Somebody of her name and birth date with another telephone and another home."""
        self._made_up += 1
        return replace(
            like, index=_FIRST_INDEX + self._made_up, spouse_index=None,
            phone=f"198{self._made_up:08d}", address_line=f"新桥路{self._made_up}号",
            locality="归云市", region="星湖省", postal_code="990390",
        )  # fmt: skip

    def _new_customer(self, kind: str, person: Person, other: Person, code: str) -> None:
        """Open an account of `other` at a member and furnish it to the end."""
        member, month = self._desk.members[code], self._rng.randrange(BACKLOAD_MONTHS, MONTHS - 3)
        account = self._account(code, other, month)
        record = subject_record(
            Random(0), person=other, member=member, valid_from=account.opened_on
        ) | {"name": other.name, "birth_date": other.birth_date.isoformat()}
        absent = "absent:not_held"
        record |= (
            {"identifier_scheme": other.scheme, "identifier_number": other.number}
            if kind == "clash" else {"identifier_scheme": absent, "identifier_number": absent}
        )  # fmt: skip
        self._desk.add(month, code, "subject", record)
        self._write(account, course_of(self._rng, account), other, until=MONTHS)
        self._desk.note(
            "cases", kind=kind, member=code, person_number=person_number(member, other),
            person=person.index, opened_on=account.opened_on.isoformat(),
        )  # fmt: skip

    def _mistaken(self) -> Look | None:
        """An account put under the wrong customer, and removed by its furnisher months later."""
        trace = self._take(lambda one: _bank_of(one) is not None)
        code = None if trace is None else _bank_of(trace)
        if trace is None or code is None:
            return None
        month = self._rng.randrange(BACKLOAD_MONTHS, MONTHS - _MISTAKEN_MONTHS)
        account = self._account(code, trace.person, month)
        deleted = month + _MISTAKEN_MONTHS
        self._write(account, course_of(self._rng, account), trace.person, until=deleted)
        self._desk.add(deleted, code, "deletion", {
            "record_dataset": "account",
            "record_key": json.dumps(
                {"account_number": account.number, "valid_from": account.opened_on.isoformat()}
            ),
            "reason": "not_his",
        })  # fmt: skip
        moment = at(self._desk.window.day(deleted, _LOOK_DAY), 36_000)
        self._desk.note(
            "deleted", member=code, account_number=account.number, person=trace.person.index,
            scheme=trace.person.scheme, number=trace.person.number,
            month=self._desk.window.end(deleted).isoformat(), looked_at=instant_text(moment),
        )  # fmt: skip
        return Look(trace, code, moment)

    def _account(self, code: str, holder: Person, month: int) -> Account:
        """A quiet account: a loan of the small bank, a card of anybody else."""
        member, is_loan = self._desk.members[code], code == cast.SMALL_BANK
        account = Account(
            member=code, product="instalment_loan" if is_loan else "credit_card",
            number=account_number(member, _FIRST_ORDER + holder.index), opened_month=month,
            opened_on=self._desk.window.day(month, self._rng.randrange(3, 25)),
            due_day=self._rng.randrange(5, 26), term=24 if is_loan else 0,
            instalment=500 if is_loan else 0, limit=0 if is_loan else 12_000,
        )  # fmt: skip
        account.missed = [0] * (MONTHS - account.first_payment_month)
        return account

    def _write(self, account: Account, course: Course, holder: Person, *, until: int) -> None:
        """The account's terms and its months before `until`."""
        desk, code = self._desk, account.member
        write_account(
            desk, account, course, basis_change=None,
            borrower_number=person_number(desk.members[code], holder),
        )  # fmt: skip
        for month, line in snapshot_lines(
            account, course, window=desk.window, buckets=desk.buckets
        ):
            if month < until:
                desk.sheets.add_lines(desk.window.batch(month), code, "snapshot", [line])
                desk.count("snapshots")
        desk.count("accounts")

    def _take(self, fits: Callable[[Trace], bool]) -> Trace | None:
        """The next person nothing rare was planted with; None when nobody fits any more."""
        found = next((one for one in self._waiting if fits(one)), None)
        if found is not None:
            self._waiting.remove(found)
        return found


def _stands_exactly(trace: Trace) -> bool:
    """Whether the back-load says, without a doubt, who she is."""
    is_known = any(code in _EXACT and first < BACKLOAD_MONTHS for code, first, _ in trace.lenders)
    return is_known and not trace.person.has_day_like_a_month


def _is_unknown_to(trace: Trace, code: str) -> bool:
    return all(code != lender for lender, _, _ in trace.lenders)


def _is_han(trace: Trace) -> bool:
    return trace.person.scheme == RESIDENT_SCHEME and not trace.person.name.isascii()


def _bank_of(trace: Trace) -> str | None:
    """A bank that has her number and her name since the back-load."""
    return next(
        (
            code for code, first, _ in trace.lenders
            if code in _EXACT and code in cast.BANKS and first < BACKLOAD_MONTHS
        ),
        None,
    )  # fmt: skip


def _another_name(rng: Random, name: str) -> str:
    """A name that has no character in common with `name`."""
    while True:
        other = names.han_name(rng, rng.choice(names.SURNAMES))
        if not set(other) & set(name):
            return other


def _another_birth_date(rng: Random, born: date) -> date:
    """A date of another year and another day, in the same month."""
    day = 1 + (born.day + rng.randrange(1, 27)) % 28
    return date(born.year - rng.randrange(1, 9), born.month, day)
