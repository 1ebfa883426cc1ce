"""Which of the two languages a request wants, and the texts of the pages in it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from starlette.requests import Request

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
#: What `<html lang>` and Content-Language say.
TAGS: Mapping[str, str] = {"en": "en", "zh": "zh-Hans"}
COOKIE = "tallystick_language"
_DEFAULT: Language = "en"


def accepted(header: str) -> Language:
    """The best of our languages by an Accept-Language header; English when none fits."""
    best, best_weight = _DEFAULT, 0.0
    for part in header.split(",")[:20]:
        tag, _, parameters = part.strip().partition(";")
        language = tag.split("-")[0].lower()
        weight = _weight(parameters)
        if language in LANGUAGES and weight > best_weight:
            best, best_weight = language, weight
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def language_of(request: Request) -> Language:
    """The language of a page: `?lang=`, then the cookie, then Accept-Language."""
    for choice in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if choice in LANGUAGES:
            return choice
    return accepted(request.headers.get("accept-language", ""))


async def _asked(
    lang: Annotated[str | None, Query(description="en or zh; kept in a cookie.")] = None,
) -> None:
    """Nothing by itself: a declaration of what `language_of` reads."""


#: A dependency of every router of pages: they all take `lang`.
TAKES_LANGUAGE = Depends(_asked)


@cache
def texts(language: Language) -> Mapping[str, str]:
    """The page texts of a language by dotted key (`home.title`)."""
    path = resources.files("tallystick") / "locale" / f"{language}.toml"
    return MappingProxyType(dict(_flat(tomllib.loads(path.read_text(encoding="utf-8")))))


def _flat(table: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    flat: list[tuple[str, str]] = []
    for key, value in table.items():
        if isinstance(value, dict):
            flat += _flat(value, f"{prefix}{key}.")
        else:
            flat.append((f"{prefix}{key}", str(value)))
    return flat
