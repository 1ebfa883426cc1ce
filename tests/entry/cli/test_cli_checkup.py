"""`doctor`: each check just fine and just wrong, and all of them on a real database."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tallystick.adapters.settings import Settings
from tallystick.entry.cli import checkup
from tallystick.entry.cli.schema import head_revision

if TYPE_CHECKING:
    from bureaus import Database

NOW = datetime(2025, 1, 15, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ROLES = {"owner", "serve", "intake", "batch", "sequencer", "eraser"}


@pytest.mark.parametrize(
    ("check", "is_fine"),
    [
        (checkup.postgres(150_000), True),
        (checkup.postgres(149_999), False),
        (checkup.schema("0001", "0001"), True),
        (checkup.schema("0001", "0002"), False),
        (checkup.schema(None, "0001"), False),
        (checkup.roles(ROLES), True),
        (checkup.roles(ROLES - {"eraser"}), False),
        (checkup.clock(NOW, NOW + SECOND), True),
        (checkup.clock(NOW, NOW + SECOND + timedelta(microseconds=1)), False),
        (checkup.sequencer(60 * SECOND, at_most=60 * SECOND), True),
        (checkup.sequencer(61 * SECOND, at_most=60 * SECOND), False),
        (checkup.python(), True),
    ],
)
def test_a_check_turns_at_its_edge(check: checkup.Check, is_fine: bool) -> None:
    assert check.is_fine is is_fine
    assert check.fix


@pytest.mark.parametrize(
    ("mode", "is_fine"), [(0o600, True), (0o400, True), (0o640, False), (0o604, False)]
)
def test_a_keys_file_others_may_read_is_wrong(tmp_path: Path, mode: int, is_fine: bool) -> None:
    path = tmp_path / "keys.json"
    path.write_text("{}", encoding="utf-8")
    path.chmod(mode)
    assert checkup.keys_file(tmp_path).is_fine is is_fine


def test_without_a_data_folder_doctor_names_init_and_makes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "none"
    found = checkup.examine(Settings(data_folder=folder))
    assert "tallystick init" in found[-1].fix
    assert not folder.exists()


def test_a_server_out_of_reach_is_a_finding_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://someone:kingfisher@127.0.0.1:1/nothing"
    found = checkup.examine(Settings(data_folder=tmp_path, database_url=url))
    assert found[-1].name == "database"
    assert not found[-1].is_fine
    assert all("kingfisher" not in f"{one.seen} {one.fix}" for one in found)


def test_a_fresh_database_is_fine(database: "Database") -> None:
    with psycopg.connect(database.url) as connection:
        found = checkup.in_database(connection, at=head_revision(), log_delay_max=60 * SECOND)
    assert [one.name for one in found] == ["postgres", "schema", "roles", "clock", "sequencer"]
    assert [one.name for one in found if not one.is_fine] == []
