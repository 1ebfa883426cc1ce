"""The bureau's own secret keys: tokens, digests, ids, the mint, the vault's wrapping, signatures.

They are made once and kept in one file that only its owner may read. Whoever holds it can link
numbers to persons and mint permits, so it is no part of any backup of the database.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tallystick.adapters.owners import is_there, owner_of, user_named
from tallystick.errors import Unavailable, require
from tallystick.profile.identifiers import compact_number

FILE_NAME: Final = "keys.json"
_SEPARATOR: Final = b"\x1f"
_KEY_BYTES: Final = 32
_SECRETS: Final = (
    "token_key",
    "number_key",
    "digest_key",
    "member_root_key",
    "mint_key",
    "wrapping_key",
    "signing_seed",
)


@dataclass(frozen=True, kw_only=True)
class BureauKeys:
    """Every secret of one bureau, 32 bytes each; none of them shows in its `repr`.

    `token_key` makes identity tokens, `number_key` the tokens of furnishers' own numbers,
    `digest_key` keyed hashes of content, `member_root_key` the members' id keys, `mint_key` the
    permit's proof towards the database, `wrapping_key` wraps the vault's keys, `signing_seed` is
    the Ed25519 key of receipts and consents. `is_demo` keys are refused in live mode.
    """

    token_key_version: int
    is_demo: bool
    token_key: bytes = field(repr=False)
    number_key: bytes = field(repr=False)
    digest_key: bytes = field(repr=False)
    member_root_key: bytes = field(repr=False)
    mint_key: bytes = field(repr=False)
    wrapping_key: bytes = field(repr=False)
    signing_seed: bytes = field(repr=False)

    @classmethod
    def from_seed(cls, seed: bytes) -> BureauKeys:
        """Demo keys derived from `seed`: the same seed gives the same keys (tests, test mode)."""
        derived = {name: _derive(seed, name.encode()) for name in _SECRETS}
        return cls(token_key_version=1, is_demo=True, **derived)

    @cached_property
    def signing_key(self) -> Ed25519PrivateKey:
        """The private key of receipts, signed heads and countersigned consents."""
        return Ed25519PrivateKey.from_private_bytes(self.signing_seed)

    @cached_property
    def key_id(self) -> str:
        """The signing key's id: its RFC 7638 thumbprint."""
        members = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(self._public_bytes())}
        canonical = json.dumps(members, separators=(",", ":"), sort_keys=True)
        return _base64url(hashlib.sha256(canonical.encode()).digest())

    def public_jwk(self) -> dict[str, str]:
        """The public half of the signing key as a JWK, to be published."""
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "alg": "Ed25519",
            "use": "sig",
            "kid": self.key_id,
            "x": _base64url(self._public_bytes()),
        }

    def sign(self, message: bytes) -> bytes:
        """The Ed25519 signature (64 bytes) of `message`."""
        return self.signing_key.sign(message)

    def identity_token(self, scheme: str, number: str) -> bytes:
        """The 32-byte token of an identity number: one per person, scheme and key version.

        Takes:    the number as written; the HMAC is of its one form, `compact_number`
        """
        message = scheme.encode() + _SEPARATOR + compact_number(number).encode()
        return hmac.digest(self.token_key, message, "sha256")

    def number_token(self, furnisher_id: UUID, kind: str, number: str) -> bytes:
        """The 16-byte token of a furnisher's own number of a `kind` (account, person)."""
        return self.number_tokens(furnisher_id, kind, (number,))[0]

    def number_tokens(self, furnisher_id: UUID, kind: str, numbers: Iterable[str]) -> list[bytes]:
        """`number_token` for many numbers of one furnisher and kind, in their order."""
        start = hashlib.blake2b(
            furnisher_id.bytes + kind.encode() + _SEPARATOR, digest_size=16, key=self.number_key
        )
        copy = start.copy
        tokens: list[bytes] = []
        append = tokens.append
        for number in numbers:
            hasher = copy()
            hasher.update(number.encode())
            append(hasher.digest())
        return tokens

    def member_id_key(self, member_id: UUID) -> bytes:
        """The key from which ids shown to one member are made; no two members' ids join."""
        return _derive(self.member_root_key, b"member-id" + _SEPARATOR + member_id.bytes)

    def _public_bytes(self) -> bytes:
        return self.signing_key.public_key().public_bytes_raw()


def load_or_create(folder: Path, *, mode: Literal["test", "live"] = "test") -> BureauKeys:
    """The keys kept in `folder`, made at the first call; in test mode they are demo keys.

    Raises: as `kept_keys`
    """
    kept = kept_keys(folder, mode=mode)
    if kept is not None:
        return kept
    _create(folder / FILE_NAME, is_demo=mode == "test")
    return load_or_create(folder, mode=mode)


def kept_keys(folder: Path, *, mode: Literal["test", "live"] = "test") -> BureauKeys | None:
    """The keys kept in `folder`, None where none were made yet; makes nothing.

    Raises: `Unavailable` (`keys_refused`) when others may read the file, when it is another user's
            or closed to us, when it is damaged, or when live mode finds demo keys
    """
    path = folder / FILE_NAME
    try:
        keys = _load(path) if is_there(path) else None
    except PermissionError as closed:
        whose = user_named(owner_of(path))
        raise _refused(path, f"is closed to us; {whose} can open it") from closed
    if mode == "live" and keys is not None and keys.is_demo:
        raise _refused(path, "holds demo keys, which live mode does not take; use a new folder")
    return keys


def _create(path: Path, *, is_demo: bool) -> None:
    """Write new random keys; of two processes at once, one file stands and both read it."""
    content: dict[str, Any] = {"token_key_version": 1, "is_demo": is_demo}
    content |= {name: _base64url(secrets.token_bytes(_KEY_BYTES)) for name in _SECRETS}
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        if not path.exists():
            _link_unless_there(fresh, path)
    finally:
        fresh.unlink()


def _link_unless_there(fresh: Path, path: Path) -> None:
    try:
        path.hardlink_to(fresh)
    except FileExistsError:
        return  # another process was first; its keys are the bureau's


def _load(path: Path) -> BureauKeys:
    status = path.stat()
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise _refused(path, "may be read by others; make it mode 0600")
    if status.st_uid != os.geteuid():
        raise _refused(path, f"belongs to another user, {user_named(status.st_uid)}")
    try:
        content: Mapping[str, Any] = json.loads(path.read_text(encoding="ascii"))
        named = {name: _from_base64url(content[name]) for name in _SECRETS}
        keys = BureauKeys(
            token_key_version=int(content["token_key_version"]),
            is_demo=bool(content["is_demo"]),
            **named,
        )
    except (ValueError, KeyError, TypeError) as damaged:
        raise _refused(path, "is damaged; put the kept copy back") from damaged
    if any(len(getattr(keys, name)) != _KEY_BYTES for name in _SECRETS):
        raise _refused(path, "is damaged; put the kept copy back")
    require(len(fields(keys)) == len(content), "the key file holds exactly the fields of the class")
    return keys


def _refused(path: Path, why: str) -> Unavailable:
    return Unavailable("keys_refused", f"{path} {why}", retryable=False)


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=purpose).derive(secret)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _from_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
