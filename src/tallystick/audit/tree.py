"""What the log's tree is made of: its leaves, and the heads the bureau signs over it.

A leaf binds what it stands for (look or publication), its id and its commitment, so an entry can
neither change its kind nor its id, erased or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tallystick.model.canonical import canonical, sha256
from tallystick.model.instant import instant_text
from tallystick.model.merkle import leaf_hash

#: The bureau's verifying keys by key id: older heads stay verifiable after a key was replaced.
PublicKeys = Mapping[str, Ed25519PublicKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeHead:
    """The signed root of the log at one size. Kept elsewhere it is a witness against the bureau."""

    size: int
    root: bytes
    signed_at: datetime
    key_id: str
    signature: bytes

    def message(self) -> bytes:
        """The bytes that are signed."""
        return head_message(self.size, self.root, self.signed_at)


def head_message(size: int, root: bytes, signed_at: datetime) -> bytes:
    """Canonical JSON of a head's size, root and time: what its signature covers."""
    return canonical({"size": size, "root": root.hex(), "signed_at": instant_text(signed_at)})


def look_leaf(look_id: UUID, commitment: bytes) -> bytes:
    """The leaf hash of a look."""
    return leaf_hash(b"L" + look_id.bytes + commitment)


def publication_leaf(position: int, commitment: bytes) -> bytes:
    """The leaf hash of a publication."""
    return leaf_hash(b"P" + position.to_bytes(8, "big", signed=True) + commitment)


def publication_commitment(position: int, recorded_at: datetime, digest: bytes) -> bytes:
    """SHA-256 of the canonical JSON of a publication; unsalted, it says nothing about a person."""
    return sha256(
        canonical(
            {
                "position": position,
                "recorded_at": instant_text(recorded_at),
                "digest": digest.hex(),
            }
        )
    )


def is_signed(message: bytes, signature: bytes, key_id: str, *, keys: PublicKeys) -> bool:
    """Whether the signature over the message was made with the key of that id.

    Missing: an unknown key id is "no".
    """
    key = keys.get(key_id)
    if key is None:
        return False
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True
