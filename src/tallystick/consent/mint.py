"""Minting permits: the only place where leave to look comes into being.

A permit goes to the database as a setting with a MAC over (subject, transaction): row-level
security on the files opens for it and for nothing else. That stops our own mistakes and injected
SQL, not the holder of the mint's key.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import cast, get_args
from uuid import UUID

from tallystick.consent.refusals import refused
from tallystick.errors import require
from tallystick.model.permit import MEMBERS_PERMITS, Audience, Permit, PermitKind
from tallystick.profile import ProfileAt

#: What of a report leaves where all of these classes are named.
_LEAVING = (
    (frozenset({"loans"}), frozenset({"agreements", "guarantees"})),
    (
        frozenset({"loans", "performance"}),
        frozenset({"summary", "accounts", "events", "remarks"}),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A consent as it stands at the moment of asking."""

    consent_id: UUID
    recipient_id: UUID | None
    purpose: str
    data_classes: tuple[str, ...]
    valid_from: datetime
    valid_to: datetime
    given_at: datetime
    is_withdrawn: bool
    names_subject: bool


def mint(
    kind: PermitKind,
    *,
    subject_id: UUID,
    member_id: UUID | None,
    member_class: str | None,
    purpose: str,
    profile: ProfileAt,
    now: datetime,
    consent: Standing | None = None,
    names_consent: bool = True,
    has_open_account: bool = False,
    audience: Audience = "lender",
) -> Permit:
    """Give leave, or refuse by raising.

    Takes:  `consent`: None where none is on file under the id given, or where none was named
            (`names_consent` false)
    Time:   `now` is the instant of the inquiry: a consent holds from valid_from up to, not
            including, valid_to, and not before it was given
    Raises: Refused: purpose_not_permitted, consent_missing, consent_withdrawn, consent_expired,
            consent_not_yet, consent_other_subject, consent_other_recipient,
            consent_other_purpose, no_open_account
    Source: the profile's purposes; spine 7
    """
    if not _is_allowed(
        kind, member_id=member_id, member_class=member_class, purpose=purpose, profile=profile
    ):
        raise refused("purpose_not_permitted")
    if kind == "consent":
        if consent is None:
            raise refused("consent_missing", names_consent=names_consent)
        _require_consent(consent, member_id=member_id, purpose=purpose, now=now)
    if kind == "account_review" and not has_open_account:
        raise refused("no_open_account")
    return Permit(
        kind=kind,
        subject_id=str(subject_id),
        audience=audience,
        purpose=purpose,
        member_id=str(member_id) if member_id else None,
        consent_id=str(consent.consent_id) if consent else None,
        scope=scope_of(consent.data_classes) if consent else frozenset(),
    )


def _is_allowed(
    kind: str,
    *,
    member_id: UUID | None,
    member_class: str | None,
    purpose: str,
    profile: ProfileAt,
) -> bool:
    """Whether the profile lets this asker ask so; what is not named here is not allowed."""
    if member_id is None:
        return kind == "self"
    allowed = profile.purposes.get(purpose)
    return (
        kind in MEMBERS_PERMITS
        and allowed is not None
        and allowed.allows(permit=kind, member_class=member_class)
    )


def scope_of(data_classes: Iterable[str]) -> frozenset[str]:
    """Which parts of a report a consent's data classes let leave.

    A class may be a part's own name, or one of the words consents are written in: `loans` is what
    was agreed, `performance` how it was repaid. What shows both (the accounts with their months,
    the summary) leaves only where both are named; a class nobody knows lets nothing leave.
    """
    named = frozenset(data_classes)
    parts = set(named)
    for classes, leaving in _LEAVING:
        if classes <= named:
            parts |= leaving
    return frozenset(parts)


def mint_again(
    kind: str,
    *,
    subject_id: str,
    audience: str,
    purpose: str,
    member_id: str | None,
    consent_id: str | None,
    scope: frozenset[str],
) -> Permit:
    """The permit of a look already granted and logged, to make its body anew for a proof.

    Raises: InvariantBroken when kind or audience are none a look can have
    """
    require(kind in get_args(PermitKind), "a look under an unknown permit")
    require(audience in get_args(Audience), "a look of an unknown audience")
    return Permit(
        kind=cast(PermitKind, kind),
        subject_id=subject_id,
        audience=cast(Audience, audience),
        purpose=purpose,
        member_id=member_id,
        consent_id=consent_id,
        scope=scope,
    )


def _require_consent(
    consent: Standing, *, member_id: UUID | None, purpose: str, now: datetime
) -> None:
    refusals = (
        (not consent.names_subject, "consent_other_subject"),
        (consent.recipient_id != member_id, "consent_other_recipient"),
        (consent.purpose != purpose, "consent_other_purpose"),
        (consent.is_withdrawn, "consent_withdrawn"),
        (now < max(consent.valid_from, consent.given_at), "consent_not_yet"),
        (now >= consent.valid_to, "consent_expired"),
    )
    for holds, code in refusals:
        if holds:
            raise refused(code)


def permit_text(mint_key: bytes, subject_id: UUID, transaction: str) -> str:
    """The setting that opens one subject's file for one database transaction."""
    message = f"{subject_id}:{transaction}".encode()
    return f"{subject_id}:{hmac.digest(mint_key, message, 'sha256').hex()}"
