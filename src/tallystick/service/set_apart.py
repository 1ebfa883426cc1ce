"""Setting a party apart whose further record cannot be the same person's, and taking it back.

One party is one person number of a furnisher. Where it names another person from some day on, what
hangs on it may be either's: the party leaves its subject for one that no number leads to, so that
nothing of it is given out for anybody, and a person judges the case. What was said stays said.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import psycopg

from tallystick.ledger import append, fold, publish, read, seal
from tallystick.ledger.apart import SET_APART_BY, is_apart_sql
from tallystick.resolve import Identity, is_another
from tallystick.service import funders_own, heads
from tallystick.service.identity import accounts_of, others_of, tokens_of
from tallystick.service.numbers import LABEL, number_token
from tallystick.service.port import Deps

_UNPUBLISHED = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A party that leaves its subject (`source`; None: it had none yet) by the bureau's decision.

    `decision` and `decided_by` are the link's; `case_id` is the case it rests on or answers.
    """

    party_id: UUID
    source: UUID | None
    target: UUID
    decision: str
    decided_by: str
    case_id: UUID | None

    @property
    def sets_apart(self) -> bool:
        """Whether the party goes where no number leads; else it comes back from there."""
        return self.decided_by == SET_APART_BY

    def row(self, now: datetime) -> append.Row:
        """The statement of the move."""
        values = {
            "party_id": self.party_id,
            "subject_id": self.target,
            "decision": self.decision,
            "decided_by": self.decided_by,
            "decided_at": now,
            "case_id": self.case_id,
        }
        return append.Row(table="link", values=values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case about a party; `subject_id` is whom it may be, None where that is nobody on file."""

    case_id: UUID
    kind: str
    party_id: UUID
    subject_id: UUID | None
    evidence: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parting:
    """By which records a party was set apart, with which case, and from whom.

    Missing: `subject_id` is None where that was nobody, or she was erased since
    """

    since: int
    case_id: UUID
    subject_id: UUID | None


class Heard:
    """What known parties have said of themselves up to now, with the chunk and before it."""

    def __init__(
        self,
        deps: Deps,
        connection: psycopg.Connection[Any],
        linked: Mapping[UUID, UUID],
        chunk_id: int,
    ):
        self._deps = deps
        self._connection = connection
        self._linked = linked
        self._chunk_id = chunk_id
        self._read = _statements(connection, linked, chunk_id)
        self._keys = deps.vault.get(list(linked))
        #: Parties that are apart, by when and why.
        self.apart = _partings(connection, linked)

    def before(self, party_id: UUID) -> list[Identity]:
        """The identities of a party that stood before the chunk."""
        return self._identities(party_id, _UNPUBLISHED)

    def standing(self, party_id: UUID) -> list[Identity]:
        """The identities of a party that stand with the chunk."""
        return self._identities(party_id, _UNPUBLISHED + 1)

    def takes_back(self, party_id: UUID) -> bool:
        """Whether all that stands of a party set apart is again one person's, as it was before."""
        known = self._identities(party_id, self.apart[party_id].since)
        for one in self.standing(party_id):
            if is_another(one, known):
                return False
            known.append(one)
        return True

    def require_unchanged(self) -> None:
        """Under the files' locks: nobody said more meanwhile. Raises: publish.Moved."""
        if _statements(self._connection, self._linked, self._chunk_id) != self._read:
            raise publish.Moved

    def _identities(self, party_id: UUID, until: int) -> list[Identity]:
        key = self._keys.get(party_id)
        said = [one for one in self._read if one.party_id == party_id and one.position < until]
        if key is None:
            return []
        found = []
        for one in fold.standing(said):
            if "sealed" in one.record:
                personal = seal.unseal(key, base64.b64decode(one.record["sealed"]), LABEL)
                found.append(
                    Identity(
                        name=personal.get("name", ""),
                        birth_date=personal.get("birth_date"),
                        token=number_token(self._deps.keys, one.record, personal),
                    )
                )
        return found


def _statements(
    connection: psycopg.Connection[Any], parties: Collection[UUID], chunk_id: int
) -> list[fold.Statement]:
    found = read.statements(connection, ("subject",), parties=parties, own_chunk=chunk_id)
    return sorted(
        (one for one in found if one.dataset == "subject"),
        key=lambda one: (one.position, one.row_no),
    )


#: A link stands right after the records it rests on, which are what set the party apart.
_PARTINGS = f"""
select ps.party_id, p.position - 1, a.case_id, c.subject_id
from directory.party_subject ps
join identity.link a on a.party_id = ps.party_id and a.subject_id = ps.subject_id
join ledger.publication p using (chunk_id)
left join identity.case_file c on c.case_id = a.case_id
where ps.party_id = any(%s) and {is_apart_sql("ps.subject_id")}
"""


def _partings(
    connection: psycopg.Connection[Any], parties: Collection[UUID]
) -> dict[UUID, _Parting]:
    """Those of the parties that are apart. An erasure of whom one was took the case along."""
    rows = connection.execute(_PARTINGS, (list(parties),))
    return {
        party: _Parting(since=since, case_id=case_id, subject_id=subject_id)
        for party, since, case_id, subject_id in rows
    }


def open_cases(connection: psycopg.Connection[Any], cases: Sequence[Case], now: datetime) -> None:
    """Open cases for a person to judge."""
    for one in cases:
        connection.execute(
            "insert into identity.case_file (case_id, kind, party_id, subject_id, evidence,"
            " opened_at) values (%s, %s, %s, %s, %s, %s)",
            (one.case_id, one.kind, one.party_id, one.subject_id,
             orjson.dumps(one.evidence).decode(), now),
        )  # fmt: skip


_ANSWER_CASES = f"""
insert into identity.case_event (case_id, event_no, event, happened_at, acted_by)
select c.case_id, 1, 'linked', %s, 'bureau' from identity.case_file c
where c.party_id = %s and c.kind <> '{funders_own.KIND}' and not exists
  (select from identity.case_event e where e.case_id = c.case_id)
"""


def carry_out(connection: psycopg.Connection[Any], moves: Sequence[Move], now: datetime) -> None:
    """Bring directory, tokens and cases up to date after the moves' statements were appended.

    Takes: heads and tokens that are locked. Who comes back gets the tokens of before tied again
    """
    for move in moves:
        if move.source is None:
            connection.execute(
                "insert into directory.party_subject (party_id, subject_id) values (%s, %s)",
                (move.party_id, move.target),
            )
            continue
        connection.execute(
            "update directory.party_subject set subject_id = %s where party_id = %s",
            (move.target, move.party_id),
        )
        tokens = tokens_of(connection, [move.party_id])
        if move.sets_apart:
            others = others_of(connection, move.source, move.party_id)
            for token in sorted(set(tokens) - set(tokens_of(connection, others))):
                heads.untie_token(connection, token, move.source, now)
        else:
            held = set(
                connection.execute(
                    "select token, subject_id from directory.token_subject where subject_id = %s",
                    (move.target,),
                ).fetchall()
            )
            pairs = {(token, move.target) for token in tokens}
            fresh = pairs - {(bytes(token), subject) for token, subject in held}
            heads.tie_tokens(connection, sorted(fresh), now)
            connection.execute(_ANSWER_CASES, (now, move.party_id))


def accounts_moved(connection: psycopg.Connection[Any], moves: Sequence[Move]) -> frozenset[UUID]:
    """The accounts that change files with the parties that move."""
    return frozenset(
        account
        for move in moves
        if move.source is not None
        for account in accounts_of(connection, move.source, move.party_id)
    )
