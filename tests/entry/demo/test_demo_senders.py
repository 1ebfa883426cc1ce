"""What waits for what while members send at the same time, and senders that fail or are left."""

import os
import subprocess
import time

import pytest

from tallystick.adapters.settings import Settings
from tallystick.entry.demo import senders as processes
from tallystick.entry.demo.senders import Senders
from tallystick.entry.demo.steps import waits_for
from tallystick.errors import InvariantBroken


def step(member, dataset, originators=()):
    return {
        "kind": "submit", "member": member, "dataset": dataset, "file": "none.csv",
        "at": "2025-01-01T00:00:00Z", "originators": originators,
    }  # fmt: skip


def consent(number, consent_id):
    return {"kind": "consent", "member": "a", "consent_id": consent_id, "number": number}


def withdraw(consent_id):
    return {"kind": "withdraw", "consent_id": consent_id}


def inquiry(number, **basis):
    subject = {"identifiers": [{"scheme": "cn_resident_id", "value": number}]}
    return {"kind": "inquiry", "member": "a", "subject": subject, "legal_basis": basis}


@pytest.mark.parametrize(
    ("first", "then", "waits"),
    [
        (("a", "account"), ("a", "snapshot"), True),
        (("a", "account"), ("b", "snapshot"), False),
        (("a", "subject"), ("b", "subject"), True),
        (("a", "consent"), ("b", "subject"), False),
        (("a", "consent"), ("b", "consent"), False),
        (("a", "account"), ("b", "account"), False),
        (("a", "account"), ("b", "funding", ("a", "c")), True),
        (("a", "account"), ("b", "funding", ("c",)), False),
        (("a", "funding", ("a",)), ("b", "funding", ("c",)), True),
        (("a", "funding", ("b", "c")), ("b", "snapshot"), True),
        (("a", "funding", ("c",)), ("b", "snapshot"), False),
    ],
)
def test_a_file_waits_for_what_it_hangs_on(first, then, waits):
    assert waits_for([step(*first), step(*then)]) == [
        frozenset(),
        frozenset({0} if waits else ()),
    ]


@pytest.mark.parametrize(
    ("first", "then", "waits"),
    [
        (consent("1", "c"), inquiry("1", consent_id="c"), True),
        (consent("1", "c"), inquiry("1"), True),
        (consent("1", "c"), inquiry("2", consent_id="c"), True),
        (consent("1", "c"), inquiry("2", consent_id="d"), False),
        (consent("1", "c"), consent("1", "d"), True),
        (consent("1", "c"), consent("2", "d"), False),
        (consent("1", "c"), withdraw("c"), True),
        (consent("1", "c"), withdraw("d"), False),
        (inquiry("1", consent_id="c"), withdraw("c"), True),
        (inquiry("1"), withdraw("c"), False),
        (inquiry("1"), inquiry("1"), True),
        (inquiry("1"), inquiry("2"), False),
        (step("a", "payment"), inquiry("1"), True),
        (inquiry("1"), step("a", "payment"), True),
    ],
)
def test_what_is_done_about_a_person_goes_in_the_order_of_the_plan(first, then, waits):
    assert waits_for([first, then]) == [frozenset(), frozenset({0} if waits else ())]


def test_a_sender_that_fails_ends_the_history(database, tmp_path):
    settings = Settings(
        data_folder=tmp_path, database_url=database.url, vault_url=database.vault_url
    )
    with Senders(settings, tmp_path) as senders:
        senders.open({})
        with pytest.raises(InvariantBroken):
            senders.play([step("a", "account")], lambda: None)


def test_senders_never_asked_for_anything_go_at_once(tmp_path):
    began = time.monotonic()
    with Senders(Settings(data_folder=tmp_path), tmp_path):
        pass

    assert time.monotonic() - began < 25


@pytest.mark.parametrize(
    ("set_by_user", "wanted"),
    [(None, processes._KEPT_PIECES), ("glibc.malloc.mxfast=64", "glibc.malloc.mxfast=64")],
)
def test_senders_keep_freed_memory_at_hand_unless_the_user_tuned_it(
    monkeypatch, set_by_user, wanted
):
    name = processes._TUNABLES
    monkeypatch.delenv(name, raising=False)
    if set_by_user is not None:
        monkeypatch.setenv(name, set_by_user)
    before = dict(os.environ)
    with processes._keeping_pieces():
        seen = subprocess.run(["env"], capture_output=True, check=True).stdout.decode()
    assert f"{name}={wanted}" in seen.splitlines()
    assert dict(os.environ) == before
