"""Made-up files, permits and readers for the report's tests."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date

from tallystick.model.file import (
    AccountLine,
    ConsentLine,
    Coordinates,
    LookLine,
    PartyIdentity,
    SubjectFile,
)
from tallystick.model.months import Month, pack, period_of
from tallystick.model.permit import Permit
from tallystick.profile import Profile, ProfileAt
from tallystick.report import NEWEST as NEWEST_VERSION
from tallystick.report import MemberView, Version, assemble

SUBJECT = "00000000-0000-7000-8000-000000000001"
BANK, PLATFORM, CARDS = "member-bank", "member-platform", "member-cards"
TODAY = date(2026, 6, 15)
NEWEST = period_of(date(2026, 5, 31))


def _member(code: str, name_en: str, name_zh: str, member_class: str) -> MemberView:
    return MemberView(code=code, name_en=name_en, name_zh=name_zh, member_class=member_class)


MEMBERS = {
    BANK: _member("BANK1", "First Bank", "第一银行", "commercial_bank"),
    PLATFORM: _member("PLAT1", "Plat", "平台", "platform"),
    CARDS: _member("CARD1", "Cards", "卡", "card_issuer"),
}


def mask(kind: str, identity: str) -> str:
    return f"{kind[:3]}_{hashlib.sha256(f'{kind}/{identity}'.encode()).hexdigest()[:16]}"


def zz(day: date = TODAY) -> ProfileAt:
    return Profile.load("zz").on(day)


def cn(day: date = TODAY) -> ProfileAt:
    return Profile.load("cn").on(day)


def permit(audience: str = "lender", *, member: str = BANK, scope: frozenset[str] = frozenset()):
    kind, purpose = {
        "lender": ("consent", "credit_application"),
        "person": ("self", "own_access"),
        "furnisher": ("furnisher_verification", "data_quality"),
    }[audience]
    return Permit(
        kind=kind,
        subject_id=SUBJECT,
        audience=audience,
        purpose=purpose,
        member_id=None if audience == "person" else member,
        scope=scope,
    )


def month(
    back: int, bucket: str = "0", days: int | None = 0, balance: int | None = 100_000,
    due: int | None = 5_000,
) -> Month:  # fmt: skip
    """A month `back` months before the newest."""
    return Month(NEWEST - back, bucket, days, balance, due)


def run(codes: str, *, ends_back: int = 0, **values: int | None) -> bytes:
    """A packed grid of one month a character, the last `ends_back` months before the newest."""
    count = len(codes)
    return pack(month(ends_back + count - 1 - at, code, **values) for at, code in enumerate(codes))


def account(number: int = 1, **changes: object) -> AccountLine:
    values: dict[str, object] = {
        "account_id": f"account-{number}",
        "party_id": "party-1",
        "furnisher_id": BANK,
        "role": "borrower",
        "terms": {
            "valid_from": "2025-01-10", "product": "instalment_loan", "currency": "CNY",
            "opened_on": "2025-01-10", "principal_minor": 1_200_000, "instalment_count": 24,
            "basis": "consent", "consent_ref": "con-1", "income_monthly_minor": 900_000,
        },
        "months": run("0000"),
        "latest": {
            "period_end": "2026-05-31", "bucket": "0", "days_past_due": 0, "currency": "CNY",
            "balance_minor": 100_000, "payment_due_minor": 5_000, "status": "open",
            "absent": {"amount_paid": "not_held"},
        },
        "private": {"account_number": f"A-{number}"},
    }  # fmt: skip
    return AccountLine(**{**values, **changes})  # type: ignore[arg-type]


def terms(**changes: object) -> dict[str, object]:
    return {**account().terms, **changes}


def latest(**changes: object) -> dict[str, object]:
    return {**(account().latest or {}), **changes}


def identity(furnisher: str = BANK, number: int = 1) -> PartyIdentity:
    return PartyIdentity(
        party_id=f"party-{number}",
        furnisher_id=furnisher,
        fields={
            "valid_from": "2025-01-01",
            "name": "测试甲",
            "birth_date": "1988-01-01",
            "identifier_scheme": "cn_resident_id",
            "absent": {"identifier_number": "not_held"},
        },
    )


def file(*accounts: AccountLine, **blocks: object) -> SubjectFile:
    return SubjectFile(subject_id=SUBJECT, accounts=accounts, **blocks)  # type: ignore[arg-type]


def look(number: int = 1, **changes: object) -> LookLine:
    values: dict[str, object] = {
        "look_id": f"look-{number}",
        "number": number,
        "occurred_at": "2026-06-01T08:00:00.000000Z",
        "member_id": PLATFORM,
        "permit": "consent",
        "purpose": "credit_application",
        "outcome": "hit",
    }
    return LookLine(**{**values, **changes})  # type: ignore[arg-type]


def consent(number: int = 1, **changes: object) -> ConsentLine:
    values: dict[str, object] = {
        "consent_id": f"consent-{number}",
        "captured_by": BANK,
        "recipient_id": BANK,
        "purpose": "credit_application",
        "data_classes": ("accounts",),
        "valid_from": "2026-01-01T00:00:00.000000Z",
        "valid_to": "2027-01-01T00:00:00.000000Z",
        "given_at": "2026-01-01T00:00:00.000000Z",
        "withdrawn_at": None,
    }
    return ConsentLine(**{**values, **changes})  # type: ignore[arg-type]


AT = Coordinates(as_of="2026-06-15T15:59:59.999999Z", position=7, log_size=42, head_version=3)


def body(
    content: SubjectFile,
    audience: str = "lender",
    *,
    member: str = BANK,
    looks: tuple[LookLine, ...] = (),
    consents: tuple[ConsentLine, ...] = (),
    profile: ProfileAt | None = None,
    scope: frozenset[str] = frozenset(),
    as_of: str = AT.as_of,
    version: Version = NEWEST_VERSION,
):
    return assemble(
        permit(audience, member=member, scope=scope),
        content,
        looks=looks,
        consents=consents,
        profile=profile or zz(),
        coordinates=replace(AT, as_of=as_of),
        member_view=MEMBERS.__getitem__,
        mask=mask,
        version=version,
    )
