"""The bytes of a body: RFC 8785, made fast; equal to `model.canonical.canonical`."""

from __future__ import annotations

from typing import Any

import orjson

from tallystick.errors import InvariantBroken

_OPTIONS = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)


def to_bytes(body: dict[str, Any]) -> bytes:
    """Canonical JSON of a body made of strings, integers, booleans, lists and maps with ASCII keys.

    Raises: InvariantBroken on what cannot stand in it (a date, an integer beyond 2^53). Floats and
            UUIDs are not looked for here: the published schema has none, and every body is tested.
    """
    try:
        return orjson.dumps(body, option=_OPTIONS)
    except orjson.JSONEncodeError as error:
        raise InvariantBroken("a body holds what canonical JSON cannot carry") from error
