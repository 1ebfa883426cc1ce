"""Rebuilding the files: thrown away and folded anew from the ledger, or only compared with it.

A rebuilt row has the same bytes as the one publishing wrote. Only the stamp `changed_by`, which
tells a later chunk whether an account changed since its rows were judged, is set anew: to the chunk
published last, so that none is taken for what it was before anything that was published since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from tallystick.ledger import files, fold, publish

Progress = Callable[[str, int, int | None], None]
#: Subjects of one batch: what bounds memory, whatever the size of the ledger.
BATCH = 200

_SUBJECTS = (
    "select distinct k.subject_id from identity.link k join ledger.publication using (chunk_id)"
)


def subject_batches(
    connection: psycopg.Connection[Any], *, sample: int | None = None
) -> Iterator[list[UUID]]:
    """Every subject a visible link ever named, ascending, in batches.

    Takes: `sample`: only so many, spread evenly over all by a hash of their ids
    """
    if sample is not None:
        rows = connection.execute(
            f"select subject_id from ({_SUBJECTS}) s order by md5(subject_id::text) limit %s",
            (sample,),
        ).fetchall()
        chosen = sorted(row[0] for row in rows)
        for start in range(0, len(chosen), BATCH):
            yield chosen[start : start + BATCH]
        return
    last = UUID(int=0)
    while True:
        rows = connection.execute(
            f"{_SUBJECTS} where k.subject_id > %s order by 1 limit %s", (last, BATCH)
        ).fetchall()
        if not rows:
            return
        yield [row[0] for row in rows]
        last = rows[-1][0]


def count_subjects(connection: psycopg.Connection[Any]) -> int:
    """How many subjects `subject_batches` gives."""
    row = connection.execute(f"select count(*) from ({_SUBJECTS}) s").fetchone()
    return int(row[0]) if row else 0


def accounts_of(connection: psycopg.Connection[Any], subjects: Sequence[UUID]) -> list[UUID]:
    """The accounts whose first borrower is a party of these subjects: each account has one."""
    rows = connection.execute(
        "select distinct o.object_id from directory.party_subject ps"
        " join directory.object o using (party_id)"
        " where ps.subject_id = any(%s) and o.kind = 'account' order by 1",
        (list(subjects),),
    )
    return [row[0] for row in rows]


def fold_standing(
    connection: psycopg.Connection[Any], accounts: Sequence[UUID]
) -> tuple[list[fold.AccountFold], dict[UUID, UUID]]:
    """Accounts that stand, folded whole from the ledger, and the subjects of their holders."""
    folded = publish.fold_accounts(connection, accounts, with_months=True)
    standing = [one for one in folded.values() if one is not None]
    holders = {UUID(party) for one in standing for party in one.holder_roles}
    subject_of = dict(
        connection.execute(
            "select party_id, subject_id from directory.party_subject where party_id = any(%s)",
            (list(holders),),
        ).fetchall()
    )
    return standing, subject_of


def rebuild(connection: psycopg.Connection[Any], progress: Progress) -> tuple[int, int]:
    """Throw all files away and fold them anew; gives how many subjects and account rows stand.

    One transaction of the caller: inquiries read the old files until it commits; publishing waits,
    because files are locked against writers.
    """
    for table in ("subject", "account", "tail"):  # as writers come to them; exclusive of row locks
        connection.execute(f"lock table file.{table} in exclusive mode")
    connection.execute("delete from file.tail")
    connection.execute("delete from file.account")
    connection.execute("delete from file.subject")
    newest = connection.execute(
        "select chunk_id from ledger.publication order by position desc limit 1"
    ).fetchone()
    stamp = int(newest[0]) if newest else 0
    total, done = count_subjects(connection), 0
    for subjects in subject_batches(connection):
        connection.execute(
            "insert into file.subject (subject_id) select unnest(%s::uuid[])", (subjects,)
        )
        files.write_documents(connection, subjects)
        accounts = accounts_of(connection, subjects)
        standing, subject_of = fold_standing(connection, accounts)
        files.write_accounts(
            connection, standing, subject_of=subject_of, changed_by=lambda _account: stamp
        )
        done += len(subjects)
        progress("files", done, total)
    row = connection.execute("select count(*) from file.account").fetchone()
    return done, int(row[0]) if row else 0


_ROW = (
    "subject_id", "account_id", "party_id", "furnisher_id", "role", "product", "currency",
    "opened_on", "closed_on", "maturity_on", "principal_minor", "credit_limit_minor", "basis",
    "terms", "first_delinquency_on", "last_period_end", "last_bucket", "last_status",
    "last_balance_minor", "latest", "months", "events",
)  # fmt: skip


def differences(
    connection: psycopg.Connection[Any], subjects: Sequence[UUID]
) -> Iterator[tuple[str, str]]:
    """Where the files of these subjects are not their fold, and in what (columns, not content)."""
    wanted = files.documents(connection, subjects)
    kept = dict(
        connection.execute(
            "select subject_id, document from file.subject where subject_id = any(%s)",
            (list(subjects),),
        ).fetchall()
    )
    for subject in subjects:
        if subject not in kept:
            yield f"subject {subject}", "has no file"
        elif kept[subject] != wanted[subject]:
            yield f"subject {subject}", "its document is not its fold"
    yield from _of_accounts(connection, accounts_of(connection, subjects))


def _of_accounts(
    connection: psycopg.Connection[Any], accounts: Sequence[UUID]
) -> Iterator[tuple[str, str]]:
    standing, subject_of = fold_standing(connection, accounts)
    rows = {
        (row["account_id"], row["subject_id"]): row
        for row in files.account_rows(standing, subject_of)
    }
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            f"select {', '.join(_ROW)} from file.account_now where account_id = any(%s)"
            " order by account_id, subject_id",
            (accounts,),
        )
        on_file = {(row["account_id"], row["subject_id"]): row for row in cursor}
    for key in sorted(rows.keys() | on_file.keys()):
        where = f"account {key[0]} in the file of subject {key[1]}"
        if key not in on_file:
            yield where, "missing"
        elif key not in rows:
            yield where, "no statement puts it there"
        else:
            named = [name for name in _ROW if _plain(rows[key][name]) != _plain(on_file[key][name])]
            if named:
                yield where, f"{', '.join(named)} not as folded"


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview | bytes) else value
