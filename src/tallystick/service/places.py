"""Parties by the place they have: known by account, role and holder number, then by a number.

Who gets a person number later is a new party. Its record names the place too, and is a word of its
furnisher's that both are one person: whichever of the two comes first, the other finds it here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from tallystick.ledger.apart import is_apart_sql
from tallystick.resolve import Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class NewParty:
    """A party seen for the first time, or again: what resolving needs of it.

    A place is an account, role and holder number, as a token. `own_place` is the party's key where
    it has no person number; `former_place` is said beside one: so its furnisher knew her before.
    """

    party_id: UUID
    furnisher_id: UUID
    identity: Identity
    scheme: str | None
    key_tokens: tuple[bytes, ...]
    own_place: bytes | None = None
    former_place: bytes | None = None


_HELD = f"""
select p.person_token, ps.subject_id from directory.party p
join directory.party_subject ps using (party_id)
where p.furnisher_id = any(%s) and p.person_token = any(%s)
  and not {is_apart_sql("ps.subject_id")}
"""
_LEFT = f"""
select k.key_token, k.party_id, ps.subject_id from directory.identity_key k
join directory.party_subject ps using (party_id)
where k.key_token = any(%s) and not {is_apart_sql("ps.subject_id")}
"""
#: A case about the two was opened, or a person parted them.
_JUDGED = """
select from identity.case_file where party_id = %(party)s and subject_id = %(subject)s
union all
select from identity.apart a join directory.party_subject ps
  on ps.party_id in (a.party_id, a.other_party_id)
where %(party)s in (a.party_id, a.other_party_id) and ps.subject_id = %(subject)s
limit 1
"""


class Places:
    """The subjects on file that the places of a chunk's parties lead to, and those of the chunk.

    Whoever is set apart is nobody's. What a party says of itself in any record of the chunk counts
    for all of them.

    Takes: `linked`: the subjects of known parties
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        parties: Sequence[NewParty],
        linked: Mapping[UUID, UUID],
    ):
        self._connection = connection
        self._said: dict[UUID, bytes] = {}
        for one in parties:
            if one.former_place is not None:
                self._said.setdefault(one.party_id, one.former_place)
        self._held: dict[bytes, list[UUID]] = {}
        self._left: dict[bytes, list[UUID]] = {}
        self._on_file: list[tuple[bytes, UUID, UUID]] = []
        if self._said:
            furnishers = list({one.furnisher_id for one in parties})
            for place, subject_id in connection.execute(
                _HELD, (furnishers, list(self._said.values()))
            ):
                self._held.setdefault(bytes(place), []).append(subject_id)
        asked = {
            one.own_place
            for one in parties
            if one.own_place is not None and one.party_id not in linked
        }
        if asked:
            found = connection.execute(_LEFT, (list(asked),))
            self._on_file = [(bytes(place), *whose) for place, *whose in found]
        for party_id in self._said.keys() & linked.keys():
            self._add(self._left, self._said[party_id], linked[party_id])

    @property
    def subjects(self) -> set[UUID]:
        """Everybody on file whom a place leads to."""
        found = {subject for _, _, subject in self._on_file}
        return found.union(*self._held.values(), *self._left.values())

    def keep(self, saying: Collection[UUID]) -> None:
        """Forget who took the word back.

        Takes: the parties of whom a record that stands names a place
        """
        for place, party_id, subject_id in self._on_file:
            if party_id in saying:
                self._add(self._left, place, subject_id)

    def named(self, party: NewParty) -> list[UUID]:
        """Who a party is by its furnisher's word: most often nobody, seldom more than one."""
        said = self._said.get(party.party_id)
        if said is not None:
            return self._held.get(said, [])
        return [] if party.own_place is None else self._left.get(party.own_place, [])

    def add(self, subject_id: UUID, party: NewParty) -> None:
        """A party decided just now is found by the next of the chunk."""
        said = self._said.get(party.party_id)
        if said is not None:
            self._add(self._left, said, subject_id)
        elif party.own_place is not None:
            self._add(self._held, party.own_place, subject_id)

    def is_judged(self, party_id: UUID, subject_id: UUID) -> bool:
        """Whether somebody is asked already whether a party is a subject, or has said no."""
        given = {"party": party_id, "subject": subject_id}
        return self._connection.execute(_JUDGED, given).fetchone() is not None

    @staticmethod
    def _add(places: dict[bytes, list[UUID]], place: bytes, subject_id: UUID) -> None:
        group = places.setdefault(place, [])
        if subject_id not in group:
            group.append(subject_id)
