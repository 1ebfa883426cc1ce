"""Persons in households: couples, siblings and twins at one address with one telephone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Literal

from tallystick.synth import names
from tallystick.synth.numbers import PERSON_SCHEME, RESIDENT_SCHEME, resident_id, zz_person_number

ProfileId = Literal["zz", "cn"]
_LATIN_SHARE = 0.03
_FIRST_BIRTH = date(1956, 1, 1)
#: Everybody is of age when the oldest account opens.
_LAST_BIRTH = date(2000, 10, 31)
_BIRTH_DAYS = (_LAST_BIRTH - _FIRST_BIRTH).days
_PLACES = (
    ("晴川市", "虚谷省", "990100"), ("白石市", "虚谷省", "990110"), ("临溪市", "云岭省", "990200"),
    ("望海市", "云岭省", "990210"), ("南屏市", "星湖省", "990300"),
)  # fmt: skip
_STREETS = ("松柏路", "望月街", "长堤路", "青禾巷", "学院路", "北门大街", "枫林道", "河畔路")
#: Kinds of household with their share; the number of persons follows from the kind.
_KINDS = (
    ("single", 0.50), ("couple", 0.22), ("siblings", 0.10), ("twins", 0.03), ("family", 0.15),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person as she truly is."""

    index: int
    household: int
    spouse_index: int | None
    name: str
    birth_date: date
    sex: str
    scheme: str
    number: str
    phone: str
    address_line: str
    locality: str
    region: str
    postal_code: str

    @property
    def has_day_like_a_month(self) -> bool:
        """Whether day and month of birth can be exchanged into another possible date."""
        return self.birth_date.day <= 12 and self.birth_date.day != self.birth_date.month


class Population:
    """Draws households until there are enough persons; identity numbers never repeat."""

    def __init__(self, *, people: int, seed: int, profile: ProfileId):
        self._people = people
        self._rng = Random(f"people {seed}")
        self._profile = profile
        self._used: set[str] = set()
        self._next = 0

    def households(self) -> Iterator[list[Person]]:
        """Households in order; the last one is cut to the number of persons asked for."""
        number = 0
        while self._next < self._people:
            yield self._household(number)
            number += 1

    def _household(self, number: int) -> list[Person]:
        rng = self._rng
        kind = rng.choices([name for name, _ in _KINDS], [share for _, share in _KINDS])[0]
        latin = rng.random() < _LATIN_SHARE
        surname = rng.choice(names.LATIN_SURNAMES if latin else names.SURNAMES)
        births = self._births(kind)[: self._people - self._next]
        locality, region, postal_code = rng.choice(_PLACES)
        home = f"{rng.choice(_STREETS)}{rng.randrange(1, 400)}号{rng.randrange(101, 2804)}室"
        phone = f"199{rng.randrange(100_000_000):08d}"
        first = self._next
        persons = []
        for place, birth_date in enumerate(births):
            married = place < 2 and kind in ("couple", "family") and len(births) > 1
            own = surname
            if married and place == 1 and not latin:
                own = rng.choice(names.SURNAMES)
            sex = ("male", "female")[place % 2] if married else rng.choice(("female", "male"))
            scheme, identity = self._number(birth_date, sex, latin=latin)
            name = names.latin_name(rng, own) if latin else names.han_name(rng, own)
            persons.append(
                Person(
                    index=self._next, household=number,
                    spouse_index=first + 1 - place if married else None,
                    name=name, birth_date=birth_date, sex=sex, scheme=scheme, number=identity,
                    phone=phone, address_line=home, locality=locality, region=region,
                    postal_code=postal_code,
                )
            )  # fmt: skip
            self._next += 1
        return persons

    def _births(self, kind: str) -> list[date]:
        rng = self._rng
        first = _FIRST_BIRTH + timedelta(days=rng.randrange(_BIRTH_DAYS))
        if kind == "single":
            return [first]
        if kind == "twins":
            return [first, first]
        other = first + timedelta(days=rng.randrange(300, 2000) * rng.choice((-1, 1)))
        other = self._of_age(other)
        if kind == "family":
            child = self._of_age(max(first, other) + timedelta(days=rng.randrange(7500, 11000)))
            return [first, other, child]
        return [first, other]

    def _of_age(self, birth_date: date) -> date:
        """The date, or one in the four years before the last that is of age (never all on one)."""
        if birth_date <= _LAST_BIRTH:
            return birth_date
        return _LAST_BIRTH - timedelta(days=self._rng.randrange(1461))

    def _number(self, birth_date: date, sex: str, *, latin: bool) -> tuple[str, str]:
        while True:
            if latin and self._profile == "zz":
                scheme, number = PERSON_SCHEME, zz_person_number(self._rng.randrange(100_000_000))
            else:
                order = self._rng.randrange(500) * 2 + (sex == "male")
                scheme, number = RESIDENT_SCHEME, resident_id(birth_date, order)
            if number not in self._used:
                self._used.add(number)
                return scheme, number
