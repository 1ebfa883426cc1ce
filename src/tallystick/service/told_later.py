"""What a finding shows of a record taken long before: its line is not kept, its own words are.

The furnisher sees which of its records is meant and what it said in it, nothing of the other's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from tallystick.model.money import format_minor

#: The rule of such findings (`service/disagreed.py`).
RULE = "FND-AGREE-001"
_PPB = 10**9


class Told(NamedTuple):
    """The record's key by field, and what its furnisher said there; "" where that is not kept."""

    record: Mapping[str, str]
    said: str


def seen_text(key: Mapping[str, str], values: Mapping[str, Any]) -> str:
    """What is sealed as seen: the key, and the furnisher's own values as it sends them.

    Takes: `values` of its funding: role, valid_to, share_ppb, currency, funded_amount_minor
    """
    share, minor = values["share_ppb"], values["funded_amount_minor"]
    currency = values["currency"]
    said = {
        "role": values["role"],
        "share": None if share is None else f"{share // _PPB}.{share % _PPB:09d}",
        "currency": currency,
        "funded_amount": None if minor is None else format_minor(minor, currency),
        "valid_to": values["valid_to"],
    }
    given = {name: str(value) for name, value in said.items() if value is not None}
    return orjson.dumps({"record": dict(key), "said": given}).decode()


def read(seen: str) -> Told:
    """The record a finding is about; those written first held its key alone."""
    found = orjson.loads(seen)
    if not isinstance(found.get("record"), dict):
        return Told(found, "")
    return Told(found["record"], ", ".join(f"{name} {it}" for name, it in found["said"].items()))
