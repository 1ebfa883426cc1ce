"""Consent artefacts: compact JWS (RFC 7515, Ed25519) over canonical JSON, made from the seed."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import date, datetime
from random import Random
from typing import Any
from uuid import UUID

from tallystick.model.canonical import canonical
from tallystick.model.instant import instant_text
from tallystick.synth.members import SynthMember, base64url
from tallystick.synth.people import Person

FURNISHING = "furnishing"
BUREAU = "bureau"
_TEXT_SHA256 = {
    locale: hashlib.sha256(text.encode()).hexdigest()
    for locale, text in (
        ("zh", "本人同意将上述信息按所列目的、范围和期限提供和查询。"),
        ("en", "I agree that the data above are given and read as listed."),
    )
}
_METHODS = ("app_signature", "paper", "sms_code")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a consent allows. `uses_allowed` None: as often as the frequency lets."""

    recipient: str
    purpose: str
    data_classes: tuple[str, ...]
    data_from: date
    data_to: date
    valid_from: datetime
    valid_to: datetime
    given_at: datetime
    fetch: str
    keep_months: int
    uses_allowed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One signed consent with what is needed to register it."""

    consent_id: str
    captured_by: str
    scheme: str
    number: str
    salt: str
    artefact: str
    terms: Terms

    def record(self) -> dict[str, str]:
        """The native `consent` record."""
        return {
            "consent_id": self.consent_id,
            "identifier_scheme": self.scheme,
            "identifier_number": self.number,
            "salt": self.salt,
            "artefact": self.artefact,
        }


def subject_hash(*, salt: bytes, scheme: str, number: str) -> str:
    """base64url(HMAC-SHA256(salt, scheme 0x1F number)): names a person to who knows the number."""
    message = scheme.encode() + b"\x1f" + number.encode()
    return base64url(hmac.new(salt, message, hashlib.sha256).digest())


def act_id(rng: Random, moment: datetime) -> str:
    """A UUID of version 7 for an act at `moment`, its random bits from the seed."""
    milliseconds = int(moment.timestamp() * 1000)
    return str(
        UUID(
            int=milliseconds << 80
            | 7 << 76
            | rng.getrandbits(12) << 64
            | 2 << 62
            | rng.getrandbits(62)
        )
    )


def sign_consent(rng: Random, *, person: Person, captured_by: SynthMember, terms: Terms) -> Consent:
    """A consent of `person`, signed by the member who captured it."""
    consent_id = act_id(rng, terms.given_at)
    salt = rng.randbytes(16)
    payload: dict[str, Any] = {
        "version": "1",
        "consent_id": consent_id,
        "subject_hash": subject_hash(salt=salt, scheme=person.scheme, number=person.number),
        "captured_by": captured_by.code,
        "recipient": terms.recipient,
        "purpose": terms.purpose,
        "data_classes": list(terms.data_classes),
        "data_period": {"from": terms.data_from.isoformat(), "to": terms.data_to.isoformat()},
        "valid_from": instant_text(terms.valid_from),
        "valid_to": instant_text(terms.valid_to),
        "given_at": instant_text(terms.given_at),
        "mode": "view",
        "fetch": terms.fetch,
        "frequency": {"n": 4, "unit": "month"},
        "keep_for": {"n": terms.keep_months, "unit": "month"},
        "uses_allowed": terms.uses_allowed,
        "evidence": _evidence(rng),
    }
    return Consent(
        consent_id=consent_id,
        captured_by=captured_by.code,
        scheme=person.scheme,
        number=person.number,
        salt=base64url(salt),
        artefact=compact_jws(captured_by, payload),
        terms=terms,
    )


def compact_jws(signer: SynthMember, payload: dict[str, Any]) -> str:
    """header.payload.signature, each base64url."""
    header = {"alg": "Ed25519", "kid": signer.kid, "typ": "consent+jws"}
    signed = f"{base64url(canonical(header))}.{base64url(canonical(payload))}"
    return f"{signed}.{base64url(signer.key.sign(signed.encode('ascii')))}"


def _evidence(rng: Random) -> dict[str, str]:
    locale = "zh" if rng.random() < 0.9 else "en"
    return {"method": rng.choice(_METHODS), "text_sha256": _TEXT_SHA256[locale], "locale": locale}
