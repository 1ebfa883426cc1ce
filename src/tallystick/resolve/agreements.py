"""What may agree beside name and birth date: a telephone, a home, the furnisher's own numbers.

Systems fill in something where they know nothing. Two persons who share nothing but that are two:
what is written where nothing is known agrees with nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tallystick.resolve.compare import normal_name

#: A subscriber's number without the code of its place has seven digits in most plans (ITU-T E.164
#: leaves it to the countries); fewer are an extension or a beginning.
_PHONE_DIGITS = 7
#: One or two digits over and over, or counted up or down, are typed where there is no number.
_PHONE_KINDS_OF_DIGIT = 3
_COUNTED = ("01234567890123456789", "98765432109876543210")
#: A street and a number, in the shortest writing there is: two characters and two digits.
_STREET_MARKS = 4
_PLACE_MARKS = 2
#: Said in place of an address or a name, folded to letters and digits.
_NOTHING = frozenset({
    "unknown", "none", "null", "notheld", "notknown", "notavailable", "notapplicable",
    "noaddress", "nofixedabode", "homeless", "na", "undefined", "missing", "test", "same",
    "asabove", "不详", "地址不详", "住址不详", "不清楚", "未知", "暂无", "无地址",
    "无固定住所", "无固定住址", "同上", "没有", "无名", "无名氏", "佚名", "匿名", "待补充",
})  # fmt: skip
#: The furnisher's own keys of a person: it names the old one where the number changed.
_OWN_NUMBER = "person number:"
_OWN_NUMBERS = ("person_number", "formerly_person_number")
#: Fields `agreements` reads.
AGREEING_FIELDS = ("phone", "address_line", "postal_code", "address_locality", *_OWN_NUMBERS)


def agreements(personal: Mapping[str, Any], furnisher: str) -> frozenset[str]:
    """Values besides name and birth date that two records of one person may agree in, folded.

    Takes:   fields of a `subject` record by name; the id of its furnisher, whose numbers are its
             own
    Missing: a field that is absent, or holds what is written where nothing is known, gives nothing
    """
    found = {f"phone:{digits}" for digits in (_phone(personal.get("phone")),) if digits}
    street = _told(personal.get("address_line"), _STREET_MARKS)
    place = _told(personal.get("postal_code"), _PLACE_MARKS) or _told(
        personal.get("address_locality"), _PLACE_MARKS
    )
    if street and place:
        found.add(f"address:{street}:{place}")
    for name in _OWN_NUMBERS:
        if personal.get(name):
            found.add(f"{_OWN_NUMBER}{furnisher}:{personal[name]}")
    return frozenset(found)


def is_own_number(agreement: str) -> bool:
    """Whether two records agree in a number their furnisher gave her itself."""
    return agreement.startswith(_OWN_NUMBER)


def is_told(name: str) -> bool:
    """Whether a name says anything: it has a letter and is no word for nothing."""
    return bool(_told(name, 1)) and any(mark.isalpha() for mark in name)


def _phone(text: str | None) -> str:
    digits = "".join(str(int(mark)) for mark in text or "" if mark.isdecimal())
    is_filler = len(set(digits)) < _PHONE_KINDS_OF_DIGIT or any(digits in run for run in _COUNTED)
    return "" if len(digits) < _PHONE_DIGITS or is_filler else digits


def _told(text: str | None, least: int) -> str:
    """The folded text; empty where it has fewer letters and digits, or is a word for nothing."""
    folded = normal_name(text or "")
    marks = "".join(mark for mark in folded if mark.isalnum())
    return "" if len(marks) < least or marks in _NOTHING else folded
