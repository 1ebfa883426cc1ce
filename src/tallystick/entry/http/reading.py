"""Reading JSON bodies by hand, strictly: every key is used or named as unknown, with its place.

Places are JSON pointers; values never appear in what is said about them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from starlette.requests import Request

from tallystick.entry.http.problem import InvalidRequest
from tallystick.errors import BadRequest
from tallystick.model.ids import parse_edge_id
from tallystick.model.instant import read_day, read_instant
from tallystick.model.json_keys import doubled_places, has_doubled, place_of
from tallystick.model.unshown import has_unshown
from tallystick.validate import Rule, load_rules

Faults = list[dict[str, str]]
_UNKNOWN = "is not a known key"
_MOST_FAULTS = 100
_AS_IT_IS = "identity"
#: Of values within values: what is asked here has five, and a writer of JSON gives up at some 250.
_MOST_LEVELS = 64
#: Whole numbers of more digits may be beyond 64 bits; the reader makes floats of those.
_INT64_DIGITS = 18


class Fields:
    """The members of one JSON object, taken one by one; `finish` names what is left over."""

    __slots__ = ("_faults", "_pointer", "_value")

    def __init__(self, value: Any, *, pointer: str = "", faults: Faults | None = None):
        self._faults: Faults = [] if faults is None else faults
        self._pointer = pointer
        self._value: dict[str, Any] = {}
        if isinstance(value, dict):
            self._value = dict(value)
        else:
            self.fault(pointer, "must be an object")

    def fault(self, pointer: str, message: str, hint: str = "") -> None:
        """Note a fault at a place; "" is the whole body."""
        entry = {"pointer": pointer, "message": message}
        if hint:
            entry["hint"] = hint
        self._faults.append(entry)

    def take(self, key: str) -> Any:
        """A member as it is, and no longer there; None when it is missing."""
        return self._value.pop(key, None)

    def has(self, key: str) -> bool:
        """Whether a member is (still) there."""
        return key in self._value

    def text(self, key: str, *, most: int = 200) -> str:
        """A required string of 1 to `most` characters; "" after noting a fault."""
        value = self.take(key)
        if not isinstance(value, str) or not 1 <= len(value) <= most:
            self.fault(f"{self._pointer}/{key}", f"must be a string of 1 to {most} characters")
            return ""
        if has_unshown(value):
            self.fault(f"{self._pointer}/{key}", "must hold no control character", "take it out")
            return ""
        return value

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        """One of the allowed strings; "" after noting a fault."""
        value = self.take(key)
        if value not in allowed:
            self.fault(f"{self._pointer}/{key}", f"must be one of {', '.join(allowed)}")
            return ""
        return str(value)

    def day(self, key: str) -> date:
        """A required day, YYYY-MM-DD."""
        value = self.take(key)
        day = read_day(value) if isinstance(value, str) else None
        if day is None:
            self.fault(f"{self._pointer}/{key}", "must be a day, YYYY-MM-DD")
        return day or date.min

    def instant(self, key: str, time_zone: str) -> datetime | None:
        """An optional instant with an offset, or a day, which means its end in the time zone."""
        value = self.take(key)
        if value is None:
            return None
        moment = read_instant(value, time_zone) if isinstance(value, str) else None
        if moment is None:
            allowed = "must be a day, YYYY-MM-DD, or an ISO 8601 instant with an offset"
            self.fault(f"{self._pointer}/{key}", allowed)
        return moment

    def part(self, key: str) -> Fields:
        """A required object."""
        pointer = f"{self._pointer}/{key}"
        return Fields(self.take(key), pointer=pointer, faults=self._faults)

    def parts(self, key: str, *, most: int) -> Iterator[Fields]:
        """A required array of 1 to `most` objects."""
        value = self.take(key)
        pointer = f"{self._pointer}/{key}"
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            self.fault(pointer, f"must be an array of 1 to {most} objects")
            return
        for at, item in enumerate(value):
            yield Fields(item, pointer=f"{pointer}/{at}", faults=self._faults)

    def close(self) -> None:
        """Note every member that was not taken."""
        for key in self._value:
            self.fault(place_of(self._pointer, key), _UNKNOWN, "take it out")

    def finish(self) -> None:
        """Close, and raise InvalidRequest when anything was noted here or in a part."""
        self.close()
        if self._faults:
            only_unknown = all(fault["message"] == _UNKNOWN for fault in self._faults)
            raise InvalidRequest(
                self._faults[:_MOST_FAULTS],
                code="unknown_key" if only_unknown else "invalid_request",
            )


def id_in_address(prefix: str, text: str) -> UUID:
    """The UUID of an id in an address. Raises: BadRequest `not_found`: not such an id at all."""
    found = parse_edge_id(prefix, text)
    if found is None:
        raise BadRequest("not_found", f"the id in the address must be {prefix}_ and 32 hex digits")
    return found


def rule_in_address(rule_id: str) -> Rule:
    """The rule of an id in an address. Raises: BadRequest `unknown_rule`."""
    found = load_rules().get(rule_id)
    if found is None:
        raise BadRequest("unknown_rule", "no rule has the id in the address; one is ACC-DATE-004")
    return found


def parsed(body: bytes) -> Any:
    """The JSON of a body; a number beyond a double, which JSON has room for, is infinite.

    Raises: BadRequest `malformed_json`; InvalidRequest `doubled_key`
    """
    found, fault = _parsed(body)
    if fault is not None:
        where = f"line {fault.lineno}, column {fault.colno}"
        # No handler is open: the parser's exception quotes the body and must not be our context.
        raise BadRequest("malformed_json", f"it cannot be read as JSON from {where} on")
    if body.count(b"{") + body.count(b"[") > _MOST_LEVELS:
        _require_shallow(found)
    _require_each_once(body.decode())
    return found


def _parsed(body: bytes) -> tuple[Any, orjson.JSONDecodeError | None]:
    """The value, or why there is none."""
    try:
        return orjson.loads(body), None
    except orjson.JSONDecodeError as error:
        fault = error
    # Perhaps only for a number that is no double: what else is wrong is wrong here too.
    try:
        found = json.loads(body.decode(), parse_int=_whole, parse_constant=_refuse)
        orjson.dumps(found)  # raises where half a surrogate pair stands in a text
    except (ValueError, TypeError, RecursionError):
        return None, fault
    return found, None


def _whole(text: str) -> int | float:
    return int(text) if len(text) <= _INT64_DIGITS else float(text)


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _require_shallow(value: Any) -> None:
    """Raise BadRequest where values are nested deeper than anything read or written here."""
    level = [value]
    for _ in range(_MOST_LEVELS):
        level = [
            item
            for one in level
            if isinstance(one, dict | list)
            for item in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise BadRequest("malformed_json", f"its values are nested over {_MOST_LEVELS} levels deep")


def _require_each_once(text: str) -> None:
    """Raise InvalidRequest with the places where an object holds a key twice."""
    places = doubled_places(text) if has_doubled(text) else []
    if places:
        said = {"message": "stands more than once in its object", "hint": "send it once"}
        raise InvalidRequest(
            [{"pointer": place, **said} for place in places[:_MOST_FAULTS]], code="doubled_key"
        )


def require_json(request: Request) -> None:
    """Refuse a body that does not say it is JSON, or that says it is packed.

    Raises: BadRequest `unsupported_media_type`, `unsupported_content_encoding`
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise BadRequest("unsupported_media_type", "Content-Type must be application/json")
    encodings = ",".join(request.headers.getlist("content-encoding"))
    if any(one.strip().lower() not in ("", _AS_IT_IS) for one in encodings.split(",")):
        raise BadRequest(
            "unsupported_content_encoding", f"Content-Encoding must be {_AS_IT_IS}, or left out"
        )
