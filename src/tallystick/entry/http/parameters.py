"""What a parameter of a request must be, in words: all its bounds, not only the one missed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute
from starlette.requests import Request

#: Parameters by where they stand (query, path, header) and name: their type and bounds.
Params = Mapping[tuple[str, str], tuple[Any, Mapping[str, Any]]]
_KINDS: Mapping[Any, str] = {int: "a whole number", bool: "true or false"}
_BOUNDS = ("ge", "le", "min_length", "max_length")


def params_of(request: Request) -> Params:
    """The parameters of the request's route; none where no route was found."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return {}
    found: dict[tuple[str, str], tuple[Any, Mapping[str, Any]]] = {}
    for param in get_flat_params(route.dependant):
        info: Any = param.field_info
        bounds = {
            name: getattr(one, name)
            for one in info.metadata
            for name in _BOUNDS
            if getattr(one, name, None) is not None
        }
        found[info.in_.value, param.alias] = (info.annotation, bounds)
    return found


def must_be(place: Mapping[str, Any], params: Params) -> str:
    """What the parameter at a fault of validation must be."""
    where, *names = (str(part) for part in place["loc"])
    kind, bounds = params.get((where, names[0] if names else ""), (None, {}))
    kinds = [_KINDS[kind]] if kind in _KINDS else []
    words = []
    if "ge" in bounds:
        words.append(f"at least {bounds['ge']}")
    if "le" in bounds:
        words.append(f"at most {bounds['le']}")
    if "min_length" in bounds:
        words.append(f"at least {bounds['min_length']} characters long")
    if "max_length" in bounds:
        words.append(f"at most {bounds['max_length']} characters long")
    said = ", ".join([*kinds, *([" and ".join(words)] if words else [])])
    if place["type"] == "missing":
        return f"must be given: {said}" if said else "must be given"
    return f"must be {said}" if said else str(place["type"])
