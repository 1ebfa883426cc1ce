"""Who is a customer of whom: one `subject` record each, and the other holders of joint accounts."""

from __future__ import annotations

from datetime import date
from random import Random

from tallystick.synth import members as cast
from tallystick.synth.accounts import Account
from tallystick.synth.desk import Desk
from tallystick.synth.identity_records import person_number, subject_record
from tallystick.synth.people import Person


class Relations:
    """The relations of one household, in the order they come up."""

    def __init__(self, desk: Desk):
        self._desk = desk
        self._since: dict[tuple[int, str], tuple[int, date]] = {}
        self.shared: list[tuple[int, Account]] = []

    def borrows(self, person: Person, account: Account) -> None:
        """She is the first borrower of the account."""
        if account.member != cast.MICRO_LENDER:
            self.joins(person.index, account)
        if account.joint or account.guaranteed:
            self.shared.append((person.index, account))

    def joins(self, index: int, account: Account) -> None:
        """The person is known to the account's lender since its opening at the latest."""
        self.knows(index, account.member, account.opened_month, account.opened_on)

    def knows(self, index: int, code: str, month: int, day: date) -> None:
        """The person is known to a member since a day at the latest."""
        key, since = (index, code), (month, day)
        self._since[key] = min(self._since.get(key, since), since)

    def months_known(self, index: int) -> list[int]:
        """Since which month each of her lenders furnishes the person, as any holder's."""
        return [month for (known, _), (month, _) in self._since.items() if known == index]

    def write_subjects(self, persons: dict[int, Person]) -> None:
        """One `subject` record for each person at each of her lenders."""
        for (index, code), (month, day) in self._since.items():
            rng = Random(f"subject {self._desk.seed} {index} {code}")
            member = self._desk.members[code]
            self._desk.add(month, code, "subject", subject_record(
                rng, person=persons[index], member=member, valid_from=day
            ))  # fmt: skip


def write_other_holders(desk: Desk, relations: Relations, persons: dict[int, Person]) -> None:
    """Spouses who borrow jointly, and relatives who answer for a business loan."""
    for index, account in relations.shared:
        borrower = persons[index]
        if account.joint and borrower.spouse_index in persons:
            _holder(
                desk, relations, account, persons[borrower.spouse_index or 0], role="co_borrower"
            )
        elif account.guaranteed:
            others = [person for person in persons.values() if person.index != index]
            if others:
                _holder(desk, relations, account, others[0], role="guarantor")
                _guarantee(desk, account, others[0])


def _holder(
    desk: Desk, relations: Relations, account: Account, person: Person, *, role: str
) -> None:
    relations.joins(person.index, account)
    desk.add(account.opened_month, account.member, "account_party", {
        "account_number": account.number,
        "person_number": person_number(desk.members[account.member], person),
        "role": role,
        "holder_no": "1",
        "valid_from": account.opened_on.isoformat(),
        "currency": "CNY",
        "responsibility": f"{account.principal}.00",
    })  # fmt: skip


def _guarantee(desk: Desk, account: Account, person: Person) -> None:
    desk.add(account.opened_month, account.member, "guarantee", {
        "guarantee_number": f"G{account.number}",
        "person_number": person_number(desk.members[account.member], person),
        "account_number": account.number,
        "valid_from": account.opened_on.isoformat(),
        "currency": "CNY",
        "amount": f"{account.principal}.00",
        "basis": "legal_duty",
    })  # fmt: skip
