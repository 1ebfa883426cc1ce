"""Who looked: the looks a reader may see, and their counts by window and purpose."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from tallystick.model.file import ConsentLine, LookLine
from tallystick.profile import ProfileAt
from tallystick.report.fields import Block
from tallystick.report.reader import Reader

#: Outcomes in which something left; the others are shown to the person, not to lenders.
ANSWERED = frozenset({"hit"})
#: Permits whose looks other lenders may see, where the purpose says so as well.
_SHOWN_PERMITS = frozenset({"consent", "legal_duty"})


def shown_looks(
    looks: Sequence[LookLine], *, reader: Reader, profile: ProfileAt, as_of: str
) -> list[LookLine]:
    """The looks the reader may see, in the order given: the person all, a lender some."""
    if reader.is_person:
        return list(looks)
    oldest = datetime.fromisoformat(as_of) - timedelta(days=profile.inquiries_shown_days)
    return [
        look
        for look in looks
        if look.permit in _SHOWN_PERMITS
        and look.outcome in ANSWERED
        and look.purpose in profile.purposes
        and profile.purposes[look.purpose].shown_to_lenders
        and datetime.fromisoformat(look.occurred_at) > oldest
    ]


def look_block(look: LookLine, *, reader: Reader) -> Block:
    """One look as the reader sees it."""
    return {
        "look_id": reader.mask("look", look.look_id),
        "number": look.number,
        "occurred_at": look.occurred_at,
        "member": None if look.member_id is None else reader.member(look.member_id),
        "permit": look.permit,
        "purpose": look.purpose,
        "outcome": look.outcome,
    }


def inquiries_block(looks: Sequence[LookLine], *, profile: ProfileAt, as_of: str) -> list[Block]:
    """Answered inquiries that the profile records as hard or soft, by purpose and window.

    Time: a look counts in a window of n days when it happened less than n days before `as_of`
    """
    now = datetime.fromisoformat(as_of)
    windows = [(days, timedelta(days=days)) for days in profile.inquiry_windows_days]
    ages: dict[str, list[timedelta]] = {}
    for look in looks:
        purpose = profile.purposes.get(look.purpose)
        if purpose is not None and purpose.effect != "none" and look.outcome in ANSWERED:
            ages.setdefault(look.purpose, []).append(now - datetime.fromisoformat(look.occurred_at))
    return [
        {
            "purpose": code,
            "counts_against": profile.purposes[code].counts,
            "windows": [
                {"days": days, "inquiries": sum([age < window for age in group])}
                for days, window in windows
            ],
        }
        for code, group in sorted(ages.items())
    ]


def consent_block(consent: ConsentLine, *, reader: Reader) -> Block:
    """One consent as the reader sees it."""
    return {
        "consent_id": reader.mask("consent", consent.consent_id),
        "captured_by": reader.member(consent.captured_by),
        "recipient": reader.member(consent.recipient_id),
        "purpose": consent.purpose,
        "data_classes": list(consent.data_classes),
        "valid_from": consent.valid_from,
        "valid_to": consent.valid_to,
        "given_at": consent.given_at,
        "withdrawn_at": consent.withdrawn_at,
    }
