"""An operator's act is about whom a file names: by number *and* name *and* birth date.

The bureau and its desk are those of `test_cli_bureau`.
"""

import json
from typing import Any

import psycopg
import pytest
from test_cli_bureau import BORN, NAME, NUMBER, PERSON, Desk, desk, furnished, template

from tallystick.entry.cli.exits import Exit

__all__ = ["desk", "furnished", "template"]
OTHER, THIRD, STRANGE = "陈另某", "周立新", "990101198804121033"
ERASE = ("erase", "--ground", "her own request", "--yes")

#: What is changed of the file that names her, and whether she is found.
NAMED: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"birth_date": "1988-12-04"}, True),  # day and month exchanged
    ({"birth_date": "1988-04-13"}, True),
    ({"birth_date": "1988-05-13"}, False),
    ({"birth_date": "1989-12-04"}, True),  # exchanged, and the year besides
    ({"birth_date": "1989-12-05"}, False),
    ({"name": "沈 若溪"}, True),
    ({"name": "沈若熙"}, True),
    ({"name": "沈大山"}, False),  # of one household
    ({"name": OTHER}, False),
    ({"name": OTHER, "birth_date": "1970-11-21"}, False),
    ({"identifiers": [{"scheme": "cn_resident_id", "value": STRANGE}]}, False),
    ({"name": "·"}, False),  # nothing to compare agrees with everybody
]


def acts(made: Desk) -> dict[str, tuple[str, ...]]:
    """The commands that take a person by file, without the file; the one that ends her last."""
    with psycopg.connect(made.runner.env["TALLYSTICK_DATABASE_URL"] or "") as owner:
        ((party,),) = owner.execute("select party_id from directory.party_subject").fetchall()
    return {
        "tried": (*ERASE[:-1], "--dry-run"),
        "signed in": ("sign-in", "person", "--session"),
        "linked": ("sign-in", "person"),
        "parted": ("unlink", f"pty_{party.hex}", "--dry-run"),
        "erased": ERASE,
    }


def named(**changes: Any) -> str:
    return json.dumps({**PERSON, **changes})


def known_as(made: Desk, bank: str, person: str, name: str, since: str = "2026-01-15") -> None:
    """A bank furnishes a person under her number."""
    file = made.folder / "known.csv"
    file.write_text(
        "person_number,valid_from,identifier_scheme,identifier_number,name,birth_date\n"
        f"{person},{since},cn_resident_id,{NUMBER},{name},{BORN}\n",
        encoding="utf-8",
    )
    words = ("submit", str(file), "--dataset", "subject", "--key-file", made.file(f"{bank}.key"))
    assert made.read(*words)["accepted"] == 1


def names_in_report(made: Desk, name: str) -> set[str]:
    """The names in the report of whoever signs in by that name."""
    words = ("sign-in", "person", "--session", "--subject", "-")
    secret = made.run(*words, given=named(name=name)).stdout.strip()
    (made.folder / "session").write_text(secret, encoding="utf-8")
    body = made.read("report", "--session-file", made.file("session"))["body"]
    return {one["reported"]["name"] for one in body["identity"]}


@pytest.mark.parametrize(("changes", "is_found"), NAMED)
def test_a_file_names_whom_an_inquiry_by_it_would_find(
    desk: Desk, changes: dict[str, Any], is_found: bool
) -> None:
    desk.submit("subject")
    for done, words in acts(desk).items():
        code = Exit.FINE if is_found else Exit.USAGE
        said = desk.run(*words, "--subject", "-", given=named(**changes), code=code)
        assert is_found or said.stdout == "", done
    assert desk.ask()["outcome"] == ("no_hit" if is_found else "hit")


def test_it_is_not_told_whether_the_number_is_on_file_under_another_name(desk: Desk) -> None:
    desk.submit("subject")
    strange = [{"scheme": "cn_resident_id", "value": STRANGE}]
    for words in acts(desk).values():
        given = (*words, "--subject", "-")
        known = desk.run(*given, given=named(name=OTHER), code=Exit.USAGE)
        nobody = desk.run(*given, given=named(identifiers=strange), code=Exit.USAGE)
        assert known.stderr == nobody.stderr
        assert "not_found" in known.stderr


def test_two_under_one_number_are_told_apart_by_name(desk: Desk) -> None:
    """Also when one of them was set apart, as her furnisher sent a third name since."""
    desk.submit("subject")
    known_as(desk, "hill-bank", "P-9", OTHER)
    assert names_in_report(desk, NAME) == {NAME}
    assert names_in_report(desk, OTHER) == {OTHER}
    known_as(desk, "lake-bank", "P-1", THIRD, since="2026-02-15")
    for name in (NAME, THIRD):
        for words in (ERASE, ("sign-in", "person")):
            desk.run(*words, "--subject", "-", given=named(name=name), code=Exit.USAGE)
    assert names_in_report(desk, OTHER) == {OTHER}


def test_of_two_under_one_number_the_one_who_is_named_is_erased(desk: Desk) -> None:
    desk.submit("subject")
    known_as(desk, "hill-bank", "P-9", OTHER)
    desk.run(*ERASE, "--subject", "-", given=named(name=OTHER))
    assert desk.ask()["outcome"] == "hit"
    assert desk.ask(name=OTHER)["outcome"] == "no_hit"


def test_where_two_pass_nobody_is_meant(desk: Desk) -> None:
    """Of each of two under one number a part of the name is given."""
    desk.submit("subject")
    known_as(desk, "hill-bank", "P-9", "Ann Zhao")
    both = named(name=f"Ann {NAME}")
    for words in (ERASE, (*ERASE[:-1], "--dry-run"), ("sign-in", "person")):
        said = desk.run(*words, "--subject", "-", given=both, code=Exit.USAGE)
        assert "2 subjects" in said.stderr


def test_a_dry_run_of_an_erasure_by_id_finds_whom_the_erasure_finds(desk: Desk) -> None:
    desk.submit("subject")
    with psycopg.connect(desk.runner.env["TALLYSTICK_DATABASE_URL"] or "") as owner:
        ((hers,),) = owner.execute("select subject_id from directory.party_subject").fetchall()
    dry = (*ERASE[:-1], "--dry-run", "--subject")
    assert "not_found" in desk.run(*dry, f"sbj_{'0' * 32}", code=Exit.USAGE).stderr
    desk.run(*dry, f"sbj_{hers.hex}")
    assert desk.ask()["outcome"] == "hit"
    desk.run(*ERASE, "--subject", f"sbj_{hers.hex}")
    desk.run(*dry, f"sbj_{hers.hex}")  # erased again it says what the first did
