"""Sealing personal fields under a party's key.

Deterministic (AES-SIV, RFC 5297): the same content under the same key gives the same bytes, so a
record sent twice is seen as unchanged without being opened. It shows no more than that equality,
and only within one party.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

from tallystick.errors import InvariantBroken


def _cipher(data_key: bytes) -> AESSIV:
    wide = hashlib.blake2b(key=data_key, digest_size=64, person=b"tallystick-siv").digest()
    return AESSIV(wide)


def seal(data_key: bytes, fields: dict[str, Any], label: bytes) -> bytes:
    """The sealed bytes of personal fields; `label` (the dataset) is bound in."""
    return _cipher(data_key).encrypt(orjson.dumps(fields, option=orjson.OPT_SORT_KEYS), [label])


def unseal(data_key: bytes, sealed: bytes, label: bytes) -> dict[str, Any]:
    """The personal fields again.

    Raises: InvariantBroken when the bytes, the key or the label are not those of sealing.
    """
    try:
        fields: dict[str, Any] = orjson.loads(_cipher(data_key).decrypt(sealed, [label]))
    except InvalidTag:
        raise InvariantBroken("sealed bytes do not open under their key") from None
    return fields


def body_key(party_keys: Iterable[bytes], look_id: bytes) -> bytes:
    """The key of a kept body: made from the keys of every party in it.

    Destroying any one of them makes the body unreadable for good; nothing else need be stored.
    """
    digest = hashlib.blake2b(key=look_id, digest_size=32, person=b"tallystick-body")
    for key in sorted(party_keys):
        digest.update(key)
    return digest.digest()


def seal_body(key: bytes, body: bytes) -> bytes:
    """AES-256-GCM with a zero nonce: every body has a key of its own, used once."""
    return AESGCM(key).encrypt(bytes(12), body, b"tallystick body")


def unseal_body(key: bytes, sealed: bytes) -> bytes | None:
    """The body again; None when it was altered: key and bytes do not belong together."""
    try:
        return AESGCM(key).decrypt(bytes(12), sealed, b"tallystick body")
    except InvalidTag:
        return None
