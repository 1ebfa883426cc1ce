"""The receipt of a look: what the bureau promises about its place in the log.

Given with every answer and refusal. It proves later, without the bureau, that the look was
promised a place: the log must show this commitment within the delay named, or the bureau broke it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from tallystick.audit.tree import PublicKeys, is_signed
from tallystick.errors import BadRequest
from tallystick.model.canonical import canonical
from tallystick.model.instant import instant_text

_PROMISE = frozenset({"look_id", "occurred_at", "commitment", "log_delay_max_seconds"})
_SEAL = frozenset({"key_id", "signature"})


def receipt(
    look_id: UUID,
    occurred_at: datetime,
    commitment: bytes,
    *,
    log_delay_max_seconds: int,
    sign: Callable[[bytes], bytes],
    key_id: str,
) -> dict[str, str | int]:
    """The signed receipt of a look as plain JSON.

    Gives: the promise, `key_id`, and `signature` (hex) over the canonical JSON of the promise.
    Source: the profile's `log_delay_max`.
    """
    promise: dict[str, str | int] = {
        "look_id": str(look_id),
        "occurred_at": instant_text(occurred_at),
        "commitment": commitment.hex(),
        "log_delay_max_seconds": log_delay_max_seconds,
    }
    # orjson sorted is RFC 8785 on strings and integers (tested), at a tenth of the time of `json`.
    text = orjson.dumps(promise, option=orjson.OPT_SORT_KEYS)
    return {**promise, "key_id": key_id, "signature": sign(text).hex()}


def verify_receipt(given: Mapping[str, Any], *, public_keys: PublicKeys) -> bool:
    """Whether the bureau signed this receipt; needs nothing but its public keys.

    Raises: BadRequest `receipt_unreadable` when the mapping is not a receipt at all.
    """
    strings = _PROMISE - {"log_delay_max_seconds"} | _SEAL
    delay = given.get("log_delay_max_seconds")
    if (
        set(given) != _PROMISE | _SEAL
        or not all(isinstance(given[name], str) for name in strings)
        or not isinstance(delay, int)
        or isinstance(delay, bool)
    ):
        raise BadRequest(
            "receipt_unreadable",
            f"it must hold {', '.join(sorted(_PROMISE | _SEAL))} and nothing more: texts all,"
            " but log_delay_max_seconds a whole number",
        )
    try:
        signature = bytes.fromhex(given["signature"])
    except ValueError:
        return False
    promise = canonical({name: given[name] for name in _PROMISE})
    return is_signed(promise, signature, given["key_id"], keys=public_keys)
