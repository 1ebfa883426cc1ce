"""What nobody would read: refused with what is taken there, never ignored in silence.

Of an address its query parameters: a route's own declaration says what it takes; this is asked of
every route, API and page alike. Of a form its fields that stand twice.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence

from starlette.requests import Request

from tallystick.entry.http.parameters import params_of
from tallystick.entry.http.problem import InvalidRequest

#: What a name looks like that somebody might give a parameter; anything else may be a person's
#: number or name that slipped into the address, and is told by its place only.
_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}")
_MOST_FAULTS = 20


class UnknownParameter(InvalidRequest):
    """Parameters that are not taken or stand twice: `found` by name or place, `taken` by name."""

    def __init__(self, errors: list[dict[str, str]], *, found: list[str], taken: list[str]):
        super().__init__(errors, code="unknown_parameter")
        self.found = found
        self.taken = taken
        self.detail = _takes(taken)


class DoubledField(InvalidRequest):
    """Form fields that stand twice: `found` by name, or by place where the name is not repeated."""

    def __init__(self, found: Sequence[str]):
        said = ("is given more than once", "give it once")
        places = ["/form" if one.isdecimal() else f"/form/{one}" for one in found]
        super().__init__([_fault(place, *said) for place in places], code="doubled_field")
        self.found = list(found)


def require_each_once(names: Sequence[str]) -> None:
    """Raise DoubledField unless each of a form's field names, in its order, stands once."""
    times = Counter(names)
    found = [
        name if _PLAIN_NAME.fullmatch(name) else str(place)
        for place, name in enumerate(names, 1)
        if times[name] > 1 and name not in names[: place - 1]
    ]
    if found:
        raise DoubledField(found[:_MOST_FAULTS])


async def only_known_parameters(request: Request) -> None:
    """A dependency of every route. Raises: UnknownParameter."""
    if request.scope["query_string"]:
        declared = [name for where, name in params_of(request) if where == "query"]
        require_known(request, declared)


def require_known(request: Request, taken: Collection[str] = ()) -> None:
    """Raise UnknownParameter unless each query parameter is one of `taken`, and stands once."""
    if not request.scope["query_string"]:
        return
    errors: list[dict[str, str]] = []
    found: list[str] = []
    given = request.query_params.multi_items()
    times = Counter(name for name, _ in given)
    for place, (name, value) in enumerate(given, 1):
        if name in taken:
            if times[name] > 1 and name not in found:
                found.append(name)
                errors.append(_fault(f"/query/{name}", "is given more than once", "give it once"))
        elif value and _PLAIN_NAME.fullmatch(name):
            found.append(name)
            said = "is not a parameter of this address"
            errors.append(_fault(f"/query/{name}", said, f"take it out; {_takes(taken)}"))
        else:
            found.append(str(place))
            said = f"parameter {place} is none of this address; its name is not repeated here"
            errors.append(_fault("/query", said, f"take it out; {_takes(taken)}"))
    if errors:
        raise UnknownParameter(
            errors[:_MOST_FAULTS], found=found[:_MOST_FAULTS], taken=sorted(taken)
        )


def _fault(pointer: str, message: str, hint: str) -> dict[str, str]:
    return {"pointer": pointer, "message": message, "hint": hint}


def _takes(taken: Collection[str]) -> str:
    if not taken:
        return "this address takes no query parameters"
    return f"this address takes: {', '.join(sorted(taken))}"
