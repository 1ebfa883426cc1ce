"""Answers: what leaves the gate, and the bytes it is made of.

`body = f(subject, as_of, position, log size, head version, audience, scope, versions)`: all else
(id, instant, receipt) stands beside the body, so that the same coordinates give the same bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from isal import isal_zlib

from tallystick import __version__
from tallystick.audit import Look, commitment, receipt
from tallystick.errors import ProfileError, require
from tallystick.ledger import seal
from tallystick.model.canonical import canonical
from tallystick.model.file import ConsentLine, Coordinates
from tallystick.model.instant import instant_text
from tallystick.model.permit import Permit
from tallystick.profile import ProfileAt
from tallystick.report import NEWEST, MemberView, Version, assemble, to_bytes
from tallystick.service.her_events import asked_at
from tallystick.service.port import Deps
from tallystick.service.read_file import Material, subject_file

#: Prefixes of the ids a reader sees; each id means something to that reader only.
_PREFIXES = {
    "subject": "sub_", "account": "acc_", "party": "pty_", "member": "mbr_", "look": "lok_",
    "consent": "con_", "agreement": "agr_", "guarantee": "gua_", "payer_account": "pay_",
}  # fmt: skip
_MASK_CHARS = 32
_MONTH = timedelta(days=31)
_BLOCK = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of the gate, given after its look is committed.

    `body` is None unless somebody was found. `is_replay`: the same request was answered before and
    no look was added. `known_at` is set where the past was asked: the last publication it rests on.
    """

    look_id: UUID
    outcome: str
    body: bytes | None
    body_digest: bytes | None
    receipt: dict[str, str | int]
    occurred_at: datetime
    is_replay: bool = False
    coordinates: Coordinates | None = None
    readable_until: datetime | None = None
    known_at: datetime | None = None


def profile_on(deps: Deps, instant: datetime) -> ProfileAt:
    """What the profile says on the day of an instant."""
    return deps.profile.at(instant)


def made_under(deps: Deps, versions: str | None, as_of: datetime | None) -> ProfileAt | None:
    """What the profile said on the day of an answer, in the version that its look names.

    Takes:   `versions` and `as_of` of the look
    Missing: None where it names none, or this program has another version of the profile
    """
    ours = (deps.profile.id, deps.profile.version)
    if as_of is None or _profile_named(versions) != ours:
        return None
    try:
        return profile_on(deps, as_of)
    except ProfileError:
        return None  # no answer of ours stands at such an instant: the look was altered


@lru_cache(maxsize=256)
def _profile_named(versions: str | None) -> tuple[str | None, str | None]:
    try:
        named = orjson.loads(versions or "{}")["profile"]
        return named["id"], named["version"]
    except (ValueError, KeyError, TypeError):
        return None, None


def mask_of(id_key: bytes) -> Callable[[str, str], str]:
    """The ids one reader sees: keyed, so that no two members' ids join; computed, never stored."""
    known: dict[tuple[str, str], str] = {}
    # HMAC-SHA256 from its two halves: a fifth of the time of `hmac.digest` for messages this short.
    inner, outer = _hmac_halves(id_key)

    def mask(kind: str, identity: str) -> str:
        shown = known.get((kind, identity))
        if shown is None:
            within, digest = inner.copy(), outer.copy()
            within.update(f"1\x1f{kind}\x1f{identity}".encode())
            digest.update(within.digest())
            shown = known[kind, identity] = _PREFIXES[kind] + digest.hexdigest()[:_MASK_CHARS]
        return shown

    return mask


def _hmac_halves(key: bytes) -> tuple[Any, Any]:
    """SHA-256 begun with the inner and the outer pad of HMAC (RFC 2104)."""
    require(len(key) <= _BLOCK, "an id key fits the block of SHA-256")
    padded = key.ljust(_BLOCK, b"\0")
    return sha256(padded.translate(_INNER)), sha256(padded.translate(_OUTER))


@lru_cache(maxsize=256)
def versions_text(profile: ProfileAt, scope: frozenset[str]) -> str:
    """What an answer is made with, as kept in its look; the scope too, which a replay needs."""
    versions: dict[str, Any] = {
        "format": NEWEST.name,
        "profile": {"id": profile.id, "version": profile.version},
        "code": __version__,
    }
    if scope:
        versions["scope"] = sorted(scope)
    return canonical(versions).decode()


def body_of(
    permit: Permit,
    material: Material,
    keys: Mapping[str, bytes],
    *,
    profile: ProfileAt,
    as_of: datetime,
    id_key: bytes,
    member_view: Callable[[str], MemberView],
    version: Version = NEWEST,
) -> bytes:
    """The canonical bytes of one answer.

    Takes: `keys` are the data keys of parties by id; what is sealed under a missing one is left
           out; `version` is that of the format: for an answer made again, what its look names
    Time:  `as_of` only; looks and consents after it are not shown
    """
    as_of_text = instant_text(as_of)
    in_full = "*" if permit.audience == "person" else permit.member_id
    body = assemble(
        permit,
        subject_file(
            material,
            keys,
            day=profile.day,
            in_full=in_full,
            asked=None if version.cuts_events_by_text else asked_at(profile, as_of),
        ),
        looks=[look for look in material.looks if look.occurred_at <= as_of_text],
        consents=_consents(material, as_of_text),
        profile=profile,
        coordinates=coordinates_of(material, as_of_text),
        member_view=member_view,
        mask=mask_of(id_key),
        version=version,
    )
    return to_bytes(body)


def _consents(material: Material, as_of: str) -> Iterator[ConsentLine]:
    """Her consents given by then; made only where the report shows them, which is rarely."""
    yield from (one for one in material.consent_lines() if one.given_at <= as_of)


def coordinates_of(material: Material, as_of: str) -> Coordinates:
    """Where in history material stands."""
    return Coordinates(
        as_of=as_of,
        position=material.position,
        log_size=material.log_size,
        head_version=material.head_version,
    )


def receipt_of(
    deps: Deps, look: Look, profile: ProfileAt, *, promised: bytes | None = None
) -> dict[str, str | int]:
    """The signed promise of a look's place in the log; `promised` is its commitment if known."""
    return receipt(
        look.look_id,
        look.occurred_at,
        promised or commitment(look),
        log_delay_max_seconds=profile.log_delay_max_seconds,
        sign=deps.keys.sign,
        key_id=deps.keys.key_id,
    )


def sealed_body(
    body: bytes, look_id: UUID, keys: Mapping[str, bytes], used: frozenset[str]
) -> tuple[bytes, list[str]]:
    """A body as it is kept, and the parties whose keys its own key is made from.

    It is compressed: a tenth of the bytes to store, to log and to wait for at the commit. What
    `isal_zlib` gives any zlib reads; it takes an eighth of the time of `zlib`, the spare.
    """
    held = sorted(party for party in used if party in keys)
    key = seal.body_key((keys[party] for party in held), look_id.bytes)
    return seal.seal_body(key, isal_zlib.compress(body, 1)), held


def unpacked(kept: bytes) -> bytes:
    """A body out of what was sealed; the first ones kept were not compressed."""
    return kept if kept.startswith(b"{") else zlib.decompress(kept)


def kept_times(occurred_at: datetime, profile: ProfileAt) -> tuple[datetime, datetime]:
    """Until when an answer may be read again by its member, and until when it is kept."""
    return (
        occurred_at + timedelta(days=profile.readable_until_days),
        occurred_at + profile.body_kept_months * _MONTH,
    )
