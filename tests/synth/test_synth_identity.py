"""Numbers, names, keys and consents of people who do not exist."""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import json
from datetime import date

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tallystick.consent import require_form
from tallystick.errors import InvariantBroken
from tallystick.model.canonical import canonical
from tallystick.profile.identifiers import CHECKS
from tallystick.synth import Plan
from tallystick.synth.names import RARE
from tallystick.synth.numbers import TEST_AREA, resident_id, zz_person_number


@pytest.mark.parametrize(
    ("order", "number"),
    # By hand from GB 11643: weights 7 9 10 5 8 4 2 1 6 3 7 9 10 5 8 4 2.
    [(0, "990101199003070004"), (1, "990101199003070012"), (2, "990101199003070020")],
)
def test_resident_ids_have_the_check_character_of_the_standard(order: int, number: str) -> None:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], weights, strict=True))
    by_hand = number[:17] + "10X98765432"[total % 11]
    assert resident_id(date(1990, 3, 7), order) == by_hand


def test_person_numbers_leave_one_when_divided_by_97() -> None:
    for order in (0, 1, 96, 97, 98, 12_345_678, 99_999_999):
        number = zz_person_number(order)
        assert len(number) == 10
        assert int(number) % 97 == 1


@pytest.mark.parametrize("order", [-1, 1000])
def test_an_order_out_of_range_is_refused(order: int) -> None:
    with pytest.raises(InvariantBroken):
        resident_id(date(1990, 3, 7), order)


def test_every_number_passes_its_check_stands_in_the_test_area_and_is_unique(demo: Plan) -> None:
    numbers = set()
    for line in (demo.folder / "truth" / "people.ndjson").read_text("utf-8").splitlines():
        entry = json.loads(line)
        number = entry["number"]
        numbers.add(number)
        if entry["scheme"] == "cn_resident_id":
            assert number.startswith(TEST_AREA)
            assert number[6:14] == entry["birth_date"].replace("-", "")
            assert CHECKS["iso7064_mod_11_2"](number)
        else:
            assert CHECKS["iso7064_mod_97_10"](number)
    assert len(numbers) == demo.people


def test_rare_characters_and_shared_addresses_are_there(demo: Plan) -> None:
    names, homes = set(), []
    for path in sorted(demo.folder.rglob("files/backload/bank-*/subject.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                names.add(row["name"])
                homes.append(row["address_line"])
    assert sum(sign in "".join(sorted(names)) for sign in RARE) >= 3
    assert len(set(homes)) < len(homes)


def test_every_consent_verifies_and_names_its_person_only_by_hash(small: Plan) -> None:
    keys = {
        member["public_jwk"]["kid"]: Ed25519PublicKey.from_public_bytes(
            _decoded(member["public_jwk"]["x"])
        )
        for member in json.loads((small.folder / "members.json").read_text("utf-8"))
    }
    consents = list(_consents(small))
    assert len(consents) > 100
    for row in consents:
        head, body, signature = row["artefact"].split(".")
        header, payload = json.loads(_decoded(head)), json.loads(_decoded(body))
        keys[header["kid"]].verify(_decoded(signature), f"{head}.{body}".encode())
        assert header["typ"] == "consent+jws"
        assert header["kid"] == f"{payload['captured_by']}:1"
        assert _decoded(body) == canonical(payload)
        assert payload["consent_id"] == row["consent_id"]
        message = row["scheme"].encode() + b"\x1f" + row["number"].encode()
        digest = hmac.new(_decoded(row["salt"]), message, hashlib.sha256).digest()
        assert _decoded(payload["subject_hash"]) == digest
        assert row["number"] not in _decoded(body).decode()
        assert payload["valid_from"] < payload["valid_to"]
        require_form(row["artefact"])


def test_an_altered_consent_does_not_verify(small: Plan) -> None:
    row = next(iter(_consents(small)))
    members = json.loads((small.folder / "members.json").read_text("utf-8"))
    head, body, signature = row["artefact"].split(".")
    signed = f"{head}.{body[:-1]}{'A' if body[-1] != 'A' else 'B'}".encode()
    for member in members:
        key = Ed25519PublicKey.from_public_bytes(_decoded(member["public_jwk"]["x"]))
        with pytest.raises(InvalidSignature):
            key.verify(_decoded(signature), signed)


def _consents(plan: Plan):
    for path in sorted(plan.folder.rglob("consent.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield row | {
                    "scheme": row["identifier_scheme"],
                    "number": row["identifier_number"],
                }
    yield from (step for step in plan.read() if step["kind"] == "consent")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
