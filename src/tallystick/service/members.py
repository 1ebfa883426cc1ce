"""Members: institutions with keys. Who asks and who furnishes comes from the key alone."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
import psycopg

from tallystick.errors import BadRequest
from tallystick.formats import Registry
from tallystick.model.unshown import is_no_text
from tallystick.service.port import Deps

_COLUMNS = "member_id, code, name_en, name_zh, member_class"
_PREFIX = "sk_test_"
#: The one form of a member's code; the table checks the same.
_CODE: Final = re.compile("[a-z0-9][a-z0-9_-]{0,39}")
#: Most characters of a member's name, and of a key's label.
MOST_NAME: Final = 200
MOST_LABEL: Final = 100


@dataclass(frozen=True, slots=True)
class Member:
    """An institution: `code` is its short public name in files and pages."""

    member_id: UUID
    code: str
    name_en: str
    name_zh: str
    member_class: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedKey:
    """A key just issued; `secret` is shown this once and kept as a digest only."""

    key_id: UUID
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView:
    """A key as lists show it."""

    key_id: UUID
    label: str
    issued_at: datetime
    revoked_at: datetime | None


def add_member(
    deps: Deps,
    *,
    code: str,
    name_en: str,
    name_zh: str,
    member_class: str,
    jwk: Mapping[str, str] | None = None,
) -> Member:
    """Register an institution; `jwk` is the public key it signs consents with.

    Raises: BadRequest `member_exists`, and as `require_member`
    """
    require_member(
        deps.registry, code=code, name_en=name_en, name_zh=name_zh, member_class=member_class
    )
    member = Member(deps.new_id(), code, name_en, name_zh, member_class)
    try:
        with deps.database.connect("serve") as connection:
            connection.execute(
                "insert into member.member (member_id, code, name_en, name_zh, member_class,"
                " registered_at) values (%s, %s, %s, %s, %s, %s)",
                (member.member_id, code, name_en, name_zh, member_class, deps.clock()),
            )
    except psycopg.errors.UniqueViolation:
        raise BadRequest("member_exists", f"the code {code!r} is taken") from None
    if jwk is not None:
        add_public_key(deps, member.member_id, f"{code}:1", jwk)
    return member


def require_member(
    registry: Registry, *, code: str, name_en: str, name_zh: str, member_class: str
) -> None:
    """Ask of a member to be whether its own words fit; whether its code is taken is not asked.

    Raises: BadRequest `bad_member_code`, `bad_member_name`, `bad_member_class`
    """
    if not _CODE.fullmatch(code):
        raise BadRequest("bad_member_code", "1 to 40 of them, the first a letter or a digit")
    _require_readable("bad_member_name", "the name in English", name_en, most=MOST_NAME)
    _require_readable("bad_member_name", "the name in Chinese", name_zh, most=MOST_NAME)
    field = registry["member"].field("member_class")
    if member_class not in (field.domain or ()):
        raise BadRequest("bad_member_class", f"one of: {', '.join(field.domain or ())}")


def _require_readable(code: str, what: str, text: str, *, most: int) -> None:
    """Raise BadRequest of `code` unless a text of at most so many characters can be read."""
    if len(text) > most:
        raise BadRequest(code, f"{what} has {len(text)} characters; at most {most} are taken")
    if is_no_text(text) or not any(map(str.isalnum, text)):
        raise BadRequest(code, f"{what} is empty, or holds what nobody can read")


def add_public_key(deps: Deps, member_id: UUID, kid: str, jwk: Mapping[str, str]) -> None:
    """Keep the public key a member signs consents with."""
    with deps.database.connect("serve") as connection:
        connection.execute(
            "insert into member.public_key (member_id, kid, jwk, valid_from)"
            " values (%s, %s, %s, %s)",
            (member_id, kid, orjson.dumps(dict(jwk)).decode(), deps.clock()),
        )


def members(deps: Deps) -> list[Member]:
    """All members, by code."""
    with deps.database.connect("serve") as connection:
        rows = connection.execute(f"select {_COLUMNS} from member.member order by code").fetchall()
    return [Member(*row) for row in rows]


def member_by_code(deps: Deps, code: str) -> Member:
    """The member of a code. Raises: BadRequest `unknown_member`."""
    return _one(deps, "code = %s", code)


def member_by_id(deps: Deps, member_id: UUID) -> Member:
    """The member of an id. Raises: BadRequest `unknown_member`."""
    return _one(deps, "member_id = %s", member_id)


def _one(deps: Deps, condition: str, value: Any) -> Member:
    with deps.database.connect("serve") as connection:
        row = connection.execute(
            f"select {_COLUMNS} from member.member where {condition}", (value,)
        ).fetchone()
    if row is None:
        raise BadRequest("unknown_member", "no member is registered under this code or id")
    return Member(*row)


def issue_key(deps: Deps, member_id: UUID, label: str) -> IssuedKey:
    """Issue a bearer key (test mode only).

    Raises: BadRequest `keys_in_test_mode_only`, `bad_key_label`
    """
    _require_readable("bad_key_label", "the label", label, most=MOST_LABEL)
    if not deps.is_test_mode:
        raise BadRequest("keys_in_test_mode_only", "this bureau is in live mode")
    secret = _PREFIX + base64.urlsafe_b64encode(deps.random_bytes(24)).decode().rstrip("=")
    key_id = deps.new_id()
    with deps.database.connect("serve") as connection:
        connection.execute(
            "insert into member.api_key (key_id, member_id, secret_digest, label, issued_at)"
            " values (%s, %s, %s, %s, %s)",
            (key_id, member_id, _digest(secret), label, deps.clock()),
        )
    return IssuedKey(key_id=key_id, secret=secret)


def keys_of(deps: Deps, member_id: UUID) -> list[KeyView]:
    """A member's keys, newest first."""
    with deps.database.connect("serve") as connection:
        rows = connection.execute(
            "select key_id, label, issued_at, revoked_at from member.api_key"
            " left join member.api_key_revocation using (key_id) where member_id = %s"
            " order by key_id desc",
            (member_id,),
        ).fetchall()
    return [
        KeyView(key_id=row[0], label=row[1], issued_at=row[2], revoked_at=row[3]) for row in rows
    ]


def revoke_key(deps: Deps, key_id: UUID) -> None:
    """Revoke a key for good. Raises: BadRequest `not_found`."""
    with deps.database.connect("serve") as connection:
        done = connection.execute(
            "insert into member.api_key_revocation (key_id, revoked_at)"
            " select key_id, %s from member.api_key where key_id = %s on conflict do nothing",
            (deps.clock(), key_id),
        )
        if (
            done.rowcount == 0
            and not connection.execute(
                "select 1 from member.api_key where key_id = %s", (key_id,)
            ).fetchone()
        ):
            raise BadRequest(
                "not_found", "no key has this id; `tallystick keys list` lists a member's"
            )


def authenticate(deps: Deps, secret: str) -> Member | None:
    """The member a bearer key belongs to; None for an unknown or revoked key."""
    with deps.database.connect("serve") as connection:
        row = connection.execute(
            "select m.member_id, m.code, m.name_en, m.name_zh, m.member_class"
            " from member.api_key k join member.member m using (member_id)"
            " where k.secret_digest = %s and not exists"
            " (select 1 from member.api_key_revocation r where r.key_id = k.key_id)",
            (_digest(secret),),
        ).fetchone()
    return Member(*row) if row else None


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
