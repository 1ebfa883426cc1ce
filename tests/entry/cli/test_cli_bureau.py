"""One small bureau by command line, on a real database: furnish, ask, ask again, prove."""

import gzip
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

import places
from tallystick.entry.cli.app import app
from tallystick.entry.cli.exits import Exit
from tallystick.validate import load_rules

if TYPE_CHECKING:
    from bureaus import Database
    from places import Laid

#: An invented person of the area 990101; none of this may stand in talk.
NUMBER, NAME, BORN = "990101198804121017", "沈若溪", "1988-04-12"
PERSON = {
    "identifiers": [{"scheme": "cn_resident_id", "value": NUMBER}],
    "name": NAME,
    "birth_date": BORN,
}
FILES = {
    "subject": (
        "person_number,valid_from,identifier_scheme,identifier_number,name,birth_date\n"
        f"P-1,2026-01-15,cn_resident_id,{NUMBER},{NAME},{BORN}\n"
    ),
    "account": (
        "account_number,valid_from,person_number,product,currency,opened_on,principal,basis\n"
        "A-1,2026-01-15,P-1,instalment_loan,CNY,2026-01-15,12000.00,legal_duty\n"
        "A-2,2026-01-15,P-1,instalment_loan,CNY,2026-01-15,1.234,legal_duty\n"
    ),
    "snapshot": (
        "account_number,period_end,bucket,days_past_due,currency,balance,payment_due,amount_paid,"
        "amount_past_due,status\n"
        "A-1,2026-01-31,0,0,CNY,12000.00,0.00,0.00,0.00,open\n"
        "A-1,2026-02-28,0,0,CNY,11000.00,1000.00,1000.00,0.00,open\n"
    ),
}
BANKS = ("lake-bank", "hill-bank")


@dataclass(frozen=True)
class Desk:
    """A folder with files and keys, and a runner whose environment is the bureau's."""

    folder: Path
    runner: CliRunner

    def run(self, *words: str, given: str | None = None, code: int = Exit.FINE) -> Result:
        """Run one command; nobody's identity may stand in what it says."""
        result = self.runner.invoke(app, list(words), input=given)
        assert result.exit_code == code, (words, result.output)
        assert not any(text in result.stderr for text in (NUMBER, NAME, BORN))
        return result

    def read(self, *words: str, given: str | None = None, code: int = Exit.FINE) -> Any:
        """The same with `--json`, read."""
        return json.loads(self.run(*words, "--json", given=given, code=code).stdout)

    def file(self, name: str) -> str:
        """The path of a file of the desk."""
        return str(self.folder / name)

    def submit(self, dataset: str, *more: str, code: int = Exit.FINE) -> Any:
        """Send one of the files as Lake Bank."""
        words = ("submit", self.file(f"{dataset}.csv"), "--dataset", dataset)
        return self.read(*words, "--key-file", self.file("lake-bank.key"), *more, code=code)

    def ask(self, *more: str, code: int = Exit.FINE, **changes: Any) -> Any:
        """Ask as Hill Bank under its legal duty."""
        words = ("inquire", "--subject", "-", "--permit", "legal_duty")
        purpose = ("--purpose", "joint_loan_duty", "--key-file", self.file("hill-bank.key"))
        given = json.dumps({**PERSON, **changes})
        if code != Exit.FINE:
            return self.run(*words, *purpose, *more, given=given, code=code)
        return self.read(*words, *purpose, *more, given=given)


def _desk(database: "Database", folder: Path) -> Desk:
    environment = {
        "TALLYSTICK_DATABASE_URL": database.url,
        "TALLYSTICK_VAULT_URL": database.vault_url,
        "TALLYSTICK_DATA_FOLDER": str(folder / "data"),
        "TALLYSTICK_KEY": None,
        "TALLYSTICK_SESSION": None,
    }
    return Desk(folder=folder, runner=CliRunner(env=environment))


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the desk that a module's desks are copies of."""
    return tmp_path_factory.mktemp("desk")


@pytest.fixture(scope="module")
def template(migrated: "Database", furnished: Path) -> "Laid":
    """What the database of that desk holds: a bureau with two banks."""
    with places.used(migrated) as database:
        made = _desk(database, furnished)
        for dataset, text in FILES.items():
            (furnished / f"{dataset}.csv").write_text(text, encoding="utf-8")
        made.run("init")
        for code in BANKS:
            names = ("--name-en", code, "--name-zh", code, "--class", "commercial_bank")
            made.run("members", "add", code, *names)
            secret = made.run("keys", "create", code).stdout
            (furnished / f"{code}.key").write_text(secret, encoding="utf-8")
        return places.laid(database)


@pytest.fixture
def desk(database: "Database", furnished: Path, tmp_path: Path) -> Desk:
    shutil.copytree(furnished, tmp_path, dirs_exist_ok=True)
    return _desk(database, tmp_path)


def test_from_files_to_an_answer_that_can_be_given_again(desk: Desk) -> None:
    assert [one["code"] for one in desk.read("members", "list")] == sorted(BANKS)
    assert desk.submit("subject")["accepted"] == 1
    account = desk.submit("account", code=Exit.FOUND)
    assert (account["sent"], account["accepted"], account["rejected"]) == (2, 1, 1)
    assert desk.submit("snapshot")["accepted"] == 2

    given = desk.ask()
    assert given["outcome"] == "hit"
    again = desk.read("report", given["inquiry_id"], "--key-file", desk.file("hill-bank.key"))
    assert again["body"] == given["body"]
    assert desk.read("report", given["inquiry_id"], "--prove")["is_same"]

    assert desk.read("log", "sequence")["looks"] >= 1
    assert desk.read("log", "verify")["ok"]
    assert desk.read("log", "head")["size"] >= 1
    assert desk.read("ledger", "verify")["ok"]
    desk.run("ledger", "rebuild", "--yes")
    assert desk.read("ledger", "verify")["ok"]
    assert desk.read("report", given["inquiry_id"], "--prove")["is_same"]
    assert desk.read("cases") == []


def test_a_proof_says_that_the_kept_body_was_altered(desk: Desk, database: "Database") -> None:
    desk.submit("subject")
    given = desk.ask()
    with psycopg.connect(database.url) as connection:
        connection.execute(
            "update log.body set sealed = set_byte(sealed, 9, 1 # get_byte(sealed, 9))"
        )
    proof = desk.read("report", given["inquiry_id"], "--prove", code=Exit.FOUND)
    assert (proof["is_same"], proof["kept_is_altered"]) == (False, True)
    told = desk.run("report", given["inquiry_id"], "--prove", code=Exit.FOUND).stderr
    assert "kept of this answer was altered" in " ".join(told.split())
    assert desk.read("log", "verify")["ok"]
    found = desk.run("log", "verify", "--bodies", code=Exit.FOUND).stdout
    assert "altered: content of the body kept of look" in " ".join(found.split())


def test_a_furnisher_sees_its_faults_and_gets_its_bad_rows_back(desk: Desk) -> None:
    desk.submit("subject")
    sent = desk.submit("account", "--fail-on", "never")
    key = ("--key-file", desk.file("lake-bank.key"))
    listed = desk.read("submissions", "list", *key)
    assert listed[0]["submission_id"] == sent["submission_id"]
    found = desk.read("submissions", "findings", sent["submission_id"], *key)
    assert [(one["line"], one["field"], one["seen"]) for one in found] == [
        (3, "principal", "1.234")
    ]
    given = desk.run("submissions", "rejects", sent["submission_id"], *key)
    rows = given.stdout.splitlines()
    assert len(rows) == 2
    step = f"submit FILE --dataset account --parent {sent['submission_id']}"
    assert step in " ".join(given.stderr.split())
    mended = "\n".join(rows).replace(",1.234,", ",1.23,", 1)
    (desk.folder / "account.csv").write_text(mended + "\n", encoding="utf-8")
    again = desk.submit("account", "--parent", sent["submission_id"])
    assert (again["sent"], again["accepted"]) == (1, 1)


_HEADER, _LINE = FILES["account"].splitlines()[:2]
_REFUSED = {
    "empty": b"",
    "header only": f"{_HEADER}\n".encode(),
    "semicolons": f"{_HEADER}\n{_LINE}\n".replace(",", ";").encode(),
    "doubled column": f"{_HEADER},currency\n{_LINE},CNY\n".encode(),
    "gzip bomb": gzip.compress(bytes(64 * 1024**2)),
}


@pytest.mark.parametrize("content", _REFUSED.values(), ids=_REFUSED)
def test_a_refused_file_is_told_with_place_and_remedy(desk: Desk, content: bytes) -> None:
    desk.submit("subject")
    (desk.folder / "account.csv").write_bytes(content)
    key = ("--key-file", desk.file("lake-bank.key"))
    words = ("submit", desk.file("account.csv"), "--dataset", "account", *key)
    sent = desk.run(*words, code=Exit.FOUND)
    (identity,) = set(re.findall("sbm_[0-9a-f]{32}", sent.stdout))
    found = desk.read("submissions", "findings", identity, *key)
    watched = desk.run("submissions", "watch", identity, *key, code=Exit.FOUND)
    assert found
    assert watched.stdout == sent.stdout
    told, rules = set(sent.stdout.split()), load_rules()
    for one in found:
        rule = rules[one["rule_id"]]
        said = (one["seen"] or "", one["allowed"]["en"], rule.message.en, rule.fix.en)
        assert told.issuperset(" ".join((one["rule_id"], *said)).split())
    assert "mend the file, then: tallystick submit FILE --dataset account" in " ".join(
        sent.stderr.split()
    )
    as_operator = desk.run("submissions", "watch", identity, code=Exit.FOUND)
    assert "how to fix" not in as_operator.stdout


def test_a_parent_that_is_not_ones_own_is_refused_as_one_that_is_not_there(desk: Desk) -> None:
    own = desk.submit("subject")["submission_id"]
    hill = ("--key-file", desk.file("hill-bank.key"))
    of_hill = desk.read("submit", desk.file("subject.csv"), "--dataset", "subject", *hill)
    words = ("submit", desk.file("account.csv"), "--dataset", "account")
    lake = ("--key-file", desk.file("lake-bank.key"))
    no_such = "sbm_" + "0" * 32
    said = [
        " ".join(desk.run(*words, "--parent", one, *lake, code=Exit.USAGE).stderr.split())
        for one in (no_such, of_hill["submission_id"], own, "sbm_1")
    ]
    assert said[0] == said[1]
    for text, has in zip(
        said[1:],
        ("(not_found): `parent`: no", "(parent_other_dataset): `parent` is a", "32 hex digits"),
        strict=True,
    ):
        assert has in text
    sent = desk.read("submissions", "list", *lake)
    assert [one["submission_id"] for one in sent] == [own]


def test_who_is_told_later_sees_which_record_and_its_own_words(desk: Desk) -> None:
    desk.submit("subject")
    desk.submit("account", "--fail-on", "never")
    head = "originator,account_number,funder,role,valid_from,share\n"
    funding = desk.folder / "funding.csv"
    said = "lake-bank,A-1,hill-bank,funder,2026-01-15"
    funding.write_text(f"{head}{said},0.3\n", encoding="utf-8")
    first = desk.submit("funding")["submission_id"]
    funding.write_text(f"{head}{said},0.4\n", encoding="utf-8")
    hill = ("--key-file", desk.file("hill-bank.key"))
    desk.run("submit", str(funding), "--dataset", "funding", *hill)
    lake = ("--key-file", desk.file("lake-bank.key"))
    (one,) = desk.read("submissions", "findings", first, *lake)
    assert (one["line"], one["seen"]) == (None, "role funder, share 0.300000000")
    assert one["record"]["account_number"] == "A-1"
    shown = " ".join(desk.run("submissions", "findings", first, *lake).stdout.split())
    assert "share 0.300000000 (in the record with" in shown
    assert "0.4" not in shown
    assert "The same from both" in shown


def test_a_funders_own_record_is_a_case_that_can_be_put_away(desk: Desk) -> None:
    own = FILES["account"].rpartition("A-2")[0].replace("A-1", "H-7").replace("12000", "3600")
    (desk.folder / "own.csv").write_text(own, encoding="utf-8")
    (desk.folder / "funding.csv").write_text(
        "originator,account_number,funder,role,valid_from,share\n"
        "lake-bank,A-1,hill-bank,funder,2026-01-15,0.3\n", encoding="utf-8",
    )  # fmt: skip
    desk.submit("subject")
    desk.submit("account", "--fail-on", "never")
    desk.submit("funding")
    hill = ("--key-file", desk.file("hill-bank.key"))
    desk.run("submit", desk.file("subject.csv"), "--dataset", "subject", *hill)
    words = ("submit", desk.file("own.csv"), "--dataset", "account", *hill)
    sent = desk.read(*words)
    (found,) = desk.read("submissions", "findings", sent["submission_id"], *hill)
    assert (found["line"], found["rule_id"], found["seen"]) == (2, "ACC-FUND-003", None)
    assert "second record of a loan you fund" in desk.run("explain", "ACC-FUND-003").stdout
    (case,) = desk.read("cases")
    assert [one["furnisher"] for one in case["accounts"]] == ["lake-bank", "hill-bank"]
    shown = desk.run("cases")
    assert f"tallystick dismiss {case['case_id']}" in " ".join(shown.stderr.split())
    desk.run("dismiss", case["case_id"], "--dry-run")
    assert desk.read("cases") == [case]
    desk.run("dismiss", case["case_id"], "--yes")
    assert desk.read("cases") == []
    desk.run("dismiss", case["case_id"], "--yes", code=Exit.USAGE)


def test_the_same_bytes_are_the_same_submission(desk: Desk) -> None:
    first, second = desk.submit("subject"), desk.submit("subject")
    assert first["submission_id"] == second["submission_id"]
    third = desk.submit("subject", "--again")
    assert third["submission_id"] != first["submission_id"]
    assert third["unchanged"] == 1


def test_offline_findings_are_the_bureaus_findings(desk: Desk) -> None:
    path = desk.file("account.csv")
    offline = desk.read("validate", path, "--dataset", "account", code=Exit.FOUND)["findings"]
    desk.submit("subject")
    sent = desk.submit("account", "--fail-on", "never")
    key = ("--key-file", desk.file("lake-bank.key"))
    judged = desk.read("submissions", "findings", sent["submission_id"], *key)
    assert [{**one, "number": None} for one in judged] == [
        {**one, "number": None} for one in offline
    ]


def test_the_same_key_gives_the_same_answer_and_no_new_look(desk: Desk) -> None:
    desk.submit("subject")
    key = ("--idempotency-key", "one-and-the-same-key")
    first, second = desk.ask(*key), desk.ask(*key)
    assert second["is_replay"]
    assert second["inquiry_id"] == first["inquiry_id"]
    assert desk.read("log", "sequence")["looks"] == 1


def test_another_birth_date_gets_no_answer(desk: Desk) -> None:
    desk.submit("subject")
    given = desk.ask(birth_date="1955-11-30")
    assert (given["outcome"], given["body"]) == ("no_hit", None)


def test_the_next_step_is_one_that_can_be_done(desk: Desk) -> None:
    """Without a body there is nothing `report` could show again."""
    desk.submit("subject")
    words = ("inquire", "--subject", "-", "--permit", "legal_duty", "--purpose", "joint_loan_duty")
    key = ("--key-file", desk.file("hill-bank.key"))
    for birth_date, outcome in (("1955-11-30", "no_hit"), (BORN, "hit")):
        asked = json.dumps({**PERSON, "birth_date": birth_date})
        said = desk.run(*words, *key, given=asked).stderr
        _, _, step = said.partition("next: ")
        assert outcome in said
        assert ("tallystick report inq_" in step) == (outcome == "hit")
        assert ("tallystick inquire" in step) == (outcome == "no_hit")


def test_nobody_asks_without_a_key_that_holds(desk: Desk) -> None:
    words = ("inquire", "--subject", "-", "--permit", "legal_duty", "--purpose", "joint_loan_duty")
    desk.run(*words, given=json.dumps(PERSON), code=Exit.REFUSED)
    key_id = desk.read("keys", "list", "hill-bank")[0]["key_id"]
    desk.run("keys", "revoke", key_id, code=Exit.USAGE)  # no --yes, and nobody to ask
    desk.run("keys", "revoke", key_id, "--yes")
    desk.ask(code=Exit.REFUSED)


def test_the_operator_has_no_report_of_a_person(desk: Desk) -> None:
    desk.submit("subject")
    given = desk.ask()
    desk.run("report", code=Exit.REFUSED)
    desk.run("report", given["inquiry_id"], code=Exit.REFUSED)
    desk.run("consents", "list", code=Exit.REFUSED)


def test_a_dry_run_changes_nothing(desk: Desk) -> None:
    desk.submit("subject")
    names = ("--name-en", "x", "--name-zh", "x", "--class", "commercial_bank")
    desk.run("members", "add", "new-bank", *names, "--dry-run")
    desk.run("ledger", "rebuild", "--dry-run")
    words = ("erase", "--subject", "-", "--ground", "x", "--dry-run")
    desk.run(*words, given=json.dumps(PERSON))
    assert desk.ask()["outcome"] == "hit"
    assert [one["code"] for one in desk.read("members", "list")] == sorted(BANKS)


def test_a_member_is_of_a_class_that_the_records_know(desk: Desk) -> None:
    names = ("--name-en", "x", "--name-zh", "x", "--class")
    for more in ((), ("--dry-run",)):
        said = desk.run("members", "add", "new-bank", *names, "bank", *more, code=Exit.USAGE)
        assert "bad_member_class" in said.stderr
        assert "commercial_bank, village_bank" in said.stderr
    assert [one["code"] for one in desk.read("members", "list")] == sorted(BANKS)


def test_destroying_wants_yes(desk: Desk) -> None:
    (desk.folder / "gone.json").write_text('{"subject_id": "sbj_' + "0" * 32 + '"}')
    words = ("erase", "--subject", desk.file("gone.json"), "--ground", "x")
    desk.run(*words, code=Exit.USAGE)
    desk.run("ledger", "rebuild", code=Exit.USAGE)


def test_a_log_cut_short_is_held_to_a_kept_head(desk: Desk, database: "Database") -> None:
    """Cut by who owns the database: the log's own heads are gone with its end."""
    desk.submit("subject")
    kept = []
    for name in ("one.json", "two.json"):
        desk.ask()
        desk.run("log", "sequence")
        (desk.folder / name).write_text(desk.run("log", "head", "--json").stdout, encoding="utf-8")
        kept += ["--head", desk.file(name)]
    assert desk.read("log", "verify", *kept)["kept_heads"] == 2
    size = json.loads((desk.folder / "one.json").read_text())["size"]
    with psycopg.connect(database.url) as owner:
        owner.execute("delete from log.tree_head where size > %s", (size,))
        owner.execute("delete from log.entry where number >= %s", (size,))
        owner.execute(
            "delete from log.look l where not exists"
            " (select from log.entry e where e.look_id = l.look_id)"
        )
    said = desk.run("log", "verify", code=Exit.FOUND).stdout
    assert "unlogged: body kept of look" in said
    with psycopg.connect(database.url) as owner:  # who remembers the kept answers too
        owner.execute("delete from log.body where look_id not in (select look_id from log.look)")
    assert desk.read("log", "verify")["ok"]
    assert desk.read("log", "verify", *kept[:2])["ok"]
    told = desk.run("log", "verify", *kept, code=Exit.FOUND).stdout
    assert f"missing: number {size}, kept head of size {size + 1}" in told


def test_a_head_the_bureau_did_not_sign_is_named(desk: Desk) -> None:
    head = desk.folder / "head.json"
    unsigned = {"size": 1, "root": "00" * 32, "key_id": "k", "signature": "A" * 86}
    signed_at = "2026-03-01T09:00:00.000000Z"
    head.write_text(json.dumps({**unsigned, "signed_at": signed_at}), encoding="utf-8")
    told = desk.run("log", "verify", "--head", str(head), code=Exit.FOUND).stdout
    assert "head_forged: kept head of size 1" in told


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--name-en", "", "--name-zh", ""), "bad_member_name"),
        (("--name-en", "x" * 5000, "--name-zh", "x"), "5000 characters; at most 200"),
        (("--name-en", "x", "--name-zh", "\udcff"), "bad_member_name"),
    ],
)
def test_a_member_without_a_readable_name_is_refused(
    desk: Desk, words: tuple[str, ...], said: str, more: tuple[str, ...]
) -> None:
    ended = desk.run("members", "add", "new", *words, "--class", "other", *more, code=Exit.USAGE)
    assert said in " ".join(ended.stderr.split())
    assert [one["code"] for one in desk.read("members", "list")] == sorted(BANKS)


def test_a_key_without_a_readable_label_is_refused(desk: Desk) -> None:
    for label in ("", " ", "x" * 101):
        ended = desk.run("keys", "create", "lake-bank", "--label", label, code=Exit.USAGE)
        assert (ended.stdout, "bad_key_label" in ended.stderr) == ("", True)
    assert len(desk.read("keys", "list", "lake-bank")) == 1
    desk.run("keys", "create", "lake-bank", "--label", "x" * 100)
