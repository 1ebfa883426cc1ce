"""The institutions of the synthetic bureau and their keys.

The keys come from the seed and are printed in `members.json`: they guard nothing but made-up data.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

#: The platform where few people agree to anything.
SHY_PLATFORM = "skylark"
OTHER_PLATFORM = "wavelet"
BANKS = tuple(f"bank-{name}" for name in (
    "cedar", "harbour", "ridge", "lotus", "plain", "delta", "grove", "stone", "amber",
))  # fmt: skip
SMALL_BANK = "millbrook"
MICRO_LENDER = "reed-credit"
CARD_ISSUER = "opal-card"
TELECOM = "windline"
LANDLORD = "homestead"
PLATFORMS = (SHY_PLATFORM, OTHER_PLATFORM)
LENDERS = (*PLATFORMS, *BANKS, SMALL_BANK, MICRO_LENDER, CARD_ISSUER)
#: These banks also lend on their own; the others only fund loans of platforms.
LENDING_BANKS = (BANKS[0], BANKS[3], BANKS[7])
#: These banks furnish their shares of platform loans themselves; for others the platform does.
BANKS_FURNISHING_SHARES = BANKS[:2]

_CAST = (
    (SHY_PLATFORM, "Skylark Pay", "云雀金服", "platform"),
    (OTHER_PLATFORM, "Wavelet Finance", "微澜消费平台", "platform"),
    (BANKS[0], "Cedar Commercial Bank", "雪松银行", "commercial_bank"),
    (BANKS[1], "Harbour Bank", "海港银行", "commercial_bank"),
    (BANKS[2], "Ridge Bank", "山脊银行", "commercial_bank"),
    (BANKS[3], "Lotus City Bank", "莲城银行", "commercial_bank"),
    (BANKS[4], "Plain Rural Commercial Bank", "平原农商银行", "commercial_bank"),
    (BANKS[5], "Delta Bank", "三角洲银行", "commercial_bank"),
    (BANKS[6], "Grove Bank", "林地银行", "commercial_bank"),
    (BANKS[7], "Stone Bridge Bank", "石桥银行", "commercial_bank"),
    (BANKS[8], "Amber Bank", "琥珀银行", "commercial_bank"),
    (SMALL_BANK, "Millbrook Village Bank", "磨坊村镇银行", "village_bank"),
    (MICRO_LENDER, "Reed Micro Credit", "芦苇小额贷款", "micro_lender"),
    (CARD_ISSUER, "Opal Card", "欧珀信用卡", "card_issuer"),
    (TELECOM, "Windline Telecom", "风线通信", "telecom"),
    (LANDLORD, "Homestead Lettings", "家园租赁", "landlord"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthMember:
    """One institution and its signing key."""

    number: int
    code: str
    name_en: str
    name_zh: str
    member_class: str
    key: Ed25519PrivateKey

    @property
    def kid(self) -> str:
        """The id of its first key."""
        return f"{self.code}:1"

    def public_jwk(self) -> dict[str, str]:
        """RFC 8037 JWK of the public key."""
        raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "kid": self.kid, "x": base64url(raw)}

    def as_json(self) -> dict[str, Any]:
        """Its entry of `members.json`, with the private key: for demos only."""
        public = self.public_jwk()
        private = {**public, "d": base64url(self.key.private_bytes_raw())}
        return {
            "code": self.code,
            "name_en": self.name_en,
            "name_zh": self.name_zh,
            "member_class": self.member_class,
            "public_jwk": public,
            "private_jwk": private,
        }


def cast_of(seed: int) -> dict[str, SynthMember]:
    """All members by code, in their fixed order, keys drawn from the seed."""
    return {
        code: SynthMember(
            number=number, code=code, name_en=name_en, name_zh=name_zh, member_class=member_class,
            key=Ed25519PrivateKey.from_private_bytes(
                hashlib.sha256(f"tallystick synth key {seed} {code}".encode()).digest()
            ),
        )
        for number, (code, name_en, name_zh, member_class) in enumerate(_CAST)
    }  # fmt: skip


def base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
