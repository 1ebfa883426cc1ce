"""The plan: one back-load, twelve months, and between them people who look, agree and withdraw."""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import date
from pathlib import Path

from tallystick.synth import Plan, generate
from tallystick.synth.plan import DATASET_ORDER


def test_steps_stand_in_order_of_time_and_start_with_the_members(small: Plan) -> None:
    steps = list(small.read())
    assert [step["at"] for step in steps] == sorted(step["at"] for step in steps)
    assert steps[0]["kind"] == "submit"
    assert steps[0]["dataset"] == "member"
    assert steps[0]["at"] == "2025-11-03T01:00:00.000000Z"
    assert Counter(step["kind"] for step in steps) == small.steps


def test_one_backload_then_twelve_months_each_on_the_third(small: Plan) -> None:
    batches: dict[str, list[dict]] = {}
    for step in small.read():
        if step["kind"] == "submit":
            batches.setdefault(step["file"].split("/")[1], []).append(step)
    assert next(iter(batches)) == "backload"
    assert len(batches) == 13
    for steps in batches.values():
        assert {step["at"][8:10] for step in steps} == {"03"}
        places = [DATASET_ORDER.index(step["dataset"]) for step in steps]
        assert places == sorted(places)


def test_a_consent_is_registered_before_it_is_used_or_withdrawn(demo: Plan) -> None:
    known: set[str] = set()
    withdrawn: set[str] = set()
    furnishing = {
        json.loads(line)["consent_id"]
        for line in (demo.folder / "truth" / "consents.ndjson").read_text("utf-8").splitlines()
        if json.loads(line)["purpose"] == "furnishing"
    }
    refused = 0
    for step in demo.read():
        if step["kind"] == "consent":
            known.add(step["consent_id"])
        elif step["kind"] == "withdraw":
            assert step["consent_id"] in known | furnishing
            withdrawn.add(step["consent_id"])
        elif step["kind"] == "inquiry" and step["legal_basis"]["type"] == "consent":
            assert step["legal_basis"]["consent_id"] in known
            if step["legal_basis"]["consent_id"] in withdrawn:
                assert step["expect"] == "refused"
            refused += step["expect"] == "refused"
    assert refused > 20


def test_nobody_is_sought_in_vain_of_whom_something_was_sent(tmp_path: Path) -> None:
    found = Counter[bool]()
    for people in (12, 16):
        plan = generate(tmp_path / str(people), people=people, seed=1, until=date(2026, 10, 31))
        sent: set[str] = set()
        for step in plan.read():
            if step.get("dataset") == "subject":
                with (plan.folder / step["file"]).open(encoding="utf-8", newline="") as file:
                    sent |= {row["identifier_number"] for row in csv.DictReader(file)}
            elif step["kind"] == "inquiry" and step["expect"] == "no_hit":
                found[step["subject"]["identifiers"][0]["value"] in sent] += 1
    assert found == {False: 2}


def test_inquiries_are_about_one_in_twenty_persons_a_month(demo: Plan) -> None:
    inquiries = [step for step in demo.read() if step["kind"] == "inquiry"]
    assert 0.8 < len(inquiries) / (12 * demo.people / 20) < 1.3
    keys = [step["idempotency_key"] for step in inquiries]
    assert len(set(keys)) == len(keys)


def test_personas_are_what_a_demo_wants_to_show(demo: Plan) -> None:
    personas = json.loads((demo.folder / "personas.json").read_text("utf-8"))
    rich, thin = personas["person_with_history"], personas["person_thin_on_credit"]
    assert len(rich["lenders"]) >= 4
    assert rich["looks"] >= 2
    assert thin["lenders"] == []
    last = [step for step in demo.read() if step["kind"] == "consent"][-1]
    example = personas["inquiry_example"]
    assert example["body"]["legal_basis"] == {"type": "consent", "consent_id": last["consent_id"]}
    assert last["member"] == example["member"]
