"""Settling whose records are: resolving the parties of a chunk inside its publishing transaction.

Tokens are locked first, so two submissions that bring the same number at the same time see each
other; then heads, then files. Links are statements in a chunk of their own, published right after
the records they rest on.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import psycopg

from tallystick.ledger import append, order, publish, seal
from tallystick.resolve import Candidate, Decision, Identity, decide, evidence, normal_name
from tallystick.service import heads
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


def agreements_of(personal: Mapping[str, Any], furnisher_id: UUID) -> frozenset[str]:
    """Values besides name and birth date that two records of one person may agree in.

    A furnisher's own person number is one: it names the old one where the number changed.
    """
    found = set()
    if personal.get("phone"):
        digits = "".join(mark for mark in personal["phone"] if mark.isdigit())
        found.add(f"phone:{digits}")
    if personal.get("address_line"):
        place = personal.get("postal_code") or personal.get("address_locality") or ""
        found.add(f"address:{normal_name(personal['address_line'])}:{normal_name(place)}")
    for name in ("person_number", "formerly_person_number"):
        if personal.get(name):
            found.add(f"person number:{furnisher_id}:{personal[name]}")
    return frozenset(found)


def publish_parties(
    deps: Deps,
    connection: psycopg.Connection[Any],
    chunk_id: int,
    parties: Sequence[NewParty],
    *,
    now: datetime,
) -> order.Place:
    """Resolve the chunk's parties, write their links and files, publish both chunks.

    Of a party erased since the chunk was appended nothing is written: its rows are gone, its key
    is destroyed, and it never gets one again.

    Raises: ledger.publish.Moved: roll back and try again
    """
    entered = _entered(connection, parties)
    parties = [one for one in parties if one.party_id in entered]
    tokens = _lock_tokens(connection, parties, now)
    before = _linked(connection, parties)
    known = dict(before)
    fresh = [one for one in parties if one.party_id not in known]
    candidates = _Candidates(deps, connection, fresh)
    decided: list[_Decided] = []
    for one in fresh:
        if one.party_id in known:  # a further record of a party decided just now
            candidates.add(known[one.party_id], one)
            continue
        found = candidates.of(one)
        decision = decide(one.identity, found)
        subject_id = decision.subject_id or deps.new_id()
        candidates.add(subject_id, one)
        decided.append(_Decided(one, decision, subject_id, _evidence(one, decision, found)))
        known[one.party_id] = subject_id
    heads.lock(connection, sorted(set(known.values())))
    if _linked(connection, parties) != before or _entered(connection, parties) != entered:
        raise publish.Moved
    chunks = [chunk_id]
    if decided:
        chunks.append(_write_links(deps, connection, decided, now))
    _keep_keys(connection, parties)
    _tie_tokens(connection, parties, known, tokens, now=now)
    touched = publish.Touched(parties=frozenset(known))
    publish.lock(connection, touched)
    publish.refresh(connection, touched, chunk_id=chunk_id)
    return order.take_place(connection, chunks, now)


class _Decided(NamedTuple):
    """A new party, whose it is, and what a case about it would rest on."""

    party: NewParty
    decision: Decision
    subject_id: UUID
    evidence: dict[str, list[str]]


def _evidence(
    party: NewParty, decision: Decision, candidates: Sequence[Candidate]
) -> dict[str, list[str]]:
    """For and against the subject the case is opened with; empty without a case."""
    for one in candidates:
        if one.subject_id == decision.case_with:
            return evidence(party.identity, one)
    return {}


def _lock_tokens(
    connection: psycopg.Connection[Any], parties: Sequence[NewParty], now: datetime
) -> list[bytes]:
    schemes = {
        one.identity.token: one.scheme or "" for one in parties if one.identity.token is not None
    }
    tokens = sorted(schemes)
    heads.lock_tokens(connection, tokens, [schemes[token] for token in tokens], now)
    return tokens


def _entered(connection: psycopg.Connection[Any], parties: Sequence[NewParty]) -> set[UUID]:
    """Which of the parties stand in the directory; one that does not was erased."""
    rows = connection.execute(
        "select party_id from directory.party where party_id = any(%s)",
        ([one.party_id for one in parties],),
    )
    return {row[0] for row in rows}


def _linked(connection: psycopg.Connection[Any], parties: Sequence[NewParty]) -> dict[UUID, UUID]:
    rows = connection.execute(
        "select party_id, subject_id from directory.party_subject where party_id = any(%s)",
        ([one.party_id for one in parties],),
    )
    return dict(rows.fetchall())


class _Candidates:
    """Subjects on file that share a token or a name key with the chunk's parties."""

    def __init__(
        self, deps: Deps, connection: psycopg.Connection[Any], parties: Sequence[NewParty]
    ):
        self._by_token: dict[bytes, list[UUID]] = {}
        self._by_key: dict[bytes, list[UUID]] = {}
        self._identities: dict[UUID, list[Identity]] = {}
        self._tokens: dict[UUID, set[bytes]] = {}
        tokens = [one.identity.token for one in parties if one.identity.token is not None]
        for token, subject_id in connection.execute(
            "select token, subject_id from directory.token_subject where token = any(%s)",
            (tokens,),
        ):
            self._by_token.setdefault(bytes(token), []).append(subject_id)
        keys = [key for one in parties for key in one.key_tokens]
        for key, subject_id in connection.execute(
            "select distinct k.key_token, ps.subject_id from directory.identity_key k"
            " join directory.party_subject ps using (party_id) where k.key_token = any(%s)",
            (keys,),
        ):
            self._by_key.setdefault(bytes(key), []).append(subject_id)
        self._load(deps, connection)

    def _load(self, deps: Deps, connection: psycopg.Connection[Any]) -> None:
        subjects = {
            subject
            for group in (*self._by_token.values(), *self._by_key.values())
            for subject in group
        }
        for subject in subjects:
            self._identities[subject] = []
            self._tokens[subject] = set()
        for token, subject_id in connection.execute(
            "select token, subject_id from directory.token_subject where subject_id = any(%s)",
            (list(subjects),),
        ):
            self._tokens[subject_id].add(bytes(token))
        rows = connection.execute(
            "select subject_id, document from file.subject where subject_id = any(%s)",
            (list(subjects),),
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
                            agreements=agreements_of(personal, UUID(party["furnisher_id"])),
                        )
                    )

    def of(self, party: NewParty) -> list[Candidate]:
        """The candidates of one party, each once."""
        subjects: dict[UUID, None] = {}
        if party.identity.token is not None:
            subjects.update(dict.fromkeys(self._by_token.get(party.identity.token, ())))
        for key in party.key_tokens:
            subjects.update(dict.fromkeys(self._by_key.get(key, ())))
        return [
            Candidate(
                subject_id=subject,
                identities=tuple(self._identities[subject]),
                tokens=frozenset(self._tokens[subject]),
            )
            for subject in subjects
        ]

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


def _write_links(
    deps: Deps,
    connection: psycopg.Connection[Any],
    decided: Sequence[_Decided],
    now: datetime,
) -> int:
    rows = []
    for one, decision, subject_id, found in decided:
        case_id = None
        if decision.case_with is not None:
            case_id = deps.new_id()
            connection.execute(
                "insert into identity.case_file (case_id, kind, party_id, subject_id, evidence,"
                " opened_at) values (%s, %s, %s, %s, %s, %s)",
                (case_id, decision.ground, one.party_id, decision.case_with,
                 orjson.dumps(found).decode(), now),
            )  # fmt: skip
        values = {
            "party_id": one.party_id,
            "subject_id": subject_id,
            "decision": decision.ground,
            "decided_by": "bureau",
            "decided_at": now,
            "case_id": case_id,
        }
        rows.append(append.Row(table="link", values=values))
    head = append.ChunkHead(submission_id=None, chunk_no=0, furnisher_id=None, dataset="link")
    chunk_id = append.append(connection, head, rows, now)
    try:
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into directory.party_subject (party_id, subject_id) values (%s, %s)",
                [(one.party_id, subject_id) for one, _, subject_id, _ in decided],
            )
    except psycopg.errors.UniqueViolation:  # another submission brought the same new person
        raise publish.Moved from None
    return chunk_id


def _keep_keys(connection: psycopg.Connection[Any], parties: Sequence[NewParty]) -> None:
    """Keep what a party is found by without a number: every name and birth date it came with."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into directory.identity_key (key_token, party_id) values (%s, %s)"
            " on conflict do nothing",
            sorted({(key, one.party_id) for one in parties for key in one.key_tokens}),
        )


def _tie_tokens(
    connection: psycopg.Connection[Any],
    parties: Sequence[NewParty],
    subject_of: Mapping[UUID, UUID],
    tokens: Sequence[bytes],
    *,
    now: datetime,
) -> None:
    """Tie each party's token to its subject, and bring the token's consents to the subject."""
    pairs = {
        (one.identity.token, subject_of[one.party_id])
        for one in parties
        if one.identity.token is not None
    }
    held = set(
        connection.execute(
            "select token, subject_id from directory.token_subject where token = any(%s)",
            (list(tokens),),
        ).fetchall()
    )
    fresh = pairs - {(bytes(token), subject) for token, subject in held}
    heads.tie_tokens(connection, sorted(fresh), now)
