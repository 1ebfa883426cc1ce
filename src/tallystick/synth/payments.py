"""Rent and telephone bills: records that are no credit, each under a consent of its own."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from tallystick.synth import members as cast
from tallystick.synth.desk import Desk
from tallystick.synth.identity_records import person_number, subject_record
from tallystick.synth.people import Person
from tallystick.synth.trace import Trace
from tallystick.synth.window import BACKLOAD_MONTHS, MONTHS, at

#: The header these rows are written for; compared with the registry before the first row.
HEADER = (
    "payer_account_number", "person_number", "payment_kind", "period_end", "bucket",
    "days_past_due", "currency", "amount_due", "amount_paid", "basis", "consent_ref",
    "notice_sent_on",
)  # fmt: skip
_EVER_LATE = 0.06
_LATE_MONTH = 0.08
_WITHDRAWN = 0.03
_DUE_DAY = 10


def write_payments(
    desk: Desk, rng: Random, person: Person, trace: Trace, *, has_credit: bool
) -> None:
    """What she pays for her telephone and her flat, where she lets it be furnished."""
    if rng.random() < (0.30 if has_credit else 0.90):
        amount = rng.choice((29, 59, 99, 129, 199))
        _payer(desk, rng, person, trace, member=cast.TELECOM, kind="telecom", amount=amount)
    if rng.random() < (0.06 if has_credit else 0.60):
        amount = rng.randrange(8, 60) * 100
        _payer(desk, rng, person, trace, member=cast.LANDLORD, kind="rent", amount=amount)


def _payer(
    desk: Desk, rng: Random, person: Person, trace: Trace, *, member: str, kind: str, amount: int
) -> None:
    start = rng.randrange(1, MONTHS - 6)
    first_day = desk.window.day(start, 1)
    if rng.random() < 0.15:
        desk.note_consent(person, member, "furnishing", "refused")
        return
    furnisher = desk.members[member]
    consent = desk.furnishing_consent(
        rng, person, member, first_day=first_day, data_class="payments"
    )
    end = MONTHS
    if rng.random() < _WITHDRAWN:
        end = rng.randrange(max(start + 3, BACKLOAD_MONTHS), MONTHS)
        desk.withdraw(at(desk.window.day(end, 12), 39600), person, consent)
    desk.add(start, member, "subject", subject_record(
        rng, person=person, member=furnisher, valid_from=first_day
    ))  # fmt: skip
    number = f"{furnisher.number:02d}{person.index:08d}"
    own = person_number(furnisher, person)
    late_months = _late_months(rng, start, end)
    lines: dict[str, list[str]] = {}
    for month in range(start, end):
        is_late = month in late_months
        notice = (desk.window.day(month, 1) - timedelta(days=2)).isoformat() if is_late else ""
        days = (desk.window.end(month) - desk.window.day(month, _DUE_DAY)).days if is_late else 0
        stated = "absent:not_held" if member == cast.LANDLORD else str(days)
        paid = 0 if is_late else amount * (2 if month - 1 in late_months else 1)
        lines.setdefault(desk.window.batch(month), []).append(
            f"{number},{own},{kind},{desk.window.end(month).isoformat()},"
            f"{desk.buckets.of(int(is_late))},{stated},CNY,{amount}.00,{paid}.00,consent,"
            f"{consent.consent_id},{notice}"
        )
        trace.payments += 1
    for batch, rows in lines.items():
        desk.sheets.add_lines(batch, member, "payment", rows)
    trace.seen_from(start)


def _late_months(rng: Random, start: int, end: int) -> frozenset[int]:
    """Single months in which nothing was paid; never two in a row."""
    late: list[int] = []
    if rng.random() < _EVER_LATE:
        for month in range(start + 1, end):
            if rng.random() < _LATE_MONTH and (not late or late[-1] < month - 1):
                late.append(month)
    return frozenset(late)
