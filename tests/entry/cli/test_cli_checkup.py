"""`doctor`: each check just fine and just wrong, and all of them on a real database."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from needs import lacking
from tallystick.adapters.embedded_files import SYSTEM_FOLDER
from tallystick.adapters.keys import FILE_NAME, load_or_create
from tallystick.adapters.postgres import database_named
from tallystick.adapters.settings import Settings
from tallystick.entry.cli import checkup
from tallystick.entry.cli.schema import bring_up, head_revision
from tallystick.errors import Unavailable

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
        (checkup.submissions(0), True),
        (checkup.submissions(1), False),
        (checkup.submissions(0, 1), False),
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
    load_or_create(tmp_path)
    (tmp_path / FILE_NAME).chmod(mode)
    assert checkup.keys_file(tmp_path).is_fine is is_fine


def test_keys_are_judged_as_by_who_opens_a_bureau(tmp_path: Path) -> None:
    load_or_create(tmp_path)
    assert not checkup.keys_file(tmp_path, mode="live").is_fine
    (tmp_path / FILE_NAME).write_text("{}", encoding="utf-8")
    assert "damaged" in checkup.keys_file(tmp_path).seen


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that another user may walk to, as `tmp_path` does not let him."""
    made = Path(tempfile.mkdtemp(prefix="tallystick-test-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


def _made_by_somebody(folder: Path, *, uid: int) -> None:
    """What `init` of that user leaves, as far as its look goes."""
    if os.geteuid() != 0:
        lacking("only root may give files away", "run it as root")
    load_or_create(folder)
    data = folder / "postgres" / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("18\n", encoding="ascii")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, uid, uid)
    for path in (folder / "postgres", data.parent, data):
        path.chmod(0o700)


def _all_below(*folders: Path) -> set[Path]:
    return {path for folder in folders for path in folder.rglob("*")}


def test_on_another_users_folder_doctor_says_whose_it_is_and_makes_nothing(folder: Path) -> None:
    """Root's server cannot walk into it: a new cluster was made elsewhere, and examined."""
    _made_by_somebody(folder, uid=12_345)
    before = _all_below(folder, SYSTEM_FOLDER)
    found = {one.name: one for one in checkup.examine(Settings(data_folder=folder))}
    assert list(found) == ["python", "disk", "keys", "database"]
    for name in ("keys", "database"):
        assert not found[name].is_fine
        assert "belongs to another user, user 12345" in found[name].seen
    assert _all_below(folder, SYSTEM_FOLDER) == before


def test_on_another_users_folder_init_is_refused_before_it_makes_a_cluster(folder: Path) -> None:
    _made_by_somebody(folder, uid=12_345)
    before = _all_below(folder, SYSTEM_FOLDER)
    with pytest.raises(Unavailable, match="belongs to another user, user 12345"):
        bring_up(Settings(data_folder=folder))
    assert _all_below(folder, SYSTEM_FOLDER) == before


def test_a_folder_closed_to_who_runs_doctor_is_a_finding(folder: Path) -> None:
    _made_by_somebody(folder, uid=0)
    folder.chmod(0o700)
    settings = Settings(data_folder=folder)
    checkup.examine(settings)  # imports all it needs, which the user may have to do without
    os.seteuid(12_345)
    try:
        found = {one.name: one for one in checkup.examine(settings)}
    finally:
        os.seteuid(0)
    for name in ("keys", "database"):
        assert not found[name].is_fine
        assert "user root" in found[name].seen


def test_a_folder_whose_cluster_was_never_made_has_no_database(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    found = checkup.examine(Settings(data_folder=tmp_path))
    assert (found[-1].name, found[-1].seen) == ("database", "no database yet")
    assert not list((tmp_path / "postgres").iterdir())


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
        found = checkup.in_database(
            connection, at=head_revision(), now=NOW, log_delay_max=60 * SECOND
        )
    assert [one.name for one in found] == [
        "postgres", "schema", "roles", "clock", "sequencer", "submissions",
    ]  # fmt: skip
    assert [one.name for one in found if not one.is_fine] == []


@pytest.mark.parametrize(("seconds", "is_fine"), [(1, True), (2, False)])
def test_the_clock_that_counts_is_the_bureaus(
    database: "Database", tmp_path: Path, seconds: int, is_fine: bool
) -> None:
    """Set before what is recorded it is wrong, however right the machine's is."""
    with psycopg.connect(database.url) as connection:
        connection.execute("update ledger.counter set recorded_at = %s", (NOW + seconds * SECOND,))
    settings = Settings(
        data_folder=tmp_path, database_url=database.url, clock="2025-01-15T12:00:00+00:00"
    )
    (found,) = [one for one in checkup.examine(settings) if one.name == "clock"]
    assert found.is_fine is is_fine
    if not is_fine:
        assert found.seen == "stands 2 s before the newest record"
        assert "TALLYSTICK_CLOCK, or set it to 2025-01-15T12:00:02.000000Z or later" in found.fix


@pytest.mark.parametrize(("seconds", "is_fine"), [(60, True), (61, False)])
def test_a_look_waits_by_the_bureaus_clock(
    database: "Database", seconds: int, is_fine: bool
) -> None:
    with psycopg.connect(database.url) as connection:
        connection.execute(
            "insert into gate.look_outbox (look_id, token, commitment, occurred_at)"
            " values (gen_random_uuid(), '', '', %s)",
            (NOW - seconds * SECOND,),
        )
        found = checkup.in_database(
            connection, at=head_revision(), now=NOW, log_delay_max=60 * SECOND
        )
    assert [one.is_fine for one in found if one.name == "sequencer"] == [is_fine]


@pytest.mark.parametrize("state", ["received", "checking", "publishing", "published", "rejected"])
@pytest.mark.parametrize(("seconds", "is_late"), [(3600, False), (3601, True)])
def test_a_submission_unfinished_an_hour_after_it_came_is_named(
    database: "Database", state: str, seconds: int, is_late: bool
) -> None:
    """A server that works them off itself leaves no job behind that says it failed."""
    with psycopg.connect(database.url) as connection:
        connection.execute(
            "insert into intake.submission (submission_id, furnisher_id, dataset, digest,"
            " byte_count, received_at, channel, state)"
            " values (gen_random_uuid(), gen_random_uuid(), 'account', '', 1, %s, 'file', %s)",
            (NOW - seconds * SECOND, state),
        )
        found = checkup.in_database(
            connection, at=head_revision(), now=NOW, log_delay_max=60 * SECOND
        )
    (check,) = [one for one in found if one.name == "submissions"]
    is_named = is_late and state not in ("published", "rejected")
    assert check.seen == ("1 not done an hour after they came" if is_named else "none failed")
    assert check.is_fine is not is_named


def test_a_vault_out_of_reach_is_a_finding_without_its_password(
    database: "Database", tmp_path: Path
) -> None:
    """It is looked for where the settings say, else beside the bureau's database."""
    nowhere = "postgresql://someone:kingfisher@127.0.0.1:1/nothing"
    for vault_url, is_fine in (
        (nowhere, False),
        (database_named(database.url, "no_vault"), False),
        (None, True),
    ):
        settings = Settings(data_folder=tmp_path, database_url=database.url, vault_url=vault_url)
        (found,) = [one for one in checkup.examine(settings) if one.name == "vault"]
        assert found.is_fine is is_fine
        assert "kingfisher" not in f"{found.seen} {found.fix}"
