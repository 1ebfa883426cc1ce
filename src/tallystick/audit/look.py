"""A look: who saw, or was refused, what of whom, why, and under which leave.

The log's tree holds only a salted commitment to a look, so its content can be erased later and the
tree still verifies. The gate writes a look in its own commit with `INSERT_LOOK` and
`INSERT_OUTBOX`; the sequencer numbers it afterwards. Nothing updates a look.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from hashlib import sha256
from operator import attrgetter
from typing import Any
from uuid import UUID

import orjson

from tallystick.errors import require
from tallystick.model.instant import instant_text

SALT_SIZE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look as `log.look` keeps it.

    `token` is what the person was asked for by, `subject_id` who that was (None for no hit).
    `position`, `log_size`, `head_version` and `as_of` are the coordinates the answer stands at,
    `versions` the texts' versions it was made with, `body_digest` its SHA-256; a refusal has none
    of them but its `refusal_code`. `salt` is 32 random bytes of its own.
    """

    token: bytes
    look_id: UUID
    occurred_at: datetime
    permit: str
    purpose: str
    outcome: str
    audience: str
    salt: bytes
    member_id: UUID | None = None
    refusal_code: str | None = None
    subject_id: UUID | None = None
    consent_id: UUID | None = None
    as_of: datetime | None = None
    position: int | None = None
    log_size: int | None = None
    head_version: int | None = None
    versions: str | None = None
    body_digest: bytes | None = None


COLUMNS = tuple(field.name for field in fields(Look))
#: What the commitment covers: every column but the salt, which goes before them.
COMMITTED = tuple(sorted(name for name in COLUMNS if name != "salt"))
_columns_of = attrgetter(*COLUMNS)
_committed_of = attrgetter(*COMMITTED)

INSERT_LOOK = (
    f"INSERT INTO log.look ({', '.join(COLUMNS)})"
    f" VALUES ({', '.join(f'%({name})s' for name in COLUMNS)})"
)
INSERT_OUTBOX = (
    "INSERT INTO gate.look_outbox (look_id, token, commitment, occurred_at)"
    " VALUES (%(look_id)s, %(token)s, %(commitment)s, %(occurred_at)s)"
)


def commitment(look: Look) -> bytes:
    """SHA-256 of the salt and the canonical JSON of all other columns.

    Bytes stand as hex, instants in UTC with six digits, ids as text; what is absent is left out.
    Raises: InvariantBroken when the salt is not 32 bytes or an instant has no offset.
    """
    require(len(look.salt) == SALT_SIZE, "a look's salt has 32 bytes")
    content = {
        name: _plain(value) for name, value in zip(COMMITTED, _committed_of(look), strict=True)
    }
    return commitment_of(look.salt, content)


def commitment_of(salt: bytes, content: Mapping[str, str | int | None]) -> bytes:
    """The commitment to columns already in their plain form, as read from the database."""
    present = {name: value for name, value in content.items() if value is not None}
    # orjson sorted is RFC 8785 on strings and integers (tested), at a tenth of the time of `json`.
    return sha256(salt + orjson.dumps(present, option=orjson.OPT_SORT_KEYS)).digest()


def look_parameters(look: Look) -> dict[str, Any]:
    """The parameters of `INSERT_LOOK` and `INSERT_OUTBOX`, both, with the commitment made here.

    Send the two statements with it in one pipeline inside the inquiry's transaction.
    """
    values = _columns_of(look)
    parameters: dict[str, Any] = dict(zip(COLUMNS, values, strict=True))
    parameters["commitment"] = commitment(look)
    return parameters


def _plain(value: Any) -> str | int | None:
    as_text = _AS_TEXT.get(type(value))
    if as_text is not None:
        return as_text(value)
    require(value is None or isinstance(value, str | int), "a look holds text and integers only")
    plain: str | int | None = value
    return plain


_AS_TEXT: dict[type, Callable[[Any], str]] = {
    bytes: bytes.hex,
    datetime: instant_text,
    UUID: str,
    str: str,
}
