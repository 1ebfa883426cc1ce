"""`validate`, `rules` and `explain`: no bureau, no network, four forms of the same findings."""

import csv
import gzip
import io
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

import factory
from tallystick.entry.cli.app import app
from tallystick.entry.cli.exits import Exit
from tallystick.entry.cli.validate import FORMATS
from tallystick.formats import csv_header, load
from tallystick.model.money import CURRENCY_DIGITS
from tallystick.profile.keys import BASES
from tallystick.validate import load_rules

GOOD = {
    "account_number": "A-1",
    "valid_from": "2024-01-01",
    "person_number": "P-1",
    "product": "instalment_loan",
    "currency": "CNY",
    "opened_on": "2024-01-01",
    "principal": "1000.00",
    "basis": "legal_duty",
}


def run(*words: str) -> Result:
    return CliRunner().invoke(app, [*words])


def account_file(folder: Path, *changes: dict[str, str]) -> Path:
    """A file of accounts, one a change of the good one, each with its own number."""
    path = folder / "account.csv"
    header = csv_header(load()["account"]).strip().split(",")
    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator="\n")
    writer.writeheader()
    for number, change in enumerate(changes):
        writer.writerow({**GOOD, "account_number": f"A-{number}", **change})
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


FAULTS = ({}, {"principal": "1.234"}, {"opened_on": "2023-02-29", "currency": "XYZ"})


def test_a_good_file_is_fine_and_the_next_step_is_to_submit_it(tmp_path: Path) -> None:
    path = account_file(tmp_path, {})
    result = run("validate", str(path), "--dataset", "account")
    assert result.exit_code == Exit.FINE, result.output
    assert "next: tallystick submit" in result.stderr
    assert "next:" not in result.stdout


def test_all_faults_of_all_rows_are_found_with_their_places(tmp_path: Path) -> None:
    path = account_file(tmp_path, *FAULTS)
    result = run("validate", str(path), "--dataset", "account", "--json")
    assert result.exit_code == Exit.FOUND
    found = json.loads(result.stdout)
    assert (found["sent"], found["rejected"]) == (3, 2)
    places = {(one["line"], one["field"], one["seen"]) for one in found["findings"]}
    assert {(3, "principal", "1.234"), (4, "currency", "XYZ"), (4, "opened_on", "2023-02-29")} <= (
        places
    )
    assert set(found["rules"]) == {one["rule_id"] for one in found["findings"]}


def test_rules_that_need_the_ledger_are_named_and_not_evaluated(tmp_path: Path) -> None:
    result = run("validate", str(account_file(tmp_path, {})), "--dataset", "account", "--json")
    named = set(json.loads(result.stdout)["not_evaluated"])
    assert named == {one.rule_id for one in load_rules().of("account") if one.needs == "ledger"}
    assert named


@pytest.mark.parametrize(
    ("clock", "rules"),
    [
        ("2026-01-20T12:00:00Z", ["MON-DATE-001"]),
        ("2026-01-30T15:59:59Z", ["MON-DATE-001"]),
        ("2026-01-30T16:00:00Z", []),  # the day begins in the profile's time zone
        ("2026-02-01T12:00:00Z", []),
    ],
)
def test_a_month_that_is_still_to_come_is_judged_by_the_clock_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: str, rules: list[str]
) -> None:
    monkeypatch.setenv("TALLYSTICK_CLOCK", clock)
    path = tmp_path / "snapshot.ndjson"
    path.write_text(json.dumps(factory.snapshot(1, "2026-01")) + "\n", encoding="utf-8")
    result = run("validate", str(path), "--dataset", "snapshot", "--json")
    assert [one["rule_id"] for one in json.loads(result.stdout)["findings"]] == rules


@pytest.mark.parametrize(("mode", "rules"), [("test", []), ("live", ["SUB-ID-005"])])
def test_a_number_kept_for_tests_is_judged_by_the_mode_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, rules: list[str]
) -> None:
    monkeypatch.setenv("TALLYSTICK_MODE", mode)
    path = tmp_path / "subject.ndjson"
    number = {"identifier_scheme": "cn_resident_id", "identifier_number": "990101198801010012"}
    record = {**factory.subject(1, sex=None, birth_date="1988-01-01"), **number}
    path.write_text(json.dumps(record) + "\n", encoding="utf-8")
    result = run("validate", str(path), "--dataset", "subject", "--json")
    assert [one["rule_id"] for one in json.loads(result.stdout)["findings"]] == rules


def test_plain_and_gzip_give_the_same_findings(tmp_path: Path) -> None:
    path = account_file(tmp_path, *FAULTS)
    packed = tmp_path / "account.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    first, second = (
        run("validate", str(one), "--dataset", "account", "--json") for one in (path, packed)
    )
    assert first.stdout == second.stdout


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_names_every_rule_that_was_hit(tmp_path: Path, form: str) -> None:
    words = ("validate", str(account_file(tmp_path, *FAULTS)), "--dataset", "account")
    hit = {one["rule_id"] for one in json.loads(run(*words, "--json").stdout)["findings"]}
    result = run(*words, "--format", form)
    assert result.exit_code == Exit.FOUND
    assert all(rule_id in result.stdout for rule_id in hit)


def test_csv_has_one_line_a_finding(tmp_path: Path) -> None:
    words = ("validate", str(account_file(tmp_path, *FAULTS)), "--dataset", "account")
    rows = list(csv.DictReader(io.StringIO(run(*words, "--format", "csv").stdout)))
    assert len(rows) == len(json.loads(run(*words, "--json").stdout)["findings"])
    assert all(row["how_to_fix_en"] and row["how_to_fix_zh"] for row in rows)


@pytest.mark.parametrize("form", ["table", "json", "csv", "junit"])
def test_every_form_names_the_codes_of_the_field(tmp_path: Path, form: str) -> None:
    path = account_file(tmp_path, {"currency": "XYZ"}, {"basis": "whim"})
    result = run("validate", str(path), "--dataset", "account", "--format", form)
    said = " ".join(result.stdout.split())
    codes = sorted(BASES)
    assert "a code of the field's list: " + ", ".join(codes) in said
    assert "a code of the field's list: " + ", ".join(sorted(CURRENCY_DIGITS)) in said
    if form == "json":
        told = {one["field"]: one["allowed"] for one in json.loads(result.stdout)["findings"]}
        assert told["basis"]["zh"] == "字段列表中的代码: " + ", ".join(codes)
    if form == "csv":
        rows = {row["field"]: row for row in csv.DictReader(io.StringIO(result.stdout))}
        assert rows["basis"]["allowed_zh"] == "字段列表中的代码: " + ", ".join(codes)


@pytest.mark.parametrize("basis", sorted(BASES))
@pytest.mark.parametrize(
    ("profile", "permitted"),
    [("zz", {"consent", "legal_duty", "contract"}), ("cn", {"consent", "legal_duty"})],
)
def test_a_basis_the_profile_does_not_name_is_found(
    tmp_path: Path, profile: str, permitted: set[str], basis: str
) -> None:
    consent_ref = "C1" if basis == "consent" else ""
    path = account_file(tmp_path, {"basis": basis, "consent_ref": consent_ref})
    words = ("validate", str(path), "--dataset", "account", "--profile", profile, "--json")
    result = run(*words)
    found = [(one["rule_id"], one["field"], one["seen"], one["allowed"]["en"].split(": ")[-1])
             for one in json.loads(result.stdout)["findings"]]  # fmt: skip
    if basis in permitted:
        assert (result.exit_code, found) == (Exit.FINE, [])
    else:
        assert result.exit_code == Exit.FOUND
        assert found == [("FMT-CELL-008", "basis", basis, ", ".join(sorted(permitted)))]


def test_a_missing_column_is_told_absent_only_where_that_is_taken(tmp_path: Path) -> None:
    """What the hint says to write is taken: each field that must have a column is tried."""
    good = account_file(tmp_path, {}).read_text(encoding="utf-8").splitlines()
    names = good[0].split(",")
    missing = [one for one in load()["account"].fields if one.presence != "optional"]
    assert {one.presence for one in missing} == {"required", "stated"}
    for field in missing:
        at = names.index(field.name)
        path = tmp_path / "without.csv"
        rows = [line.split(",") for line in good]
        path.write_text("".join(",".join(r[:at] + r[at + 1 :]) + "\n" for r in rows))
        told = json.loads(run("validate", str(path), "--dataset", "account", "--json").stdout)
        [fault] = told["findings"]
        assert fault["field"] == field.name
        fix = told["rules"][fault["rule_id"]]["fix"]
        is_offered = field.presence == "stated"
        assert [("absent:not_held" in fix[tag]) for tag in ("en", "zh")] == [is_offered] * 2


def test_junit_counts_add_up(tmp_path: Path) -> None:
    path = account_file(tmp_path, *FAULTS)
    result = run("validate", str(path), "--dataset", "account", "--format", "junit")
    suite = ElementTree.fromstring(result.stdout)  # noqa: S314 - our own output
    assert int(suite.get("tests", "0")) == len(suite.findall("testcase"))
    assert int(suite.get("failures", "0")) == len(suite.findall("testcase/failure"))
    assert int(suite.get("skipped", "0")) == len(suite.findall("testcase/skipped"))


@pytest.mark.parametrize(
    ("fail_on", "code"),
    [("reject", Exit.FINE), ("pend", Exit.FINE), ("warn", Exit.FOUND), ("never", Exit.FINE)],
)
def test_fail_on_decides_what_is_bad_enough(tmp_path: Path, fail_on: str, code: Exit) -> None:
    path = account_file(tmp_path, {"valid_from": "2023-12-31"})  # a warning, and nothing worse
    result = run("validate", str(path), "--dataset", "account", "--fail-on", fail_on)
    assert result.exit_code == code, result.output


@pytest.mark.parametrize(
    "words",
    [
        ("--dataset", "accounts"),
        ("--dataset", "account", "--format", "xml"),
        ("--dataset", "account", "--fail-on", "info"),
        ("--dataset", "account", "--profile", "nowhere"),
    ],
)
def test_what_is_not_known_is_a_usage_error(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert run("validate", str(account_file(tmp_path, {})), *words).exit_code == Exit.USAGE


def test_an_empty_file_is_a_finding_and_not_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.touch()
    result = run("validate", str(path), "--dataset", "account", "--json")
    assert result.exit_code == Exit.FOUND
    assert [one["rule_id"] for one in json.loads(result.stdout)["findings"]] == ["FMT-FILE-001"]


def test_a_doubled_key_names_both_lines(tmp_path: Path) -> None:
    path = account_file(tmp_path, {}, {"account_number": "A-0", "principal": "2.00"})
    result = run("validate", str(path), "--dataset", "account", "--json")
    pairs = {(one["line"], one["other_line"]) for one in json.loads(result.stdout)["findings"]}
    assert (3, 2) in pairs


def test_all_rules_are_listed_and_each_can_be_explained() -> None:
    listed = json.loads(run("rules", "list", "--json").stdout)
    assert [one["rule_id"] for one in listed] == list(load_rules())
    for rule_id in list(load_rules())[::8]:
        result = run("explain", rule_id)
        assert result.exit_code == Exit.FINE, result.output
        assert rule_id in result.stdout


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ACC-DATE-001", "rule"),
        ("acc-date-001", "rule"),
        ("opened_on", "fields"),
        ("account.opened_on", "fields"),
        ("consent_withdrawn", "code"),
    ],
)
def test_rules_fields_and_codes_are_explained(name: str, kind: str) -> None:
    result = run("explain", name, "--json")
    assert result.exit_code == Exit.FINE
    assert kind in json.loads(result.stdout)
    assert run("explain", name).exit_code == Exit.FINE


@pytest.mark.parametrize("name", ["ACC-DATE-999", "snapshot.opened_on", "no_such_name"])
def test_what_nobody_knows_is_not_explained(name: str) -> None:
    result = run("explain", name)
    assert (result.exit_code, result.stdout) == (Exit.USAGE, "")


def test_synthetic_files_are_the_same_for_the_same_seed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        words = ("synth", "--out", str(tmp_path / name), "--people", "20", "--seed", "7")
        assert run(*words).exit_code == Exit.FINE
    first = {
        path.relative_to(tmp_path / "a"): path.read_bytes()
        for path in (tmp_path / "a").rglob("*.*")
    }
    assert first
    assert all((tmp_path / "b" / path).read_bytes() == data for path, data in first.items())


def test_synth_writes_into_no_folder_that_holds_something(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    assert run("synth", "--out", str(tmp_path), "--people", "20").exit_code == Exit.USAGE
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_record_has_a_digest_and_an_unreadable_one_has_none(tmp_path: Path) -> None:
    path = account_file(tmp_path, {}, {"currency": "RMB"})
    found = run("digest", str(path), "--dataset", "account", "--json")
    assert found.exit_code == Exit.FOUND
    good, bad = json.loads(found.stdout)
    assert (good["line"], len(good["digest"])) == (2, 64)
    assert bad == {"line": 3, "digest": None}
    assert run("digest", str(path), "--dataset", "consent").exit_code == Exit.USAGE


def test_a_number_of_the_wrong_form_is_found_and_not_shown(tmp_path: Path) -> None:
    """One file of persons: each number a sign short of the right one after it."""
    numbers = (
        ("cn_resident_id", "99010119880412101", "990101198804121017"),
        ("zz_person_number", "000000019", "0000000195"),
        ("soc_sec_id", "123456", "1234567"),
    )
    rows = [(scheme, number) for scheme, *both in numbers for number in both]
    header = "person_number,valid_from,identifier_scheme,identifier_number,name,birth_date"
    path = tmp_path / "subject.csv"
    lines = [f"P-{at},2026-01-15,{one},{no},Ada,1988-04-12" for at, (one, no) in enumerate(rows)]
    path.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    found = json.loads(run("validate", str(path), "--dataset", "subject", "--json").stdout)
    told = [(one["rule_id"], one["line"], one["seen"]) for one in found["findings"]]
    assert told == [("SUB-ID-007", line, None) for line in (2, 4, 6)]
    assert (found["sent"], found["rejected"]) == (6, 3)
