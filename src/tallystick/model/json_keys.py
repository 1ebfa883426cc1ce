"""Keys that stand twice in one JSON object: programs differ in which of the two values they take.

Most parsers keep the last and say nothing; what is read here says so.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Collection
from typing import Any

_KEY_SHOWN = 80
_BLANKS = " \t\r\n"


class DoubledKey(ValueError):
    """An object holds a key twice; its text is that key."""


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An `object_pairs_hook`: the object. Raises: DoubledKey."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise DoubledKey(next(name for name in names if names.count(name) > 1))
    return found


def has_doubled(text: str) -> bool:
    """Whether any object of a JSON text holds a key twice; some 4 µs for an inquiry.

    Takes:  what another parser has read; numbers are not looked at
    Raises: RecursionError where it is nested some hundred levels deep
    """
    try:
        _ONCE.decode(text)
    except DoubledKey:
        return True
    return False


def doubled_places(text: str) -> list[str]:
    """JSON pointers to the keys that stand more than once, the outer ones first.

    Raises: as `has_doubled`
    """
    places = []
    waiting: deque[tuple[str, Any]] = deque([("", _PAIRS.decode(text))])
    while waiting:
        pointer, value = waiting.popleft()
        if isinstance(value, _Pairs):
            names = [name for name, _ in value]
            places += [
                place_of(pointer, name) for name in dict.fromkeys(names) if names.count(name) > 1
            ]
            waiting.extend((place_of(pointer, name), item) for name, item in value)
        elif isinstance(value, list):
            waiting.extend((f"{pointer}/{at}", item) for at, item in enumerate(value))
    return places


def without(text: str, names: Collection[str]) -> str | None:
    """The members of a JSON object as they are written, less those of these names.

    What other text could stand for (1e2, a key that stands twice) comes back to the letter.

    Gives:  what stands between the braces; None where the text is no object
    Raises: RecursionError where it is nested some hundred levels deep
    """
    kept: list[str] = []
    text, at = text.strip(_BLANKS), 0
    is_empty = text[:1] == "{" and text[1:].strip(_BLANKS) == "}"
    try:
        while not is_empty and text[at] == ("," if at else "{"):
            start = at + 1
            name, at = _ANY.raw_decode(text, _after_blank(text, start))
            at = _after_blank(text, at)
            if not isinstance(name, str) or text[at] != ":":
                return None
            at = _after_blank(text, _ANY.raw_decode(text, _after_blank(text, at + 1))[1])
            if name not in names:
                kept.append(text[start:at])
    except (IndexError, ValueError):
        return None
    return ",".join(kept) if is_empty or text[at:] == "}" else None


def _after_blank(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at


def place_of(pointer: str, key: str) -> str:
    """The JSON pointer to a key of the object at `pointer`; a very long key is cut."""
    return f"{pointer}/{key[:_KEY_SHOWN].replace('~', '~0').replace('/', '~1')}"


class _Pairs(list[tuple[str, Any]]):
    """An object's members as they came."""


def _checked(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) < len(pairs):
        raise DoubledKey


_ANY = json.JSONDecoder()
_ONCE = json.JSONDecoder(object_pairs_hook=_checked, parse_int=str, parse_float=str)
_PAIRS = json.JSONDecoder(object_pairs_hook=_Pairs, parse_int=str, parse_float=str)
