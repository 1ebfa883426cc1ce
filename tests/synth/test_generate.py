"""A run as a whole: the same bytes again, the shares wanted, files as the registry says."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tallystick.errors import InvariantBroken
from tallystick.formats import registry
from tallystick.synth import Plan, generate
from tallystick.synth.members import SHY_PLATFORM


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(tmp_path: Path) -> None:
    digests = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        generate(tmp_path / name, people=60, seed=seed, until=date(2026, 10, 1))
        digests.append(_digests(tmp_path / name))
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


def test_a_folder_with_a_plan_is_refused(small: Plan) -> None:
    with pytest.raises(InvariantBroken):
        generate(small.folder, people=1, seed=1)


@pytest.mark.parametrize("profile", ["zz", "cn"])
def test_one_person_is_enough_under_either_profile(tmp_path: Path, profile: str) -> None:
    plan = generate(tmp_path / "one", people=1, seed=3, profile=profile)  # type: ignore[arg-type]
    assert plan.people == 1
    assert plan.steps["submit"] > 0


def test_every_file_has_the_registry_header_and_every_step_a_file(small: Plan) -> None:
    headers = {
        name: [field.name for field in dataset.fields]
        for name, dataset in registry.load().items()
    }  # fmt: skip
    sent = [step for step in small.read() if step["kind"] in ("submit", "correct")]
    assert sorted(step["file"] for step in sent) == sorted(
        path.relative_to(small.folder).as_posix() for path in small.folder.rglob("files/**/*.csv")
    )
    for step in sent:
        with (small.folder / step["file"]).open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        assert rows[0] == headers[step["dataset"]]
        assert {len(row) for row in rows} == {len(rows[0])}
        if step["kind"] == "submit":
            assert len(rows) - 1 == step["rows"]
        if step["kind"] == "submit" and step["dataset"] == "funding":
            column = rows[0].index("originator")
            assert step["originators"] == sorted({row[column] for row in rows[1:]})
        else:
            assert "originators" not in step


def test_shares_of_the_late_are_those_of_real_registries(demo: Plan) -> None:
    persons: Counter[int] = Counter()
    accounts: Counter[int] = Counter()
    for entry in _truth(demo):
        worsts = [account["worst"] for account in entry["accounts"] if account["furnished"]]
        if worsts:
            persons[max(worsts)] += 1
            accounts.update(worsts)
    wanted = (
        (persons, (0.756, 0.200, 0.044), (0.03, 0.03, 0.015)),
        (accounts, (0.885, 0.101, 0.014), (0.02, 0.02, 0.006)),
    )
    for counts, shares, tolerances in wanted:
        for kind, (share, tolerance) in enumerate(zip(shares, tolerances, strict=True)):
            assert counts[kind] / counts.total() == pytest.approx(share, abs=tolerance)
    assert accounts.total() / persons.total() == pytest.approx(3.7, abs=0.25)


def test_buckets_never_rise_by_more_than_one_and_agree_with_the_truth(demo: Plan) -> None:
    broken = {(entry["file"], entry["line"]) for entry in _planted(demo)}
    former = {entry["account_number"]: entry["former_account_number"] for entry in _going_on(demo)}
    last: dict[str, int | None] = {}
    worst: dict[str, int] = defaultdict(int)
    for file, line, row in _snapshots(demo):
        number = former.get(row["account_number"], row["account_number"])
        if (file, line) in broken:
            last[number] = None
            continue
        bucket = {"C": 0, "X": None}.get(row["bucket"], -1)
        bucket = int(row["bucket"]) if bucket == -1 else bucket
        before = last.get(number, 0)
        if bucket is not None:
            assert before is None or bucket <= before + 1
            worst[number] = max(worst[number], bucket)
        last[number] = bucket
    truth = {
        account["account_number"]: account["worst"]
        for entry in _truth(demo) for account in entry["accounts"] if account["furnished"]
    }  # fmt: skip
    differing = [number for number in truth if min(worst[number], 2) != truth[number]]
    # A planted fault may have hidden the only late month of an account.
    assert len(differing) <= len(broken)


def test_late_rows_carry_notice_and_first_day_and_amounts_fit(demo: Plan) -> None:
    broken = {(entry["file"], entry["line"]) for entry in _planted(demo)}
    first: dict[str, str] = {}
    for file, line, row in _snapshots(demo):
        if (file, line) in broken or row["bucket"] == "X":
            continue
        is_late = row["bucket"] in "12345"
        assert is_late == bool(row["first_delinquency_on"]) == bool(row["notice_sent_on"])
        assert is_late == (row["days_past_due"] != "0") == (float(row["amount_past_due"]) > 0)
        assert float(row["amount_past_due"]) <= float(row["balance"])
        if not is_late:
            first.pop(row["account_number"], None)
            continue
        assert row["notice_sent_on"] < row["first_delinquency_on"] <= row["period_end"]
        kept = first.setdefault(row["account_number"], row["first_delinquency_on"])
        assert row["first_delinquency_on"] == kept
        days = int(row["days_past_due"])
        assert int(row["bucket"]) == min(5, (days + 29) // 30)


def test_routine_payments_are_told_singly_from_the_last_year_of_the_back_load(demo: Plan) -> None:
    with (demo.folder / "files/backload/skylark/event.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    days: dict[str, list[str]] = {}
    for row in rows:
        days.setdefault(row["event_type"], []).append(row["occurred_at"][:10])
    first = "2024-11-01"  # months 36 to 47 of the sixty that end with October 2026
    assert first <= min(days["repaid"]) < "2024-12-01"
    assert min(days["overdue"]) < first
    assert min(days["opened"]) < first


def test_funded_shares_never_exceed_the_loan(demo: Plan) -> None:
    broken = {(entry["file"], entry["line"]) for entry in _planted(demo)}
    shares: dict[tuple[str, str], int] = defaultdict(int)
    for path in sorted(demo.folder.rglob("funding.csv")):
        file = path.relative_to(demo.folder).as_posix()
        for line, row in enumerate(_rows(path), start=2):
            if (file, line) not in broken:
                shares[row["originator"], row["account_number"]] += round(float(row["share"]) * 100)
    assert len(shares) > 1000
    assert max(shares.values()) <= 100


def test_planted_faults_stand_where_the_truth_says(demo: Plan) -> None:
    planted = _planted(demo)
    assert len(planted) >= 12
    assert len({(entry["file"], entry["line"]) for entry in planted}) == len(planted)
    for entry in planted:
        assert f"/{SHY_PLATFORM}/" in entry["file"]
        assert "/backload/" not in entry["file"]


def test_few_agree_at_one_platform(demo: Plan) -> None:
    answers: Counter[str] = Counter()
    for line in (demo.folder / "truth" / "consents.ndjson").read_text("utf-8").splitlines():
        entry = json.loads(line)
        if entry["member"] == SHY_PLATFORM and entry["purpose"] == "furnishing":
            answers[entry["outcome"]] += 1
    assert answers["given"] / (answers["given"] + answers["refused"]) == pytest.approx(
        0.08, abs=0.03
    )


def test_progress_reaches_the_number_of_persons(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    generate(tmp_path / "p", people=30, seed=2, progress=lambda *told: seen.append(told))
    assert ("people", 0, 30) in seen
    assert ("people", 30, 30) in seen


def _digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _truth(plan: Plan) -> Iterator[dict]:
    with (plan.folder / "truth" / "people.ndjson").open(encoding="utf-8") as file:
        yield from (json.loads(line) for line in file)


def _planted(plan: Plan) -> list[dict]:
    return json.loads((plan.folder / "truth" / "planted.json").read_text("utf-8"))


def _going_on(plan: Plan) -> list[dict]:
    return json.loads((plan.folder / "truth" / "rare.json").read_text("utf-8"))["going_on"]


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _snapshots(plan: Plan) -> Iterator[tuple[str, int, dict[str, str]]]:
    """(file, line, row) of all snapshots, months ascending for every account."""
    files = list(plan.folder.rglob("files/*/*/snapshot.csv"))
    for path in sorted(files, key=lambda item: (item.parts[-3] != "backload", item)):
        for line, row in enumerate(_rows(path), start=2):
            yield path.relative_to(plan.folder).as_posix(), line, row
