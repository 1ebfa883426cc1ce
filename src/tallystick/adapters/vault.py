"""The vault: data keys of parties and submissions, wrapped, in a database of their own.

What is sealed under a key is gone once the key is destroyed; so this database stands outside the
base backup and has a short-lived backup of its own. Sealing itself is not done here.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from importlib.resources import files
from types import TracebackType
from typing import Any, Final
from uuid import UUID

import psycopg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg_pool import ConnectionPool

from tallystick.adapters.arrays import CONTEXT
from tallystick.adapters.lines import PLANNED_ONCE, Lines
from tallystick.adapters.postgres import NOT_DURABLE, ensure_database
from tallystick.adapters.reach import require_listener
from tallystick.errors import InvariantBroken

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_AT_ONCE: Final = 20_000  # ids of one statement
_POOL_SIZE: Final = 4
_SELECT_TEXT: Final = (
    "SELECT key_id::text, wrapped FROM vault.data_key WHERE key_id = ANY(%(ids)s::uuid[])"
)
_SELECT: Final = "SELECT key_id, wrapped FROM vault.data_key WHERE key_id = ANY(%b)"


class Vault:
    """Raw data keys by id. `wrapping_key` (32 bytes) comes from the bureau's keys.

    Connections are opened at first use. Leave it as a context manager, or by `close` (and by
    `aclose` where `aget` was used). `looks_first`: where nothing listens, the first use says so at
    once; else it waits half a minute for a server that is coming up.
    """

    looks_first = False

    def __init__(self, url: str, wrapping_key: bytes, *, is_durable: bool = True):
        """Take the address; `is_durable` False: a power cut may lose the last commits."""
        self._url = url
        self._more = "" if is_durable else NOT_DURABLE
        self._cipher = AESGCM(wrapping_key)
        self._pool: ConnectionPool[Any] | None = None
        self._lines: Lines | None = None

    def migrate(self) -> list[str]:
        """Make the vault's database and tables where they are missing; gives the steps taken."""
        ensure_database(self._url)
        folder = files("tallystick") / "migrations" / "vault"
        steps = sorted((step for step in folder.iterdir() if step.name.endswith(".sql")), key=str)
        taken: list[str] = []
        with psycopg.connect(self._url) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(hashtext('tallystick vault'))")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS public.vault_migration (step varchar PRIMARY KEY)"
            )
            done = {row[0] for row in connection.execute("SELECT step FROM vault_migration")}
            for step in steps:
                if step.name not in done:
                    connection.execute(step.read_text(encoding="utf-8").encode())
                    connection.execute("INSERT INTO vault_migration VALUES (%s)", [step.name])
                    taken.append(step.name)
        return taken

    def create(self, ids: Iterable[UUID], now: datetime) -> dict[UUID, bytes]:
        """Keys of `ids`, made where there is none yet; two callers at once get the same keys.

        Missing:  an id whose key was destroyed is left out and never gets a key again
        """
        wanted = sorted(set(ids))  # one order everywhere: two callers cannot deadlock
        keys: dict[UUID, bytes] = {}
        with self._opened().connection() as connection:
            for start in range(0, len(wanted), _AT_ONCE):
                keys |= self._create_some(connection, wanted[start : start + _AT_ONCE], now)
        return keys

    def get(self, ids: Iterable[UUID]) -> dict[UUID, bytes]:
        """Keys of `ids`; missing: an id without a key (never made, or destroyed) is left out."""
        wanted = list(set(ids))
        found: dict[UUID, bytes] = {}
        with self._opened().connection() as connection:
            for start in range(0, len(wanted), _AT_ONCE):
                rows = connection.execute(
                    _SELECT, [wanted[start : start + _AT_ONCE]], binary=True
                ).fetchall()
                found |= self._unwrapped(rows)
        return found

    async def aget(self, ids: Iterable[UUID]) -> dict[UUID, bytes]:
        """`get` for asynchronous callers."""
        found = await self.keys_of({str(key_id) for key_id in ids})
        return {UUID(key_id): key for key_id, key in found.items()}

    async def keys_of(self, ids: Collection[str]) -> dict[str, bytes]:
        """`aget` with ids as text, as files hold them."""
        if self._lines is not None and not self._lines.is_of_this_loop:
            self._lines.drop()
            self._lines = None
        if self._lines is None:
            conninfo = psycopg.conninfo.make_conninfo(self._url, options=PLANNED_ONCE)
            self._lines = Lines(conninfo, size=_POOL_SIZE)
        line = await self._lines.take()
        try:
            rows = (await line.run((_SELECT_TEXT, {"ids": list(ids)})))[0]
        finally:
            await self._lines.give(line)
        return {
            key_id: self._opened_key(wrapped, bytes.fromhex(key_id.replace("-", "")))
            for key_id, wrapped in rows
        }

    def destroy(self, ids: Iterable[UUID], now: datetime, ground: str) -> int:
        """Destroy the keys of `ids` for good and note `ground`; gives how many there were.

        The disk may show their bytes until `scrub`; backups until they expire.
        """
        wanted = sorted(set(ids))
        with self._opened().connection() as connection, connection.transaction():
            gone: int = connection.execute(
                "DELETE FROM vault.data_key WHERE key_id = ANY(%s)", [wanted]
            ).rowcount
            connection.execute(
                "INSERT INTO vault.destroyed (key_id, destroyed_at, ground)"
                " SELECT key_id, %s, %s FROM unnest(%s::uuid[]) AS key_id"
                " ON CONFLICT (key_id) DO NOTHING",
                [now, ground, wanted],
            )
        return gone

    def destroyed(self, since: datetime, *, besides: Collection[str] = ()) -> dict[UUID, str]:
        """The keys destroyed at `since` or later, each with its ground; not those `besides`."""
        with self._opened().connection() as connection:
            rows = connection.execute(
                "SELECT key_id, ground FROM vault.destroyed"
                " WHERE destroyed_at >= %s AND ground <> ALL (%s)",
                [since, list(besides)],
            ).fetchall()
        return dict(rows)

    def destroyed_of(self, ids: Collection[UUID]) -> dict[UUID, tuple[datetime, str]]:
        """When keys of `ids` were destroyed, on what ground; those that were not are left out."""
        if not ids:
            return {}
        with self._opened().connection() as connection:
            rows = connection.execute(
                "SELECT key_id, destroyed_at, ground FROM vault.destroyed WHERE key_id = ANY (%s)",
                [list(ids)],
            ).fetchall()
        return {key_id: (destroyed_at, ground) for key_id, destroyed_at, ground in rows}

    def scrub(self) -> None:
        """Rewrite the key table, so that no file of it holds a destroyed key any more."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute("VACUUM (FULL) vault.data_key")
            connection.execute("CHECKPOINT")

    def close(self) -> None:
        """Close the connections of the synchronous calls."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    async def aclose(self) -> None:
        """Close all connections."""
        self.close()
        if self._lines is not None:
            await self._lines.aclose()
            self._lines = None

    def __enter__(self) -> Vault:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _opened(self) -> ConnectionPool[Any]:
        if self._pool is None:
            if self.looks_first:
                require_listener(self._url)
            conninfo = psycopg.conninfo.make_conninfo(self._url, options=self._more)
            # Mostly one statement: a transaction around it would be two more journeys.
            alone = {"autocommit": True, "context": CONTEXT}
            self._pool = ConnectionPool(
                conninfo, kwargs=alone, min_size=0, max_size=_POOL_SIZE, open=True, name="vault"
            )
        return self._pool

    def _create_some(
        self, connection: psycopg.Connection[Any], ids: Sequence[UUID], now: datetime
    ) -> dict[UUID, bytes]:
        destroyed = {
            row[0]
            for row in connection.execute(
                "SELECT key_id FROM vault.destroyed WHERE key_id = ANY(%s)", [list(ids)]
            )
        }
        fresh = {
            key_id: secrets.token_bytes(KEY_BYTES) for key_id in ids if key_id not in destroyed
        }
        wrapped = [self._wrapped(key_id, key) for key_id, key in fresh.items()]
        made = connection.execute(
            "INSERT INTO vault.data_key (key_id, wrapped, created_at)"
            " SELECT key_id, wrapped, %b FROM unnest(%b::uuid[], %b::bytea[]) AS n(key_id, wrapped)"
            " ON CONFLICT (key_id) DO NOTHING RETURNING key_id",
            [now, list(fresh), wrapped],
            binary=True,
        ).fetchall()
        if len(made) == len(fresh):
            return fresh
        ours = {row[0] for row in made}
        others = [key_id for key_id in fresh if key_id not in ours]
        rows = connection.execute(_SELECT, [others], binary=True).fetchall()
        return {key_id: fresh[key_id] for key_id in ours} | self._unwrapped(rows)

    def _wrapped(self, key_id: UUID, key: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key, key_id.bytes)

    def _unwrapped(self, rows: Iterable[Sequence[Any]]) -> dict[UUID, bytes]:
        return {key_id: self._opened_key(wrapped, key_id.bytes) for key_id, wrapped in rows}

    def _opened_key(self, wrapped: bytes, key_id: bytes) -> bytes:
        try:
            return self._cipher.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], key_id)
        except InvalidTag as wrong:
            raise InvariantBroken("the vault was wrapped under another key, or altered") from wrong
