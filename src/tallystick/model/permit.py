"""A permit: leave to look, as a value. Only `consent/` makes one (tested)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

PermitKind = Literal[
    "consent", "legal_duty", "account_review", "self", "furnisher_verification", "again"
]
#: What a member may ask under; its name stands in consents, profiles, looks and on every edge.
MEMBERS_PERMITS: tuple[PermitKind, ...] = (
    "consent", "legal_duty", "account_review", "furnisher_verification",
)  # fmt: skip
Audience = Literal["lender", "person", "furnisher"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """Who may see what of whom, why, and until when.

    `member_id` is None for the person herself. `scope` names the blocks of a report that may leave
    (empty = all the audience may see). `readable_until` is an ISO instant for `again`.
    """

    kind: PermitKind
    subject_id: str
    audience: Audience
    purpose: str
    member_id: str | None = None
    consent_id: str | None = None
    scope: frozenset[str] = field(default_factory=frozenset)
    readable_until: str | None = None
