"""The tail: newest months that the wide rows of `file.account` have not taken in yet.

A month of an account is twenty-one bytes, the row that holds sixty of them a kilobyte and more: a
file of months would rewrite a row for each of its own, on pages all over the table. It adds one
narrow row an account to `file.tail` instead, in order. Readers see row and tail as one in
`file.account_now`; whoever writes an account takes its tail in first, and housekeeping takes in
what nobody wrote.

Who adds to a tail does not touch the row, so the row's lock does not keep him from those who write
it. The key of `file.tail` does: a writer, who has locked the row, takes the tail in and puts a
*fence* in its place until his transaction ends. Who adds meanwhile waits for it, and then finds
that the row has moved; a writer who meets months under way waits for them, and begins again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg.errors import UniqueViolation

from tallystick.model import months as grid

#: Columns of a change as CSV, in this order; an id as text is so long.
COLUMNS = (
    "subject_id", "account_id", "changed_by", "months", "latest", "first_delinquency_on",
    "last_period_end", "last_bucket", "last_status", "last_balance_minor",
)  # fmt: skip
_ID = 36
#: No JSON holds it: doubling the quotes in `latest` took longer than all else of writing a line.
QUOTE = "\x1e"
_COPY = f"copy file.tail (chunk_id, subject_id, account_id, {', '.join(COLUMNS[3:])})"
_COPY += f" from stdin (format csv, quote '{QUOTE}')"


def add(connection: psycopg.Connection[Any], changes: Iterable[bytes], *, chunk_id: int) -> bool:
    """Add a chunk's months to the tails of its accounts; older ones there are taken in first.

    Takes: a line of CSV (`COLUMNS`) for each account in each file; `changed_by` is the chunk that
           had last changed the account when its months were judged
    Gives: whether all accounts stood as judged and nobody else added to them; if not, roll back and
           judge again
    """
    lines = sorted(changes)  # the order in which files are locked
    subjects = [line[:_ID] for line in lines]
    accounts = [line[_ID + 1 : 2 * _ID + 1] for line in lines]
    keys, rest = 2 * _ID + 2, [line[2 * _ID + 2 :].split(b",", 1) for line in lines]
    _make_room(connection, subjects, accounts)
    head = b"%d," % chunk_id
    told = [head + line[:keys] + said for line, (_, said) in zip(lines, rest, strict=True)]
    try:
        with connection.cursor().copy(_COPY) as copy:
            copy.write(b"".join(told))
    except UniqueViolation:
        return False
    given = [_joined(texts) for texts in (subjects, accounts, [judged_at for judged_at, _ in rest])]
    row = connection.execute(_STANDING, given).fetchone()
    return row is not None and row[0] == len(lines)


def _joined(texts: Iterable[bytes]) -> str:
    """One text of many: an array's quoting, element by element, costs more than to look them up."""
    return b",".join(texts).decode()


_STANDING = """
select count(*) from unnest(string_to_array(%s, ',')::uuid[], string_to_array(%s, ',')::uuid[],
  string_to_array(%s, ',')::bigint[]) as n (subject_id, account_id, changed_by)
join file.account f on f.subject_id = n.subject_id and f.account_id = n.account_id
  and f.changed_by = n.changed_by
"""


def _make_room(
    connection: psycopg.Connection[Any], subjects: Sequence[bytes], accounts: Iterable[bytes]
) -> None:
    """Take in what waits of some accounts, whose subjects are given ascending."""
    ends = (subjects[0].decode(), subjects[-1].decode())
    if connection.execute(_ANY_BETWEEN, ends).fetchone() is None:
        return  # as nearly always
    found = connection.execute(
        "select account_id from file.tail where subject_id = any(string_to_array(%s, ',')::uuid[])",
        (_joined(subjects),),
    ).fetchall()
    older = {row[0] for row in found}.intersection(UUID(one.decode()) for one in accounts)
    if older:
        lock_rows(connection, older)
        take_in(connection, older)


_ANY_BETWEEN = "select from file.tail where subject_id between %s and %s limit 1"


def lock_rows(connection: psycopg.Connection[Any], accounts: Collection[UUID]) -> None:
    """Lock the rows of accounts in every file, in the order everybody does."""
    connection.execute(
        "select from file.account where account_id = any(%s)"
        " order by subject_id, account_id for update",
        (list(accounts),),
    )


def take_in(connection: psycopg.Connection[Any], accounts: Collection[UUID]) -> int:
    """Move the tails of accounts into their rows, which are locked.

    Gives: how many rows took months in; each then stands at the chunk its tail stood at
    """
    return connection.execute(_TAKE_IN, (list(accounts),)).rowcount


_TAKE_IN = f"""
with gone as (
  delete from file.tail t using file.account f where f.account_id = any(%s)
    and t.subject_id = f.subject_id and t.account_id = f.account_id
  returning t.*
)
update file.account f set
  months = substr(f.months || n.months,
    greatest(1, length(f.months) + length(n.months) - {grid.KEPT_MONTHS * grid.SIZE} + 1)),
  latest = n.latest, first_delinquency_on = n.first_delinquency_on,
  last_period_end = n.last_period_end, last_bucket = n.last_bucket, last_status = n.last_status,
  last_balance_minor = n.last_balance_minor, changed_by = n.chunk_id
from gone n where f.subject_id = n.subject_id and f.account_id = n.account_id
"""


def fence(connection: psycopg.Connection[Any], accounts: Collection[UUID]) -> bool:
    """Keep everybody from adding to accounts, whose rows are locked, until the transaction ends.

    Gives: whether nobody had; if not, roll back and begin again
    """
    return _fence(connection, "f.account_id = any(%(accounts)s)", {"accounts": list(accounts)})


def clear(
    connection: psycopg.Connection[Any], subject_id: UUID, accounts: Collection[UUID]
) -> bool:
    """Delete what waits in a subject's file and of accounts in any, and keep everybody from adding.

    Gives: whether it is done; if not, somebody had added, and it can be tried again
    """
    which = "(f.subject_id = %(subject)s or f.account_id = any(%(accounts)s))"
    given = {"subject": subject_id, "accounts": list(accounts)}
    with connection.transaction():
        connection.execute(_DELETE.format(which=which), given)
        if _fence(connection, which, given):
            return True
        raise psycopg.Rollback
    return False


def _fence(connection: psycopg.Connection[Any], which: str, given: Mapping[str, Any]) -> bool:
    rows = connection.execute(f"select count(*) from file.account f where {which}", given)
    wanted = rows.fetchone()
    put = connection.execute(_FENCE.format(which=which), given).rowcount
    connection.execute(_DELETE.format(which=which) + " and t.chunk_id = 0", given)
    return wanted is not None and put == wanted[0]


# A row deleted by the transaction that made it keeps its key until that transaction ends.
_FENCE = """
insert into file.tail (subject_id, account_id, chunk_id, last_period_end, last_bucket, last_status,
  months, latest)
select f.subject_id, f.account_id, 0, '-infinity', '', '', '', '' from file.account f
where {which} order by f.subject_id, f.account_id on conflict do nothing
"""
_DELETE = """
delete from file.tail t using file.account f
where {which} and t.subject_id = f.subject_id and t.account_id = f.account_id
"""


def waiting(connection: psycopg.Connection[Any], limit: int) -> list[UUID]:
    """Some accounts with months that wait in the tail, in the order of the files."""
    rows = connection.execute(
        "select account_id from file.tail order by subject_id, account_id limit %s", (limit,)
    )
    return list(dict.fromkeys(row[0] for row in rows))
