"""Canonical bytes: RFC 8785 JSON for values made of strings, integers, booleans, null, lists, maps.

Floats are refused: with strings and integers only, sorted compact UTF-8 JSON *is* RFC 8785
(keys here are ASCII, so code-point order and UTF-16 order agree).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tallystick.errors import InvariantBroken

JsonValue = Any
_SAFE_INTEGER = 2**53


def canonical(value: JsonValue) -> bytes:
    """The canonical bytes of `value`.

    Raises: InvariantBroken on a float, a non-string or non-ASCII key, or an integer beyond 2^53.
    """
    _check(value)
    return json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()


def sha256(data: bytes) -> bytes:
    """SHA-256 of `data`."""
    return hashlib.sha256(data).digest()


def _check(value: JsonValue) -> None:
    if value is None or isinstance(value, str | bool):
        return
    if isinstance(value, int):
        if abs(value) > _SAFE_INTEGER:
            raise InvariantBroken("an integer beyond 2^53 cannot stand in canonical JSON")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise InvariantBroken("a key of canonical JSON must be an ASCII string")
            _check(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check(item)
    else:
        raise InvariantBroken(f"{type(value).__name__} cannot stand in canonical JSON")
