"""The registry of rules: what it refuses, which rules are in force when, and its pages."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tallystick.errors import ProfileError
from tallystick.formats import load as load_formats
from tallystick.validate import context_of, load_rules, read_rules
from tallystick.validate.context import DATASETS
from tallystick.validate.docs import stale
from tallystick.validate.registry import Rule, read_rule

RULES = load_rules()
ENTRY = tomllib.loads(
    """
    id = "ACC-DATE-001"
    dataset = "account"
    severity = "reject"
    needs = "row"
    when = "closed_on < opened_on"
    fields = ["opened_on", "closed_on"]
    field = "closed_on"
    message = { en = "m", zh = "信息" }
    allowed = { en = "a", zh = "允许" }
    fix = { en = "f", zh = "修正" }
    rationale = { en = "r", zh = "理由" }
    potential_harm = { en = "h", zh = "危害" }
    alternate_explanation = { en = "a", zh = "其他" }
    source = "s"
    [[example]]
    kind = "hit"
    why = "a day before"
    row = { closed_on = 2024-05-01, opened_on = 2024-05-02 }
    [[example]]
    kind = "miss"
    why = "the same day"
    row = { closed_on = 2024-05-02, opened_on = 2024-05-02 }
    """
)


def _without(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda entry: entry.pop(key)


def _with(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda entry: entry.update({key: value})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_without("source"), "source is missing"),
        (_without("potential_harm"), "potential_harm is missing"),
        (_without("when"), "when is missing"),
        (_without("example"), "example is missing"),
        (_with("message", {"en": "m"}), "message wants a text in en and in zh"),
        (_with("fix", {"en": "m", "zh": ""}), "fix wants a text in en and in zh"),
        (_with("rationale", "r"), "rationale wants a text in en and in zh"),
        (_with("potential_harm", {"en": "h"}), "potential_harm wants a text in en and in zh"),
        (
            _with("alternate_explanation", {"en": "a", "zh": ""}),
            "alternate_explanation wants a text in en and in zh",
        ),
        (_with("colour", "red"), "unknown key 'colour'"),
        (_with("id", "account date"), "an id looks like"),
        (_with("severity", "fatal"), "severity or needs is unknown"),
        (_with("dataset", "loan"), "'loan' is not a dataset"),
        (_with("dataset", ["account", "snapshot"]), "neither a column"),
        (_with("when", "closed_on < opened"), "'opened' is neither a column"),
        (_with("when", "closed_on < judged_on AND is_deleted"), "its columns need 'ledger'"),
        (_with("fields", ["closed_on"]), "does not list 'opened_on'"),
        (_with("fields", ["opened_on", "closed_on", "shut_on"]), "'shut_on' is not a field"),
        (_with("field", "shut_on"), "'shut_on' is not a field"),
        (_with("shows", "shut_on"), "'shut_on' is not a column"),
        (_with("example", ENTRY["example"][:1]), "an example that hits and one that misses"),
        (_with("example", ENTRY["example"][1:]), "an example that hits and one that misses"),
        (_with("example", [{"kind": "hit", "why": "w"}]), "wants kind"),
        (
            _with("example", [*ENTRY["example"], {"kind": "hit", "why": "w", "row": {"x": 1}}]),
            "unknown column 'x'",
        ),
        (_with("by", "parser"), "has no expression"),
        (_with("by", "somebody"), "by is one of parser, consent"),
    ],
)
def test_an_incomplete_rule_is_refused(change: Callable[[dict[str, Any]], None], says: str) -> None:
    entry = dict(ENTRY)
    change(entry)
    with pytest.raises(ProfileError, match=says):
        read_rule(entry, "account.toml")


def _by_place(at: dict[str, str], **more: str) -> dict[str, Any]:
    kept = {key: value for key, value in ENTRY.items() if key not in {"when", "field"}}
    return {**kept, "at": at, **more}


PLACES = {"closed_on": "closed_on < opened_on", "opened_on": "opened_on = closed_on"}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, [("closed_on", "closed_on"), ("opened_on", "opened_on")]),
        ({"field": "opened_on"}, [("opened_on", "closed_on"), ("opened_on", "opened_on")]),
    ],
)
def test_a_rule_of_several_places_is_one_of_each(
    more: dict[str, str], told: list[tuple[str, str]]
) -> None:
    rule = read_rule(_by_place(PLACES, **more), "account.toml")
    assert [(part.field, part.shows) for part in rule.parts()] == told
    assert {part.rule_id for part in rule.parts()} == {rule.rule_id}
    (only,) = read_rule(ENTRY, "account.toml").parts()
    assert only.expression


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (_by_place({**PLACES, "product": "product = 'x'"}), "at names 'product'"),
        (_by_place({"shut_on": "closed_on < opened_on"}), "at names 'shut_on'"),
        (_by_place(PLACES, when="closed_on < opened_on"), "has `at`, or `when`"),
        (_by_place(PLACES, shows="closed_on"), "has `at`, or `when`"),
        (_by_place({"closed_on": "closed_on < shut"}), "'shut' is neither a column"),
        (_by_place({}), "at is missing"),
    ],
)
def test_places_that_say_nothing_are_refused(entry: dict[str, Any], says: str) -> None:
    with pytest.raises(ProfileError, match=says):
        read_rule(entry, "account.toml")


def test_what_a_reader_finds_says_why_too() -> None:
    entry = {key: value for key, value in ENTRY.items() if key not in {"when", "example", "source"}}
    assert read_rule({**entry, "by": "parser"}, "format.toml").rationale.zh == "理由"
    entry.pop("rationale")
    with pytest.raises(ProfileError, match="rationale is missing"):
        read_rule({**entry, "by": "parser"}, "format.toml")


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_the_chinese_texts_are_chinese(rule: Rule) -> None:
    chinese = re.compile(r"[\u4e00-\u9fff]")
    for name in ("message", "fix", "rationale", "potential_harm", "alternate_explanation"):
        text = getattr(rule, name)
        assert chinese.search(text.zh), name
        assert not chinese.search(text.en), name


def test_the_rule_they_are_made_from_is_taken() -> None:
    assert read_rule(ENTRY, "account.toml").rule_id == "ACC-DATE-001"


@pytest.mark.parametrize(
    ("text", "says"),
    [("a = 1", "wants"), ("[[rule]\n", "not TOML"), ("[[rule]]\nid = 'X'", "dataset is missing")],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "a.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError, match=says):
        read_rules(tmp_path)


DATED = [
    {"from": date(2025, 1, 1), "severity": "warn"},
    {"from": date(2025, 7, 1), "severity": "off"},
]


@pytest.mark.parametrize(
    ("override", "day", "severity"),
    [
        ("warn", None, "warn"),
        ("off", None, None),
        (DATED, date(2024, 12, 31), "reject"),
        (DATED, date(2025, 1, 1), "warn"),
        (DATED, date(2025, 6, 30), "warn"),
        (DATED, date(2025, 7, 1), None),
    ],
)
def test_a_profile_changes_a_rule_from_a_day_on(
    override: Any, day: date | None, severity: str | None
) -> None:
    found = RULES.in_force("account", {"ACC-DATE-001": override}, day)
    assert {rule.rule_id: rule.severity for rule in found}.get("ACC-DATE-001") == severity
    assert len(found) == len(RULES.of("account")) - (severity is None)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"ACC-NONE-001": "warn"}, "ACC-NONE-001 is not a rule"),
        ({"ACC-DATE-001": "fatal"}, "has the severity 'fatal'"),
        ({"ACC-DATE-001": DATED}, "no day is given"),
    ],
)
def test_what_a_profile_cannot_say_is_refused(overrides: Any, says: str) -> None:
    with pytest.raises(ProfileError, match=says):
        RULES.in_force("account", overrides)


def test_what_reading_finds_cannot_be_switched_off() -> None:
    parsed = RULES["FMT-FILE-001"]
    found = RULES.in_force("account", {parsed.rule_id: "off"})
    assert parsed.rule_id in {rule.rule_id for rule in found}


def test_context_covers_the_datasets_of_the_native_records() -> None:
    assert set(DATASETS) == set(load_formats())
    for dataset in DATASETS:
        names = [column.name for column in context_of(dataset)]
        assert len(names) == len(set(names))


def test_the_reference_pages_are_current() -> None:
    assert stale(Path(__file__).parents[2]) == []
