"""What waits for what while members send at the same time, and senders that fail or are left."""

import time

import pytest

from tallystick.adapters.settings import Settings
from tallystick.entry.demo.senders import Senders, waits_for
from tallystick.errors import InvariantBroken


def step(member, dataset):
    return {"member": member, "dataset": dataset, "file": "none.csv", "at": "2025-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("first", "then", "waits"),
    [
        (("a", "account"), ("a", "snapshot"), True),
        (("a", "account"), ("b", "snapshot"), False),
        (("a", "subject"), ("b", "subject"), True),
        (("a", "consent"), ("b", "subject"), True),
        (("a", "consent"), ("b", "account"), False),
        (("a", "account"), ("b", "account"), False),
        (("a", "account"), ("b", "funding"), True),
        (("a", "subject"), ("b", "funding"), False),
        (("a", "funding"), ("b", "funding"), True),
        (("a", "funding"), ("b", "snapshot"), True),
        (("a", "funding"), ("b", "payment"), False),
    ],
)
def test_a_file_waits_for_what_it_hangs_on(first, then, waits):
    assert waits_for([step(*first), step(*then)]) == [
        frozenset(),
        frozenset({0} if waits else ()),
    ]


def test_a_sender_that_fails_ends_the_history(database, tmp_path):
    settings = Settings(
        data_folder=tmp_path, database_url=database.url, vault_url=database.vault_url
    )
    with Senders(settings, tmp_path) as senders:
        senders.open({})
        with pytest.raises(InvariantBroken):
            senders.send([step("a", "account")], lambda: None)


def test_senders_never_asked_for_anything_go_at_once(tmp_path):
    began = time.monotonic()
    with Senders(Settings(data_folder=tmp_path), tmp_path):
        pass

    assert time.monotonic() - began < 25
