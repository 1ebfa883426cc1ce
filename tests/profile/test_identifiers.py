"""Identity numbers: each fault is named, and nothing valid is refused."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.profile import Profile
from tallystick.profile.identifiers import check_number

DAY = date(2026, 6, 15)
ZZ = Profile.load("zz").on(DAY)
VECTORS = Path(__file__).parents[3] / "shared" / "data" / "cn" / "resident-id-vectors.csv"
VERDICTS = {
    "valid": "valid",
    "valid (lower-case x)": "valid",
    "bad check digit": "bad_checksum",
    "29 February of a non-leap year": "bad_date",
    "month 13": "bad_date",
    "area code not in GB/T 2260": "test_area",
}
RESIDENT = "cn_resident_id"


def resident(body: str) -> str:
    """A resident number with the right check character for 17 digits."""
    total = sum(int(digit) * pow(2, 17 - at, 11) for at, digit in enumerate(body))
    return body + "10X98765432"[total % 11]


def person(number: int) -> str:
    return f"{number:08d}{98 - number * 100 % 97:02d}"


@pytest.mark.parametrize(
    ("scheme", "number", "verdict"),
    [
        (RESIDENT, resident("99010119880101001"), "test_area"),
        (RESIDENT, resident("99010119880101001").lower(), "test_area"),
        (RESIDENT, "99010119880101001" + "0", "bad_checksum"),
        (RESIDENT, resident("99010119880229001"), "test_area"),
        (RESIDENT, resident("99010119890229001"), "bad_date"),
        (RESIDENT, resident("99010119881301001"), "bad_date"),
        (RESIDENT, resident("99010219880101001"), "bad_area"),
        (RESIDENT, resident("99010119880101001")[:-1], "bad_form"),
        (RESIDENT, resident("99010119880101001") + "1", "bad_form"),
        (RESIDENT, "", "bad_form"),
        (RESIDENT, "٩" * 18, "bad_form"),
        ("zz_person_number", person(12345678), "valid"),
        ("zz_person_number", person(12345678)[:-2] + "00", "bad_checksum"),
        ("zz_person_number", "123456789", "bad_form"),
        ("soc_sec_id", "1234567", "valid"),
        ("soc_sec_id", "123456", "bad_form"),
        ("soc_sec_id", "12345678", "bad_form"),
        ("passport", "1234567", "unknown_scheme"),
    ],
)
def test_the_first_fault_is_named(scheme: str, number: str, verdict: str) -> None:
    assert ZZ.check_identifier(scheme, number) == verdict


def test_a_known_area_is_valid_and_one_digit_off_is_not() -> None:
    number = resident("99010119880101001")
    free = replace(ZZ.schemes[RESIDENT], area_registry=None)

    assert check_number(free, number, test_areas=()) == "valid"
    assert check_number(ZZ.schemes[RESIDENT], number, test_areas=()) == "bad_area"


@pytest.mark.parametrize(
    ("number", "facts"),
    [
        (resident("99010119880101001"), (date(1988, 1, 1), "male")),
        (resident("99010119880101002"), (date(1988, 1, 1), "female")),
        (resident("99010119890229002"), (None, "female")),
        ("99", (None, None)),
    ],
)
def test_a_number_tells_birth_date_and_sex(
    number: str, facts: tuple[date | None, str | None]
) -> None:
    assert ZZ.identifier_facts(RESIDENT, number) == facts


def test_a_scheme_without_facts_tells_none() -> None:
    assert ZZ.identifier_facts("zz_person_number", person(1)) == (None, None)
    assert ZZ.identifier_facts("passport", "1") == (None, None)


@pytest.mark.parametrize(
    "written", ["99010119880101001x", "990101 19880101 001X", "９90101-19880101001X"]
)
def test_a_number_has_one_compact_form(written: str) -> None:
    assert ZZ.compact_identifier(written) == "99010119880101001X"


@pytest.mark.parametrize(
    ("number", "is_one"),
    [("0000000", True), ("111-1111", True), ("xX x", True), ("1111112", False), ("1", False),
     ("", False)],
)  # fmt: skip
def test_a_placeholder_is_one_sign_over_and_over(number: str, is_one: bool) -> None:
    assert ZZ.is_placeholder(number) is is_one


@settings(max_examples=50)
@given(number=st.integers(0, 99_999_999), at=st.integers(0, 9), shift=st.integers(1, 9))
def test_a_wrong_digit_never_passes(number: int, at: int, shift: int) -> None:
    right = person(number)
    wrong = right[:at] + str((int(right[at]) + shift) % 10) + right[at + 1 :]

    assert ZZ.check_identifier("zz_person_number", right) == "valid"
    assert ZZ.check_identifier("zz_person_number", wrong) == "bad_checksum"


def test_published_vectors_get_the_verdict_they_should() -> None:
    if not VECTORS.exists():
        pytest.skip("../shared/data is not here: the published vectors were not tried")
    rows = list(csv.DictReader(VECTORS.read_text("utf-8").splitlines()))

    wrong = [
        row["expected"]
        for row in rows
        if ZZ.check_identifier(RESIDENT, row["number"]) != VERDICTS[row["expected"]]
    ]

    assert len(rows) == 17
    assert wrong == []
