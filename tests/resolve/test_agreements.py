"""What agrees beside name and birth date, and the fillers that agree with nothing."""

from __future__ import annotations

from uuid import UUID

import pytest

from tallystick.resolve import Candidate, Identity, agreements, decide

OURS, THEIRS = "lender-a", "lender-b"


@pytest.mark.parametrize(
    ("phone", "agreed"),
    [
        ("13912345678", "13912345678"),
        ("+86 139-1234-5678", "8613912345678"),
        ("١٣٩١٢٣٤٥٦٧٨", "13912345678"),
        ("5550123", "5550123"),
        ("555012", ""),  # a digit less
        ("1110002", "1110002"),
        ("1110000", ""),  # two digits over and over
        ("13579246", "13579246"),
        ("12345678", ""),  # counted up
        ("98765432", ""),
        ("n/a", ""),
        ("无", ""),
        ("()", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_telephone_agrees_where_it_can_be_one(phone: str | None, agreed: str) -> None:
    wanted = {f"phone:{agreed}"} if agreed else set()
    assert agreements({"phone": phone}, OURS) == wanted


@pytest.mark.parametrize(
    ("line", "place", "is_one"),
    [
        ("12 Mill Lane", {"postal_code": "990390"}, True),
        ("12 Mill Lane", {"address_locality": "Alder"}, True),
        ("12 Mill Lane", {"postal_code": "-", "address_locality": "Alder"}, True),
        ("12 Mill Lane", {}, False),
        ("12 Mill Lane", {"postal_code": "-", "address_locality": "n"}, False),
        ("12 Mill Lane", {"address_locality": "unknown"}, False),
        ("新桥2号", {"address_locality": "归云"}, True),
        ("2号楼", {"address_locality": "归云"}, False),  # a mark less
        ("地址不详", {"address_locality": "归云"}, False),
        ("Not known", {"address_locality": "Alder"}, False),
        (".", {"address_locality": "Alder"}, False),
        (None, {"address_locality": "Alder"}, False),
    ],
)
def test_a_home_agrees_where_street_and_place_are_told(
    line: str | None, place: dict[str, str], is_one: bool
) -> None:
    assert bool(agreements({"address_line": line, **place}, OURS)) == is_one


def test_numbers_agree_within_their_furnisher_and_old_with_new() -> None:
    old = agreements({"person_number": "P1"}, OURS)
    assert old & agreements({"person_number": "P2", "formerly_person_number": "P1"}, OURS)
    assert not old & agreements({"person_number": "P1"}, THEIRS)


@pytest.mark.parametrize(
    ("name", "ground"),
    [("Al", "name_and_birth_date"), ("伟", "name_and_birth_date"), ("-", "new"), ("...", "new"),
     ("未知", "new"), ("N/A", "new"), ("123", "new")],
)  # fmt: skip
def test_two_without_a_name_are_not_one_by_it(name: str, ground: str) -> None:
    one = Identity(
        name=name, birth_date="1980-01-01", token=None, agreements=frozenset({"phone:5550123"})
    )
    known = Candidate(subject_id=UUID(int=1), identities=(one,))
    assert decide(one, [known]).ground == ground
