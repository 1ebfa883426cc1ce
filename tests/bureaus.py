"""What the fixtures hand out: a test's own database, and a bureau running on it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from tallystick.adapters.clock import FakeClock
from tallystick.adapters.postgres import Database as Pools
from tallystick.adapters.vault import Vault
from tallystick.service.port import Deps

T = TypeVar("T")


@dataclass(frozen=True)
class Database:
    """Addresses of one test's own database and its vault."""

    url: str
    vault_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningBureau:
    """A bureau on a fresh database: `deps` for the services, the rest for looking behind them."""

    deps: Deps
    clock: FakeClock
    pools: Pools
    vault: Vault
    url: str
    loop: asyncio.Runner

    def run(self, answering: Coroutine[Any, Any, T]) -> T:
        """Run an answering (asynchronous) use-case, all on one loop."""
        return self.loop.run(answering)
