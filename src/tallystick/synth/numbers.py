"""Identity numbers for synthetic persons: right checksums, in ranges no real person has.

`cn_resident_id`    18 characters (GB 11643): area 990101 (assigned to nobody), birth date, three
                    digits of order (odd: male), check character ISO 7064 MOD 11-2.
`zz_person_number`  10 digits: eight of order and two check digits, ISO 7064 MOD 97-10: the whole
                    number leaves 1 when divided by 97.
"""

from __future__ import annotations

from datetime import date

from tallystick.errors import require

RESIDENT_SCHEME = "cn_resident_id"
PERSON_SCHEME = "zz_person_number"
TEST_AREA = "990101"
_MOD_11_2 = "10X98765432"
_WEIGHTS = tuple(2 ** (17 - place) % 11 for place in range(17))


def resident_id(birth_date: date, order: int) -> str:
    """The resident id of the `order`-th person (0-999) born that day in the test area."""
    require(0 <= order <= 999, "the order in a resident id has three digits")
    body = f"{TEST_AREA}{birth_date:%Y%m%d}{order:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True))
    return body + _MOD_11_2[total % 11]


def zz_person_number(order: int) -> str:
    """The person number of the invented jurisdiction for an order of at most eight digits."""
    require(0 <= order <= 99_999_999, "the order in a person number has eight digits")
    check = 98 - order * 100 % 97
    return f"{order:08d}{check:02d}"
