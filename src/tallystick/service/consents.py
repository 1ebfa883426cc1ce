"""Consents: registering what a person agreed to, and withdrawing it for the very next call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from tallystick.errors import BadRequest, Refused
from tallystick.service import heads, registering
from tallystick.service.askable import require_scheme
from tallystick.service.members import Member
from tallystick.service.port import Deps


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentView:
    """A consent as its parties see it.

    `status`: active, withdrawn, expired, not_yet. `used` answers were given of `uses_allowed`; both
    are missing where it is for any number, which nobody counts. `text_sha256`: the SHA-256 of the
    text that was shown, as its captor signed it.
    """

    consent_id: UUID
    captured_by: UUID
    recipient_id: UUID | None
    purpose: str
    data_classes: tuple[str, ...]
    valid_from: datetime
    valid_to: datetime
    given_at: datetime
    withdrawn_at: datetime | None
    status: str
    uses_allowed: int | None
    used: int | None
    text_sha256: str


def register(
    deps: Deps, member: Member, *, artefact: str, salt: str, scheme: str, number: str
) -> ConsentView:
    """Check an artefact, countersign it with our token, and let it stand.

    What waits for it is not judged again by this: `submit.register_consent` does both.
    Gives:  the consent; the same artefact again gives the same consent
    Raises: BadRequest bad_consent, consent_other_subject, consent_other_member, consent_too_long,
            consent_given_later, consent_unknown_word, consent_exists (the id with other content),
            identifier_invalid (a scheme the profile does not know, a number that is nobody's)
    """
    require_scheme(scheme, profile=deps.profile_today)
    sent = registering.Sent(artefact=artefact, salt=salt, scheme=scheme, number=number)
    with deps.database.connect("serve") as connection:
        [outcome] = registering.register_all(deps, connection, member, [sent])
        if isinstance(outcome, BadRequest):
            raise outcome
        return view(connection, outcome.token, outcome.consent_id, deps.clock())


def withdraw(
    deps: Deps,
    consent_id: UUID,
    *,
    withdrawn_by: str,
    member: Member | None = None,
    tokens: frozenset[bytes] | None = None,
) -> ConsentView:
    """Withdraw a consent: no answer that needs it leaves after this commits.

    Time:   the instant at which it holds: after all answers given under it
    Takes:  `member`: only the member who captured it or receives under it; `tokens`: only a
            consent made under one of the person's tokens
    Raises: BadRequest `not_found` (also for what is not the caller's)
    """
    with deps.database.connect("serve") as connection:
        found = connection.execute(
            "select k.token, c.captured_by, c.recipient_id from directory.consent k"
            " join gate.consent c on c.token = k.token and c.consent_id = k.consent_id"
            " where k.consent_id = %s",
            (consent_id,),
        ).fetchone()
        if found is None or not _may_withdraw(found, member, tokens):
            raise BadRequest("not_found", "no consent of this id that you may withdraw")
        token = bytes(found[0])
        connection.execute("select from directory.token where token = %s for update", (token,))
        subjects = heads.subjects_of(connection, [token]).get(token, [])
        heads.lock(connection, subjects)
        now = deps.clock()  # after every answer it waited for: none stands as read after it
        done = connection.execute(
            "insert into gate.withdrawal (token, consent_id, withdrawn_at, withdrawn_by)"
            " values (%s, %s, %s, %s) on conflict do nothing",
            (token, consent_id, now, withdrawn_by),
        )
        if done.rowcount:
            heads.add_events(
                connection,
                [
                    heads.Event(subject_id, "consent_withdrawn", token, now, consent_id)
                    for subject_id in subjects
                ],
            )
        return view(connection, token, consent_id, now)


def _may_withdraw(
    found: tuple[Any, ...], member: Member | None, tokens: frozenset[bytes] | None
) -> bool:
    if member is not None:
        return member.member_id in (found[1], found[2])
    return tokens is None or bytes(found[0]) in tokens


_VIEW = """
select c.consent_id, c.captured_by, c.recipient_id, c.purpose, c.data_classes, c.valid_from,
  c.valid_to, c.given_at, w.withdrawn_at, c.uses_allowed, u.used, c.text_sha256
from gate.consent c left join gate.withdrawal w using (token, consent_id)
left join gate.consent_use u
  on u.token = c.token and u.consent_id = c.consent_id and c.uses_allowed is not null
"""


def view(
    connection: psycopg.Connection[Any], token: bytes, consent_id: UUID, now: datetime
) -> ConsentView:
    """One consent as it stands."""
    row = connection.execute(
        _VIEW + " where c.token = %s and c.consent_id = %s", (token, consent_id)
    ).fetchone()
    if row is None:
        raise Refused("consent_missing", "no consent of this id is registered")
    return _as_view(row, now)


def of_subject(deps: Deps, subject_id: UUID) -> list[ConsentView]:
    """Every consent under a subject's tokens, newest first; shown only by `person.own_consents`."""
    with deps.database.connect("serve") as connection:
        rows = connection.execute(
            _VIEW + " join directory.token_subject t on t.token = c.token"
            " where t.subject_id = %s order by c.registered_at desc",
            (subject_id,),
        ).fetchall()
    return [_as_view(row, deps.clock()) for row in rows]


def _as_view(row: tuple[Any, ...], now: datetime) -> ConsentView:
    if row[8] is not None:
        status = "withdrawn"
    elif now < max(row[5], row[7]):
        status = "not_yet"
    else:
        status = "active" if now < row[6] else "expired"
    return ConsentView(
        consent_id=row[0],
        captured_by=row[1],
        recipient_id=row[2],
        purpose=row[3],
        data_classes=tuple(row[4]),
        valid_from=row[5],
        valid_to=row[6],
        given_at=row[7],
        withdrawn_at=row[8],
        status=status,
        uses_allowed=row[9],
        used=row[10],
        text_sha256=row[11],
    )
