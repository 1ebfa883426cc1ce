"""The vault gives the key it made, to those who hold the wrapping key, until it is destroyed."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from bureaus import Database
from tallystick.adapters.keys import BureauKeys
from tallystick.adapters.vault import Vault
from tallystick.errors import InvariantBroken

NOW = datetime(2025, 1, 15, 12, tzinfo=UTC)


@pytest.fixture
def vault(database: Database, keys: BureauKeys) -> Iterator[Vault]:
    with Vault(database.vault_url, keys.wrapping_key) as opened:
        yield opened


def test_migrating_again_does_nothing(vault: Vault) -> None:
    assert vault.migrate() == []


def test_a_key_made_is_the_key_given_back(vault: Vault) -> None:
    ids = [uuid4() for _ in range(50)]
    made = vault.create(ids, NOW)
    assert set(made) == set(ids)
    assert len(set(made.values())) == 50
    assert vault.get(ids) == made
    assert asyncio.run(_async_get(vault, ids)) == made


async def _async_get(vault: Vault, ids: list[UUID]) -> dict[UUID, bytes]:
    try:
        return await vault.aget(ids)
    finally:
        await vault.aclose()


def test_creating_again_gives_the_same_key(vault: Vault) -> None:
    old, new = uuid4(), uuid4()
    made = vault.create([old], NOW)
    again = vault.create([old, new, new], NOW)
    assert again[old] == made[old]
    assert set(again) == {old, new}


def test_an_unknown_id_and_no_id_at_all_give_nothing(vault: Vault) -> None:
    assert vault.get([uuid4()]) == {}
    assert vault.get([]) == {}
    assert vault.create([], NOW) == {}


def test_a_destroyed_key_is_gone_for_good(vault: Vault, database: Database) -> None:
    gone, kept = uuid4(), uuid4()
    made = vault.create([gone, kept], NOW)
    assert vault.destroy([gone, uuid4()], NOW, "end of life") == 1
    assert vault.get([gone, kept]) == {kept: made[kept]}
    assert vault.create([gone], NOW) == {}
    assert vault.destroy([gone], NOW, "again") == 0
    vault.scrub()
    with psycopg.connect(database.vault_url) as connection:
        row = connection.execute(
            "SELECT destroyed_at, ground FROM vault.destroyed WHERE key_id = %s", [gone]
        ).fetchone()
    assert row == (NOW, "end of life")


def test_keys_destroyed_lately_are_told_with_their_ground(vault: Vault) -> None:
    early, late, swept = (uuid4() for _ in range(3))
    moment = timedelta(microseconds=1)
    vault.destroy([early], NOW - moment, "she asked")
    vault.destroy([late], NOW, "she asked")
    vault.destroy([swept], NOW + moment, "swept")
    assert vault.destroyed(NOW, besides=["swept"]) == {late: "she asked"}
    assert vault.destroyed(NOW) == {late: "she asked", swept: "swept"}
    assert set(vault.destroyed(NOW - moment)) == {early, late, swept}


def test_keys_do_not_stand_in_the_clear(vault: Vault, database: Database) -> None:
    key_id = uuid4()
    key = vault.create([key_id], NOW)[key_id]
    with psycopg.connect(database.vault_url) as connection:
        row = connection.execute("SELECT wrapped FROM vault.data_key").fetchone()
    assert row is not None
    assert key not in row[0]


def test_another_wrapping_key_opens_nothing(vault: Vault, database: Database) -> None:
    key_id = uuid4()
    vault.create([key_id], NOW)
    other = BureauKeys.from_seed(b"other").wrapping_key
    with Vault(database.vault_url, other) as stranger, pytest.raises(InvariantBroken):
        stranger.get([key_id])


def test_a_wrapped_key_moved_to_another_id_does_not_open(vault: Vault, database: Database) -> None:
    one, two = uuid4(), uuid4()
    vault.create([one, two], NOW)
    with psycopg.connect(database.vault_url) as connection:
        connection.execute(
            "UPDATE vault.data_key SET wrapped = "
            "(SELECT wrapped FROM vault.data_key WHERE key_id = %s) WHERE key_id = %s",
            [one, two],
        )
    with pytest.raises(InvariantBroken):
        vault.get([two])


def test_creators_at_once_agree_on_every_key(vault: Vault) -> None:
    ids = [uuid4() for _ in range(300)]
    made: list[dict[UUID, bytes]] = []
    threads = [
        threading.Thread(target=lambda order: made.append(vault.create(order, NOW)), args=[order])
        for order in (ids, ids[::-1], ids[100:] + ids[:100])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 3
    assert made[0] == made[1] == made[2] == vault.get(ids)
