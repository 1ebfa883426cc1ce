"""Settling whose records are: resolving the parties of a chunk inside its publishing transaction.

Tokens are locked first, so two submissions that bring the same number at the same time see each
other; then heads, then files. Links are statements in a chunk of their own, published right after
the records they rest on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from tallystick.ledger import append, files, order, publish
from tallystick.ledger.apart import SET_APART_BY
from tallystick.resolve import (
    Candidate,
    Decision,
    Identity,
    decide,
    evidence,
    is_another,
    passes,
)
from tallystick.service import funders_own, heads, identity, set_apart
from tallystick.service.candidates import Candidates
from tallystick.service.places import NewParty
from tallystick.service.port import Deps


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
    heard = set_apart.Heard(deps, connection, before, chunk_id)
    settled = _Settling(deps, connection, parties, before=before, heard=heard)
    known = settled.known
    heads.lock(connection, sorted({*known.values(), *before.values()}))
    if _linked(connection, parties) != before or _entered(connection, parties) != entered:
        raise publish.Moved
    chunks = [chunk_id]
    accounts = set_apart.accounts_moved(connection, settled.moves)
    if settled.decided or settled.moves:
        chunks.append(_write_links(deps, connection, settled, now))
    set_apart.open_cases(connection, settled.cases, now)
    _keep_keys(connection, parties)
    set_apart.carry_out(connection, settled.moves, now)
    _tie_tokens(connection, parties, settled.tied, tokens, now=now)
    touched = publish.Touched(
        parties=frozenset(known), accounts=accounts, months_too=bool(accounts)
    )
    publish.lock(connection, touched, also=settled.left)
    heard.require_unchanged()
    if accounts != set_apart.accounts_moved(connection, settled.moves):
        raise publish.Moved
    publish.refresh(connection, touched, chunk_id=chunk_id)
    if settled.left:
        files.write_documents(connection, settled.left, own_chunk=chunk_id)
    funders_own.open_cases(deps, connection, accounts, now)
    return order.take_place(connection, chunks, now)


class _Settling:
    """Whose the chunk's records are, decided one by one in their order.

    `known` is the subject of each party in the end; `left` are subjects that a party leaves.
    """

    def __init__(
        self,
        deps: Deps,
        connection: psycopg.Connection[Any],
        parties: Sequence[NewParty],
        *,
        before: Mapping[UUID, UUID],
        heard: set_apart.Heard,
    ):
        self._deps = deps
        self._connection = connection
        self._before = before
        self._heard = heard
        self._said: dict[UUID, list[Identity]] = {}
        self.known = dict(before)
        self.decided: list[_Decided] = []
        self.moves: list[set_apart.Move] = []
        self.cases: list[set_apart.Case] = []
        self._gone: dict[UUID, None] = dict.fromkeys(heard.apart)
        carried = identity.tokens_of(connection, heard.apart)
        self._candidates = Candidates(
            deps, connection, parties, linked=before, carried=carried, standing=heard.standing
        )
        for one in parties:
            if one.party_id not in self._gone:
                self._settle(one)
        for party_id in heard.apart:
            self._take_back(party_id, [one for one in parties if one.party_id == party_id])

    @property
    def tied(self) -> dict[UUID, UUID]:
        """The subjects that the parties' numbers lead to: those set apart have none."""
        return {party: to for party, to in self.known.items() if party not in self._gone}

    @property
    def left(self) -> list[UUID]:
        """The subjects that parties leave, ascending."""
        return sorted({one.source for one in self.moves if one.source is not None})

    def _settle(self, one: NewParty) -> None:
        subject_id = self.known.get(one.party_id)
        said = self._said.get(one.party_id)
        if said is None:
            known = one.party_id in self._before
            said = self._heard.before(one.party_id) if known else []
            self._said[one.party_id] = said
        if subject_id is None:
            subject_id = self._decide(one)
        else:
            others = self._candidates.under(one.identity.token, besides=subject_id)
            passing = [other for other in others if passes(one.identity, other)]
            if is_another(one.identity, said) or (others and not passing):
                self._set_apart(one, subject_id, said, others=others)
                return
            passing += [
                other
                for other in self._candidates.named(one, besides=subject_id)
                if passes(one.identity, other) and not self._is_asked(one, other)
            ]
            if passing:  # whether the two subjects are one person is for a person to judge
                self._open_case(one, "weak", passing[0].subject_id, candidate=passing[0])
        said.append(one.identity)
        is_new = self._candidates.is_new(one.identity.token, subject_id)
        if is_new or one.party_id not in self._before:
            self._candidates.add(subject_id, one)

    def _is_asked(self, one: NewParty, other: Candidate) -> bool:
        """Whether a case about the two was opened in this chunk."""
        asked = {(case.party_id, case.subject_id) for case in self.cases}
        asked |= {(has.party.party_id, has.decision.case_with) for has in self.decided}
        return (one.party_id, other.subject_id) in asked

    def _decide(self, one: NewParty) -> UUID:
        found = self._candidates.of(one)
        decision = decide(one.identity, found)
        subject_id = decision.subject_id or self._deps.new_id()
        self.decided.append(_Decided(one, decision, subject_id, _evidence(one, decision, found)))
        self.known[one.party_id] = subject_id
        return subject_id

    def _set_apart(
        self,
        one: NewParty,
        subject_id: UUID,
        said: Sequence[Identity],
        *,
        others: Sequence[Candidate],
    ) -> None:
        """Move a party where no number leads, with a case about each subject it may be."""
        is_old = one.party_id in self._before
        if not is_old:  # decided in this chunk: its other records decide anew
            self.decided = [has for has in self.decided if has.party.party_id != one.party_id]
        target = self._deps.new_id()
        own = Candidate(
            subject_id=subject_id,
            identities=tuple(said),
            tokens=self._candidates.leading_to(subject_id),
        )
        case_id = self._open_case(one, "clash", subject_id if is_old else None, candidate=own)
        for other in others[:1]:
            self._open_case(one, "clash", other.subject_id, candidate=other)
        self.moves.append(
            set_apart.Move(
                party_id=one.party_id,
                source=subject_id if is_old else None,
                target=target,
                decision="unlinked",
                decided_by=SET_APART_BY,
                case_id=case_id,
            )
        )
        self.known[one.party_id] = target
        self._gone[one.party_id] = None

    def _take_back(self, party_id: UUID, records: Sequence[NewParty]) -> None:
        """Move a party home whose records are one person's again; else the case waits on.

        It goes to the subject it left, or to the one who alone has its numbers by now.
        """
        if not self._heard.takes_back(party_id):
            return
        parting, source = self._heard.apart[party_id], self._before[party_id]
        target = parting.subject_id or self._deps.new_id()
        tokens = identity.tokens_of(self._connection, [party_id])
        tokens += [one.identity.token for one in records if one.identity.token is not None]
        found = [one for token in tokens for one in self._candidates.under(token, besides=target)]
        others = {one.subject_id: one for one in found}
        if any(not passes(one.identity, other) for one in records for other in others.values()):
            return
        if others:
            if len(others) > 1 or identity.others_of(self._connection, target, party_id):
                return
            (target,) = others
        self.moves.append(
            set_apart.Move(
                party_id=party_id,
                source=source,
                target=target,
                decision="token",
                decided_by="bureau",
                case_id=parting.case_id,
            )
        )
        self.known[party_id] = target
        del self._gone[party_id]

    def _open_case(
        self, one: NewParty, kind: str, subject_id: UUID | None, *, candidate: Candidate
    ) -> UUID:
        case = set_apart.Case(
            case_id=self._deps.new_id(),
            kind=kind,
            party_id=one.party_id,
            subject_id=subject_id,
            evidence=evidence(one.identity, candidate),
        )
        self.cases.append(case)
        return case.case_id


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
    carried = connection.execute(
        "select t.token, d.scheme from identity.party_token t join directory.token d using (token)"
        " where t.party_id = any(%s)",
        ([one.party_id for one in parties],),
    )
    schemes |= {bytes(token): scheme for token, scheme in carried}
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


def _write_links(
    deps: Deps,
    connection: psycopg.Connection[Any],
    settled: _Settling,
    now: datetime,
) -> int:
    rows = [one.row(now) for one in settled.moves]
    for one, decision, subject_id, found in settled.decided:
        case_id = None
        if decision.case_with is not None:
            case = set_apart.Case(
                case_id=deps.new_id(),
                kind=decision.case_kind,
                party_id=one.party_id,
                subject_id=decision.case_with,
                evidence=found,
            )
            set_apart.open_cases(connection, [case], now)
            case_id = case.case_id
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
                [(one.party_id, subject_id) for one, _, subject_id, _ in settled.decided],
            )
    except psycopg.errors.UniqueViolation:  # another submission brought the same new person
        raise publish.Moved from None
    return chunk_id


def _keep_keys(connection: psycopg.Connection[Any], parties: Sequence[NewParty]) -> None:
    """Keep what a party is found by without a number: every name and birth date it came with, and
    the places it said it had.
    """
    found = {(key, one.party_id) for one in parties for key in one.key_tokens}
    found |= {(one.former_place, one.party_id) for one in parties if one.former_place is not None}
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into directory.identity_key (key_token, party_id) values (%s, %s)"
            " on conflict do nothing",
            sorted(found),
        )


def _tie_tokens(
    connection: psycopg.Connection[Any],
    parties: Sequence[NewParty],
    subject_of: Mapping[UUID, UUID],
    tokens: Sequence[bytes],
    *,
    now: datetime,
) -> None:
    """Tie each party's token to its subject, if any, and bring the token's consents there."""
    pairs = {
        (one.identity.token, subject_of[one.party_id])
        for one in parties
        if one.identity.token is not None and one.party_id in subject_of
    }
    held = set(
        connection.execute(
            "select token, subject_id from directory.token_subject where token = any(%s)",
            (list(tokens),),
        ).fetchall()
    )
    fresh = pairs - {(bytes(token), subject) for token, subject in held}
    heads.tie_tokens(connection, sorted(fresh), now)
