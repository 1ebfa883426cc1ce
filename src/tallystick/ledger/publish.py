"""Publishing: make a chunk visible and bring the files it changes up to date, in one transaction.

Lock order everywhere: tokens, heads, files (`file.subject` rows, `file.account` rows, then keys of
`file.tail`), each ascending, the counter row last. Who holds what is read anew after the
locks; if it moved, the transaction is tried again from the start.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import psycopg

from tallystick.ledger import extend, files, fold, order, read, tail


class Moved(Exception):
    """Links changed between planning and locking; roll back and try again."""


class Stale(Exception):
    """Accounts changed since the chunk's rows were judged; carries which."""

    def __init__(self, account_ids: frozenset[UUID]):
        super().__init__(f"{len(account_ids)} accounts changed since they were judged")
        self.account_ids = account_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """What a chunk changes: whole accounts, and parties whose documents change.

    `months_too` says that months must be folded from the ledger and not kept from the file.
    `added` are the values of all its rows, where the dataset is one that `extend` puts in place.
    """

    accounts: frozenset[UUID] = frozenset()
    parties: frozenset[UUID] = frozenset()
    months_too: bool = False
    dataset: str = ""
    added: Sequence[Mapping[str, Any]] = ()


def publish(
    connection: psycopg.Connection[Any],
    chunk_id: int,
    touched: Touched,
    *,
    judged_at: Mapping[UUID, int | None] | None,
    now: datetime,
    also: Callable[[], None] | None = None,
) -> order.Place:
    """Publish one chunk by folding what it touches; the caller commits (or tries again on Moved).

    Takes:  `judged_at` gives per account the chunk that had last changed it when its rows were
            judged (None: it was not on file); accounts not named are not checked;
            `also` is done once the files say what the chunk says, before the one order is held up
    Raises: Moved, Stale: roll back, then plan or judge again
    """
    lock(connection, touched)
    if judged_at:
        require_unchanged(connection, judged_at)
    refresh(connection, touched, chunk_id=chunk_id)
    if also is not None:
        also()
    return order.take_place(connection, [chunk_id], now)


def lock(
    connection: psycopg.Connection[Any], touched: Touched, *, also: Collection[UUID] = ()
) -> list[UUID]:
    """Lock the files of everybody the chunk touches; gives the subjects, ascending.

    Takes:  `also`: further subjects, whose files change because a party comes or goes
    Raises: Moved when the set of subjects changed while waiting, or months came to an account
    """
    subjects = sorted({*_subjects(connection, touched), *also})
    connection.execute(
        "insert into file.subject (subject_id) select unnest(%s::uuid[]) on conflict do nothing",
        (subjects,),
    )
    connection.execute(
        "select from file.subject where subject_id = any(%s) order by subject_id for update",
        (subjects,),
    )
    if touched.accounts:
        tail.lock_rows(connection, touched.accounts)
    if sorted({*_subjects(connection, touched), *also}) != subjects:
        raise Moved
    if touched.accounts:
        tail.take_in(connection, touched.accounts)
        if not tail.fence(connection, touched.accounts):
            raise Moved
    return subjects


def require_unchanged(
    connection: psycopg.Connection[Any], judged_at: Mapping[UUID, int | None]
) -> None:
    """Check under the lock that accounts stand as they stood when their rows were judged."""
    now_at = dict(
        connection.execute(
            "select account_id, max(changed_by) from file.account where account_id = any(%s)"
            " group by account_id",
            (list(judged_at),),
        ).fetchall()
    )
    moved = {account for account, chunk in judged_at.items() if now_at.get(account) != chunk}
    if moved:
        raise Stale(frozenset(moved))


def refresh(
    connection: psycopg.Connection[Any],
    touched: Touched,
    *,
    chunk_id: int,
    position: int | None = None,
) -> None:
    """Fold and write the touched accounts and documents (their files are locked)."""
    if touched.added:
        left = extend.extend(connection, touched.dataset, touched.added, chunk_id=chunk_id)
        touched = Touched(accounts=left)
    if touched.accounts:
        _refresh_accounts(connection, touched, chunk_id=chunk_id, position=position)
    if touched.parties:
        rows = connection.execute(
            "select distinct subject_id from directory.party_subject where party_id = any(%s)"
            " order by subject_id",
            (list(touched.parties),),
        )
        files.write_documents(
            connection, [row[0] for row in rows], position=position, own_chunk=chunk_id
        )


def fold_accounts(
    connection: psycopg.Connection[Any],
    accounts: Collection[UUID],
    *,
    with_months: bool,
    position: int | None = None,
    own_chunk: int | None = None,
) -> dict[UUID, fold.AccountFold | None]:
    """Fold accounts from the ledger; None for one of which no terms stand."""
    owners = first_borrowers(connection, accounts)
    datasets = (*read.ACCOUNT_DATASETS, "snapshot") if with_months else read.ACCOUNT_DATASETS
    found = read.statements(
        connection,
        datasets,
        parties=set(owners.values()),
        objects=list(accounts),
        position=position,
        own_chunk=own_chunk,
    )
    by_account: dict[UUID, list[fold.Statement]] = {account: [] for account in accounts}
    for one in found:
        if one.object_id in by_account:
            by_account[one.object_id].append(one)
    return {account: fold.fold_account(group) for account, group in by_account.items()}


def first_borrowers(
    connection: psycopg.Connection[Any], accounts: Collection[UUID]
) -> dict[UUID, UUID]:
    """The party each account's statements are kept under, for good."""
    rows = connection.execute(
        "select object_id, party_id from directory.object"
        " where object_id = any(%s) and kind = 'account'",
        (list(accounts),),
    )
    return dict(rows.fetchall())


def _refresh_accounts(
    connection: psycopg.Connection[Any],
    touched: Touched,
    *,
    chunk_id: int,
    position: int | None,
) -> None:
    folded = fold_accounts(
        connection,
        touched.accounts,
        with_months=touched.months_too,
        position=position,
        own_chunk=chunk_id,
    )
    standing = [one for one in folded.values() if one is not None]
    if not touched.months_too:
        standing = _with_kept_months(connection, standing)
    holders = {UUID(party) for one in standing for party in one.holder_roles}
    subject_of = dict(
        connection.execute(
            "select party_id, subject_id from directory.party_subject where party_id = any(%s)",
            (list(holders),),
        ).fetchall()
    )
    files.write_accounts(
        connection, standing, subject_of=subject_of, changed_by=lambda _account: chunk_id
    )
    files.drop_accounts(connection, [account for account, one in folded.items() if one is None])


def _with_kept_months(
    connection: psycopg.Connection[Any], folded: list[fold.AccountFold]
) -> list[fold.AccountFold]:
    """Months and newest snapshot as the file has them: terms changed, performance did not."""
    rows = connection.execute(
        "select distinct on (account_id) account_id, months, latest from file.account"
        " where account_id = any(%s) order by account_id, subject_id",
        ([one.account_id for one in folded],),
    )
    kept = {row[0]: (bytes(row[1]), orjson.loads(row[2]) if row[2] else None) for row in rows}
    return [
        dataclasses.replace(one, months=kept[one.account_id][0], latest=kept[one.account_id][1])
        if one.account_id in kept
        else one
        for one in folded
    ]


def _subjects(connection: psycopg.Connection[Any], touched: Touched) -> list[UUID]:
    rows = connection.execute(
        "select subject_id from directory.party_subject where party_id = any(%(parties)s)"
        " union select ps.subject_id from directory.object o"
        " join directory.party_subject ps using (party_id) where o.object_id = any(%(accounts)s)"
        " union select subject_id from file.account where account_id = any(%(accounts)s)"
        " order by 1",
        {"parties": list(touched.parties), "accounts": list(touched.accounts)},
    )
    return [row[0] for row in rows]
