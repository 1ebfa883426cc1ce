"""Databases that one test uses after another: emptied and laid out anew, in place of copied.

To copy a database and its vault, drop them and connect anew took a third of a small test's time:
45 ms for the databases, 25 for the connections, and as much again as each connection begins with
nothing remembered of the schema. To lay one out takes 12.

A place that a test leaves otherwise than it found it (another schema, a connection that stays open,
a lock that is held) is dropped, and the next test gets a new one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql

from bureaus import Database
from tallystick.adapters.databases import vault_url_of
from tallystick.adapters.postgres import Database as Pools
from tallystick.adapters.postgres import database_name, database_named
from tallystick.adapters.vault import Vault
from tallystick.ledger.append import ensure_months

# Files copied as they are cost a third less than pages through the log (measured with PG 18).
_COPY = "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy"
_DROP = "DROP DATABASE IF EXISTS {} WITH (FORCE)"
#: For 60 ms: a test may have left a connection open on purpose.
_LOOKS_FOR_BACKENDS = 30
#: Each keeps some ten connections, of a server's hundred.
_MOST_FREE = 2

#: Tables by name with their columns; a partition's rows are its parent's.
_TABLES = """
SELECT c.oid::regclass::text, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attgenerated = ''
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
GROUP BY 1 ORDER BY 1
"""
_SEQUENCES = """
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND n.nspname !~ '^pg_' ORDER BY 1
"""
#: Changes with whatever may be altered of a schema, but for partitions: these come as months do.
_SHAPE = """
WITH own AS (
  SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), parts (part) AS (
  SELECT concat_ws('|', 'class', c.oid, relname, relacl, relowner, relrowsecurity,
    relforcerowsecurity, relnatts, relchecks, relhastriggers, reloptions)
  FROM pg_class c WHERE relnamespace IN (SELECT oid FROM own) AND NOT relispartition
  UNION ALL SELECT concat_ws('|', 'column', attrelid, attname, atttypid, attnotnull, attacl)
  FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
  WHERE relnamespace IN (SELECT oid FROM own) AND NOT relispartition AND attnum > 0
  UNION ALL SELECT concat_ws('|', 'constraint', o.oid, conname, convalidated)
  FROM pg_constraint o LEFT JOIN pg_class c ON c.oid = conrelid
  WHERE connamespace IN (SELECT oid FROM own) AND NOT coalesce(relispartition, false)
    AND conparentid = 0
  UNION ALL SELECT concat_ws('|', 'trigger', t.oid, tgenabled)
  FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
  WHERE NOT relispartition AND tgparentid = 0
  UNION ALL SELECT concat_ws('|', 'function', p.oid, p.xmin) FROM pg_proc p
  WHERE pronamespace IN (SELECT oid FROM own)
  UNION ALL SELECT concat_ws('|', 'policy', oid, xmin) FROM pg_policy
  UNION ALL SELECT concat_ws('|', 'schema', oid, nspacl) FROM pg_namespace
  WHERE nspname !~ '^pg_t'
  UNION ALL SELECT concat_ws('|', 'database', datacl) FROM pg_database
  WHERE datname = current_database()
  UNION ALL SELECT concat_ws('|', 'setting', setdatabase, setrole, setconfig)
  FROM pg_db_role_setting
)
SELECT sum(hashtextextended(part, 0)) FROM parts
"""

_BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = any(%s)"
_LOCKS = """
SELECT FROM pg_locks JOIN pg_database d ON d.oid = database
WHERE datname = any(%s) AND locktype = 'advisory' LIMIT 1
"""


@dataclass(frozen=True)
class Rows:
    """What a database holds: its tables' rows as COPY gives them, and where its sequences stand."""

    tables: Mapping[str, bytes]
    sequences: Mapping[str, tuple[int, bool]]


@dataclass(frozen=True)
class Laid:
    """What a place is laid out with. `months`: those the ledger needs a partition for."""

    ledger: Rows
    vault: Rows
    months: frozenset[date]


class _Side:
    """One of the two databases of a place, on the connection it is laid out by."""

    def __init__(self, url: str):
        self.name = database_name(url)
        self.owner = psycopg.connect(url, autocommit=True)
        self.owner.execute("SET session_replication_role = replica")  # nothing is checked twice
        self._columns = dict(self.owner.execute(_TABLES).fetchall())
        self._sequences = [row[0] for row in self.owner.execute(_SEQUENCES)]
        filled = ", ".join(
            f"CASE WHEN EXISTS (SELECT FROM {one}) THEN '{one}' END" for one in self._columns
        )
        self._filled = f"SELECT array_remove(ARRAY[{filled}]::text[], NULL)"
        self.shape = self.read_shape()

    def read_shape(self) -> Any:
        """A number that is another where the schema is."""
        return self._one(_SHAPE)

    def rows(self) -> Rows:
        """All that the database holds."""
        tables = {}
        for table in self._one(self._filled):
            query = f"COPY (SELECT {self._columns[table]} FROM {table}) TO STDOUT"
            with self.owner.cursor().copy(query.encode()) as given:
                tables[table] = b"".join(map(bytes, given))
        sequences = {
            one: self.owner.execute(f"SELECT last_value, is_called FROM {one}".encode()).fetchone()
            for one in self._sequences
        }
        return Rows(tables, sequences)  # type: ignore[arg-type]  # a sequence has its row

    def lay(self, rows: Rows) -> None:
        """Make these rows all that it holds."""
        with self.owner.transaction():
            filled = self._one(self._filled)
            if filled:
                self.owner.execute("; ".join(f"DELETE FROM {one}" for one in filled).encode())
            for table, content in rows.tables.items():
                query = f"COPY {table} ({self._columns[table]}) FROM STDIN"
                with self.owner.cursor().copy(query.encode()) as taken:
                    taken.write(content)
            places = ", ".join(
                f"setval('{one}', {last}, {called})"
                for one, (last, called) in rows.sequences.items()
            )
            if places:
                self.owner.execute(f"SELECT {places}".encode())

    def _one(self, query: str) -> Any:
        row = self.owner.execute(query.encode(), prepare=True).fetchone()
        assert row is not None
        return row[0]


class _Place:
    """A database and its vault, with connections that outlive the tests that used them."""

    def __init__(self, model: Database):
        url = database_named(model.url, f"test_{uuid4().hex[:12]}")
        self.database = Database(url=url, vault_url=vault_url_of(url))
        for made, copied in zip(self._urls(), (model.url, model.vault_url), strict=True):
            names = map(sql.Identifier, (database_name(made), database_name(copied)))
            administer(url, sql.SQL(_COPY).format(*names))
        self._sides = [_Side(one) for one in self._urls()]
        self.pools: dict[tuple[int, str], dict[Any, Any]] = {}
        self.vault_pool: Any = None

    def _urls(self) -> tuple[str, str]:
        return self.database.url, self.database.vault_url

    def laid(self) -> Laid:
        """What it holds now."""
        ledger, vault = (side.rows() for side in self._sides)
        months = self._sides[0].owner.execute(
            "SELECT DISTINCT date_trunc('month', period_end)::date FROM ledger.snapshot"
        )
        return Laid(ledger, vault, frozenset(row[0] for row in months))

    def lay(self, laid: Laid) -> None:
        """Make it hold that and nothing else."""
        ensure_months(self._sides[0].owner, set(laid.months))
        for side, rows in zip(self._sides, (laid.ledger, laid.vault), strict=True):
            side.lay(rows)

    def is_as_made(self) -> bool:
        """Whether the next test finds what this one found, once it is laid out anew."""
        try:
            return (
                self._is_left()
                and all(side.read_shape() == side.shape for side in self._sides)
                and not self._asked(_LOCKS)
            )
        except psycopg.OperationalError:  # a test may end every connection there is
            return False

    def _is_left(self) -> bool:
        """Whether nobody is connected but who stays so; backends of closed ones end soon."""
        for _ in range(_LOOKS_FOR_BACKENDS):
            if sorted(pid for (pid,) in self._asked(_BACKENDS)) == sorted(self._kept()):
                return True
            time.sleep(0.002)
        return False

    def _asked(self, query: str) -> list[Any]:
        """Rows of a query about both databases."""
        names = [side.name for side in self._sides]
        return self._sides[0].owner.execute(query.encode(), (names,)).fetchall()

    def _kept(self) -> Iterator[int]:
        """The backends of connections that stay."""
        for side in self._sides:
            yield side.owner.info.backend_pid
        for pool in self._all_pools():
            for idle in list(pool._pool):
                yield idle.info.backend_pid

    def _all_pools(self) -> Iterator[Any]:
        for pools in self.pools.values():
            yield from pools.values()
        if self.vault_pool is not None:
            yield self.vault_pool

    def disconnect(self) -> None:
        """Close the connections kept for tests."""
        for pool in self._all_pools():
            pool.close()
        self.pools, self.vault_pool = {}, None

    def drop(self) -> None:
        """Leave nothing of it."""
        self.disconnect()
        for side in self._sides:
            side.owner.close()
        for one in self._urls():
            administer(one, sql.SQL(_DROP).format(sql.Identifier(database_name(one))))


#: By the address of `postgres` on a server: databases are made and dropped on one connection.
_administrators: dict[str, psycopg.Connection[Any]] = {}
_free: list[_Place] = []
_used: dict[str, _Place] = {}
#: The migrated database all places are copied from, and what it holds.
_models: dict[Database, Laid] = {}


def administer(url: str, command: sql.Composed) -> None:
    """Run a command that makes or drops a database of the server of an address."""
    address = database_named(url, "postgres")
    kept = _administrators.get(address)
    if kept is None or kept.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        if kept is not None:  # closed, or a test's time was up in the midst of a command
            kept.close()
        kept = _administrators[address] = psycopg.connect(address, autocommit=True)
    kept.execute(command)


def let_go() -> None:
    """Drop the places nobody uses, and close the connections they were made on."""
    while _free:
        _free.pop().drop()
    while _administrators:
        _administrators.popitem()[1].close()


@contextmanager
def used(model: Database, begin: Laid | None = None) -> Iterator[Database]:
    """A database and its vault for one test: as the model is, or as it was laid out once.

    Takes: `model`: a migrated database and its vault, to which nobody is connected
    """
    place = _free.pop() if _free else _Place(model)
    if model not in _models:
        _models[model] = place.laid()  # it is a copy, just made
    place.lay(begin or _models[model])
    _used[place.database.url] = place
    try:
        yield place.database
    finally:
        del _used[place.database.url]
        _give_back(place)


def _give_back(place: _Place) -> None:
    if len(_free) < _MOST_FREE and place.is_as_made():
        _free.append(place)
    else:
        place.drop()


def laid(database: Database) -> Laid:
    """What a used database holds now, to lay others out with."""
    return _used[database.url].laid()


@contextmanager
def connected(database: Database, pools: Pools, vault: Vault) -> Iterator[None]:
    """Let both go on with connections of tests before, for the block; they are kept for more.

    Lines belong to a loop, and are closed with it (`hang_up`).
    """
    place = _used.get(database.url)
    if place is None:
        yield
        return
    kind = pools._size, pools._more
    pools._pools.update(place.pools.pop(kind, {}))
    vault._pool, place.vault_pool = place.vault_pool, None
    try:
        yield
    finally:
        kept = place.pools.setdefault(kind, {})
        while pools._pools:
            use, pool = pools._pools.popitem()
            if kept.setdefault(use, pool) is not pool:  # two bureaus ran on it at once
                pool.close()
        if place.vault_pool is None:
            place.vault_pool, vault._pool = vault._pool, None


async def hang_up(pools: Pools, vault: Vault) -> None:
    """Close the lines, on their own loop; all else stays connected."""
    await pools.aclose()
    if vault._lines is not None:
        await vault._lines.aclose()
        vault._lines = None
