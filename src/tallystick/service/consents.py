"""Consents: registering what a person agreed to, and withdrawing it for the very next call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import psycopg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tallystick.consent import Artefact, check_subject, read_artefact, require_form
from tallystick.consent.artefact import BUREAU, kid_of
from tallystick.consent.terms import check_terms
from tallystick.errors import BadRequest, Refused
from tallystick.model.canonical import canonical
from tallystick.model.instant import instant_text
from tallystick.report import BLOCKS
from tallystick.service import heads
from tallystick.service.askable import require_scheme
from tallystick.service.members import Member
from tallystick.service.port import Deps


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentView:
    """A consent as its parties see it. `status`: active, withdrawn, expired, not_yet."""

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


def register(
    deps: Deps, member: Member, *, artefact: str, salt: str, scheme: str, number: str
) -> ConsentView:
    """Check an artefact, countersign it with our token, and let it stand.

    What waits for it is not judged again by this: `submit.register_consent` does both.
    Gives:  the consent; the same artefact again gives the same consent
    Raises: BadRequest bad_consent, consent_other_subject, consent_other_member, consent_too_long,
            consent_given_later, consent_unknown_word, consent_exists (the id with other content),
            identifier_invalid
    """
    require_scheme(scheme, profile=deps.profile_today)
    with deps.database.connect("serve") as connection:
        return register_in(
            deps, connection, member, artefact=artefact, salt=salt, scheme=scheme, number=number
        )


def register_in(
    deps: Deps,
    connection: psycopg.Connection[Any],
    member: Member,
    *,
    artefact: str,
    salt: str,
    scheme: str,
    number: str,
    keys: Mapping[UUID, bytes] | None = None,
) -> ConsentView:
    """`register` inside the caller's transaction (bulk registration).

    Takes: `keys`: vault keys of consents, made for many at once
    """
    read = _checked(deps, connection, member, artefact)
    check_subject(read, salt=salt, scheme=scheme, number=number)
    token = deps.keys.identity_token(scheme, number)
    now = deps.clock()
    heads.lock_tokens(connection, [token], [scheme], now)
    known = connection.execute(
        "select artefact from gate.consent where token = %s and consent_id = %s",
        (token, read.consent_id),
    ).fetchone()
    if known is None:
        require_form(artefact)
        check_terms(
            read, now=now, purposes=deps.profile.at(now).purposes.keys(), data_classes=BLOCKS
        )
        _insert(
            deps, connection, member, read,
            artefact=artefact, salt=salt, token=token, now=now, keys=keys or {},
        )  # fmt: skip
    elif known[0] != artefact:
        raise BadRequest(
            "consent_exists", "the artefact's `consent_id` is taken by an artefact that differs"
        )
    return view(connection, token, read.consent_id, now)


def lock_persons(
    deps: Deps, connection: psycopg.Connection[Any], numbers: Iterable[tuple[str, str]]
) -> None:
    """Lock everybody a file's consents name, before the first of them is registered.

    Tokens first, then heads, each ascending, as publishing does: in the file's own order two files
    would lock each other out. A token's row stays, even where its consent is refused.

    Takes: (scheme, identity number) of each
    """
    schemes = {deps.keys.identity_token(scheme, number): scheme for scheme, number in numbers}
    heads.lock_tokens(connection, list(schemes), list(schemes.values()), deps.clock())
    heads.lock(connection, _subjects(connection, list(schemes)))


def _checked(
    deps: Deps, connection: psycopg.Connection[Any], member: Member, artefact: str
) -> Artefact:
    row = connection.execute(
        "select jwk from member.public_key where member_id = %s and kid = %s",
        (member.member_id, kid_of(artefact)),
    ).fetchone()
    if row is None:
        raise BadRequest(
            "bad_consent", "the header's `kid` names none of your registered public keys"
        )
    jwk: Mapping[str, str] = orjson.loads(row[0])
    read = read_artefact(artefact, jwk)
    if read.captured_by != member.code:
        raise BadRequest(
            "consent_other_member", "the artefact's `captured_by` is not your member code"
        )
    life = deps.profile_today.consent_life_max_days
    if read.valid_to - read.valid_from > timedelta(days=life):
        raise BadRequest(
            "consent_too_long",
            f"from `valid_from` to `valid_to` are more than the {life} days a consent may last",
        )
    return read


def _insert(
    deps: Deps,
    connection: psycopg.Connection[Any],
    member: Member,
    read: Artefact,
    *,
    artefact: str,
    salt: str,
    token: bytes,
    now: datetime,
    keys: Mapping[UUID, bytes],
) -> None:
    recipient_id = None
    if read.recipient != BUREAU:
        row = connection.execute(
            "select member_id from member.member where code = %s", (read.recipient,)
        ).fetchone()
        if row is None:
            raise BadRequest(
                "unknown_member",
                f"the artefact's `recipient` is no member's code and not `{BUREAU}`",
            )
        recipient_id = row[0]
    key = keys.get(read.consent_id)
    if key is None:
        key = deps.vault.create([read.consent_id], now)[read.consent_id]
    statement = {"artefact": artefact, "registered_at": instant_text(now), "token": token.hex()}
    subjects = _subjects(connection, [token])
    heads.lock(connection, subjects)
    made = connection.execute(
        _STANDS,
        (
            read.consent_id, token, member.member_id, recipient_id, read.purpose,
            list(read.data_classes), read.valid_from, read.valid_to, read.given_at, now,
            read.uses_allowed, artefact, AESGCM(key).encrypt(bytes(12), salt.encode(), b"salt"),
            deps.keys.sign(canonical(statement)), read.text_sha256, read.locale,
        ),
    )  # fmt: skip
    if not made.rowcount:
        raise BadRequest(
            "consent_exists", "the artefact's `consent_id` is taken by an artefact that differs"
        )
    heads.add_events(
        connection,
        [
            heads.Event(subject_id, "consent_given", token, now, read.consent_id)
            for subject_id in subjects
        ],
    )


#: Nothing is made where the id is taken by a consent under another token.
_STANDS = """
with mine as (
  insert into directory.consent (consent_id, token) values (%s, %s) on conflict do nothing
  returning consent_id, token
), stands as (
  insert into gate.consent (token, consent_id, captured_by, recipient_id, purpose, data_classes,
    valid_from, valid_to, given_at, registered_at, uses_allowed, artefact, salt_sealed,
    countersignature, text_sha256, locale)
  select token, consent_id, %s::uuid, %s::uuid, %s::text, %s::text[], %s::timestamptz,
    %s::timestamptz, %s::timestamptz, %s::timestamptz, %s::integer, %s::text, %s::bytea,
    %s::bytea, %s::text, %s::text
  from mine
)
insert into gate.consent_use (token, consent_id) select token, consent_id from mine
"""


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
        subjects = _subjects(connection, [token])
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


def _subjects(connection: psycopg.Connection[Any], tokens: Sequence[bytes]) -> list[UUID]:
    rows = connection.execute(
        "select distinct subject_id from directory.token_subject where token = any(%s)"
        " order by subject_id",
        (list(tokens),),
    )
    return [row[0] for row in rows]


_VIEW = """
select c.consent_id, c.captured_by, c.recipient_id, c.purpose, c.data_classes, c.valid_from,
  c.valid_to, c.given_at, w.withdrawn_at
from gate.consent c left join gate.withdrawal w using (token, consent_id)
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
    """Every consent under a subject's tokens, newest first."""
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
    )
