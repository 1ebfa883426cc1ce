"""Erasing from the ledger: rows go, their leaves stay, so the chunk's root can still be checked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from tallystick.ledger import append, files, tables

#: Roles in accounts under these parties, but not those of others on file; and the roles of these
#: parties in accounts whose first borrower went before.
_ROLES = """
(t.party_id = any(%(parties)s) and not (
  t.holder_party_id <> all(%(parties)s)
  and exists (select from ledger.publication p where p.chunk_id = t.chunk_id)
  and exists (select from directory.party_subject s where s.party_id = t.holder_party_id)))
or (t.holder_party_id = any(%(parties)s)
  and not exists (select from directory.party d where d.party_id = t.party_id))"""
_NOT_OF_ROLES = """ and not (t.dataset in ('account', 'account_party') and exists (
  select from ledger.account_party r where r.party_id = t.party_id and r.object_id = t.object_id))
"""


def erase_parties(
    connection: psycopg.Connection[Any], parties: Sequence[UUID], *, now: datetime, ground: str
) -> int:
    """Delete everything kept under these parties, unseen rows too; gives how many rows went.

    Under the eraser's role. What others' accounts say of a party's role in them stays: an id that
    leads nowhere. What accounts under these parties say of the role of somebody else on file stays
    too, for it is his (`erased.erased_accounts`), and whether it was deleted; it goes with him.
    """
    wheres = {f"ledger.{name}": "t.party_id = any(%(parties)s)" for name in tables.DATASETS}
    wheres.pop("ledger.member")
    wheres |= {target: "t.party_id = any(%(parties)s)" for target, _ in append.OTHER.values()}
    wheres["identity.apart"] += " or t.other_party_id = any(%(parties)s)"
    wheres["ledger.account_party"] = _ROLES
    wheres["ledger.deletion"] += _NOT_OF_ROLES  # comes after the roles
    gone = 0
    for table, where in wheres.items():
        gone += connection.execute(
            f"with gone as (delete from {table} t where {where} returning chunk_id, row_no, leaf)"
            " insert into ledger.erased (chunk_id, row_no, leaf, erased_at, ground)"
            " select chunk_id, row_no, leaf, %(now)s, %(ground)s from gone",
            {"parties": list(parties), "now": now, "ground": ground},
        ).rowcount
    return gone


def erase_files(
    connection: psycopg.Connection[Any], subject_id: UUID, accounts: Sequence[UUID]
) -> None:
    """Delete a subject's file, and accounts kept under her from everybody's.

    Takes: rows that are locked and whose tails were cleared (`tail.clear`)

    Where links of parties that were hers once still name her, an empty document stays, as in the
    file of anybody all of whose parties have left.
    """
    connection.execute(
        "delete from file.account where subject_id = %s or account_id = any(%s)",
        (subject_id, list(accounts)),
    )
    connection.execute(
        "delete from file.subject where subject_id = %(subject)s and not exists"
        " (select from identity.link join ledger.publication using (chunk_id)"
        " where subject_id = %(subject)s)",
        {"subject": subject_id},
    )
    connection.execute(
        "update file.subject set document = %s where subject_id = %s",
        (files.EMPTY_DOCUMENT, subject_id),
    )
