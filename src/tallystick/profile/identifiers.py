"""Identity numbers: which schemes a jurisdiction accepts and how a number is checked.

The scheme is data (pattern, check, where date, sex and area stand); the arithmetic is here.
Calling a valid number invalid is worse than the reverse: what is not known is not held against it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal

from stdnum import numdb
from stdnum.iso7064 import mod_11_2, mod_97_10

from tallystick.profile.reading import Table

Verdict = Literal[
    "valid", "bad_checksum", "bad_date", "bad_area", "test_area", "unknown_scheme", "bad_form"
]
#: Check algorithms a scheme may name; each tells whether a well-formed number passes.
CHECKS: dict[str, Callable[[str], bool]] = {
    "none": lambda number: True,
    "iso7064_mod_97_10": lambda number: bool(mod_97_10.is_valid(number)),
    "iso7064_mod_11_2": lambda number: bool(mod_11_2.is_valid(number)),
}
_SEXES = ("female", "male")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """One kind of identity number; spans are `(start, end)` positions in the compact number.

    `area_registry` names the list of issuing areas of python-stdnum the area is looked up in.
    """

    code: str
    label_en: str
    label_zh: str
    pattern: re.Pattern[str]
    check: str
    birth_date_at: tuple[int, int] | None
    sex_digit_at: tuple[int, int] | None
    area_at: tuple[int, int] | None
    area_registry: str | None
    cite: str
    status: str
    start: date
    until: date | None

    def holds_on(self, day: date) -> bool:
        """Whether numbers of the scheme are accepted on `day`."""
        return self.start <= day and (self.until is None or day < self.until)


def read_schemes(root: Table, *, live: bool) -> tuple[Scheme, ...]:
    """All schemes of an `identifiers.toml`. Raises: ProfileError with file and path."""
    return tuple(_scheme(root.table(code), code, live=live) for code in root.names())


def _scheme(table: Table, code: str, *, live: bool) -> Scheme:
    label_en, label_zh = table.label("label")
    cite, status = table.source(live=live)
    raw = table.text("pattern")
    try:
        pattern = re.compile(raw, re.ASCII)
    except re.error as error:
        raise table.fail("is not a regular expression", key="pattern") from error
    scheme = Scheme(
        code=code, label_en=label_en, label_zh=label_zh, pattern=pattern,
        check=table.text("check", allowed=CHECKS),
        birth_date_at=table.span("birth_date_at"),
        sex_digit_at=table.span("sex_digit_at"),
        area_at=table.span("area_at"),
        area_registry=table.text("area_registry") if table.has("area_registry") else None,
        cite=cite, status=status, start=table.day("from"), until=table.day_or_none("until"),
    )  # fmt: skip
    table.close()
    return scheme


def compact_number(number: str) -> str:
    """The form a number is compared and tokenised in: NFKC, upper case, no blanks or hyphens.

    Every token is made of it: were it changed, persons on file would not be found by their numbers.
    """
    folded = unicodedata.normalize("NFKC", number).upper()
    return "".join(folded.replace("-", "").split())


def check_number(scheme: Scheme, number: str, *, test_areas: Collection[str]) -> Verdict:
    """What is wrong with a number of `scheme`, first fault first: form, date, checksum, area.

    Gives:    "valid"; "test_area" for a number right in all but an area kept for tests, which only
              test mode may accept; else the fault
    Raises:   nothing
    """
    compact = compact_number(number)
    if not scheme.pattern.fullmatch(compact):
        return "bad_form"
    if scheme.birth_date_at is not None and _birth_date(scheme, compact) is None:
        return "bad_date"
    if not CHECKS[scheme.check](compact):
        return "bad_checksum"
    if scheme.area_at is None:
        return "valid"
    area = compact[slice(*scheme.area_at)]
    if area in test_areas:
        return "test_area"
    if scheme.area_registry is not None and not _is_known_area(scheme.area_registry, area):
        return "bad_area"
    return "valid"


def number_facts(scheme: Scheme, number: str) -> tuple[date | None, str | None]:
    """Birth date and sex a number states.

    Missing:  None for what the scheme does not carry, or when form or date is wrong; the checksum
              and the area are not asked
    """
    compact = compact_number(number)
    if not scheme.pattern.fullmatch(compact):
        return None, None
    born = _birth_date(scheme, compact) if scheme.birth_date_at is not None else None
    sex = None
    if scheme.sex_digit_at is not None:
        sex = _SEXES[int(compact[slice(*scheme.sex_digit_at)]) % 2]
    return born, sex


def _birth_date(scheme: Scheme, compact: str) -> date | None:
    digits = compact[slice(*(scheme.birth_date_at or (0, 0)))]
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None


@lru_cache(maxsize=8192)
def _is_known_area(registry: str, area: str) -> bool:
    """Whether every part of the area code is in the list (areas once assigned stay known)."""
    parts = numdb.get(registry).info(area)
    return bool(parts) and all(properties for _, properties in parts)
