"""What both judges of a cell (SQL for files, Python for one record) share: patterns and order.

Patterns are read alike by RE2 and Python's `re`; both use ASCII digits only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tallystick.errors import ProfileError
from tallystick.formats import Dataset
from tallystick.formats.columns import field_columns
from tallystick.formats.registry import DECIMAL_PLACES
from tallystick.formats.schema import (
    ABSENT_MARK,
    DATE_PATTERN,
    DECIMAL_PATTERN,
    EDGE_BLANKS,
    INSTANT_PATTERN,
    INTEGER_PATTERN,
    MEMBER_PATTERN,
    MINUS_ZERO_PATTERN,
    field_domain,
)
from tallystick.model.money import CURRENCY_DIGITS, pattern

ABSENT = ABSENT_MARK
BLANKS = EDGE_BLANKS
DATE = DATE_PATTERN
INSTANT = INSTANT_PATTERN
INTEGER = INTEGER_PATTERN
DECIMAL = DECIMAL_PATTERN
MEMBER = MEMBER_PATTERN
#: An amount of any number of digits after the point: its form is right, its digits may be too many.
AMOUNT_FORM = "^-?(0|[1-9][0-9]{0,14})([.][0-9]+)?$"
#: An amount or decimal fit in form, with more digits before the point than there is room for.
AMOUNT_LONG = "^-?[1-9][0-9]{15,}([.][0-9]+)?$"
DECIMAL_LONG = f"^-?[1-9][0-9]{{9,}}([.][0-9]{{1,{DECIMAL_PLACES}}})?$"
MINUS_ZERO = MINUS_ZERO_PATTERN
NO_OFFSET_KNOWN = "-00:00"
PPB = 10**9
NOT_VALID = "not_valid"


def amount_pattern(digits: int) -> str:
    """What an amount of a currency of that many digits must match (and not be minus zero)."""
    return pattern(digits)


@dataclass(frozen=True, slots=True)
class Lists:
    """The code lists one dataset's fields are judged by, resolved once."""

    codes: Mapping[str, tuple[str, ...]]
    digits: Mapping[str, int]
    #: A missing currency then has a fault of its own, and its amounts need none.
    currency_is_required: bool
    #: Of each field in order, its typed columns where nothing is.
    nothing: tuple[Mapping[str, None], ...]


def lists(dataset: Dataset, domains: Mapping[str, Collection[str]]) -> Lists:
    """The code list of each code field and the digits of each currency accepted.

    Raises: ProfileError when a list is not given, or a currency's digits are not known.
    """
    codes = {f.name: field_domain(f, domains) for f in dataset.fields if f.type == "code"}
    digits: dict[str, int] = {}
    for currency in codes.get("currency", ()):
        if currency not in CURRENCY_DIGITS:
            raise ProfileError(f"the digits of currency {currency!r} are not known")
        digits[currency] = CURRENCY_DIGITS[currency]
    required = any(f.name == "currency" and f.presence == "required" for f in dataset.fields)
    nothing = tuple(dict.fromkeys(one.name for one in field_columns(f)) for f in dataset.fields)
    return Lists(MappingProxyType(codes), MappingProxyType(digits), required, nothing)
