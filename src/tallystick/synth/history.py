"""Sixty months of one household: who borrows where, how it goes, and what is furnished of it."""

from __future__ import annotations

from random import Random
from typing import Any

from tallystick.synth import members as cast
from tallystick.synth.account_records import (
    BasisChange,
    EventWriter,
    write_account,
    write_fundings,
)
from tallystick.synth.accounts import Account, draw_account, number_of_accounts
from tallystick.synth.consents import Consent
from tallystick.synth.corrections import correct_late_month
from tallystick.synth.course import Course, course_of
from tallystick.synth.delinquency import account_classes, missed_payments, person_class
from tallystick.synth.desk import Desk, write_line
from tallystick.synth.going_on import GoingOn, goes_on, note_going_on, report_sale
from tallystick.synth.identity_records import person_number, subject_record
from tallystick.synth.payments import write_payments
from tallystick.synth.people import Person
from tallystick.synth.relations import Relations, write_other_holders
from tallystick.synth.remarks import write_remarks
from tallystick.synth.restated import restate
from tallystick.synth.snapshot_rows import snapshot_lines
from tallystick.synth.trace import Trace
from tallystick.synth.window import BACKLOAD_MONTHS, MONTHS, at

_WITHOUT_CREDIT = 0.08
#: Who agrees to being furnished, where furnishing rests on consent.
_AGREE = {cast.SHY_PLATFORM: 0.08, cast.OTHER_PLATFORM: 0.60, cast.MICRO_LENDER: 0.90}
#: Of those who do not agree: furnished because the law says so; the others are not furnished.
_LEGAL_DUTY_INSTEAD = 0.75
_WITHDRAWS_FURNISHING = 0.06


def write_household(desk: Desk, persons: list[Person]) -> list[Trace]:
    """Write everything about the persons of one household; gives what later parts must know."""
    traces = []
    relations = Relations(desk)
    for person in persons:
        rng = Random(f"history {desk.seed} {person.index}")
        trace = Trace(person)
        has_credit = rng.random() >= _WITHOUT_CREDIT
        entry: dict[str, Any] = {"person": person.index, "household": person.household}
        entry |= {"scheme": person.scheme, "number": person.number, "name": person.name}
        entry |= {"birth_date": person.birth_date.isoformat(), "worst": 0, "accounts": []}
        if has_credit:
            _write_credit(desk, rng, person, relations, trace=trace, entry=entry)
        write_payments(desk, rng, person, trace, has_credit=has_credit)
        write_line(desk.truth, entry)
        traces.append(trace)
    by_index = {person.index: person for person in persons}
    write_other_holders(desk, relations, by_index)
    for trace in traces:
        for month in relations.months_known(trace.person.index):
            trace.seen_from(max(month, 0))
    relations.write_subjects(by_index)
    return traces


def _write_credit(
    desk: Desk, rng: Random, person: Person, relations: Relations, *, trace: Trace,
    entry: dict[str, Any],
) -> None:  # fmt: skip
    accounts = [
        draw_account(
            rng, members=desk.members, window=desk.window, order=person.index * 20 + place + 1
        )
        for place in range(number_of_accounts(rng))
    ]
    consents = _settle_bases(desk, rng, person, accounts)
    furnished = [account for account in accounts if account.is_furnished]
    worst = person_class(rng) if furnished else 0
    classes = account_classes(rng, worst, [account.payable_months for account in furnished])
    for account, account_class in zip(furnished, classes, strict=True):
        account.worst = account_class
    changes = {
        member: _withdrawal(desk, rng, person, consent) for member, consent in consents.items()
    }
    _write_agreements(desk, person, furnished)
    for account in accounts:
        if account.is_furnished:
            course, change = _walk(desk, rng, account), changes.get(account.member)
            new = None if change else goes_on(desk, person, account, course)
            _write_account(desk, rng, person, account, course=course, change=change, new=new)
            relations.borrows(person, account)
            if new is not None:
                report_sale(desk, account, new)
                note_going_on(desk, account, course, new=new)
                relations.knows(person.index, new.member, new.month, new.day)
            write_remarks(desk, rng, _in_first_late_month(account, course, new), course)
            correct_late_month(desk, rng, account, course)
            _trace(trace, account, course, new=new)
        entry["accounts"].append(_truth(desk, person, account))
    trace.worst = entry["worst"] = max((account.worst for account in furnished), default=0)


def _settle_bases(
    desk: Desk, rng: Random, person: Person, accounts: list[Account]
) -> dict[str, Consent]:
    """Ask for consent where furnishing rests on it; say for each account on what basis it goes."""
    consents: dict[str, Consent] = {}
    for member, share in _AGREE.items():
        own = [account for account in accounts if account.member == member]
        if not own:
            continue
        asked = [account for account in own if account.opened_month >= 1]
        if asked and rng.random() < share:
            first_day = min(account.opened_on for account in asked)
            consent = desk.furnishing_consent(
                rng, person, member, first_day=first_day, data_class="loans"
            )
            consents[member] = consent
            for account in asked:
                account.basis, account.consent_id = "consent", consent.consent_id
        elif asked:
            desk.note_consent(person, member, "furnishing", "refused")
            if rng.random() >= _LEGAL_DUTY_INSTEAD:
                for account in own:
                    account.is_furnished = False
    return consents


def _withdrawal(desk: Desk, rng: Random, person: Person, consent: Consent) -> BasisChange | None:
    if rng.random() >= _WITHDRAWS_FURNISHING:
        return None
    given = desk.window.month_of(consent.terms.given_at.date())
    if given >= MONTHS - 3:
        return None
    month = rng.randrange(max(BACKLOAD_MONTHS, given + 2), MONTHS)
    day = desk.window.day(month, 12)
    desk.withdraw(at(day, 40000), person, consent)
    return BasisChange(month, day)


def _walk(desk: Desk, rng: Random, account: Account) -> Course:
    if account.worst:
        account.closes_in = None
        account.restructures = account.worst == 2 and rng.random() < 0.4
    months = max(0, MONTHS - account.first_payment_month)
    account.missed = missed_payments(rng, account.worst, months, account.payable_months)
    return course_of(rng, account)


def _in_first_late_month(account: Account, course: Course, new: GoingOn | None) -> Account:
    """The account under the number it has when it is late for the first time."""
    late = next((row.month for row in course.months if row.missed), None)
    return new.later(account) if new and late is not None and new.holds(late) else account


def _write_account(
    desk: Desk, rng: Random, person: Person, account: Account, *, course: Course,
    change: BasisChange | None, new: GoingOn | None,
) -> None:  # fmt: skip
    keeps_numbers = account.member != cast.MICRO_LENDER
    member = desk.members[account.member]
    change = _basis_change(account, course, change)
    write_account(
        desk, account, course, basis_change=change, new=new,
        borrower_number=person_number(member, person) if keeps_numbers else "",
    )  # fmt: skip
    write_fundings(desk, account)
    if account.member in cast.PLATFORMS:
        EventWriter(desk, account).write(course)
    if not keeps_numbers:
        desk.add(account.opened_month, account.member, "subject", subject_record(
            rng, person=person, member=member, valid_from=account.opened_on,
            account_number=account.number,
        ))  # fmt: skip
    _write_months(desk, account, course, new)
    desk.count("accounts")


def _write_months(desk: Desk, account: Account, course: Course, new: GoingOn | None) -> None:
    lines = snapshot_lines(account, course, window=desk.window, buckets=desk.buckets)
    if new is None:
        lines = restate(desk, account, course, lines)
    files: dict[tuple[str, str], list[str]] = {}
    for month, line in lines:
        member = account.member
        if new is not None and new.holds(month):
            member, line = new.member, new.number + line[len(account.number) :]
        files.setdefault((desk.window.batch(month), member), []).append(line)
    for (batch, member), rows in files.items():
        desk.sheets.add_lines(batch, member, "snapshot", rows)
    desk.count("snapshots", len(lines))


def _basis_change(
    account: Account, course: Course, change: BasisChange | None
) -> BasisChange | None:
    """What a withdrawn consent means for one account under it.

    Opened afterwards, or closed in that month: the law is the basis from then on. Closed before:
    nothing more is furnished of it.
    """
    if change is None or not account.consent_id:
        return None
    if account.opened_month >= change.month:
        account.basis, account.consent_id = "legal_duty", ""
        return None
    if course.closed_month is not None and course.closed_month < change.month:
        course.months = [row for row in course.months if row.month < change.month]
        return None
    return change


def _write_agreements(desk: Desk, person: Person, furnished: list[Account]) -> None:
    """One credit line for all of a person's accounts at a platform.

    It revolves where one of them does; what was lent only in instalments is repaid once.
    """
    for code in cast.PLATFORMS:
        own = [account for account in furnished if account.member == code]
        if not own:
            continue
        first = min(own, key=lambda account: account.opened_on)
        limit = sum(account.limit or account.principal for account in own)
        for account in own:
            account.agreement = f"A{first.number}"
        desk.add(first.opened_month, code, "agreement", {
            "agreement_number": first.agreement,
            "person_number": person_number(desk.members[code], person),
            "valid_from": first.opened_on.isoformat(),
            "currency": "CNY",
            "credit_limit": f"{limit}.00",
            "is_revolving": "true" if any(account.term == 0 for account in own) else "false",
            "status": "active",
            "basis": first.basis,
            "consent_ref": first.consent_id,
        })  # fmt: skip


def _truth(desk: Desk, person: Person, account: Account) -> dict[str, Any]:
    keeps_numbers = account.member != cast.MICRO_LENDER
    return {
        "member": account.member,
        "account_number": account.number,
        "person_number": person_number(desk.members[account.member], person)
        if keeps_numbers else "",
        "worst": account.worst,
        "furnished": account.is_furnished,
        "basis": account.basis if account.is_furnished else "",
    }  # fmt: skip


def _trace(trace: Trace, account: Account, course: Course, *, new: GoingOn | None) -> None:
    first = max(account.opened_month, 0)
    last = MONTHS if course.closed_month is None else course.closed_month - 1
    trace.seen_from(first)
    if new is None or new.member == account.member:
        trace.lenders.append((account.member, first, last))
    else:
        trace.lenders += [(account.member, first, new.month - 1), (new.member, new.month, last)]
    trace.funders.extend((funder, first, last) for funder, _ in account.split[1:])
