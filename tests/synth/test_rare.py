"""The rare things: cases of identity, numbers that change, mistakes removed, months sent again."""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tallystick.synth import Plan, generate
from tallystick.synth.going_on import BUYER
from tallystick.synth.members import MICRO_LENDER


class Row(NamedTuple):
    """A row of a file, and where it stands."""

    batch: str
    member: str
    cells: dict[str, str]


@pytest.fixture(scope="module")
def planted(demo: Plan) -> dict[str, list[dict[str, Any]]]:
    return _planted(demo)


@pytest.mark.parametrize("seed", range(8))
def test_twenty_people_are_enough_for_a_case_of_each_kind(tmp_path: Path, seed: int) -> None:
    plan = generate(tmp_path / "few", people=20, seed=seed)
    kinds = Counter(entry["kind"] for entry in _planted(plan)["cases"])
    assert kinds["clash"] >= 1
    assert kinds["weak"] >= 1


def test_fewer_than_twenty_people_have_no_case(tmp_path: Path) -> None:
    assert "cases" not in _planted(generate(tmp_path / "few", people=19, seed=1))


def test_a_clash_is_one_number_with_another_name_and_birth_date(demo: Plan, planted: Any) -> None:
    people, subjects = _people(demo), _subjects(demo)
    clashes = [entry for entry in planted["cases"] if entry["kind"] == "clash"]
    assert len(clashes) == 3
    for entry in clashes:
        person, row = people[entry["person"]], subjects[entry["member"], entry["person_number"]]
        assert row["identifier_number"] == person["number"]
        assert not set(row["name"]) & set(person["name"])
        ours, theirs = person["birth_date"].split("-"), row["birth_date"].split("-")
        assert sum(mine != other for mine, other in zip(ours, theirs, strict=True)) >= 2
        assert all(account["member"] != entry["member"] for account in person["accounts"])
        others = [one for one in subjects.values() if one["identifier_number"] == person["number"]]
        assert len(others) >= 2


def test_a_weak_match_has_her_name_and_birth_date_and_nothing_else(
    demo: Plan, planted: Any
) -> None:
    people, subjects = _people(demo), _subjects(demo)
    weak = [entry for entry in planted["cases"] if entry["kind"] == "weak"]
    assert len(weak) == 6
    for entry in weak:
        person, row = people[entry["person"]], subjects[entry["member"], entry["person_number"]]
        assert row["identifier_number"] == "absent:not_held"
        assert (row["name"], row["birth_date"]) == (person["name"], person["birth_date"])
        known = [one for one in subjects.values() if one["identifier_number"] == person["number"]]
        assert any(one["name"] == row["name"] for one in known)
        for value in ("phone", "address_line"):
            assert row[value] not in {one[value] for one in known}


def test_nobody_asks_by_a_number_that_stands_for_two(demo: Plan, planted: Any) -> None:
    people = _people(demo)
    doubled = {
        people[entry["person"]]["number"] for entry in planted["cases"] if entry["kind"] == "clash"
    }
    asked = {
        step["subject"]["identifiers"][0]["value"]
        for step in demo.read() if step["kind"] == "inquiry"
    }  # fmt: skip
    assert not doubled & asked
    personas = json.loads((demo.folder / "personas.json").read_text("utf-8"))
    assert personas["person_with_history"]["number"] not in doubled


def test_a_new_number_names_the_old_one_and_takes_over_month_and_terms(
    demo: Plan, planted: Any
) -> None:
    terms, months = _by_number(demo, "account"), _by_number(demo, "snapshot")
    for entry in planted["going_on"]:
        new, old = entry["account_number"], entry["former_account_number"]
        assert {row.cells["formerly_account_number"] for row in terms[new]} == {old}
        assert {row.member for row in (*terms[new], *months[new])} == {entry["member"]}
        assert {row.member for row in (*terms[old], *months[old])} == {entry["former_member"]}
        first = min(terms[new], key=lambda row: row.cells["valid_from"])
        assert min(row.batch for row in months[new]) == first.batch == entry["month"][:7]
        before = [row.cells["period_end"] for row in months[old]]
        after = [row.cells["period_end"] for row in months[new]]
        assert max(before) < min(after) == entry["month"]
        assert len({*before, *after}) == entry["months"]
        # A buyer that is sent the first terms together with the seller would not know them yet.
        assert all(row.batch < first.batch for row in terms[old])


def test_loans_are_sold_and_cards_renumbered_some_of_them_late(demo: Plan, planted: Any) -> None:
    reasons = Counter(entry["reason"] for entry in planted["going_on"])
    assert reasons["sold"] >= 2
    assert reasons["renumbered"] >= 10
    terms = _by_number(demo, "account")
    for entry in planted["going_on"]:
        row = terms[entry["account_number"]][0]
        assert row.cells["formerly_reason"] == entry["reason"]
        if entry["reason"] == "sold":
            assert (entry["former_member"], entry["member"]) == (MICRO_LENDER, BUYER)
            assert row.cells["formerly_furnisher"] == MICRO_LENDER
            assert (row.cells["basis"], row.cells["consent_ref"]) == ("legal_duty", "")
        else:
            assert entry["member"] == entry["former_member"]
            assert row.cells["formerly_furnisher"] == ""


def test_a_seller_says_that_it_sold_before_the_buyer_takes_over(demo: Plan, planted: Any) -> None:
    events = _by_number(demo, "event")
    for entry in planted["going_on"]:
        said = [
            row for row in events.get(entry["former_account_number"], [])
            if row.cells["event_type"] == "sold"
        ]  # fmt: skip
        if entry["reason"] != "sold":
            assert said == []
            continue
        (word,) = said
        assert word.member == entry["former_member"]
        assert word.batch < entry["month"][:7]


def test_the_first_delinquency_goes_on_under_the_new_number(demo: Plan, planted: Any) -> None:
    months = _by_number(demo, "snapshot")
    late = [entry for entry in planted["going_on"] if entry["is_late_at_change"]]
    assert len(late) >= 3
    for entry in late:
        last = max(months[entry["former_account_number"]], key=_period_end).cells
        first = min(months[entry["account_number"]], key=_period_end).cells
        assert last["first_delinquency_on"] == first["first_delinquency_on"] != ""
    for entry in planted["going_on"]:
        newest = max(months[entry["account_number"]], key=_period_end).cells
        assert newest["first_delinquency_on"] == entry["first_delinquency_on"]


def test_a_mistaken_account_is_removed_three_months_later_and_was_looked_at(
    demo: Plan, planted: Any
) -> None:
    months, removed = _by_number(demo, "snapshot"), _rows(demo, "deletion")
    asked = {
        (step["member"], step["at"], step["subject"]["identifiers"][0]["value"])
        for step in demo.read() if step["kind"] == "inquiry" and step["expect"] == "hit"
    }  # fmt: skip
    assert len(removed) == len(planted["deleted"]) == 3
    for entry in planted["deleted"]:
        rows = [
            row for row in removed
            if json.loads(row.cells["record_key"])["account_number"] == entry["account_number"]
        ]  # fmt: skip
        assert [(row.member, row.batch) for row in rows] == [(entry["member"], entry["month"][:7])]
        sent = sorted(row.batch for row in months[entry["account_number"]])
        assert len(sent) == 3
        assert _month(entry["month"]) - _month(f"{sent[0]}-01") == 3
        assert (entry["member"], entry["looked_at"], entry["number"]) in asked
        # Between the file with the last month (on the third) and the one with the deletion.
        assert entry["looked_at"][:7] == entry["month"][:7]


def test_a_month_sent_again_differs_in_what_was_paid_and_what_is_owed(
    demo: Plan, planted: Any
) -> None:
    months = _by_number(demo, "snapshot")
    again = {(entry["account_number"], entry["period_end"]): entry for entry in planted["restated"]}
    assert len(again) >= 8
    for number, rows in months.items():
        counted = Counter(_period_end(row) for row in rows)
        twice = {period_end for period_end, times in counted.items() if times > 1}
        assert twice == {period_end for account, period_end in again if account == number}
    for (number, period_end), entry in again.items():
        first, second = sorted(
            (row for row in months[number] if _period_end(row) == period_end),
            key=lambda row: row.batch,
        )
        assert _month(f"{second.batch}-01") - _month(f"{first.batch}-01") == 1
        differing = {name for name, text in first.cells.items() if text != second.cells[name]}
        assert differing == {"balance", "amount_paid"}
        assert first.cells["balance"] == entry["first_balance"]
        assert second.cells["balance"] == entry["balance"]
        assert sum(float(first.cells[name]) for name in differing) == pytest.approx(
            sum(float(second.cells[name]) for name in differing)
        )


def _planted(plan: Plan) -> dict[str, list[dict[str, Any]]]:
    return json.loads((plan.folder / "truth" / "rare.json").read_text("utf-8"))


def _people(plan: Plan) -> list[dict[str, Any]]:
    lines = (plan.folder / "truth" / "people.ndjson").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _rows(plan: Plan, dataset: str) -> list[Row]:
    found = []
    for path in sorted(plan.folder.glob(f"files/*/*/{dataset}.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            batch, member = path.parts[-3:-1]
            # "2025-11" comes after the back-load as text only without its name.
            found += [
                Row("" if batch == "backload" else batch, member, cells)
                for cells in csv.DictReader(file)
            ]
    return found


def _by_number(plan: Plan, dataset: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in _rows(plan, dataset):
        found.setdefault(row.cells["account_number"], []).append(row)
    return found


def _subjects(plan: Plan) -> dict[tuple[str, str], dict[str, str]]:
    return {
        (row.member, row.cells["person_number"] or row.cells["account_number"]): row.cells
        for row in _rows(plan, "subject")
    }


def _period_end(row: Row) -> str:
    return row.cells["period_end"]


def _month(day: str) -> int:
    at = date.fromisoformat(day)
    return at.year * 12 + at.month
