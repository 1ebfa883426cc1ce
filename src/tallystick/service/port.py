"""What the services need from the world, as types; `entry/compose.py` puts the real things in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import psycopg

from tallystick.formats import Registry
from tallystick.profile import Profile, ProfileAt
from tallystick.service.workbench import Workbench

#: A statement with named parameters (`%(name)s`), and their values.
Statement = tuple[str, Mapping[str, Any]]
Rows = list[tuple[Any, ...]]


class Line(Protocol):
    """One connection of the answering role, on the running loop (`adapters.lines.Line`)."""

    async def run(self, *statements: Statement) -> list[Rows]:
        """Run statements in order in one round trip; gives the rows of each.

        Raises: psycopg.Error of the first that failed; those after it were not run
        """


class Lines(Protocol):
    """Lines to take and to give back (`adapters.lines.Lines`)."""

    async def take(self) -> Any:
        """A line of the caller's own until it is given back."""

    async def give(self, line: Any) -> None:
        """Give a line back; a transaction left open is rolled back."""


class Connections(Protocol):
    """Connections by role (`adapters.postgres.Database`)."""

    def connect(self, role: Any) -> AbstractContextManager[psycopg.Connection[Any]]:
        """A connection under a role; commits at the end of the block."""

    def reserve(self, role: Any) -> AbstractContextManager[psycopg.Connection[Any]]:
        """A connection to keep through long work that takes others by `connect` meanwhile."""

    def lines(self) -> Lines:
        """The answering role's lines on the running loop."""


class Vault(Protocol):
    """Data keys by id (`adapters.vault.Vault`); a destroyed key is simply not given."""

    def create(self, ids: Sequence[UUID], now: datetime) -> dict[UUID, bytes]:
        """Make and keep a key for each id; ids that have one keep it."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, bytes]:
        """The keys of those ids that still have one."""

    async def aget(self, ids: Sequence[UUID]) -> dict[UUID, bytes]:
        """The same, on the running loop."""

    async def keys_of(self, ids: Collection[str]) -> dict[str, bytes]:
        """`aget` with ids as text, as files hold them."""

    def destroy(self, ids: Sequence[UUID], now: datetime, ground: str) -> int:
        """Destroy keys for good, so that what they sealed can never be read; gives how many."""

    def destroyed(self, since: datetime, *, besides: Collection[str] = ()) -> dict[UUID, str]:
        """The keys destroyed at `since` or later, each with its ground; not those `besides`."""

    def destroyed_of(self, ids: Collection[UUID]) -> dict[UUID, tuple[datetime, str]]:
        """When keys of `ids` were destroyed, on what ground; those that were not are left out."""


class Keys(Protocol):
    """The bureau's own keys (`adapters.keys.BureauKeys`)."""

    @property
    def key_id(self) -> str:
        """The id of the bureau's signing key."""

    @property
    def mint_key(self) -> bytes:
        """The key permits are minted with."""

    def identity_token(self, scheme: str, number: str) -> bytes:
        """32 bytes: HMAC-SHA256 of (scheme, normalised identity number)."""

    def number_token(self, furnisher_id: UUID, kind: str, number: str) -> bytes:
        """16 bytes: keyed hash of a furnisher's own number."""

    def number_tokens(self, furnisher_id: UUID, kind: str, numbers: Sequence[str]) -> list[bytes]:
        """The same for many."""

    def member_id_key(self, member_id: UUID) -> bytes:
        """The key of the ids shown to one member (or, by her subject id, to a person)."""

    def sign(self, data: bytes) -> bytes:
        """Ed25519 signature by the bureau's key."""

    def public_jwk(self) -> dict[str, str]:
        """The public half, as a JWK."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """Everything a use-case may touch.

    `new_id` gives a fresh UUID version 7; each chunk of long work is a block under `paced()`, which
    may let one run at a time and pause after it, so that answering keeps its share of the machine
    (no block may stand in another). `gives_way` says that it does, and that long work should keep
    to one processor of the database's.
    """

    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    random_bytes: Callable[[int], bytes]
    paced: Callable[[], AbstractContextManager[None]]
    gives_way: bool
    database: Connections
    vault: Vault
    keys: Keys
    registry: Registry
    profile: Profile
    is_test_mode: bool
    work_folder: Path
    workbench: Workbench
    settings: Mapping[str, str]

    @property
    def profile_today(self) -> ProfileAt:
        """The profile's values in force now: on today's day in its own time zone."""
        return self.profile.at(self.clock())
