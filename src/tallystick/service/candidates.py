"""Whom a record may be about: subjects on file that share a number, or a name and birth date."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
import psycopg

from tallystick.ledger import seal
from tallystick.ledger.apart import is_apart_sql
from tallystick.resolve import Candidate, Identity, agreements
from tallystick.service.numbers import LABEL, number_token
from tallystick.service.places import NewParty, Places
from tallystick.service.port import Deps


class Candidates:
    """Subjects on file that share a token or a name key with the chunk's new parties.

    And those that a known party's new number leads to, with the party's own, and those that the
    furnisher names by a place, the one a party has or the one it had. Whoever is set apart
    is nobody's candidate. A number that no record of a subject carries any more, with the chunk or
    before it, leads there no longer; of whom no record stands, every number of before does.

    Takes: `linked`: the subjects of known parties; `carried`: further tokens that are asked for;
           `standing`: what a known party says of itself with the chunk
    """

    def __init__(
        self,
        deps: Deps,
        connection: psycopg.Connection[Any],
        parties: Sequence[NewParty],
        *,
        linked: Mapping[UUID, UUID],
        carried: Sequence[bytes],
        standing: Callable[[UUID], Sequence[Identity]],
    ):
        self._linked = linked
        self._standing = standing
        self._by_token: dict[bytes, list[UUID]] = {}
        self._by_key: dict[bytes, list[UUID]] = {}
        self._identities: dict[UUID, list[Identity]] = {}
        self._tokens: dict[UUID, set[bytes]] = {}
        tokens = [one.identity.token for one in parties if one.identity.token is not None]
        for token, subject_id in connection.execute(
            "select token, subject_id from directory.token_subject where token = any(%s)",
            ([*tokens, *carried],),
        ):
            self._by_token.setdefault(bytes(token), []).append(subject_id)
        fresh = [one for one in parties if one.party_id not in linked]
        keys = [key for one in fresh for key in one.key_tokens]
        for key, subject_id in connection.execute(
            "select distinct k.key_token, ps.subject_id from directory.identity_key k"
            " join directory.party_subject ps using (party_id) where k.key_token = any(%s)"
            f" and not {is_apart_sql('ps.subject_id')}",
            (keys,),
        ):
            self._by_key.setdefault(bytes(key), []).append(subject_id)
        self._places = Places(connection, parties, linked)
        subjects = {subject for group in self._by_key.values() for subject in group}
        subjects |= self._places.subjects
        for token in carried:
            subjects.update(self._by_token.get(token, ()))
        for one in parties:
            subject_id = linked.get(one.party_id)
            token = one.identity.token
            if subject_id is None or (token and self._by_token.get(token) != [subject_id]):
                subjects.update(self._by_token.get(token or b"", ()))
                subjects.update(() if subject_id is None else (subject_id,))
        self._load(deps, connection, subjects)

    def is_new(self, token: bytes | None, subject_id: UUID) -> bool:
        """Whether a record has a number that does not lead to the subject yet, or no longer."""
        return token is not None and subject_id not in self._by_token.get(token, ())

    def _load(
        self, deps: Deps, connection: psycopg.Connection[Any], subjects: Iterable[UUID]
    ) -> None:
        subjects = list(subjects)
        for subject in subjects:
            self._identities[subject] = []
            self._tokens[subject] = set()
        for token, subject_id in connection.execute(
            "select token, subject_id from directory.token_subject where subject_id = any(%s)",
            (subjects,),
        ):
            self._tokens[subject_id].add(bytes(token))
        rows = connection.execute(
            "select subject_id, document from file.subject where subject_id = any(%s)",
            (subjects,),
        ).fetchall()
        documents = {subject: orjson.loads(document) for subject, document in rows}
        keys = deps.vault.get(
            [UUID(one["party_id"]) for doc in documents.values() for one in doc.get("parties", ())]
        )
        self._places.keep(_saying(documents.values()))
        for subject, document in documents.items():
            said = _opened(deps, document, keys)
            self._identities[subject] = [one for group in said.values() for one in group]
            if self._identities[subject]:
                self._leave_out(subject, said)

    def _leave_out(self, subject: UUID, said: Mapping[UUID, Sequence[Identity]]) -> None:
        """Let no number lead to a subject unless its records carry it before and with the chunk.

        So one that a known party gives up in the chunk is free for the next of the chunk, and one
        that it takes up again is looked at like a new one.

        Takes: what stood of each of the subject's parties before the chunk
        """
        leading: set[bytes | None] = set()
        carried: set[bytes | None] = set()
        for party_id, before in said.items():
            after = self._standing(party_id) if party_id in self._linked else before
            carried |= (numbers := {one.token for one in after})
            leading |= numbers & {one.token for one in before}
        for token in self._tokens[subject] - leading:
            group = self._by_token.get(token, [])
            if subject in group:
                group.remove(subject)
        self._tokens[subject] = {token for token in carried if token is not None}

    def of(self, party: NewParty) -> list[Candidate]:
        """The candidates of one party, each once."""
        subjects: dict[UUID, None] = {}
        if party.identity.token is not None:
            subjects.update(dict.fromkeys(self._by_token.get(party.identity.token, ())))
        for key in party.key_tokens:
            subjects.update(dict.fromkeys(self._by_key.get(key, ())))
        named = self._places.named(party)
        subjects.update(dict.fromkeys(named))
        return [self._candidate(subject, is_named=subject in named) for subject in subjects]

    def named(self, party: NewParty, *, besides: UUID) -> list[Candidate]:
        """Whom a known party names by its former place, and of whom nobody was asked yet."""
        if party.former_place is None:
            return []
        return [
            self._candidate(subject, is_named=True)
            for subject in self._places.named(party)
            if subject != besides and not self._places.is_judged(party.party_id, subject)
        ]

    def under(self, token: bytes | None, *, besides: UUID) -> list[Candidate]:
        """The candidates a number leads to; none where it leads to the subject `besides` too."""
        if token is None or not self.is_new(token, besides):
            return []
        return [self._candidate(subject) for subject in self._by_token.get(token, ())]

    def leading_to(self, subject_id: UUID) -> frozenset[bytes]:
        """The numbers, of those asked for, that lead to a subject."""
        return frozenset(token for token, group in self._by_token.items() if subject_id in group)

    def _candidate(self, subject_id: UUID, *, is_named: bool = False) -> Candidate:
        return Candidate(
            subject_id=subject_id,
            identities=tuple(self._identities[subject_id]),
            tokens=frozenset(self._tokens[subject_id]),
            is_named=is_named,
        )

    def add(self, subject_id: UUID, party: NewParty) -> None:
        """A party decided just now is a candidate for the next of the chunk."""
        self._identities.setdefault(subject_id, []).append(party.identity)
        self._tokens.setdefault(subject_id, set())
        if party.identity.token is not None:
            self._tokens[subject_id].add(party.identity.token)
            group = self._by_token.setdefault(party.identity.token, [])
            if subject_id not in group:
                group.append(subject_id)
        for key in party.key_tokens:
            group = self._by_key.setdefault(key, [])
            if subject_id not in group:
                group.append(subject_id)
        self._places.add(subject_id, party)


def _saying(documents: Iterable[Mapping[str, Any]]) -> set[UUID]:
    """The parties of whom a record that stands names a place."""
    return {
        UUID(party["party_id"])
        for document in documents
        for party in document.get("parties", ())
        if any(one.get("role") and one.get("holder_no") for one in party["versions"])
    }


def _opened(
    deps: Deps, document: Mapping[str, Any], keys: Mapping[UUID, bytes]
) -> dict[UUID, list[Identity]]:
    """What stands of each party of a subject whose key is there."""
    found: dict[UUID, list[Identity]] = {}
    for party in document.get("parties", ()):
        key = keys.get(UUID(party["party_id"]))
        if key is None:
            continue
        said = found[UUID(party["party_id"])] = []
        for version in party["versions"]:
            personal = seal.unseal(key, base64.b64decode(version["sealed"]), LABEL)
            said.append(
                Identity(
                    name=personal.get("name", ""),
                    birth_date=personal.get("birth_date"),
                    token=number_token(deps.keys, version, personal),
                    agreements=agreements(personal, party["furnisher_id"]),
                )
            )
    return found
