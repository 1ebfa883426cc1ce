"""JSON whose numbers keep the form they were written in: 100.00 is not made 100.0, nor 1e400 ∞."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tallystick.model.json_keys import each_once

#: Values within values, the outermost counted. A record has two; a reader and a writer of JSON give
#: up at different depths, and what was read once must be read again.
_MOST_LEVELS = 100
#: No field has room for more; some thousands are no number to Python at all.
_PLAIN_DIGITS = 18


class Written(float):
    """A number whose form is not that of its value; `text`: how it was written.

    One with a point or an exponent, -0, a whole one of more than 18 digits.
    """

    text: str


def read_json(text: str) -> Any:
    """The value of a JSON text, its numbers as they were written.

    Raises: DoubledKey; ValueError where it is no JSON (NaN and Infinity are none); RecursionError
    """
    return json.loads(
        text, object_pairs_hook=each_once, parse_constant=_refuse, parse_float=_written,
        parse_int=_whole,
    )  # fmt: skip


def as_written(value: Any, levels: int = _MOST_LEVELS) -> str:
    """Compact JSON text of a value, its numbers as they were written.

    Raises: ValueError where it is nested deeper than `levels`; TypeError where it is no JSON
    """
    if levels == 0:
        raise ValueError(f"its values are nested over {_MOST_LEVELS} levels deep")
    if isinstance(value, Written):
        return value.text
    if isinstance(value, Mapping):
        members = [f"{_plain(key)}:{as_written(one, levels - 1)}" for key, one in value.items()]
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join([as_written(one, levels - 1) for one in value]) + "]"
    return _plain(value)


def _whole(text: str) -> int | Written:
    return int(text) if text != "-0" and len(text) <= _PLAIN_DIGITS else _written(text)


def _written(text: str) -> Written:
    made = Written(text)
    made.text = text
    return made


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _refuse(name: str) -> Any:
    raise ValueError(name)
