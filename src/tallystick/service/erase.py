"""Erasure: what is known of a person is destroyed, and that it was is kept.

Her parties' keys go, and with them all that was sealed under them, bodies of answers too; so do
directories, tokens that are hers alone, her consents, the looks at her. What the ledger and the log
of looks need to prove themselves stays: the leaf of each row, the commitment of each look, and a
signed statement of when and on what ground. The promise holds once backups of the vault and raw
files have had their days (docs).

Source: spine 9, 10
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from tallystick.errors import BadRequest
from tallystick.ledger import erase as ledger_erase
from tallystick.ledger import files, tail
from tallystick.model.canonical import canonical
from tallystick.model.instant import instant_text
from tallystick.service import erasures, heads, intake_store
from tallystick.service.port import Deps

#: Destroyed keys looked up in one transaction; those of consents lead nowhere.
_AT_ONCE = 1000
_NOT_ON_FILE = "no subject on file has this id"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureView:
    """What was erased, by counts, and the statement that stands in its place."""

    subject_id: UUID
    erased_at: datetime
    ground: str
    statement: str


def erase(deps: Deps, subject_id: UUID, ground: str, by: str) -> ErasureView:
    """Erase a subject; answers made of her are `410 erased` from then on.

    Gives:  the same view again when she was erased before
    Raises: BadRequest `not_found`
    Note:   keys are destroyed last inside the transaction: a crash between leaves rows nobody can
            open, and erasing again ends it
    """
    with deps.database.connect("eraser") as connection:
        known = _known(connection, subject_id)
        if known is not None:
            return known
        hers = _lock(connection, subject_id)
        now = deps.clock()
        consents = _erase_consents(connection, hers)
        looks = _erase_looks(connection, hers, now, ground)
        rows = ledger_erase.erase_parties(connection, hers.parties, now=now, ground=ground)
        ledger_erase.erase_files(connection, subject_id, hers.accounts)
        _erase_directories(connection, hers)
        files.write_documents(connection, hers.others)  # they say what they lack from here on
        counts = {"looks": looks, "parties": len(hers.parties), "statements": rows}
        statement = _sign(deps, connection, subject_id, now, ground=ground, by=by, counts=counts)
        deps.vault.destroy([*hers.parties, *consents], now, ground)
    return ErasureView(subject_id=subject_id, erased_at=now, ground=ground, statement=statement)


def require_erasable(deps: Deps, subject_id: UUID) -> None:
    """Refuse the id that `erase` refuses; hers who was erased before is none. For a dry run.

    Raises: BadRequest `not_found`
    """
    with deps.database.connect("eraser") as connection:
        row = connection.execute(
            "select from gate.head where subject_id = %(subject)s"
            " union all select from log.subject_erasure where subject_id = %(subject)s limit 1",
            {"subject": subject_id},
        ).fetchone()
    if row is None:
        raise BadRequest("not_found", _NOT_ON_FILE)


def erase_late(deps: Deps, now: datetime) -> int:
    """Erase what was appended under erased parties by jobs that had judged it before; gives rows.

    No row of hers was published nor will be, but amounts of a month stand in it in the clear; what
    goes is signed for like an erasure, as others' rows of its chunk may be published. Looks back
    over the profile's `raw_days`, after which an erasure is promised to hold.
    """
    since = now - timedelta(days=deps.profile.at(now).raw_days)
    by_ground: dict[str, list[UUID]] = {}
    of_submissions = (intake_store.SENT_BEFORE, intake_store.RAW_ENDED)
    for key_id, ground in sorted(deps.vault.destroyed(since, besides=of_submissions).items()):
        by_ground.setdefault(ground, []).append(key_id)
    gone = 0
    for ground, ids in by_ground.items():
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            with deps.database.connect("eraser") as connection:
                rows = ledger_erase.erase_parties(connection, some, now=now, ground=ground)
                if rows:  # under an id of its own: whose they were nobody knows any more
                    counts = {"looks": 0, "parties": len(some), "statements": rows}
                    _sign(
                        deps, connection, deps.new_id(), now,
                        ground=ground, by="housekeeping", counts=counts,
                    )  # fmt: skip
                gone += rows
                for query in _OF_PARTIES:
                    connection.execute(query, {"parties": some})
    return gone


def _known(connection: psycopg.Connection[Any], subject_id: UUID) -> ErasureView | None:
    row = connection.execute(
        "select subject_id, erased_at, ground, statement from log.subject_erasure"
        " where subject_id = %s",
        (subject_id,),
    ).fetchone()
    if row is None:
        return None
    return ErasureView(subject_id=row[0], erased_at=row[1], ground=row[2], statement=row[3])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hers:
    """What is hers: parties, tokens no other subject has, accounts kept under her.

    `others` are the subjects who have a role in these accounts, ascending.
    """

    subject_id: UUID
    parties: list[UUID]
    tokens: list[bytes]
    accounts: list[UUID]
    others: list[UUID]


def _lock(connection: psycopg.Connection[Any], subject_id: UUID) -> _Hers:
    """Lock tokens, head and files, in the order everybody does, and say what is hers."""
    connection.execute(
        "select from directory.token where token in"
        " (select token from directory.token_subject where subject_id = %s)"
        " order by token for update",
        (subject_id,),
    )
    accounts_query = (
        "select distinct o.object_id from directory.party_subject ps"
        " join directory.object o using (party_id)"
        " where ps.subject_id = %s and o.kind = 'account'"
    )
    accounts = [row[0] for row in connection.execute(accounts_query, (subject_id,))]
    # Others' heads too: an answer about them rests on her accounts, or comes after.
    holders = sorted({subject_id, *_holders(connection, accounts)})
    heads.queue(connection, holders)
    locked = connection.execute(
        "select subject_id from gate.head where subject_id = any(%s)"
        " order by subject_id for update",
        (holders,),
    )
    if subject_id not in {row[0] for row in locked}:
        raise BadRequest("not_found", _NOT_ON_FILE)
    connection.execute(
        "select from file.subject where subject_id = %(subject)s or subject_id in"
        " (select subject_id from file.account where account_id = any(%(accounts)s))"
        " order by subject_id for update",
        {"subject": subject_id, "accounts": accounts},
    )
    connection.execute(
        "select from file.account where subject_id = %s or account_id = any(%s)"
        " order by subject_id, account_id for update",
        (subject_id, accounts),
    )
    while not tail.clear(connection, subject_id, accounts):
        pass  # months came meanwhile: now they can be seen
    parties = connection.execute(
        "select party_id from directory.party_subject where subject_id = %s order by 1",
        (subject_id,),
    )
    tokens = connection.execute(
        "select token from directory.token_subject t where subject_id = %s and not exists"
        " (select from directory.token_subject o where o.token = t.token"
        " and o.subject_id <> t.subject_id) order by 1",
        (subject_id,),
    )
    accounts = [row[0] for row in connection.execute(accounts_query, (subject_id,))]
    return _Hers(
        subject_id=subject_id,
        parties=[row[0] for row in parties],
        tokens=[bytes(row[0]) for row in tokens],
        accounts=accounts,
        others=[one for one in _holders(connection, accounts) if one != subject_id],
    )


def _holders(connection: psycopg.Connection[Any], accounts: list[UUID]) -> list[UUID]:
    """The subjects who have some accounts on file, ascending."""
    query = "select distinct subject_id from file.account where account_id = any(%s) order by 1"
    return [row[0] for row in connection.execute(query, (accounts,))]


def _erase_consents(connection: psycopg.Connection[Any], hers: _Hers) -> list[UUID]:
    """Delete consents under tokens that are hers alone; gives their ids."""
    rows = connection.execute(
        "delete from gate.consent where token = any(%s) returning consent_id", (hers.tokens,)
    ).fetchall()
    for table in ("gate.consent_use", "gate.withdrawal", "directory.consent"):
        connection.execute(f"delete from {table} where token = any(%s)", (hers.tokens,))
    connection.execute("delete from gate.head_event where subject_id = %s", (hers.subject_id,))
    return [row[0] for row in rows]


#: Looks under her tokens may be at somebody else, who had the number then: their bodies go by name.
_LOOKS = """
with gone as (
  delete from log.look where token = any(%(tokens)s) or subject_id = %(subject)s
  returning look_id, subject_id
), bodies as (
  delete from log.body b using gone where b.subject_id = gone.subject_id
    and b.look_id = gone.look_id
), requests as (
  update gate.request set token = %(nobody)s where look_id in (select look_id from gone)
)
insert into log.erasure (look_id, erased_at, ground, statement)
select look_id, %(now)s, %(ground)s, %(statement)s from gone
"""


def _erase_looks(
    connection: psycopg.Connection[Any], hers: _Hers, now: datetime, ground: str
) -> int:
    """Delete the looks at her and their bodies; the log keeps each one's commitment.

    Requests stay without her token: the same request again is answered `erased`.
    """
    connection.execute("delete from log.body where subject_id = %s", (hers.subject_id,))
    connection.execute("delete from access.session where subject_id = %s", (hers.subject_id,))
    return connection.execute(
        _LOOKS,
        {
            "tokens": hers.tokens,
            "subject": hers.subject_id,
            "now": now,
            "ground": ground,
            "statement": erasures.look_statement(instant_text(now), ground),
            "nobody": bytes(32),
        },
    ).rowcount


#: The directories' entries of parties: what leads from a furnisher's numbers to them.
_OF_PARTIES = (
    "delete from directory.identity_key where party_id = any(%(parties)s)",
    "delete from directory.object where party_id = any(%(parties)s)",
    "delete from directory.party where party_id = any(%(parties)s)",
)


#: The cases about her; one about two accounts is kept under the party of one of them.
_CASES = """party_id = any(%(parties)s) or subject_id = %(subject)s
  or exists (select from unnest(%(accounts)s::uuid[]) a where position(a::text in evidence) > 0)"""


def _erase_directories(connection: psycopg.Connection[Any], hers: _Hers) -> None:
    for query in (
        "delete from identity.case_event where case_id in (select case_id from identity.case_file"
        f" where {_CASES})",
        f"delete from identity.case_file where {_CASES}",
        *_OF_PARTIES,
        "delete from directory.party_subject where subject_id = %(subject)s",
        "delete from directory.token_subject where subject_id = %(subject)s",
        "delete from directory.token where token = any(%(tokens)s)",
    ):
        connection.execute(
            query,
            {
                "parties": hers.parties, "subject": hers.subject_id, "tokens": hers.tokens,
                "accounts": hers.accounts,
            },
        )  # fmt: skip


def _sign(
    deps: Deps,
    connection: psycopg.Connection[Any],
    subject_id: UUID,
    now: datetime,
    *,
    ground: str,
    by: str,
    counts: Mapping[str, int],
) -> str:
    """Keep what stands in place of what went, signed, so that anybody can check it."""
    content: dict[str, Any] = {
        **counts,
        "erased_at": instant_text(now),
        "erased_by": by,
        "ground": ground,
        "key_id": deps.keys.key_id,
        "subject_id": str(subject_id),
    }
    signed = {**content, "signature": deps.keys.sign(canonical(content)).hex()}
    statement = canonical(signed).decode()
    connection.execute(
        "insert into log.subject_erasure (subject_id, erased_at, ground, statement)"
        " values (%s, %s, %s, %s)",
        (subject_id, now, ground, statement),
    )
    return statement
