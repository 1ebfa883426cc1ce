"""Every rule: its examples on both carriers, and equality of the carriers on random rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest
from carried import by_record, by_table
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.validate import load_rules
from tallystick.validate.columns import columns_of
from tallystick.validate.context import DATASETS
from tallystick.validate.expression import walk
from tallystick.validate.registry import Rule

RULES = load_rules()
JUDGED = [rule for rule in RULES.values() if rule.expression is not None]


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.mark.parametrize("rule", JUDGED, ids=lambda rule: rule.rule_id)
def test_every_example_means_what_it_says_on_both_carriers(
    con: duckdb.DuckDBPyConnection, rule: Rule
) -> None:
    rows = [example.row for example in rule.examples]
    wanted = [number for number, item in enumerate(rule.examples, start=1) if item.hits]
    for dataset in rule.datasets:
        by_python = by_record(dataset, rows, [rule])
        assert sorted(hit[0] for hit in by_python) == wanted
        assert by_table(con, dataset, rows, [rule]) == by_python


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_record_without_any_value_breaks_only_rules_about_what_is_missing(dataset: str) -> None:
    hits = {hit[1] for hit in by_record(dataset, [{}], RULES.of(dataset))}
    about_missing = {"SUB-KEY-001", "FND-SHARE-003"}
    assert hits <= about_missing


def _values(rules: list[Rule], dataset: str) -> Mapping[str, st.SearchStrategy[Any]]:
    """Columns and values that matter: literals of the rules, their neighbours, and NULL."""
    columns = columns_of(dataset)
    texts: set[str] = {"other", "Ünï"}
    numbers: set[int] = {-1, 0, 1, 2, 10**18}
    for rule in rules:
        for node in walk(rule.expression.root) if rule.expression else ():
            if node.op == "literal" and node.type == "text":
                texts.add(node.value)
            if node.op == "literal" and node.type == "integer":
                numbers |= {node.value - 1, node.value, node.value + 1}
    small = sorted(number for number in numbers if abs(number) < 2**31)
    day = st.integers(0, 70).map(lambda step: date(2024, 12, 20) + timedelta(days=step))
    kinds: Mapping[str, st.SearchStrategy[Any]] = {
        "text": st.sampled_from(sorted(texts)),
        "integer": st.sampled_from(small),
        "bigint": st.sampled_from(sorted(numbers)),
        "boolean": st.booleans(),
        "date": day,
    }
    used = {name for rule in rules if rule.expression for name in rule.expression.columns}
    shown = {rule.shows for rule in rules if rule.shows} & set(columns)
    return {
        name: st.none() | kinds[columns[name].type]
        for name in sorted(used | shown | {"currency"} & set(columns))
        if columns[name].type in kinds and name != "occurred_on"
    }


@pytest.mark.parametrize("dataset", DATASETS)
def test_both_carriers_find_the_same_on_rows_with_gaps(
    con: duckdb.DuckDBPyConnection, dataset: str
) -> None:
    rules = [rule for rule in JUDGED if dataset in rule.datasets]
    values = _values(rules, dataset)
    if not rules:
        return
    sparse = st.dictionaries(st.sampled_from(sorted(values)), st.none(), max_size=3)

    @settings(max_examples=12, deadline=None)
    @given(
        st.lists(st.tuples(st.fixed_dictionaries(dict(values)), sparse), min_size=1, max_size=40)
    )
    def same(rows: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        joined = [row | gaps for row, gaps in rows]
        assert by_table(con, dataset, joined, rules) == by_record(dataset, joined, rules)

    same()
