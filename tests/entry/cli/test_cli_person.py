"""A person by command line: her own report, her consents, what she withdraws, what erasure leaves.

The bureau and its desk are those of `test_cli_bureau`.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from test_cli_bureau import BORN, NAME, NUMBER, PERSON, Desk, desk, furnished, template

from tallystick.adapters.settings import Settings
from tallystick.entry.cli.exits import Exit
from tallystick.entry.compose import open_bureau
from tallystick.errors import Refused
from tallystick.profile import Profile
from tallystick.service.sessions import open_session, redeem
from tallystick.synth.consents import Terms, sign_consent
from tallystick.synth.members import cast_of
from tallystick.synth.people import Population

__all__ = ["desk", "furnished", "template"]
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
SCHEME = "cn_resident_id"


def settings(made: Desk) -> Settings:
    given = made.runner.env
    return Settings(
        database_url=given["TALLYSTICK_DATABASE_URL"],
        vault_url=given["TALLYSTICK_VAULT_URL"],
        data_folder=Path(str(given["TALLYSTICK_DATA_FOLDER"])),
    )


def subject_id(made: Desk) -> UUID:
    """The only subject on file."""
    with open_bureau(settings(made)) as bureau, bureau.deps.database.connect("intake") as con:
        found = con.execute("select subject_id from directory.party_subject").fetchall()
    assert len(found) == 1
    return UUID(str(found[0][0]))


def signed_in(made: Desk) -> str:
    """A file with the person's session."""
    whose = subject_id(made)
    with open_bureau(settings(made)) as bureau:
        token = bureau.deps.keys.identity_token(SCHEME, NUMBER)
        secret = open_session(bureau.deps, persona="person", subject_id=whose, token=token)
    path = made.folder / "session"
    path.write_text(secret, encoding="utf-8")
    return str(path)


def register_consent(made: Desk, uses_allowed: int | None = None) -> str:
    """A consent of hers, captured by a member of its own, registered: its id."""
    signer, now = cast_of(1)["millbrook"], datetime.now(UTC)
    (made.folder / "jwk.json").write_text(json.dumps(signer.public_jwk()), encoding="utf-8")
    names = ("--name-en", "m", "--name-zh", "m", "--class", "commercial_bank")
    made.run("members", "add", "millbrook", *names, "--public-key", made.file("jwk.json"))
    secret = made.run("keys", "create", "millbrook").stdout
    (made.folder / "millbrook.key").write_text(secret, encoding="utf-8")
    terms = Terms(
        recipient="millbrook",
        purpose="credit_application",
        data_classes=("identity", "loans", "performance"),
        data_from=now.date() - timedelta(days=700),
        data_to=now.date(),
        valid_from=now - timedelta(minutes=1),
        valid_to=now + timedelta(days=20),
        given_at=now - timedelta(minutes=1),
        fetch="once",
        keep_months=1,
        uses_allowed=uses_allowed,
    )
    somebody = next(iter(Population(people=1, seed=1, profile="zz").households()))[0]
    for name, value in (("scheme", SCHEME), ("number", NUMBER)):
        object.__setattr__(somebody, name, value)
    consent = sign_consent(Random(1), person=somebody, captured_by=signer, terms=terms)
    content = {
        "artefact": consent.artefact,
        "salt": consent.salt,
        "scheme": SCHEME,
        "number": NUMBER,
    }
    given = json.dumps(content)
    words = ("consents", "register", "--consent", "-", "--key-file", made.file("millbrook.key"))
    found: str = made.read(*words, given=given)[0]["consent_id"]
    return found


def ask_under(made: Desk, consent: str, *, code: int = Exit.FINE) -> None:
    words = ("inquire", "--subject", "-", "--purpose", "credit_application", "--consent", consent)
    key = ("--key-file", made.file("millbrook.key"))
    made.run(*words, *key, given=json.dumps(PERSON), code=code)


def test_she_sees_who_looked_and_withdraws_for_the_next_inquiry(desk: Desk) -> None:
    desk.submit("subject")
    consent = register_consent(desk)
    ask_under(desk, consent)
    desk.run("log", "sequence")  # a look is shown from its number on, which the worker gives it
    session = ("--session-file", signed_in(desk))

    own = desk.read("report", *session)
    assert own["outcome"] == "hit"
    assert "credit_application" in json.dumps(own["body"]["looks"]), own["body"]["looks"]
    listed = desk.read("consents", "list", *session)
    assert [(one["consent_id"], one["status"]) for one in listed] == [(consent, "active")]
    assert (listed[0]["captured_by"], listed[0]["recipient"]) == ("millbrook", "millbrook")
    assert "recipient_id" not in listed[0]
    desk.run("log", "sequence")
    looks = desk.read("report", *session)["body"]["looks"]
    assert [one["permit"] for one in looks] == ["consent", "self", "self"]  # report, then list

    desk.run("consents", "withdraw", consent, *session, "--yes")
    assert desk.read("consents", "list", *session)[0]["status"] == "withdrawn"
    ask_under(desk, consent, code=Exit.REFUSED)


def test_an_inquiry_that_names_no_consent_is_refused_and_logged(desk: Desk) -> None:
    desk.submit("subject")
    words = ("inquire", "--subject", "-", "--purpose", "credit_application")
    key, given = ("--key-file", desk.file("hill-bank.key")), json.dumps(PERSON)
    told = desk.run(*words, *key, given=given, code=Exit.REFUSED)
    assert "names no consent" in told.stderr
    for more in (("--consent", ""), ("--permit", "legal_duty", "--consent", "cns_" + "a" * 32)):
        desk.run(*words, *more, *key, given=given, code=Exit.USAGE)
    desk.run("log", "sequence")
    looks = desk.read("report", "--session-file", signed_in(desk))["body"]["looks"]
    assert [(one["permit"], one["outcome"]) for one in looks] == [("consent", "refused")]


@pytest.mark.parametrize(
    ("allowed", "asked", "used", "shown"),
    [(None, 0, None, "any"), (None, 1, None, "any"), (1, 0, 0, "0 of 1"), (2, 1, 1, "1 of 2")],
)
def test_her_list_says_how_often_and_what_text_was_shown(
    desk: Desk, allowed: int | None, asked: int, used: int | None, shown: str
) -> None:
    desk.submit("subject")
    consent = register_consent(desk, allowed)
    for _ in range(asked):
        ask_under(desk, consent)
    session = ("--session-file", signed_in(desk))
    [listed] = desk.read("consents", "list", *session)
    assert (listed["uses_allowed"], listed["used"]) == (allowed, used)
    assert len(listed["text_sha256"]) == 64
    table = desk.run("consents", "list", *session).stdout
    assert shown in table
    assert listed["text_sha256"][:8] in table
    assert listed["text_sha256"] not in table
    member = ("--key-file", desk.file("millbrook.key"))
    [withdrawn] = desk.read("consents", "withdraw", consent, *member, "--yes")
    assert "used" not in withdrawn, "what others asked is not a member's to know"


def test_nobody_withdraws_what_is_not_hers(desk: Desk) -> None:
    desk.submit("subject")
    consent = register_consent(desk)
    other = ("--key-file", desk.file("lake-bank.key"))
    desk.run("consents", "withdraw", consent, *other, "--yes", code=Exit.USAGE)
    ask_under(desk, consent)


def test_a_session_that_is_nobodys_is_refused(desk: Desk) -> None:
    path = desk.folder / "session"
    path.write_text("nobody's", encoding="utf-8")
    desk.run("report", "--session-file", str(path), code=Exit.REFUSED)


def test_a_day_means_its_end_in_the_profiles_time_zone(desk: Desk) -> None:
    desk.submit("subject")
    session = ("--session-file", signed_in(desk))
    zone = ZoneInfo(Profile.load("zz", live=False).on(datetime.now(UTC).date()).time_zone)
    end = datetime(2026, 2, 27, 23, 59, 59, 999999, zone).isoformat()
    of_the_day = desk.read("report", "--as-of", "2026-02-27", *session)["body"]
    assert of_the_day == desk.read("report", "--as-of", end, *session)["body"]
    before = datetime(2026, 2, 27, 23, 59, 59, 999998, zone).isoformat()
    assert of_the_day != desk.read("report", "--as-of", before, *session)["body"]


@pytest.mark.parametrize("text", ["2026-01-32", "2026-01-31T00:00:00", "yesterday"])
def test_an_instant_without_an_offset_is_refused(desk: Desk, text: str) -> None:
    desk.run("report", "--as-of", text, code=Exit.USAGE)


@pytest.mark.parametrize("named", ["by_number", "by_id_in_a_file", "by_id"])
def test_after_erasure_no_answer_is_given_again(desk: Desk, named: str) -> None:
    desk.submit("subject")
    given = desk.ask()
    content = {
        "by_number": {
            "identifiers": [{"scheme": SCHEME, "value": NUMBER}],
            "name": NAME,
            "birth_date": BORN,
        },
        "by_id_in_a_file": {"subject_id": f"sbj_{subject_id(desk).hex}"},
        "by_id": {},
    }[named]
    source = "-" if content else f"sbj_{subject_id(desk).hex}"
    words = ("erase", "--subject", source, "--ground", "the end of its legal life", "--yes")
    desk.run(*words, given=json.dumps(content))
    key = ("--key-file", desk.file("hill-bank.key"))
    refused = desk.run("report", given["inquiry_id"], *key, code=Exit.USAGE)
    assert refused.stdout == ""
    assert desk.ask()["outcome"] == "no_hit"
    same = ("submit", desk.file("subject.csv"), "--dataset", "subject")
    told = desk.run(*same, "--key-file", desk.file("lake-bank.key")).stderr
    assert "sent before" in told
    assert "no longer on file" in told
    desk.run("log", "sequence")
    assert desk.read("log", "verify")["ok"]
    assert desk.read("ledger", "verify")["ok"]


def test_a_second_erasure_says_what_can_be_known(desk: Desk) -> None:
    """By her id what the first did; by her number, which nothing knows any more, that it may."""
    desk.submit("subject")
    words = ("--ground", "the end of its legal life", "--yes")
    by_id = ("erase", "--subject", f"sbj_{subject_id(desk).hex}", *words)
    by_number = ("erase", "--subject", "-", *words)
    first = desk.read(*by_number, given=json.dumps(PERSON))
    said = desk.run(*by_number, given=json.dumps(PERSON), code=Exit.USAGE).stderr
    assert "never was on file, or was erased" in " ".join(said.split())
    assert "not_found" in said
    assert desk.read(*by_id) == first


@pytest.mark.parametrize(
    ("words", "given"),
    [
        (("furnisher", "lake-bank"), None),
        (("lender", "hill-bank"), None),
        (("operator",), None),
        (("person", "--subject", "-"), PERSON),
    ],
)
def test_sign_in_prints_a_link_that_works_once(
    desk: Desk, words: tuple[str, ...], given: dict[str, object] | None
) -> None:
    desk.submit("subject")
    said = desk.run("sign-in", *words, given=given and json.dumps(given))
    base, secret = said.stdout.strip().split("/sign-in/")
    assert base == "http://127.0.0.1:8000"
    with open_bureau(settings(desk)) as bureau:
        _, found = redeem(bureau.deps, secret)
        with pytest.raises(Refused):
            redeem(bureau.deps, secret)
    assert found.persona == words[0]
    assert found.subject_id == (subject_id(desk) if given else None)


def test_sign_in_opens_a_session_for_the_command_line(desk: Desk) -> None:
    desk.submit("subject")
    words = ("sign-in", "person", "--subject", "-", "--session")
    secret = desk.read(*words, given=json.dumps(PERSON))["session"]
    (desk.folder / "session").write_text(secret, encoding="utf-8")
    assert desk.read("consents", "list", "--session-file", desk.file("session")) == []


def test_a_person_signs_in_by_her_id(desk: Desk) -> None:
    """She reads her report then; nobody signs in for an id that is nobody's, or no longer hers."""
    desk.submit("subject")
    whose = subject_id(desk)
    words = ("sign-in", "person", "--subject", f"sbj_{whose.hex}")
    secret = desk.read(*words, "--session")["session"]
    (desk.folder / "session").write_text(secret, encoding="utf-8")
    assert desk.read("report", "--session-file", desk.file("session"))["body"]
    secret = desk.run(*words).stdout.strip().split("/sign-in/")[1]
    with open_bureau(settings(desk)) as bureau:
        assert redeem(bureau.deps, secret)[1].subject_id == whose
    nobody = ("sign-in", "person", "--subject", f"sbj_{'0' * 32}")
    assert "not_found" in desk.run(*nobody, code=Exit.USAGE).stderr
    desk.run("erase", *words[2:], "--ground", "the end of its legal life", "--yes")
    assert "not_found" in desk.run(*words, code=Exit.USAGE).stderr


@pytest.mark.parametrize("text", ["sbj_", "sbj_1", f"sbj_{'g' * 32}", f"sbj_{'0' * 32}.json"])
@pytest.mark.parametrize("words", [("sign-in", "person"), ("erase", "--ground", "x", "--yes")])
def test_an_id_that_is_none_is_refused(desk: Desk, words: tuple[str, ...], text: str) -> None:
    said = desk.run(*words, "--subject", text, code=Exit.USAGE)
    assert "not the id of a subject" in said.stderr


@pytest.mark.parametrize(
    "words", [("somebody",), ("furnisher",), ("operator", "lake-bank"), ("person",), ("lender",)]
)
def test_sign_in_wants_whom_it_is_for(desk: Desk, words: tuple[str, ...]) -> None:
    desk.run("sign-in", *words, code=Exit.USAGE)


@pytest.mark.parametrize(
    ("address", "is_taken"),
    [
        ("https://bureau.example", True),
        ("http://127.0.0.1:8001/", True),
        ("http://[::1]:8001/under", True),
        ("ftp://x", False),
        ("bureau.example", False),
        ("https://", False),
        ("https://bureau.example?x=1", False),
        ("https://bureau.example#x", False),
        ("https://bureau.example:port", False),
        ("https://[::1", False),
        ("https://two words", False),
    ],
)
def test_a_link_leads_to_web_pages(desk: Desk, address: str, is_taken: bool) -> None:
    words = ("sign-in", "operator", "--address", address)
    said = desk.run(*words, code=Exit.FINE if is_taken else Exit.USAGE)
    assert said.stdout.startswith(f"{address.rstrip('/')}/sign-in/") == is_taken


def test_an_answer_from_the_past_says_the_publication_it_rests_on(desk: Desk) -> None:
    """Also where it was asked for a day that has yet to come."""
    desk.submit("subject")
    session = ("--session-file", signed_in(desk))
    with open_bureau(settings(desk)) as bureau, bureau.deps.database.connect("intake") as con:
        ((last,),) = con.execute("select max(recorded_at) from ledger.publication").fetchall()
    words = ("report", "--known-at", "2999-01-01", *session)
    assert desk.read(*words)["known_at"] == last.isoformat()
    assert f"answered as the bureau knew it at {last.isoformat()}" in desk.run(*words).stderr
    now = desk.run("report", *session)
    assert "as the bureau knew it" not in now.stderr
    assert desk.read("report", *session)["known_at"] is None
