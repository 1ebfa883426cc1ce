"""Money: decimal strings at the edges, integer minor units with a currency inside; no floats."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Digits after the point by ISO 4217 currency; the source of what a decimal string may carry.
CURRENCY_DIGITS: dict[str, int] = {
    "AUD": 2, "BRL": 2, "CAD": 2, "CHF": 2, "CLP": 0, "CNY": 2, "EUR": 2, "GBP": 2, "HKD": 2,
    "IDR": 2, "INR": 2, "JPY": 0, "KES": 2, "KRW": 0, "KWD": 3, "MXN": 2, "NGN": 2, "PHP": 2,
    "SGD": 2, "THB": 2, "TND": 3, "TWD": 2, "UGX": 0, "USD": 2, "VND": 0, "XOF": 0, "ZAR": 2,
}  # fmt: skip

_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.([0-9]{1,3}))?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount of one currency in its minor units."""

    minor: int
    currency: str

    def __str__(self) -> str:
        return format_minor(self.minor, self.currency)


def pattern(digits: int) -> str:
    """The regular expression (RE2 and Python) a decimal string of that many digits must match."""
    fraction = f"(\\.[0-9]{{1,{digits}}})?" if digits else ""
    return f"^-?(0|[1-9][0-9]{{0,14}}){fraction}$"


def parse_minor(text: str, currency: str) -> int | None:
    """Minor units of a decimal string.

    Missing: None when the text is not a decimal string of at most the currency's digits, when it
             is minus zero, or when the currency is unknown. Never rounds.
    """
    digits = CURRENCY_DIGITS.get(currency)
    match = _DECIMAL.fullmatch(text)
    if digits is None or match is None:
        return None
    fraction = match.group(1) or ""
    if len(fraction) > digits:
        return None
    whole = text.split(".", 1)[0]
    minor = int(whole.lstrip("-") + fraction.ljust(digits, "0"))
    if text.startswith("-"):
        return -minor if minor else None
    return minor


def format_minor(minor: int, currency: str) -> str:
    """The decimal string of minor units, always with the currency's full digits."""
    digits = CURRENCY_DIGITS[currency]
    if digits == 0:
        return str(minor)
    sign = "-" if minor < 0 else ""
    whole, fraction = divmod(abs(minor), 10**digits)
    return f"{sign}{whole}.{fraction:0{digits}d}"
