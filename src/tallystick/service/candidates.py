"""Whom a record may be about: subjects on file that share a number, or a name and birth date."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import psycopg

from tallystick.ledger import seal
from tallystick.ledger.apart import is_apart_sql
from tallystick.resolve import Candidate, Identity, agreements
from tallystick.service.port import Deps

#: The label personal fields of a subject record are sealed under.
LABEL = b"subject"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewParty:
    """A party seen for the first time, or again: what resolving needs of it."""

    party_id: UUID
    furnisher_id: UUID
    identity: Identity
    scheme: str | None
    key_tokens: tuple[bytes, ...]


class Candidates:
    """Subjects on file that share a token or a name key with the chunk's new parties.

    And those that a known party's new number leads to, with the party's own. Whoever is set apart
    is nobody's candidate.

    Takes: `linked`: the subjects of known parties; `carried`: further tokens that are asked for
    """

    def __init__(
        self,
        deps: Deps,
        connection: psycopg.Connection[Any],
        parties: Sequence[NewParty],
        *,
        linked: Mapping[UUID, UUID],
        carried: Sequence[bytes],
    ):
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
        subjects = {subject for group in self._by_key.values() for subject in group}
        for token in carried:
            subjects.update(self._by_token.get(token, ()))
        for one in parties:
            subject_id = linked.get(one.party_id)
            if subject_id is None or self.is_new(one.identity.token, subject_id):
                subjects.update(self._by_token.get(one.identity.token or b"", ()))
                subjects.update(() if subject_id is None else (subject_id,))
        self._load(deps, connection, subjects)

    def is_new(self, token: bytes | None, subject_id: UUID) -> bool:
        """Whether a record has a number that does not lead to the subject yet."""
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
        self._open(deps, documents)

    def _open(self, deps: Deps, documents: Mapping[UUID, Mapping[str, Any]]) -> None:
        parties = {
            UUID(one["party_id"]) for doc in documents.values() for one in doc.get("parties", ())
        }
        keys = deps.vault.get(list(parties))
        for subject, document in documents.items():
            for party in document.get("parties", ()):
                key = keys.get(UUID(party["party_id"]))
                if key is None:
                    continue
                for version in party["versions"]:
                    personal = seal.unseal(key, base64.b64decode(version["sealed"]), LABEL)
                    self._identities[subject].append(
                        Identity(
                            name=personal.get("name", ""),
                            birth_date=personal.get("birth_date"),
                            token=None,
                            agreements=agreements(personal, party["furnisher_id"]),
                        )
                    )

    def of(self, party: NewParty) -> list[Candidate]:
        """The candidates of one party, each once."""
        subjects: dict[UUID, None] = {}
        if party.identity.token is not None:
            subjects.update(dict.fromkeys(self._by_token.get(party.identity.token, ())))
        for key in party.key_tokens:
            subjects.update(dict.fromkeys(self._by_key.get(key, ())))
        return [self._candidate(subject) for subject in subjects]

    def under(self, token: bytes | None, *, besides: UUID) -> list[Candidate]:
        """The candidates a number leads to; none where it leads to the subject `besides` too."""
        if token is None or not self.is_new(token, besides):
            return []
        return [self._candidate(subject) for subject in self._by_token.get(token, ())]

    def leading_to(self, subject_id: UUID) -> frozenset[bytes]:
        """The numbers, of those asked for, that lead to a subject."""
        return frozenset(token for token, group in self._by_token.items() if subject_id in group)

    def _candidate(self, subject_id: UUID) -> Candidate:
        return Candidate(
            subject_id=subject_id,
            identities=tuple(self._identities[subject_id]),
            tokens=frozenset(self._tokens[subject_id]),
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
