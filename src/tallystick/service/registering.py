"""Registering consents: one that a member sends, or those of a file by sets, judged alike.

All that needs no lock comes first, the signatures above all. Then everybody named is locked, tokens
before heads and each ascending, as publishing does: in the file's own order two files would lock
each other out. Ids are taken last, ascending too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import psycopg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tallystick.consent import (
    Artefact,
    Unformed,
    check_subject,
    read_artefact,
    require_form,
    require_salt,
)
from tallystick.consent.artefact import BUREAU, kid_of
from tallystick.consent.terms import check_terms
from tallystick.errors import BadRequest
from tallystick.model.canonical import canonical
from tallystick.model.ids import plain_id
from tallystick.model.instant import instant_text
from tallystick.profile.at import ProfileAt
from tallystick.report import BLOCKS
from tallystick.service import heads
from tallystick.service.askable import require_number
from tallystick.service.members import Member
from tallystick.service.port import Deps


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A consent as a member sends it, and the number and salt its artefact names a person by.

    `named`: the id a row of a file names it by, as written; None: only the artefact says it
    """

    artefact: str
    salt: str
    scheme: str
    number: str
    named: str | None = None


class Registered(NamedTuple):
    """A consent that stands; `is_new`: it did not before."""

    token: bytes
    consent_id: UUID
    is_new: bool


class _Checked(NamedTuple):
    """A consent whose signature holds, about the person it was sent for; `place`: among all."""

    place: int
    sent: Sent
    read: Artefact
    token: bytes


class _Standing(NamedTuple):
    """Under which token a consent stands, and what was signed."""

    token: bytes
    artefact: str


class _Beside(NamedTuple):
    """What consents are judged beside: those that stand, by id; members' ids, by code; the day.

    `profile`: as in force on that day; `is_test_mode`: numbers kept for tests are taken
    """

    standing: dict[UUID, _Standing]
    recipients: Mapping[str, UUID | None]
    profile: ProfileAt
    is_test_mode: bool
    now: datetime


def register_all(
    deps: Deps, connection: psycopg.Connection[Any], member: Member, sent: Sequence[Sent]
) -> list[Registered | BadRequest]:
    """Let consents stand, inside the caller's transaction: those that would if they came singly.

    Gives:  for each, in their order, what stands, or why it is refused (codes: as
            `consents.register` raises them); the same artefact again is the same consent
    Raises: what the database refuses; then none stands, and nobody knows which of them it was
    """
    checked, refusals = _check(deps, connection, member, sent)
    outcomes: dict[int, Registered | BadRequest] = {**refusals}
    schemes = {one.token: one.sent.scheme for one in checked}
    heads.lock_tokens(connection, list(schemes), list(schemes.values()), deps.clock())
    beside = _beside(deps, connection, checked)
    new = []
    for one in checked:
        try:
            is_new = _is_new(one, beside)
        except BadRequest as refused:
            outcomes[one.place] = refused
            continue
        outcomes[one.place] = Registered(one.token, one.read.consent_id, is_new)
        if is_new:
            beside.standing[one.read.consent_id] = _Standing(one.token, one.sent.artefact)
            new.append(one)
    taken = _insert(deps, connection, member, new, beside=beside)
    settled = [outcomes[place] for place in range(len(sent))]
    return [
        _is_taken() if isinstance(one, Registered) and one.consent_id in taken else one
        for one in settled
    ]


def _check(
    deps: Deps, connection: psycopg.Connection[Any], member: Member, sent: Sequence[Sent]
) -> tuple[list[_Checked], dict[int, BadRequest]]:
    """Those that hold by themselves, and by place why the others do not."""
    jwks = dict(
        connection.execute(
            "select kid, jwk from member.public_key where member_id = %s", (member.member_id,)
        ).fetchall()
    )
    life_days = deps.profile_today.consent_life_max_days
    checked, refusals = [], {}
    for place, one in enumerate(sent):
        try:
            read = _read(one.artefact, jwks, member, life_days)
            _require_subject(read, one)
        except BadRequest as refused:
            refusals[place] = refused
            continue
        token = deps.keys.identity_token(one.scheme, one.number)
        checked.append(_Checked(place, one, read, token))
    return checked, refusals


def _require_subject(read: Artefact, one: Sent) -> None:
    """Raise BadRequest unless the artefact names the person; of a salt read laxly, that it is."""
    try:
        check_subject(read, salt=one.salt, scheme=one.scheme, number=one.number)
    except BadRequest:
        require_salt(one.salt)
        raise


def _read(artefact: str, jwks: Mapping[str, str], member: Member, life_days: int) -> Artefact:
    jwk = jwks.get(kid_of(artefact))
    if jwk is None:
        raise BadRequest(
            "bad_consent", "the header's `kid` names none of your registered public keys"
        )
    read = read_artefact(artefact, orjson.loads(jwk))
    if read.captured_by != member.code:
        raise BadRequest(
            "consent_other_member", "the artefact's `captured_by` is not your member code"
        )
    if read.valid_to - read.valid_from > timedelta(days=life_days):
        raise BadRequest(
            "consent_too_long",
            f"from `valid_from` to `valid_to` are more than the {life_days} days a consent may"
            " last",
        )
    return read


def _beside(
    deps: Deps, connection: psycopg.Connection[Any], checked: Sequence[_Checked]
) -> _Beside:
    """What is there once the tokens are locked."""
    now = deps.clock()
    standing = connection.execute(
        "select consent_id, token, artefact from directory.consent"
        " join gate.consent using (token, consent_id) where consent_id = any(%s)",
        ([one.read.consent_id for one in checked],),
    ).fetchall()
    members = connection.execute(
        "select code, member_id from member.member where code = any(%s)",
        (list({one.read.recipient for one in checked}),),
    ).fetchall()
    return _Beside(
        standing={id_: _Standing(bytes(token), artefact) for id_, token, artefact in standing},
        recipients={**dict(members), BUREAU: None},
        profile=deps.profile.at(now),
        is_test_mode=deps.is_test_mode,
        now=now,
    )


def _is_new(one: _Checked, beside: _Beside) -> bool:
    """Whether a consent does not stand yet, and may.

    Raises: BadRequest: it may not
    """
    known = beside.standing.get(one.read.consent_id)
    is_new = known is None or known.token != one.token
    if is_new:
        profile, purposes = beside.profile, beside.profile.purposes.keys()
        require_salt(one.sent.salt)
        require_form(one.sent.artefact)
        check_terms(one.read, now=beside.now, purposes=purposes, data_classes=BLOCKS)
        require_number(
            one.sent.scheme, one.sent.number, profile=profile, is_test_mode=beside.is_test_mode
        )
        if one.read.recipient not in beside.recipients:
            raise BadRequest(
                "unknown_member",
                f"the artefact's `recipient` is no member's code and not `{BUREAU}`",
            )
    if known is not None and known != _Standing(one.token, one.sent.artefact):
        raise _is_taken()
    if one.sent.named is not None and plain_id(one.sent.named) != one.read.consent_id:
        raise Unformed("consent_id", "the row's `consent_id`, in small letters")
    return is_new


def _is_taken() -> BadRequest:
    return BadRequest(
        "consent_exists", "the artefact's `consent_id` is taken by an artefact that differs"
    )


def _insert(
    deps: Deps,
    connection: psycopg.Connection[Any],
    member: Member,
    new: Sequence[_Checked],
    *,
    beside: _Beside,
) -> set[UUID]:
    """Let new consents stand and move their persons' heads; gives the ids that were taken."""
    if not new:
        return set()
    keys = deps.vault.create([one.read.consent_id for one in new], beside.now)
    subjects = heads.subjects_of(connection, [one.token for one in new])
    heads.lock(connection, list({one for several in subjects.values() for one in several}))
    rows = [_row(deps, one, keys[one.read.consent_id], beside) for one in new]
    columns = [list(column) for column in zip(*rows, strict=True)]
    made = connection.execute(_STANDS, (*columns, member.member_id, beside.now)).fetchall()
    stands = {row[0] for row in made}
    heads.add_events(
        connection,
        [
            heads.Event(subject_id, "consent_given", one.token, beside.now, one.read.consent_id)
            for one in new
            if one.read.consent_id in stands
            for subject_id in subjects.get(one.token, ())
        ],
    )
    return {one.read.consent_id for one in new} - stands


def _row(deps: Deps, one: _Checked, key: bytes, beside: _Beside) -> tuple[Any, ...]:
    """The columns of `_STANDS` for one consent, sealed and countersigned."""
    statement = {
        "artefact": one.sent.artefact,
        "registered_at": instant_text(beside.now),
        "token": one.token.hex(),
    }
    read = one.read
    return (
        read.consent_id, one.token, beside.recipients[read.recipient], read.purpose,
        " ".join(read.data_classes), read.valid_from, read.valid_to, read.given_at,
        read.uses_allowed, one.sent.artefact,
        AESGCM(key).encrypt(bytes(12), one.sent.salt.encode(), b"salt"),
        deps.keys.sign(canonical(statement)), read.text_sha256, read.locale,
    )  # fmt: skip


#: Nothing is made where the id is taken by a consent under another token. Ids are taken ascending;
#: no name of a data class holds a space.
_STANDS = """
with given as (
  select * from unnest(%s::uuid[], %s::bytea[], %s::uuid[], %s::text[], %s::text[],
    %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::integer[], %s::text[],
    %s::bytea[], %s::bytea[], %s::text[], %s::text[])
    as g (consent_id, token, recipient_id, purpose, data_classes, valid_from, valid_to, given_at,
      uses_allowed, artefact, salt_sealed, countersignature, text_sha256, locale)
), mine as (
  insert into directory.consent (consent_id, token)
  select consent_id, token from given order by consent_id on conflict do nothing
  returning consent_id
), stands as (
  insert into gate.consent (token, consent_id, captured_by, recipient_id, purpose, data_classes,
    valid_from, valid_to, given_at, registered_at, uses_allowed, artefact, salt_sealed,
    countersignature, text_sha256, locale)
  select token, consent_id, %s::uuid, recipient_id, purpose, string_to_array(data_classes, ' '),
    valid_from, valid_to, given_at, %s::timestamptz, uses_allowed, artefact, salt_sealed,
    countersignature, text_sha256, locale
  from given join mine using (consent_id)
), uses as (
  insert into gate.consent_use (token, consent_id)
  select token, consent_id from given join mine using (consent_id)
)
select consent_id from mine
"""
