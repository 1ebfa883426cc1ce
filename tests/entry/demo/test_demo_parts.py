"""The demo's parts: its clock, its tally, and the bureau it must not touch."""

from datetime import UTC, datetime, timedelta

import pytest

from tallystick.adapters.postgres import Database
from tallystick.adapters.settings import Settings
from tallystick.entry.demo import place
from tallystick.entry.demo.clock import DemoClock
from tallystick.entry.demo.tally import Tally
from tallystick.errors import Unavailable

START = datetime(2025, 1, 15, 12, tzinfo=UTC)


def test_the_clock_stands_until_it_runs():
    clock = DemoClock(START)
    assert clock() == clock() == START

    clock.set(START + timedelta(days=1))
    assert clock() == START + timedelta(days=1)

    clock.run_from(START)
    assert clock() > START + timedelta(days=1)


def test_a_clock_ahead_of_the_machines_goes_on_from_there():
    ahead = datetime.now(UTC) + timedelta(days=400)
    clock = DemoClock(START)
    clock.run_from(ahead)

    assert timedelta(0) <= clock() - ahead < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("found", "is_fine"),
    [([(1, 1)], True), ([(1, 1), (2, 3)], False), ([], False)],
    ids=["all as wanted", "one off by one", "nothing looked at"],
)
def test_a_tally_is_fine_when_all_is_as_wanted(found, is_fine):
    tally = Tally()
    for wanted, seen in found:
        tally.expect("step", "what", wanted=wanted, found=seen)

    assert tally.is_fine is is_fine


def settings_of(database, folder):
    return Settings(data_folder=folder, database_url=database.url, vault_url=database.vault_url)


def test_an_empty_database_holds_no_demo(database, tmp_path):
    assert place.what_is_there(settings_of(database, tmp_path)) is None


def test_the_marker_says_how_far_a_demo_is(database, tmp_path):
    connections = Database(database.url)
    marker = place.Marker(people=3, seed=1)
    place.mark(connections, marker)
    connections.close()

    assert place.what_is_there(settings_of(database, tmp_path)) == marker


def test_a_bureau_that_is_no_demo_is_neither_used_nor_thrown_away(database, tmp_path):
    connections = Database(database.url)
    with connections.connect("admin") as connection:
        connection.execute(
            "insert into member.member values"
            " (gen_random_uuid(), 'bank-a', 'A', '甲', 'commercial_bank', now())"
        )
    connections.close()
    settings = settings_of(database, tmp_path)

    with pytest.raises(Unavailable):
        place.what_is_there(settings)
    with pytest.raises(Unavailable), place.opened_place(settings, reset=True):
        pass


@pytest.mark.parametrize(
    ("given", "served", "address"),
    [
        ({}, None, "http://127.0.0.1:8000"),
        ({}, "http://127.0.0.1:8123", "http://127.0.0.1:8123"),
        ({"port": 8001}, "http://127.0.0.1:8123", "http://127.0.0.1:8001"),
        ({"host": "::1"}, "http://127.0.0.1:8123", "http://[::1]:8000"),
    ],
)
def test_links_lead_where_the_demo_is_served(given, served, address):
    """Where it was served last, unless another place is asked for."""
    marker = place.Marker(people=3, seed=1, served_at=served)
    assert place.address_of_demo(Settings(**given), marker) == address


def test_a_marker_from_before_it_said_where_is_read(database, tmp_path):
    connections = Database(database.url)
    connections.set_setting("demo", '{"people": 3, "seed": 1, "ends_at": null}')
    connections.close()

    assert place.what_is_there(settings_of(database, tmp_path)) == place.Marker(people=3, seed=1)
