"""The consent artefact: a compact JWS by the member who captured it, read strictly.

The payload names the subject by base64url(HMAC-SHA256(salt, scheme ‖ 0x1F ‖ number)), so it can
come before any file, travel through anybody's hands, and be verified offline by whoever has the
number and the salt.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry

from tallystick.consent.form import Unformed, check_form, instant_of, text_of
from tallystick.errors import BadRequest
from tallystick.model.json_keys import has_doubled
from tallystick.profile.identifiers import compact_number

#: The algorithm's name by RFC 9864, and by RFC 8037, which most signers still write.
ALGORITHMS = ["Ed25519", "EdDSA"]


def _registry() -> JWSRegistry:
    """The library's algorithms without its warning that the older name is deprecated."""
    registry = JWSRegistry(algorithms=ALGORITHMS)
    registry.algorithms = {name: copy(JWSRegistry.algorithms[name]) for name in ALGORITHMS}
    for algorithm in registry.algorithms.values():
        algorithm.security_warning = None
    return registry


_REGISTRY = _registry()
_SEPARATOR = b"\x1f"
#: The recipient of a consent to furnish.
BUREAU = "bureau"
#: Bytes of a salt: with fewer, a number could be found by trying them all.
LEAST_SALT = 16


class BadSalt(BadRequest):
    """The salt sent beside an artefact is not as promised: `bad_consent`."""

    def __init__(self) -> None:
        super().__init__(
            "bad_consent",
            f"`salt` must be base64url without padding (A-Z, a-z, 0-9, - and _) of {LEAST_SALT}"
            " bytes at least",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """What a consent says, after its signature held.

    `recipient` is a member's code, or "bureau" for a consent to furnish. `uses_allowed` None means
    no limit. Times are instants with an offset; `data_classes` are sorted.
    """

    consent_id: UUID
    subject_hash: str
    captured_by: str
    recipient: str
    purpose: str
    data_classes: tuple[str, ...]
    valid_from: datetime
    valid_to: datetime
    given_at: datetime
    uses_allowed: int | None
    text_sha256: str
    locale: str


def kid_of(text: str) -> str:
    """The key id in the header. Raises: BadRequest `bad_consent`."""
    try:
        header = orjson.loads(_decode(text.split(".", 1)[0]))
        kid = header["kid"]
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise _bad("the artefact must be a compact JWS whose header has a `kid`") from None
    if not isinstance(kid, str) or "\0" in kid:
        raise _bad("the header's `kid` must be text, without NUL")
    return kid


def read_artefact(text: str, jwk: Mapping[str, str]) -> Artefact:
    """Verify the signature and read the payload.

    Raises: BadRequest `bad_consent`: what does not hold, never a value of it
    """
    signed = _signed(text, jwk)
    artefact = _read(signed)
    if _holds_twice(signed):
        raise _bad("an object of the payload holds a key twice: sign it with each key once")
    if artefact.valid_to <= artefact.valid_from or not artefact.data_classes:
        raise _bad("`valid_to` must lie after `valid_from`, and `data_classes` name one at least")
    return artefact


def read_kept(text: str, jwk: Mapping[str, str]) -> Artefact:
    """Verify the signature of an artefact taken earlier and read it as it was read then.

    What has been asked of artefacts since is not asked of it.

    Raises: BadRequest `bad_consent`: the signature does not hold, or nothing can be read
    """
    return _read(_signed(text, jwk))


def require_form(text: str) -> None:
    """Refuse an artefact whose payload is not in the form promised; its signature held.

    Asked once, when it is registered: one taken before stands as it was signed.

    Raises: Unformed
    """
    check_form(orjson.loads(_decode(text.split(".")[1])))


def _signed(text: str, jwk: Mapping[str, str]) -> bytes:
    try:
        key = OKPKey.import_key({**jwk})
        checked = jws.deserialize_compact(text.encode(), key, registry=_REGISTRY)
    except (JoseError, ValueError):
        raise _bad("the signature does not hold under the public key that `kid` names") from None
    return checked.payload or b""


def _holds_twice(payload: bytes) -> bool:
    """Whether two readers could read two things of what was signed."""
    try:
        return has_doubled(payload.decode())
    except RecursionError:
        return True


def _read(signed: bytes) -> Artefact:
    try:
        payload = orjson.loads(signed)
    except ValueError:
        raise _bad("the payload must be JSON") from None
    if not isinstance(payload, dict):
        raise _bad("the payload must be a JSON object")
    return Artefact(
        consent_id=_id(payload),
        subject_hash=text_of(payload, "subject_hash"),
        captured_by=text_of(payload, "captured_by"),
        recipient=text_of(payload, "recipient"),
        purpose=text_of(payload, "purpose"),
        data_classes=_data_classes(payload),
        valid_from=instant_of(payload, "valid_from"),
        valid_to=instant_of(payload, "valid_to"),
        given_at=instant_of(payload, "given_at"),
        uses_allowed=_uses(payload),
        text_sha256=text_of(payload, "evidence.text_sha256"),
        locale=text_of(payload, "evidence.locale"),
    )


def _id(payload: Mapping[str, object]) -> UUID:
    try:
        return UUID(text_of(payload, "consent_id"))
    except ValueError:
        raise Unformed("consent_id", "a UUID") from None


def _data_classes(payload: Mapping[str, object]) -> tuple[str, ...]:
    try:
        return tuple(sorted(str(one) for one in payload["data_classes"]))  # type: ignore[attr-defined]
    except (KeyError, TypeError):
        raise Unformed("data_classes", "a list of texts") from None


def _uses(payload: Mapping[str, object]) -> int | None:
    uses = payload.get("uses_allowed")
    try:
        return None if uses is None else int(uses)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        raise Unformed("uses_allowed", "a whole number, or null") from None


def require_salt(salt: str) -> None:
    """Refuse a salt that two readers could take for two, or that is too short to hide a number.

    Asked once, when a consent is registered: one taken before stands under the salt it has.

    Raises: BadSalt
    """
    try:
        given = _decode(salt)
    except ValueError:
        given = b""
    # A lax reader drops what is no sign of the alphabet: only what it would write is taken.
    if len(given) < LEAST_SALT or _text64(given) != salt:
        raise BadSalt


def subject_hash(salt: str, scheme: str, number: str) -> str:
    """How an artefact names its subject: base64url without padding."""
    digest = hmac.digest(_decode(salt), scheme.encode() + _SEPARATOR + number.encode(), "sha256")
    return _text64(digest)


def check_subject(artefact: Artefact, *, salt: str, scheme: str, number: str) -> None:
    """Raise BadRequest `consent_other_subject` unless the artefact names this number.

    Takes: the number as written: it may be named in its one form, or as it is written here
    """
    try:
        expected = {subject_hash(salt, scheme, one) for one in (compact_number(number), number)}
    except (ValueError, binascii.Error):
        raise _bad("`salt` must be base64url") from None
    named = artefact.subject_hash.encode()
    if not any(hmac.compare_digest(one.encode(), named) for one in expected):
        raise BadRequest(
            "consent_other_subject", "`subject_hash` is not that of this scheme, number and salt"
        )


def _text64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _bad(detail: str) -> BadRequest:
    return BadRequest("bad_consent", detail)
