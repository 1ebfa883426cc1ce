"""Erasing from the ledger: rows go, their leaves stay, so the chunk's root can still be checked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from tallystick.ledger import append, files, tables


def erase_parties(
    connection: psycopg.Connection[Any], parties: Sequence[UUID], *, now: datetime, ground: str
) -> int:
    """Delete everything kept under these parties, unseen rows too; gives how many rows went.

    Under the eraser's role. What others' accounts say of a party's role in them stays: an id that
    leads nowhere.
    """
    wheres = {f"ledger.{name}": "party_id = any(%(parties)s)" for name in tables.DATASETS}
    wheres.pop("ledger.member")
    wheres |= {target: "party_id = any(%(parties)s)" for target, _ in append.OTHER.values()}
    wheres["identity.apart"] += " or other_party_id = any(%(parties)s)"
    gone = 0
    for table, where in wheres.items():
        gone += connection.execute(
            f"with gone as (delete from {table} where {where} returning chunk_id, row_no, leaf)"
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
