"""Identity decisions: cases for a person to judge, linking a party to a subject, parting them.

A decision is a statement: a chunk of links published like any other, so what a file said before is
still what it says at its old position. Parties are never merged, and nothing said about them moves;
only whose file is folded from them does.

Source: spine 3, 5, 6
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import psycopg

from tallystick.errors import BadRequest
from tallystick.ledger import append, files, order, publish
from tallystick.ledger.apart import SET_APART_BY, is_apart_sql
from tallystick.service import funders_own, heads
from tallystick.service.port import Deps


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAccount:
    """An account of a case; `furnisher` is its furnisher's code, None once it is deleted."""

    account_id: UUID
    furnisher: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """A case without anybody's data: ids, and in what the two sides agree and differ.

    `candidates` are the subjects the party might be; `subject_id` is whose it is now. `accounts`
    are a loan and what may be its funder's own record of it, which is the party's; else none.
    """

    case_id: UUID
    kind: str
    opened_at: datetime
    party_id: UUID
    subject_id: UUID | None
    candidates: tuple[UUID, ...]
    agreements: tuple[str, ...]
    disagreements: tuple[str, ...]
    is_open: bool
    accounts: tuple[CaseAccount, ...] = ()


#: Whether case `c`, if nobody decided it, waits: one about two accounts does while one person's
#: file holds both. It is answered when one is deleted or parted from the other.
_WAITS = f"""(c.kind <> '{funders_own.KIND}' or exists (
  select from file.account a join file.account b using (subject_id)
  where a.account_id = (c.evidence::jsonb -> 'accounts' ->> 0)::uuid
    and b.account_id = (c.evidence::jsonb -> 'accounts' ->> 1)::uuid))"""
_COUNT = f"""
select count(*) from identity.case_file c
where not exists (select from identity.case_event e where e.case_id = c.case_id) and {_WAITS}
"""
_CASES = f"""
select c.case_id, c.kind, c.opened_at, c.party_id, ps.subject_id, c.subject_id, c.evidence,
  e.event is null and {_WAITS} as is_open
from identity.case_file c
left join directory.party_subject ps on ps.party_id = c.party_id
left join lateral (select event from identity.case_event e where e.case_id = c.case_id
  order by event_no desc limit 1) e on true
where not %(is_open)s or (e.event is null and {_WAITS})
order by c.opened_at, c.case_id limit %(limit)s
"""


def cases(deps: Deps, *, is_open: bool = True, limit: int | None = None) -> list[CaseView]:
    """Cases in the order they were opened: those that wait, or (`is_open=False`) all."""
    with deps.database.connect("intake") as connection:
        rows = connection.execute(_CASES, {"is_open": is_open, "limit": limit}).fetchall()
        evidence = [orjson.loads(row[6]) for row in rows]
        named = [UUID(one) for flags in evidence for one in flags.get("accounts", ())]
        furnishers = _furnishers(connection, named)
    found = []
    for (case_id, kind, opened_at, party_id, subject_id, candidate, _, waits), flags in zip(
        rows, evidence, strict=True
    ):
        found.append(
            CaseView(
                case_id=case_id,
                kind=kind,
                opened_at=opened_at,
                party_id=party_id,
                subject_id=subject_id,
                candidates=() if candidate is None else (candidate,),
                agreements=tuple(flags.get("agreements", ())),
                disagreements=tuple(flags.get("disagreements", ())),
                is_open=waits,
                accounts=tuple(
                    CaseAccount(account_id=UUID(one), furnisher=furnishers.get(UUID(one)))
                    for one in flags.get("accounts", ())
                ),
            )
        )
    return found


def open_case_count(deps: Deps) -> int:
    """How many cases wait for a decision."""
    with deps.database.connect("intake") as connection:
        row = connection.execute(_COUNT).fetchone()
    return int(row[0]) if row else 0


def _furnishers(connection: psycopg.Connection[Any], accounts: Collection[UUID]) -> dict[UUID, str]:
    """The codes of who furnishes accounts, of those in a file."""
    if not accounts:
        return {}
    rows = connection.execute(
        "select distinct f.account_id, m.code from file.account f"
        " join member.member m on m.member_id = f.furnisher_id where f.account_id = any(%s)",
        (list(accounts),),
    )
    return dict(rows.fetchall())


def link(deps: Deps, party_id: UUID, subject_id: UUID, by: str) -> order.Place:
    """Decide that a party is a subject; its tokens, consents and accounts come along.

    Gives:  the place of the decision (the last one, when the party is the subject's already)
    Raises: BadRequest `not_found` for an unknown party or subject, `conflict` for the subject of
            another party that was set apart
    """
    return _decide(deps, _Move(party_id=party_id, target=subject_id, decision="linked", by=by))


def unlink(deps: Deps, party_id: UUID, by: str) -> order.Place:
    """Decide that a party is not its subject: it gets a new one, and stands apart from the others.

    A party that the bureau set apart is found by its numbers again from then on.

    Raises: BadRequest `not_found` for an unknown party, `conflict` when it stands alone already
    """
    return _decide(deps, _Move(party_id=party_id, target=deps.new_id(), decision="unlinked", by=by))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    """A party on its way to another subject."""

    party_id: UUID
    target: UUID
    decision: str
    by: str


def _decide(deps: Deps, move: _Move) -> order.Place:
    if move.by == SET_APART_BY:
        raise BadRequest("invalid_request", "nobody decides under the bureau's own name")
    while True:
        try:
            with deps.database.connect("intake") as connection:
                return _move(deps, connection, move)
        except publish.Moved:
            continue


def _move(deps: Deps, connection: psycopg.Connection[Any], move: _Move) -> order.Place:
    now = deps.clock()
    tokens = tokens_of(connection, [move.party_id])
    connection.execute(
        "select from directory.token where token = any(%s) order by token for update", (tokens,)
    )
    source = _subject_of(connection, move.party_id)
    if move.decision == "linked":
        _require_subject(connection, move.target)
        if source == move.target:
            return order.last_place(connection)
    both = sorted({source, move.target})
    heads.lock(connection, both)
    others = others_of(connection, source, move.party_id)
    if move.decision == "unlinked" and not others and not _is_apart(connection, source):
        raise BadRequest(
            "conflict", "the party is the only one of its subject: nothing is left to part it from"
        )
    touched = publish.Touched(
        accounts=accounts_of(connection, source, move.party_id),
        parties=frozenset([move.party_id]),
        months_too=True,
    )
    publish.lock(connection, touched, also=both)
    _require_unmoved(connection, move, source, tokens=tokens, accounts=touched.accounts)
    chunk_id = _write(deps, connection, move, source=source, others=others, now=now)
    _carry_tokens(connection, tokens, others, source=source, target=move.target, now=now)
    publish.refresh(connection, touched, chunk_id=chunk_id)
    files.write_documents(connection, both, own_chunk=chunk_id)
    funders_own.open_cases(deps, connection, touched.accounts, now)
    return order.take_place(connection, [chunk_id], now)


def tokens_of(connection: psycopg.Connection[Any], parties: Collection[UUID]) -> list[bytes]:
    """The identity numbers' tokens that published statements give to parties, ascending."""
    rows = connection.execute(
        "select distinct t.token from identity.party_token t"
        " join ledger.publication using (chunk_id) where t.party_id = any(%s) order by 1",
        (list(parties),),
    )
    return [bytes(row[0]) for row in rows]


def _subject_of(connection: psycopg.Connection[Any], party_id: UUID) -> UUID:
    row = connection.execute(
        "select subject_id from directory.party_subject where party_id = %s", (party_id,)
    ).fetchone()
    if row is None:
        raise BadRequest(
            "not_found",
            "no party on file has this id: one that a report shows wants `--subject` beside it",
        )
    found: UUID = row[0]
    return found


def _require_subject(connection: psycopg.Connection[Any], subject_id: UUID) -> None:
    known = connection.execute(
        "select 1 from identity.link join ledger.publication using (chunk_id)"
        " where subject_id = %s limit 1",
        (subject_id,),
    ).fetchone()
    if known is None:
        raise BadRequest("not_found", "no subject on file has this id")
    if _is_apart(connection, subject_id):
        raise BadRequest(
            "conflict",
            "the subject is a party that was set apart: link or unlink that party first",
        )


def _is_apart(connection: psycopg.Connection[Any], subject_id: UUID) -> bool:
    """Whether a subject was made to set a party apart that contradicts itself."""
    row = connection.execute(
        f"select {is_apart_sql('s.subject_id')} from (select %s::uuid as subject_id) s",
        (subject_id,),
    ).fetchone()
    return row is not None and bool(row[0])


def others_of(connection: psycopg.Connection[Any], subject_id: UUID, party_id: UUID) -> list[UUID]:
    """The parties of a subject besides one, ascending."""
    rows = connection.execute(
        "select party_id from directory.party_subject where subject_id = %s and party_id <> %s"
        " order by party_id",
        (subject_id, party_id),
    )
    return [row[0] for row in rows]


def accounts_of(
    connection: psycopg.Connection[Any], subject_id: UUID, party_id: UUID
) -> frozenset[UUID]:
    """The accounts in a subject's file that a party holds in any role."""
    rows = connection.execute(
        "select account_id from file.account where subject_id = %s and position(%s in terms) > 0",
        (subject_id, str(party_id)),
    )
    return frozenset(row[0] for row in rows)


def _require_unmoved(
    connection: psycopg.Connection[Any],
    move: _Move,
    source: UUID,
    *,
    tokens: Sequence[bytes],
    accounts: frozenset[UUID],
) -> None:
    """Under all locks: what was read before them still holds; else begin again."""
    stands = (
        _subject_of(connection, move.party_id) == source
        and tokens_of(connection, [move.party_id]) == tokens
        and accounts_of(connection, source, move.party_id) == accounts
    )
    if not stands:
        raise publish.Moved


def _write(
    deps: Deps,
    connection: psycopg.Connection[Any],
    move: _Move,
    *,
    source: UUID,
    others: Sequence[UUID],
    now: datetime,
) -> int:
    """Append the decision's chunk and bring the directory and the cases up to date."""
    case_id = _settle_cases(connection, move, source, now)
    rows = [
        append.Row(
            table="link",
            values={
                "party_id": move.party_id,
                "subject_id": move.target,
                "decision": move.decision,
                "decided_by": move.by,
                "decided_at": now,
                "case_id": case_id,
            },
        )
    ]
    if move.decision == "unlinked":
        rows += [
            append.Row(table="apart", values={"party_id": move.party_id, "other_party_id": other})
            for other in others
        ]
    connection.execute(
        "update directory.party_subject set subject_id = %s where party_id = %s",
        (move.target, move.party_id),
    )
    head = append.ChunkHead(submission_id=None, chunk_no=0, furnisher_id=None, dataset="link")
    return append.append(connection, head, rows, now)


_CASES_OF_MOVE = f"""
select c.case_id, coalesce(max(e.event_no), 0) from identity.case_file c
left join identity.case_event e using (case_id)
left join directory.party_subject ps on ps.party_id = c.party_id
where c.kind <> '{funders_own.KIND}'
  and ((c.party_id = %(party)s and (c.subject_id = %(target)s or %(answers_all)s))
    or (ps.subject_id = %(target)s and c.subject_id = %(source)s))
group by c.case_id, c.opened_at order by c.opened_at, c.case_id
"""


def _settle_cases(
    connection: psycopg.Connection[Any], move: _Move, source: UUID, now: datetime
) -> UUID | None:
    """Write the decision into the cases it answers; gives the first of them."""
    given = {
        "party": move.party_id,
        "target": move.target,
        "source": source,
        "answers_all": move.decision == "unlinked" or _is_apart(connection, source),
    }
    found = connection.execute(_CASES_OF_MOVE, given).fetchall()
    for case_id, last_no in found:
        connection.execute(
            "insert into identity.case_event (case_id, event_no, event, happened_at, acted_by)"
            " values (%s, %s, %s, %s, %s)",
            (case_id, last_no + 1, move.decision, now, move.by),
        )
    return found[0][0] if found else None


def _carry_tokens(
    connection: psycopg.Connection[Any],
    tokens: Sequence[bytes],
    others: Sequence[UUID],
    *,
    source: UUID,
    target: UUID,
    now: datetime,
) -> None:
    """Tie the party's tokens to its new subject; the old one keeps those of its other parties."""
    staying = set(tokens_of(connection, others))
    held = {
        bytes(row[0])
        for row in connection.execute(
            "select token from directory.token_subject where subject_id = %s", (target,)
        )
    }
    for token in tokens:
        if token not in held:
            heads.tie_tokens(connection, [(token, target)], now)
        if token not in staying:
            heads.untie_token(connection, token, source, now)
