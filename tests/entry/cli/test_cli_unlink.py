"""An operator undoes a link the bureau made by itself, by the id that a report shows.

The bureau and its desk are those of `test_cli_bureau`.
"""

import json
from typing import Any

import pytest
from test_cli_bureau import PERSON, Desk, desk, furnished, template

from tallystick.entry.cli.exits import Exit

__all__ = ["desk", "furnished", "template"]
NAMED = ("--subject", "-")
GIVEN = json.dumps(PERSON)
OTHER = {
    "identifiers": [{"scheme": "cn_resident_id", "value": "99010119880412105X"}],
    "name": "沈若溪", "birth_date": "1988-04-12",
}  # fmt: skip


def both_know_her(made: Desk) -> None:
    for bank in ("lake-bank", "hill-bank"):
        words = ("submit", made.file("subject.csv"), "--dataset", "subject")
        made.read(*words, "--key-file", made.file(f"{bank}.key"))


def session_of_hers(made: Desk) -> tuple[str, str]:
    said = made.run("sign-in", "person", *NAMED, "--session", given=GIVEN).stdout
    (made.folder / "session").write_text(said.strip(), encoding="utf-8")
    return ("--session-file", made.file("session"))


def own_parties(made: Desk) -> dict[str, str]:
    """The ids of her own report by the furnisher that knows her so."""
    body = made.read("report", *session_of_hers(made))["body"]
    return {one["furnisher"]["code"]: one["party_id"] for one in body["identity"]}


def parties_shown_to_hill_bank(made: Desk) -> dict[str, str]:
    body = made.ask()["body"]
    return {one["furnisher"].get("code", "other"): one["party_id"] for one in body["identity"]}


@pytest.mark.parametrize("shown", [own_parties, parties_shown_to_hill_bank])
def test_a_party_is_unlinked_by_the_id_a_report_shows_and_linked_again(
    desk: Desk, shown: Any
) -> None:
    both_know_her(desk)
    her_id = shown(desk)["hill-bank"]
    alone = desk.run("unlink", her_id, "--yes", code=Exit.USAGE)
    assert "--subject" in alone.stderr, "an id of a report says nothing without the person"
    dry = desk.run("unlink", her_id, *NAMED, "--dry-run", given=GIVEN)
    assert "token" in dry.stderr
    assert "hill-bank" not in dry.stderr, "who knows her is told by a report, which is a look"
    done = desk.run("unlink", her_id, *NAMED, "--yes", "--by", "op", given=GIVEN)
    assert len(desk.read("cases")) == 0
    assert desk.read("ledger", "verify")["ok"]
    back = " ".join(done.stderr.split()).partition("next: tallystick link ")[2].split()
    party, subject = back[:2]
    assert f"next: tallystick unlink {party}" in " ".join(dry.stderr.split())
    assert party.startswith("pty_")
    assert party != her_id
    assert subject.startswith("sbj_")
    desk.run("link", party, subject, "--by", "op")
    assert set(own_parties(desk)) == {"lake-bank", "hill-bank"}
    desk.run("unlink", party, "--yes", "--by", "op")  # its own id needs no person
    assert desk.read("ledger", "verify")["ok"]


@pytest.mark.parametrize("given", [GIVEN, json.dumps(OTHER)])
def test_the_id_of_no_party_of_hers_parts_nobody(desk: Desk, given: str) -> None:
    both_know_her(desk)
    her_id = own_parties(desk)["hill-bank"]
    wrong = f"pty_{'0' * 32}" if given == GIVEN else her_id
    said = desk.run("unlink", wrong, *NAMED, "--yes", given=given, code=Exit.USAGE)
    assert "not" in said.stderr
    assert set(own_parties(desk)) == {"lake-bank", "hill-bank"}
