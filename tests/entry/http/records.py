"""Synthetic persons as records, and files of them."""

from __future__ import annotations

from typing import Any

from stdnum.iso7064 import mod_97_10

SCHEME = "zz_person_number"
HEADER = "person_number,valid_from,identifier_scheme,identifier_number,name,birth_date"


def identity_number(serial: int) -> str:
    """A number of the invented scheme with its right check digits."""
    digits = f"{serial:08d}"
    return digits + mod_97_10.calc_check_digits(digits)


def subject(serial: int, **changes: Any) -> dict[str, Any]:
    """One person as a furnisher reports her."""
    return {
        "person_number": f"P{serial}",
        "valid_from": "2024-01-01",
        "identifier_scheme": SCHEME,
        "identifier_number": identity_number(serial),
        "name": f"Person Canary {serial}",
        "birth_date": "1990-05-31",
        **changes,
    }


def csv_file(*records: dict[str, Any]) -> bytes:
    """A CSV file of subjects."""
    names = HEADER.split(",")
    rows = [",".join(str(record[name]) for name in names) for record in records]
    return "\r\n".join([HEADER, *rows, ""]).encode()


def ask(serial: int, **changes: Any) -> dict[str, Any]:
    """An inquiry by legal duty for a person."""
    record = subject(serial)
    return {
        "subject": {
            "identifiers": [{"scheme": SCHEME, "value": record["identifier_number"]}],
            "name": record["name"],
            "birth_date": record["birth_date"],
        },
        "purpose": "joint_loan_duty",
        "legal_basis": {"type": "legal_duty"},
        **changes,
    }
