"""`subject` records: a person as each furnisher knows her, with its own gaps and typing."""

from __future__ import annotations

from datetime import date
from random import Random

from tallystick.synth import members as cast
from tallystick.synth import names
from tallystick.synth.members import SynthMember
from tallystick.synth.people import Person

#: Share of people whose identity number a furnisher does not have. None of these furnishes under
#: consent: whoever holds a signed consent holds the number it names.
_WITHOUT_NUMBER = {cast.SMALL_BANK: 0.06, cast.BANKS[7]: 0.05, cast.CARD_ISSUER: 0.01}
#: Furnishers that type names by hand, with the share they get wrong.
_MISTYPING = {
    cast.MICRO_LENDER: 0.05, cast.LANDLORD: 0.06, cast.SMALL_BANK: 0.03, cast.OTHER_PLATFORM: 0.01,
}  # fmt: skip
_EXCHANGED_DAY_AND_MONTH = 0.01
#: Who asks for no address.
_WITHOUT_ADDRESS = frozenset({cast.TELECOM, cast.SHY_PLATFORM})


def person_number(member: SynthMember, person: Person) -> str:
    """The number under which a furnisher keeps a person: different at each, stable for good."""
    scrambled = (person.index * 7919 + member.number * 104729) % 89_999_999
    return str(10_000_000 + scrambled)


def subject_record(
    rng: Random, *, person: Person, member: SynthMember, valid_from: date, account_number: str = ""
) -> dict[str, str]:
    """One person as `member` reports her.

    Takes:  `account_number` for furnishers that keep no person numbers
    """
    code = member.code
    record = {
        "valid_from": valid_from.isoformat(),
        "identifier_scheme": person.scheme,
        "identifier_number": person.number,
        "name": person.name,
        "birth_date": person.birth_date.isoformat(),
        "sex": person.sex,
        "phone": person.phone,
    }
    if account_number:
        record |= {"account_number": account_number, "role": "borrower", "holder_no": "1"}
    else:
        record["person_number"] = person_number(member, person)
    if rng.random() < _WITHOUT_NUMBER.get(code, 0.0):
        record |= {"identifier_scheme": "absent:not_held", "identifier_number": "absent:not_held"}
    if rng.random() < _MISTYPING.get(code, 0.0):
        record["name"] = names.mistyped(rng, person.name)
    if code == cast.TELECOM and rng.random() < 0.3:
        record["birth_date"] = "absent:not_asked"
    elif person.has_day_like_a_month and rng.random() < _EXCHANGED_DAY_AND_MONTH:
        born = person.birth_date
        record["birth_date"] = f"{born.year}-{born.day:02d}-{born.month:02d}"
    if code not in _WITHOUT_ADDRESS:
        record |= {
            "address_line": person.address_line,
            "address_locality": person.locality,
            "address_region": person.region,
            "postal_code": person.postal_code,
        }
    return record
