"""The registry of rules: reads `rules/*.toml`, refuses what is incomplete, says what is in force.

A rule is data a lawyer can read: an expression, its texts, its source, examples that hit and that
miss. Entries with `by` are faults that the reading of a file (`parser`) or the check
of a consent (`consent`) finds, or publishing, or that nobody looks for any more, whose texts old
findings still need (`nobody`); they carry texts only.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, get_args

from tallystick.errors import ProfileError
from tallystick.model.finding import Severity
from tallystick.validate.columns import column_of_field, columns_of
from tallystick.validate.context import DATASETS, Needs
from tallystick.validate.expression import Expression, parse

ANY = "any"
#: Who makes the findings of rules that carry texts only; `nobody` those of rules that are gone.
_FINDERS = ("parser", "consent", "publishing", "nobody")
OFF = "off"
#: A severity, or entries `{from: date, severity: str}`.
Override = str | Sequence[Mapping[str, Any]]
_ID = re.compile(r"[A-Z]{3}(-[A-Z0-9]{2,10})+-[0-9]{3}")
_ORDER: tuple[Needs, ...] = ("row", "file", "ledger")
_REASONING = ("rationale", "potential_harm", "alternate_explanation")
_ALWAYS = ("id", "dataset", "severity", "needs", "message", "allowed", "fix", *_REASONING)
_JUDGED = ("source", "when", "example")
_KEYS = {*_ALWAYS, *_JUDGED, "fields", "field", "shows", "at", "by"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One sentence in both languages."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One row and whether the rule hits it."""

    hits: bool
    why: str
    row: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One of the fields a rule may find at fault: where it points, what it quotes, when."""

    field: str
    shows: str | None
    expression: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule.

    `field` is the native field the finding points to (None: the record as a whole); `shows` the
    typed column whose value the finding quotes. `expression` is None for texts only. A rule with
    `places` makes a finding for each whose own condition holds; its `expression` is any of them.
    """

    rule_id: str
    datasets: tuple[str, ...]
    severity: Severity
    needs: Needs
    message: Text
    allowed: Text
    fix: Text
    rationale: Text
    potential_harm: Text
    alternate_explanation: Text
    source: str
    fields: tuple[str, ...] = ()
    field: str | None = None
    shows: str | None = None
    expression: Expression | None = None
    places: tuple[Place, ...] = ()
    examples: tuple[Example, ...] = ()
    file: str = ""

    def parts(self) -> tuple[Rule, ...]:
        """The rule once for each of its places, each as a rule of that field; else itself."""
        if not self.places:
            return (self,)
        return tuple(
            replace(
                self, field=one.field, shows=one.shows, expression=one.expression, places=(),
                fields=_read_by(one.expression, self.datasets, and_field=one.field),
            )
            for one in self.places
        )  # fmt: skip


def _read_by(expression: Expression, datasets: Sequence[str], *, and_field: str) -> tuple[str, ...]:
    """The record's fields that an expression reads, and the one it points to."""
    columns = (columns_of(dataset)[name] for dataset in datasets for name in expression.columns)
    return tuple(dict.fromkeys((and_field, *(one.field for one in columns if one.field))))


class Rules(Mapping[str, Rule]):
    """All rules by id, in the order of their files."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules: dict[str, Rule] = {}
        for rule in rules:
            if rule.rule_id in self._rules:
                raise ProfileError(f"rules: {rule.rule_id} is defined twice")
            self._rules[rule.rule_id] = rule

    def __getitem__(self, rule_id: str) -> Rule:
        return self._rules[rule_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def of(self, dataset: str) -> tuple[Rule, ...]:
        """The rules of one dataset, those that carry texts only among them."""
        return tuple(rule for rule in self._rules.values() if dataset in rule.datasets)

    def in_force(
        self,
        dataset: str,
        overrides: Mapping[str, Override] | None = None,
        day: date | None = None,
    ) -> tuple[Rule, ...]:
        """The rules of a dataset in force on a day, with the severity they then have.

        Takes:    `overrides`: rule id to a severity, or to dated entries `{from, severity}` in any
                  order, of which the newest begun on `day` counts; `off` takes a rule out of
                  force. A rule not named, or not yet overridden, keeps its own severity; what
                  carries texts only is always in force: what cannot be read cannot be taken.
        Raises:   ProfileError for an unknown rule or severity, or dated entries without a day
        """
        named = overrides or {}
        for rule_id in named:
            if rule_id not in self._rules:
                raise ProfileError(f"rules in force: {rule_id} is not a rule")
        found = []
        for rule in self.of(dataset):
            severity = rule.severity
            if rule.expression is not None and rule.rule_id in named:
                severity = _severity_on(day, rule, named[rule.rule_id])
            if severity != OFF:
                found.append(
                    rule if severity == rule.severity else replace(rule, severity=severity)
                )
        return tuple(found)


def _severity_on(day: date | None, rule: Rule, override: Override) -> Any:
    """The severity an override gives on a day, `off` among them."""
    severity: str = rule.severity
    if isinstance(override, str):
        severity = override
    elif day is None:
        raise ProfileError(f"rules in force: {rule.rule_id} is dated, and no day is given")
    else:
        begun = [entry for entry in override if entry["from"] <= day]
        if begun:
            severity = max(begun, key=lambda entry: entry["from"])["severity"]
    if severity not in (*get_args(Severity), OFF):
        raise ProfileError(f"rules in force: {rule.rule_id} has the severity {severity!r}")
    return severity


@cache
def load_rules() -> Rules:
    """The rules shipped with the package, read once."""
    return read_rules(files("tallystick.validate").joinpath("rules"))


def read_rules(folder: Traversable) -> Rules:
    """The rules of a folder of TOML files.

    Raises:   ProfileError naming file and rule for anything missing, unknown or contradictory
    """
    found: list[Rule] = []
    for file in sorted(folder.iterdir(), key=lambda item: item.name):
        if not file.name.endswith(".toml"):
            continue
        try:
            document = tomllib.loads(file.read_text("utf-8"), parse_float=Decimal)
        except tomllib.TOMLDecodeError as error:
            raise ProfileError(f"{file.name}: not TOML: {error}") from error
        if set(document) != {"rule"}:
            raise ProfileError(f"{file.name}: wants [[rule]] entries and nothing else")
        found += [read_rule(entry, file.name) for entry in document["rule"]]
    return Rules(found)


def read_rule(entry: Mapping[str, Any], file_name: str) -> Rule:
    """One rule of a file, checked (see `read_rules`)."""
    where = f"{file_name}: {entry.get('id', 'a rule without id')}"
    is_texts = "by" in entry
    _check_keys(entry, where, is_texts=is_texts)
    datasets = _datasets(entry["dataset"], where)
    places = _places(entry, datasets, where)
    expression = None if is_texts else _expression(_when(entry), datasets, where)
    rule = Rule(
        rule_id=entry["id"],
        datasets=datasets,
        severity=entry["severity"],
        needs=entry["needs"],
        message=_text(entry, "message", where),
        allowed=_text(entry, "allowed", where),
        fix=_text(entry, "fix", where),
        rationale=_text(entry, "rationale", where),
        potential_harm=_text(entry, "potential_harm", where),
        alternate_explanation=_text(entry, "alternate_explanation", where),
        source=entry.get("source", ""),
        fields=tuple(entry.get("fields", ())),
        field=entry.get("field"),
        shows=_shows(entry, datasets[0]),
        expression=expression,
        places=places,
        file=file_name.removesuffix(".toml"),
        examples=tuple(_example(item, where) for item in entry.get("example", ())),
    )
    if expression is not None:
        _check_columns(rule, where)
        _check_examples(rule, where)
    return rule


def _check_keys(entry: Mapping[str, Any], where: str, *, is_texts: bool) -> None:
    unknown = set(entry) - _KEYS
    if unknown:
        raise ProfileError(f"{where}: unknown key {min(unknown)!r}")
    needed = _ALWAYS if is_texts else (*_ALWAYS, *_JUDGED)
    if "at" in entry and ("when" in entry or "shows" in entry):
        raise ProfileError(f"{where}: a rule has `at`, or `when` and perhaps `shows`")
    for key in ("at" if key == "when" and "at" in entry else key for key in needed):
        if not entry.get(key):
            raise ProfileError(f"{where}: {key} is missing")
    if is_texts and entry["by"] not in _FINDERS:
        raise ProfileError(f"{where}: by is one of {', '.join(_FINDERS)}")
    if is_texts and ("when" in entry or "at" in entry):
        raise ProfileError(f"{where}: a rule with `by` has no expression")
    if not _ID.fullmatch(entry["id"]):
        raise ProfileError(f"{where}: an id looks like ACC-DATE-004")
    if entry["severity"] not in get_args(Severity) or entry["needs"] not in _ORDER:
        raise ProfileError(f"{where}: severity or needs is unknown")


def _datasets(named: str | Sequence[str], where: str) -> tuple[str, ...]:
    if named == ANY:
        return DATASETS
    datasets = (named,) if isinstance(named, str) else tuple(named)
    for dataset in datasets:
        if dataset not in DATASETS:
            raise ProfileError(f"{where}: {dataset!r} is not a dataset")
    return datasets


def _text(entry: Mapping[str, Any], key: str, where: str) -> Text:
    value = entry[key]
    if not isinstance(value, dict) or set(value) != {"en", "zh"} or not all(value.values()):
        raise ProfileError(f"{where}: {key} wants a text in en and in zh")
    return Text(en=value["en"], zh=value["zh"])


def _when(entry: Mapping[str, Any]) -> str:
    """The condition of a rule: of one with `at` any of its own."""
    if "at" not in entry:
        return str(entry["when"])
    return "\nOR ".join(f"({condition.strip()})" for condition in entry["at"].values())


def _places(entry: Mapping[str, Any], datasets: Sequence[str], where: str) -> tuple[Place, ...]:
    """Of `at`, a condition for each field it names: the finding quotes that field.

    It points there too, or to `field` where a value is missing there that the others ask for.
    """
    places = []
    for name, condition in entry.get("at", {}).items():
        if column_of_field(datasets[0], name) is None or name not in entry.get("fields", ()):
            raise ProfileError(f"{where}: at names {name!r}, which is not one of its fields")
        expression = _expression(condition, datasets, where)
        field = entry.get("field", name)
        shown = _shows({"field": name}, datasets[0])
        places.append(Place(field=field, shows=shown, expression=expression))
    return tuple(places)


def _expression(when: str, datasets: Sequence[str], where: str) -> Expression:
    """The expression, which must mean the same in each of the rule's datasets."""
    parsed = [
        parse(
            when,
            {name: column.type for name, column in columns_of(dataset).items()},
            where=f"{where} ({dataset})",
        )
        for dataset in datasets
    ]
    if any(other.root != parsed[0].root for other in parsed):
        raise ProfileError(f"{where}: the expression means different things in its datasets")
    return parsed[0]


def _shows(entry: Mapping[str, Any], dataset: str) -> str | None:
    if "shows" in entry or "field" not in entry:
        return entry.get("shows")
    column = column_of_field(dataset, entry["field"])
    return column.name if column else None


def _check_columns(rule: Rule, where: str) -> None:
    """`fields` names the record's fields the expression reads; `needs` is what its columns need."""
    expression = rule.expression
    for dataset in rule.datasets if expression else ():
        known = columns_of(dataset)
        for field in (*rule.fields, *([rule.field] if rule.field else [])):
            if column_of_field(dataset, field) is None:
                raise ProfileError(f"{where}: {field!r} is not a field of {dataset}")
        if rule.shows is not None and rule.shows not in known:
            raise ProfileError(f"{where}: {rule.shows!r} is not a column of {dataset}")
        used = [known[name] for name in expression.columns] if expression else []
        unlisted = {item.field for item in used if item.field} - set(rule.fields)
        if unlisted:
            raise ProfileError(f"{where}: fields does not list {min(unlisted)!r}")
        needs = max((item.needs for item in used), key=_ORDER.index)
        if needs != rule.needs:
            raise ProfileError(f"{where}: its columns need {needs!r}, it says {rule.needs!r}")


def _example(entry: Mapping[str, Any], where: str) -> Example:
    if set(entry) != {"kind", "why", "row"} or entry["kind"] not in ("hit", "miss"):
        raise ProfileError(f"{where}: an example wants kind (hit or miss), why and row")
    return Example(hits=entry["kind"] == "hit", why=entry["why"], row=entry["row"])


def _check_examples(rule: Rule, where: str) -> None:
    if {example.hits for example in rule.examples} != {True, False}:
        raise ProfileError(f"{where}: wants an example that hits and one that misses")
    for example in rule.examples:
        for dataset in rule.datasets:
            unknown = set(example.row) - set(columns_of(dataset))
            if unknown:
                raise ProfileError(f"{where}: an example has the unknown column {min(unknown)!r}")
