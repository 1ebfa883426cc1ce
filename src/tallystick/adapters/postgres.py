"""PostgreSQL: migrations, and one pool of connections per role.

Every connection works under one of the roles of the schema, never under the owner: what a part of
the program must not do, the database refuses.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, LiteralString

import psycopg
from psycopg_pool import ConnectionPool

from tallystick.adapters.arrays import CONTEXT
from tallystick.adapters.lines import PLANNED_ONCE, Lines

Role = Literal["serve", "intake", "batch", "sequencer", "eraser", "admin"]
_MIGRATIONS = Path(__file__).parent.parent / "migrations"


#: Machine code for expressions, which a packaged server makes by default, takes longer to make than
#: our statements take: without it the whole path of a demo ran four times as fast.
_UNCOMPILED = "-c jit=off"


def _conninfo(url: str, role: Role, more: str = "") -> str:
    options = f"-c timezone=UTC {_UNCOMPILED} {more}".rstrip()
    if role != "admin":
        options += f" -c role=tallystick_{role}"
    return psycopg.conninfo.make_conninfo(
        url, options=options, application_name=f"tallystick {role}"
    )


def database_named(url: str, name: str) -> str:
    """The same server's database of another name."""
    return psycopg.conninfo.make_conninfo(url, dbname=name)


def database_name(url: str) -> str:
    """The database a URL points to."""
    return str(psycopg.conninfo.conninfo_to_dict(url).get("dbname") or "postgres")


def ensure_database(url: str) -> bool:
    """Create the database a URL names where it is missing; says whether it was made.

    The name is quoted as an identifier; the URL's user needs CREATEDB.
    """
    name = database_name(url)
    with psycopg.connect(database_named(url, "postgres"), autocommit=True) as connection:
        found = connection.execute("select 1 from pg_database where datname = %s", (name,))
        if found.fetchone():
            return False
        connection.execute(
            psycopg.sql.SQL("create database {} encoding 'UTF8' template template0").format(
                psycopg.sql.Identifier(name)
            )
        )
    return True


def migrate(url: str, revision: str = "head") -> None:
    """Bring the schema to `revision`; roles are made where the server lacks them.

    Raises: psycopg or SQLAlchemy errors when the server is out of reach; InsufficientPrivilege
    """
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, pool
    from sqlalchemy.exc import ProgrammingError

    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=pool.NullPool
    )
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, revision)
        except ProgrammingError as error:
            if isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
                raise error.orig from None
            raise
        connection.commit()


def schema_version(url: str) -> str | None:
    """The revision a database stands at; None before the first migration."""
    with psycopg.connect(url) as connection:
        known = connection.execute("select to_regclass('public.schema_version')").fetchone()
        if known is None or known[0] is None:
            return None
        row = connection.execute("select version_num from public.schema_version").fetchone()
        return str(row[0]) if row else None


def set_mint_key(url: str, key: bytes) -> None:
    """Lay the mint's key into the database as HMAC pads; row-level security checks with it."""
    padded = key.ljust(64, b"\0")
    inner = bytes(byte ^ 0x36 for byte in padded)
    outer = bytes(byte ^ 0x5C for byte in padded)
    with psycopg.connect(url) as connection:
        connection.execute("set role tallystick_owner")
        connection.execute(
            "insert into gate.mint_key (inner_pad, outer_pad) values (%s, %s)"
            " on conflict (only_row) do update set inner_pad = excluded.inner_pad,"
            " outer_pad = excluded.outer_pad",
            (inner, outer),
        )


#: A submission being published takes so many connections at most, besides the one it keeps.
_A_WORK_TAKES = 4
_RESERVE_SECONDS = 600.0
#: More answer no sooner: each is a process of the server's with caches of its own to keep warm.
_MOST_LINES = 8


#: A session's option: a commit is answered before it is on the disk.
NOT_DURABLE = "-c synchronous_commit=off"


class Database:
    """Connections to one database by role, opened when first asked for; `lines` to answer by."""

    def __init__(self, url: str, *, size: int = 8, is_durable: bool = True):
        """Take the address; `is_durable` False: a power cut may lose the last commits."""
        self.url = url
        self._size = size
        self._more = "" if is_durable else NOT_DURABLE
        self._pools: dict[tuple[Role, bool], ConnectionPool[psycopg.Connection[Any]]] = {}
        self._lines: Lines | None = None
        self._lock = threading.Lock()

    @contextmanager
    def connect(self, role: Role) -> Iterator[psycopg.Connection[Any]]:
        """A connection under `role`; commits at the block's end, rolls back on an exception."""
        with self._pool(role).connection() as connection:
            yield connection

    @contextmanager
    def reserve(self, role: Role) -> Iterator[psycopg.Connection[Any]]:
        """A connection to keep through long work, which takes others by `connect` meanwhile.

        It is one of a few of their own: were they of the same pool, as many works as connections
        would each keep one and wait for a second for ever.
        """
        few = max(1, self._size // _A_WORK_TAKES)
        pool = self._pool(role, few, is_reserve=True)
        with pool.connection(timeout=_RESERVE_SECONDS) as connection:
            yield connection

    def _pool(
        self, role: Role, size: int | None = None, *, is_reserve: bool = False
    ) -> ConnectionPool[psycopg.Connection[Any]]:
        with self._lock:
            pool = self._pools.get((role, is_reserve))
            if pool is None:
                pool = ConnectionPool(
                    _conninfo(self.url, role, self._more),
                    kwargs={"context": CONTEXT},
                    min_size=0,  # who finds the first not open yet would have a second opened
                    max_size=size or self._size,
                    open=True,
                )
                self._pools[role, is_reserve] = pool
        return pool

    def lines(self) -> Lines:
        """The answering role's lines for the running event loop."""
        if self._lines is not None and not self._lines.is_of_this_loop:
            self._lines.drop()
            self._lines = None
        if self._lines is None:
            conninfo = _conninfo(self.url, "serve", f"{PLANNED_ONCE} {self._more}")
            self._lines = Lines(conninfo, size=min(self._size, _MOST_LINES))
        return self._lines

    async def aclose(self) -> None:
        """Close the lines (on their own loop)."""
        if self._lines is not None:
            await self._lines.aclose()
            self._lines = None

    def close(self) -> None:
        """Close all synchronous pools."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()
            self._pools.clear()

    def setting(self, name: str) -> str | None:
        """A value of meta.setting; None when it was never set."""
        with self.connect("serve") as connection:
            row = connection.execute(
                "select value from meta.setting where name = %s", (name,)
            ).fetchone()
        return str(row[0]) if row else None

    def set_setting(self, name: LiteralString, value: str) -> None:
        """Write a value of meta.setting (as the owner: profile, mode, schema of the demo)."""
        with psycopg.connect(self.url) as connection:
            connection.execute("set role tallystick_owner")
            connection.execute(
                "insert into meta.setting values (%s, %s)"
                " on conflict (name) do update set value = excluded.value",
                (name, value),
            )
