"""Verifying the ledger: is every row there and as it was, is the order whole, is file = fold?

Streams everything once in one read-only snapshot, beside publishing if need be. What is found is
named by chunk, row, position, account or subject: never by content. An edited row whose leaf was
edited with it is found by its chunk's root, and an edited root by the log of looks, whose tree
holds the digest of each publication.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg

from tallystick.ledger import append, tables
from tallystick.ledger.apart import is_apart_sql
from tallystick.model import merkle

Progress = Callable[[str, int, int | None], None]
#: More faults than this are not told apart: the ledger is broken.
KEPT_FAULTS = 100
_BATCH = 10_000
_OTHER_KINDS: dict[str, tables.Kind] = {"token": "bytes", "decided_at": "instant"}


class Faults:
    """What was found, in the order it was found in; the first is what matters."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, where: str, what: str) -> None:
        """Note one fault."""
        if len(self.found) < KEPT_FAULTS:
            self.found.append(f"{where}: {what}")


def check_order(connection: psycopg.Connection[Any], faults: Faults) -> int:
    """Positions gapless, times strictly rising, digests those of the chunks; gives their count."""
    found, expected, last_at = 0, 1, None
    with connection.cursor(name="order") as cursor:
        cursor.itersize = _BATCH
        cursor.execute(
            "select p.position, p.recorded_at, p.digest = c.root, a.chunk_id is not null"
            " from ledger.publication p left join ledger.chunk c using (chunk_id)"
            " left join ledger.abandoned a using (chunk_id) order by p.position"
        )
        for position, recorded_at, is_same, is_abandoned in cursor:
            if position != expected:
                faults.add(f"position {expected}", "missing")
            if last_at is not None and recorded_at <= last_at:
                faults.add(f"position {position}", "recorded no later than the one before")
            if is_same is None:
                faults.add(f"position {position}", "its chunk is missing")
            elif not is_same:
                faults.add(f"position {position}", "its digest is not its chunk's root")
            if is_abandoned:
                faults.add(f"position {position}", "its chunk was given up")
            found, expected, last_at = found + 1, position + 1, recorded_at
    row = connection.execute("select position, recorded_at from ledger.counter").fetchone()
    if row is None or row[0] != expected - 1 or (last_at is not None and row[1] != last_at):
        faults.add("counter", "does not stand at the last position")
    return found


def check_links(connection: psycopg.Connection[Any], faults: Faults) -> None:
    """The directories of parties and tokens are the fold of all links; no token leads apart."""
    for query, what in ((_PARTIES, "party"), (_TOKENS, "token of subject")):
        for key, is_there in connection.execute(query):
            fault = (
                "is in the directory without a statement" if is_there else "is not in the directory"
            )
            faults.add(f"{what} {key}", fault)


_PARTIES = f"""
select party_id::text, d.is_there is not null
from (select party_id, subject_id, true as is_there from directory.party_subject) d
full join (select distinct on (party_id) party_id, subject_id, true as is_said
  from identity.link join ledger.publication using (chunk_id)
  order by party_id, position desc) k using (party_id, subject_id)
where d.is_there is null or k.is_said is null order by 1, 2 limit {KEPT_FAULTS}
"""
_TOKENS = f"""
select subject_id::text, d.is_there is not null
from (select token, subject_id, true as is_there from directory.token_subject) d
full join (select distinct token, subject_id, true as is_said
  from identity.party_token join ledger.publication using (chunk_id)
  join directory.party_subject s using (party_id)
  where not {is_apart_sql("s.subject_id")}) k using (token, subject_id)
where d.is_there is null or k.is_said is null order by 1, 2 limit {KEPT_FAULTS}
"""


def check_furnishers(connection: psycopg.Connection[Any], faults: Faults) -> None:
    """Chunks and the directory's objects name the furnishers that their statements name.

    An account is kept for good under one party: its entries name that too. Statements carry both
    under their leaves. An object that a renumbering or a sale went on with
    has an entry for each furnisher; one whose first statement never came has an entry alone.
    """
    for where, identity in connection.execute(_OTHER_FURNISHERS):
        faults.add(f"{where} {identity}", "its furnisher is not that of its statements")
    for (identity,) in connection.execute(_OTHER_PARTIES):
        faults.add(f"account {identity}", "its party is not that of its statements")


_OF_CHUNKS = " union all ".join(
    f"(select distinct chunk_id, furnisher_id from ledger.{name})"
    for name in (*tables.DATASETS, "deletion")
)
_OBJECT = """
select {kind!r}, object_id::text from (
  select t.object_id from ledger.{name} t where not exists (select from directory.object o
    where o.object_id = t.object_id and o.kind = {kind!r} and o.furnisher_id = t.furnisher_id)
  union
  select o.object_id from directory.object o where o.kind = {kind!r}
    and not exists (select from ledger.{name} t
      where t.object_id = o.object_id and t.furnisher_id = o.furnisher_id)
    and exists (select from ledger.{name} t where t.object_id = o.object_id)
) other
"""
_OTHER_PARTIES = f"""
select distinct o.object_id::text from directory.object o join ledger.account t using (object_id)
where o.kind = 'account' and o.party_id <> t.party_id order by 1 limit {KEPT_FAULTS}
"""
_OF_OBJECTS = " union all ".join(
    _OBJECT.format(kind=kind, name=name)
    for kind, name in (
        ("account", "account"),
        ("agreement", "agreement"),
        ("guarantee", "guarantee"),
        ("payer_account", "payment"),
    )
)
_OTHER_FURNISHERS = f"""
(select 'chunk', chunk_id::text from ledger.chunk c join ({_OF_CHUNKS}) s using (chunk_id)
where s.furnisher_id is distinct from c.furnisher_id order by c.chunk_id limit {KEPT_FAULTS})
union all
({_OF_OBJECTS} order by 1, 2 limit {KEPT_FAULTS})
"""


def check_rows(
    connection: psycopg.Connection[Any], faults: Faults, progress: Progress
) -> tuple[int, int]:
    """Every row's leaf and every chunk's root; gives how many rows there are and were erased."""
    total = connection.execute("select coalesce(sum(row_count), 0)::bigint from ledger.chunk")
    expected = total.fetchone()
    rows = erased = 0
    chunks = _chunks(connection)
    for chunk_id, leaves, altered, gone in _grouped(connection):
        rows, erased = rows + len(leaves) - gone, erased + gone
        _check_chunk(
            chunks.pop(chunk_id, None), chunk_id, leaves=leaves, altered=altered, faults=faults
        )
        progress("rows", rows + erased, expected[0] if expected else None)
    for chunk_id, row_count, root in chunks.values():
        if row_count or root != merkle.EMPTY_ROOT:
            faults.add(f"chunk {chunk_id}", f"all of its {row_count} rows are missing")
    return rows, erased


Chunk = tuple[int, int, bytes]
#: One row: its number, the leaf it carries, whether that is right, and whether it was erased.
_Leaf = tuple[int, bytes, str | None]


def _chunks(connection: psycopg.Connection[Any]) -> dict[int, Chunk]:
    rows = connection.execute("select chunk_id, row_count, root from ledger.chunk")
    return {row[0]: (row[0], row[1], bytes(row[2])) for row in rows}


def _check_chunk(
    chunk: Chunk | None, chunk_id: int, *, leaves: list[_Leaf], altered: list[str], faults: Faults
) -> None:
    where = f"chunk {chunk_id}"
    for what in altered:
        faults.add(where, what)
    if chunk is None:
        faults.add(where, "has rows but is not there")
        return
    numbers = [row_no for row_no, _, _ in leaves]
    if numbers != list(range(chunk[1])):
        present = set(numbers)
        missing = next((number for number in range(chunk[1]) if number not in present), None)
        faults.add(
            where,
            f"row {missing} is missing"
            if missing is not None
            else f"has {len(numbers)} rows, not {chunk[1]}",
        )
    elif merkle.chunk_root([leaf for _, leaf, _ in leaves]) != chunk[2]:
        faults.add(where, "its rows do not give its root")


def _grouped(
    connection: psycopg.Connection[Any],
) -> Iterator[tuple[int, list[_Leaf], list[str], int]]:
    """Chunk by chunk: its leaves in order, what is altered in it, how many rows were erased."""
    current: int | None = None
    leaves: list[_Leaf] = []
    altered: list[str] = []
    gone = 0
    with connection.cursor(name="leaves", binary=True) as cursor:
        cursor.itersize = _BATCH
        cursor.execute(_leaves_sql())
        for chunk_id, row_no, leaf, table, is_right in cursor:
            if chunk_id != current:
                if current is not None:
                    yield current, leaves, altered, gone
                current, leaves, altered, gone = chunk_id, [], [], 0
            leaves.append((row_no, bytes(leaf), table))
            gone += table is None
            if not is_right:
                altered.append(f"row {row_no} of {table} is not what its leaf says")
    if current is not None:
        yield current, leaves, altered, gone


def _leaves_sql() -> str:
    """All rows with their leaves, recomputed from the columns; erased ones by the leaf kept."""
    parts = [
        f"select chunk_id, row_no, leaf, '{name}' as name,"
        f" leaf = {tables.leaf_sql(name)} as is_right from ledger.{name}"
        for name in tables.DATASETS
    ]
    for name, (target, columns) in append.OTHER.items():
        kinds = [(column, _OTHER_KINDS.get(column, "text")) for column in columns]
        parts.append(
            f"select chunk_id, row_no, leaf, '{name}', leaf = {tables.leaf_sql_of(name, kinds)}"
            f" from {target}"
        )
    parts.append("select chunk_id, row_no, leaf, null, true from ledger.erased")
    return f"{' union all '.join(parts)} order by 1, 2"


def check_strays(connection: psycopg.Connection[Any], faults: Faults) -> None:
    """Files of subjects no link names, and accounts on file that no directory knows."""
    for (subject_id,) in connection.execute(
        "select subject_id from file.subject f where not exists"
        f" (select from identity.link k where k.subject_id = f.subject_id) limit {KEPT_FAULTS}"
    ):
        faults.add(f"subject {subject_id}", "has a file and no link")
    for account_id, subject_id in connection.execute(
        "select account_id, subject_id from file.tail t where not exists (select from file.account"
        " f where f.subject_id = t.subject_id and f.account_id = t.account_id)"
        f" limit {KEPT_FAULTS}"
    ):
        faults.add(f"account {account_id} in the file of subject {subject_id}", "has a tail only")
    for account_id, subject_id in connection.execute(
        "select account_id, subject_id from file.account f where not exists"
        " (select from directory.object o where o.object_id = f.account_id"
        f" and o.kind = 'account') limit {KEPT_FAULTS}"
    ):
        faults.add(f"account {account_id} in the file of subject {subject_id}", "is not known")
