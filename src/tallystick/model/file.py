"""A subject's file as the report sees it: what the projection holds, with identity unsealed.

Values inside `terms`, `latest` and the lists are plain JSON (strings, integers, booleans): dates as
ISO strings, money as `<name>_minor` integers with a `currency` beside. A key that is not there was
not reported; `absent` maps a field to its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Record = Mapping[str, Any]

#: The roles in which a member holds a share of a loan; others guarantee or serve it.
FUNDING_ROLES = frozenset({"originator", "funder"})

#: Roles that owe; the others answer for somebody else's debt or use the account.
DEBT_ROLES = frozenset({"borrower", "co_borrower"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyIdentity:
    """Identity of one person as one furnisher reported it (fields of the `subject` record)."""

    party_id: str
    furnisher_id: str
    fields: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLine:
    """One account in a subject's file.

    `role` is the subject's own role (borrower, co_borrower, guarantor, authorised_user);
    `role_ended_on` (ISO day) its last day where that is over. Terms are those of her last day,
    events, months and `latest` those of her time; `latest` is None where the newest snapshot is
    not, and while she has a role `before` then tells the `bucket` and `status` of it.
    `responsibility` is for how much she answers (`currency`, `amount_minor`), where that was said.
    `other_roles` the roles of the account's other holders, sorted, never who they are.
    `months` is a packed grid (`model.months`), oldest first. `latest` is the newest snapshot in
    full, None when no month was furnished. `fundings` are the furnished shares
    (`funder_id, role, valid_from, valid_to?, share_ppb? | funded_amount_minor?`).
    `events` are sorted by (occurred_at, event_id); `others_events` are the places of those that
    another than `furnisher_id` sent, or may have sent. `remarks` tell in `stated_by` whose each is,
    `furnisher_id`'s where it is not there. `private` holds unsealed fields
    (`account_number`) where the reader may see them, else it is empty. `others` are the periods
    without content: between two times of hers, or as another furnished them, where a furnisher
    verifies its own: nothing else here is another's then. `unowed` are the
    periods in which she, who owes now, had another role only.
    """

    account_id: str
    party_id: str
    furnisher_id: str
    role: str
    role_ended_on: str | None = None
    responsibility: Record | None = None
    other_roles: tuple[str, ...] = ()
    terms: Record = field(default_factory=dict)
    months: bytes = b""
    latest: Record | None = None
    before: Record | None = None
    events: tuple[Record, ...] = ()
    others_events: frozenset[int] = frozenset()
    fundings: tuple[Record, ...] = ()
    remarks: tuple[Record, ...] = ()
    private: Record = field(default_factory=dict)
    others: frozenset[int] = frozenset()
    unowed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectFile:
    """Everything about one person that a report may be made of, at one position.

    `fundings` are a verifying furnisher's own statements of its shares of others' accounts, with
    the account's `account_id` and its `furnisher_id`. `erased` are accounts of hers that went with
    the erasure of their first borrower (`account_id`, `furnisher_id`).
    """

    subject_id: str
    identities: tuple[PartyIdentity, ...] = ()
    accounts: tuple[AccountLine, ...] = ()
    agreements: tuple[Record, ...] = ()
    guarantees: tuple[Record, ...] = ()
    payments: tuple[Record, ...] = ()
    remarks: tuple[Record, ...] = ()
    fundings: tuple[Record, ...] = ()
    erased: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LookLine:
    """One look as a report shows it; `number` is its place in the log."""

    look_id: str
    number: int
    occurred_at: str
    member_id: str | None
    permit: str
    purpose: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentLine:
    """One consent as a report shows it (ISO times; withdrawn_at None while it stands)."""

    consent_id: str
    captured_by: str
    recipient_id: str
    purpose: str
    data_classes: tuple[str, ...]
    valid_from: str
    valid_to: str
    given_at: str
    withdrawn_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinates:
    """Where in the bureau's history an answer stands; with them it can be given again."""

    as_of: str
    position: int
    log_size: int
    head_version: int
