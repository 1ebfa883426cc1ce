"""Comparing names and birth dates: tolerant of typing errors, strict enough for twins."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from rapidfuzz.distance import JaroWinkler

from tallystick.resolve.han import han_alike, han_part, other_parts

#: Two name tokens of this Jaro–Winkler similarity are alike (spine 6, measured on linkage sets).
ALIKE = 0.85
_SEPARATORS = re.compile(r"[\s·•.,'’\-]+")


@lru_cache(maxsize=65536)
def normal_name(name: str) -> str:
    """A name folded for comparison: compatibility forms, case, accents and separators gone."""
    folded = unicodedata.normalize("NFKD", name).casefold()
    bare = "".join(mark for mark in folded if not unicodedata.combining(mark))
    return " ".join(part for part in _SEPARATORS.split(bare) if part)


def names_alike(left: str, right: str) -> bool:
    """Whether at least one token of each is alike, order ignored.

    Where both are written in Han characters those decide, and the family name is not enough
    (`han_alike`): few family names are shared by very many people, and by every household.
    Missing: a name that is not held (empty) tells nothing, so it is alike
    """
    ours, theirs = normal_name(left), normal_name(right)
    if not ours or not theirs:
        return True
    mine, other = han_part(ours), han_part(theirs)
    if not mine or not other:
        return _tokens_alike(other_parts(ours), other_parts(theirs))
    are_alike = han_alike(mine, other)
    if are_alike is None:  # a given name may stand beside in other letters
        latin, other_latin = other_parts(ours), other_parts(theirs)
        return not latin or not other_latin or _tokens_alike(latin, other_latin)
    return are_alike


def _tokens_alike(ours: frozenset[str], theirs: frozenset[str]) -> bool:
    return bool(ours & theirs) or any(
        JaroWinkler.similarity(mine, other) >= ALIKE
        for mine in ours
        for other in theirs
        if len(mine) > 1 and len(other) > 1
    )


def birth_dates_clash(left: str | None, right: str | None) -> bool:
    """Whether two or more of day, month, year differ (ISO dates); an exchange counts as none.

    Day and month exchanged are no difference, so that beside them only the year can be one.
    Missing: an absent birth date clashes with nothing.
    """
    if left is None or right is None:
        return False
    year, month, day = left.split("-")
    other_year, other_month, other_day = right.split("-")
    if month == other_day and day == other_month:
        return False  # at most the year is left
    return (year != other_year) + (month != other_month) + (day != other_day) >= 2


def clashes(
    name: str, birth_date: str | None, other_name: str, other_birth_date: str | None
) -> bool:
    """Whether two identities under one number cannot be the same person."""
    return birth_dates_clash(birth_date, other_birth_date) or not names_alike(name, other_name)
