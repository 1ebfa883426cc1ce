"""The form of a signed payload: which member of it is not as promised, said by its name.

What every reader must be able to read is asked of each artefact, also of one kept; the whole form
(`check_form`) once, when it is registered. A name of a member may be said, a value never.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from tallystick.errors import BadRequest
from tallystick.model.instant import is_on_calendar

#: The version of the artefact's form.
VERSION: Final = "1"
#: As many uses as can be counted.
MOST_USES: Final = 2**31 - 1
#: Names of unknown members that are said; of the others only that there are some.
_MOST_SAID = 5


class Unformed(BadRequest):
    """A member of the payload is not as promised: `bad_consent`, with the member's path."""

    def __init__(self, member: str, wanted: str):
        super().__init__("bad_consent", f"the payload's `{member}` must be {wanted}")
        self.member = member


def text_of(payload: Mapping[str, Any], path: str) -> str:
    """A text of one character or more. Raises: Unformed, also for NUL, which cannot be kept."""
    value = _at(payload, path)
    if not isinstance(value, str) or not value or "\0" in value:
        raise Unformed(path, "a text of one character or more, without NUL")
    return value


def instant_of(payload: Mapping[str, Any], path: str) -> datetime:
    """An instant with its offset, which has a day in every time zone. Raises: Unformed."""
    try:
        moment = datetime.fromisoformat(text_of(payload, path))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not is_on_calendar(moment):
        raise Unformed(path, "an instant with an offset, in the years 1 to 9999 everywhere")
    return moment


def _at(payload: Mapping[str, Any], path: str) -> Any:
    """What stands at a path of names; None where nothing does."""
    found: Any = payload
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member: whether a value fits it, what is wanted in words, or the members inside it."""

    wanted: str
    fits: Callable[[Any], bool] = lambda value: isinstance(value, dict)
    inner: Mapping[str, Member] = field(default_factory=dict)
    is_required: bool = True


def _matches(pattern: str) -> Callable[[Any], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_USES


def _is_day(value: Any) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _one_of(*allowed: str, is_required: bool = True) -> Member:
    said = " or ".join(f'"{one}"' for one in allowed)
    return Member(wanted=said, fits=lambda value: value in allowed, is_required=is_required)


def _some_units(wanted: str) -> Member:
    inner = {"n": _WHOLE, "unit": _one_of("hour", "day", "week", "month", "year")}
    return Member(wanted=wanted, inner=inner, is_required=False)


_TEXT = Member(
    wanted="a text of one character or more",
    fits=lambda value: isinstance(value, str) and value != "",
)
_INSTANT = Member(
    wanted="an instant of RFC 3339 with its offset, as 2026-01-31T09:30:00+08:00",
    fits=_matches(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)"),
)
_WHOLE = Member(wanted=f"a whole number from 1 to {MOST_USES}", fits=_is_whole)
_DAY = Member(wanted="a day, YYYY-MM-DD", fits=_is_day)
#: Every member an artefact may have. One that is none of these might narrow what was agreed to.
MEMBERS: Final[Mapping[str, Member]] = {
    "version": _one_of(VERSION),
    "consent_id": Member(
        wanted="a UUID in hexadecimal groups of 8, 4, 4, 4 and 12",
        fits=_matches(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
    ),
    "subject_hash": _TEXT,
    "captured_by": _TEXT,
    "recipient": _TEXT,
    "purpose": _TEXT,
    "data_classes": Member(
        wanted="a list of one text or more",
        fits=lambda value: isinstance(value, list) and value != [] and all(map(_TEXT.fits, value)),
    ),
    "valid_from": _INSTANT,
    "valid_to": _INSTANT,
    "given_at": _INSTANT,
    "uses_allowed": Member(
        wanted=f"{_WHOLE.wanted}, or null",
        fits=lambda value: value is None or _is_whole(value),
        is_required=False,
    ),
    "evidence": Member(
        wanted="an object",
        inner={
            "text_sha256": Member(
                wanted="64 digits 0 to 9, a to f", fits=_matches(r"[0-9a-f]{64}")
            ),
            "locale": Member(
                wanted="a language tag, as zh or en-GB",
                fits=_matches(r"[a-z]{2,3}(-[A-Za-z0-9]{1,8})*"),
            ),
            "method": Member(wanted=_TEXT.wanted, fits=_TEXT.fits, is_required=False),
        },
    ),
    "data_period": Member(wanted="an object", inner={"from": _DAY, "to": _DAY}, is_required=False),
    "mode": _one_of("view", "store", is_required=False),
    "fetch": _one_of("once", "periodic", is_required=False),
    "frequency": _some_units("an object"),
    "keep_for": _some_units("an object"),
}


def check_form(payload: Mapping[str, Any]) -> None:
    """Refuse a payload with a member that is missing, unknown or not in its one form.

    Raises: Unformed, with the path of the first such member, or the names of all unknown ones
    """
    _check(payload, MEMBERS, at="")


def _check(given: Mapping[str, Any], members: Mapping[str, Member], *, at: str) -> None:
    unknown = sorted(given.keys() - members.keys())
    if unknown:
        named = [f"{at}{one}" for one in unknown if _is_said(one)][:_MOST_SAID]
        if len(named) < len(unknown):
            named.append(f"{at}…")
        raise Unformed(", ".join(named), "left out: no consent has such a member")
    for name, member in members.items():
        if name not in given:
            if member.is_required:
                raise Unformed(f"{at}{name}", member.wanted)
            continue
        if not member.fits(given[name]):
            raise Unformed(f"{at}{name}", member.wanted)
        if member.inner:
            _check(given[name], member.inner, at=f"{at}{name}.")


#: A name that is a word, not somebody's data.
_is_said = _matches(r"[A-Za-z_][A-Za-z_]{0,39}")
