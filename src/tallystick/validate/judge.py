"""Judging: all rules of a dataset in one DuckDB scan, or in generated Python for one record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import duckdb

from tallystick.model.finding import Finding
from tallystick.model.money import CURRENCY_DIGITS, format_minor
from tallystick.validate.carriers import PythonSource, compile_function, to_duckdb
from tallystick.validate.columns import (
    OCCURRED_ON,
    Column,
    columns_of,
    derived_sql,
    with_derived,
)
from tallystick.validate.expression import Expression
from tallystick.validate.registry import Rule

LONGEST_SEEN = 200
_SHARE_PLACES = 9


def judge_table(
    con: duckdb.DuckDBPyConnection,
    dataset: str,
    rules: Sequence[Rule],
    *,
    source: str = "judged",
    into: str = "finding",
) -> None:
    """Fill the table `into` with every hit of every row of the relation `source`, in one scan.

    Takes:    `source`: the record's typed columns, `line_no`, and the context columns of the
              dataset (`context.context_of`); `rules`: those in force, any order
    Gives:    table `into` (line_no BIGINT, rule_id VARCHAR, field VARCHAR, seen VARCHAR), replaced
              if there; `seen` is the text of the field's value, NULL for
              identity data
    Missing:  an unknown outcome (NULL) is no hit
    """
    con.execute(
        f'CREATE OR REPLACE TABLE "{into}"'
        " (line_no BIGINT, rule_id VARCHAR, field VARCHAR, seen VARCHAR)"
    )
    judged = _judged(rules)
    if judged:
        con.execute(f'INSERT INTO "{into}" {findings_sql(dataset, judged, source=source)}')


def _judged(rules: Sequence[Rule]) -> list[Rule]:
    """What is judged: the rules that have an expression, those of several places by each."""
    return [part for rule in rules if rule.expression is not None for part in rule.parts()]


def findings_sql(dataset: str, rules: Sequence[Rule], *, source: str) -> str:
    """The query behind `judge_table`.

    Rows no rule hits fall out in the filter; only for the others is the list of hits made, as
    numbers of rules, and only a hit becomes text.
    """
    whens = [to_duckdb(expression) for expression in _expressions(rules)]
    numbers = ", ".join(f"CASE WHEN {when} THEN {n} END" for n, when in enumerate(whens))
    derived = ""
    read = {name for item in _expressions(rules) for name in item.columns}
    if OCCURRED_ON in read | {rule.shows for rule in rules}:
        derived = f", {derived_sql(OCCURRED_ON)} AS {OCCURRED_ON}"
    shown = {rule.shows for rule in rules if rule.shows and not _is_hidden(dataset, rule)}
    kept = ", ".join(f'"{name}"' for name in sorted({"line_no", *shown, *_currency(dataset)}))
    return (
        f"SELECT line_no, {_by_rule(repr(rule.rule_id) for rule in rules)},"
        f" {_by_rule(repr(rule.field) if rule.field else None for rule in rules)},"
        f" {_by_rule(_shown_sql(dataset, rule) for rule in rules)} FROM"
        f" (SELECT {kept}, unnest(list_filter([{numbers}], lambda n: n IS NOT NULL)) AS hit"
        f' FROM (SELECT *{derived} FROM "{source}") WHERE {" OR ".join(whens)})'
    )


def _by_rule(texts: Iterable[str | None]) -> str:
    """A choice by the number of the rule that hit; NULL where a rule has no text."""
    cases = " ".join(f"WHEN {n} THEN {text}" for n, text in enumerate(texts) if text)
    return f"(CASE hit {cases} END)" if cases else "CAST(NULL AS VARCHAR)"


def _is_hidden(dataset: str, rule: Rule) -> bool:
    return rule.shows is not None and columns_of(dataset)[rule.shows].is_personal


def _currency(dataset: str) -> set[str]:
    return {"currency"} & set(columns_of(dataset))


def _shown_sql(dataset: str, rule: Rule) -> str | None:
    if rule.shows is None or _is_hidden(dataset, rule):
        return None
    return f"left({_seen_sql(columns_of(dataset)[rule.shows], dataset)}, {LONGEST_SEEN})"


def _seen_sql(column: Column, dataset: str) -> str:
    name = f'"{column.name}"'
    if column.field_type == "decimal":
        return _decimal_sql(name, _SHARE_PLACES)
    if column.field_type == "money" and "currency" in columns_of(dataset):
        cases = " ".join(
            f"WHEN currency IN ({_codes(digits)}) THEN {_decimal_sql(name, digits)}"
            for digits in sorted(set(CURRENCY_DIGITS.values()))
        )
        return f"(CASE {cases} ELSE CAST({name} AS VARCHAR) END)"
    return f"CAST({name} AS VARCHAR)"


def _codes(digits: int) -> str:
    return ", ".join(repr(code) for code, own in sorted(CURRENCY_DIGITS.items()) if own == digits)


def _decimal_sql(name: str, digits: int) -> str:
    if digits == 0:
        return f"CAST({name} AS VARCHAR)"
    unit, whole = 10**digits, f"abs(CAST({name} AS HUGEINT))"
    return (
        f"(CASE WHEN {name} < 0 THEN '-' ELSE '' END || CAST({whole} // {unit} AS VARCHAR) || '.'"
        f" || lpad(CAST({whole} % {unit} AS VARCHAR), {digits}, '0'))"
    )


def judge_record(dataset: str, record: Mapping[str, Any], rules: Sequence[Rule]) -> list[Finding]:
    """Every finding of one record, by Python generated from the same rules.

    Takes:    `record`: typed columns and context columns by name; one it does not have is NULL
    Gives:    findings in the order of `rules`; `line_no` from the record where it has one
    """
    return list(judge_records(dataset, [record], rules))


def judge_records(
    dataset: str, records: Iterable[Mapping[str, Any]], rules: Sequence[Rule]
) -> Iterator[Finding]:
    """`judge_record` for one record after another."""
    judged = _judged(rules)
    judge = _judging(tuple(_expressions(judged)))
    for record in records:
        row = with_derived(dataset, record)
        for number in judge(row):
            yield _finding(dataset, row, judged[number])


def read_sql(dataset: str, rules: Sequence[Rule]) -> str:
    """DuckDB's list of what `judge_record` reads of a row: all else need not be fetched."""
    judged = _judged(rules)
    read = {"line_no", *_currency(dataset), *(rule.shows for rule in judged if rule.shows)}
    read.update(name for item in _expressions(judged) for name in item.columns)
    return ", ".join(f'{derived_sql(name)} AS "{name}"' for name in sorted(read))


def _finding(dataset: str, row: Mapping[str, Any], rule: Rule) -> Finding:
    is_between_rows = any("duplicate_line_no" in item.columns for item in _expressions([rule]))
    return Finding(
        rule_id=rule.rule_id,
        severity=rule.severity,
        line_no=row.get("line_no"),
        field=rule.field,
        seen=seen_text(dataset, row, rule),
        other_line_no=row.get("duplicate_line_no") if is_between_rows else None,
    )


def _expressions(rules: Sequence[Rule]) -> list[Expression]:
    return [rule.expression for rule in rules if rule.expression is not None]


@lru_cache(maxsize=256)
def _judging(expressions: tuple[Expression, ...]) -> Callable[[Mapping[str, Any]], list[int]]:
    """One generated function for a set of rules: the numbers of those that hit a row."""
    columns = sorted({name for expression in expressions for name in expression.columns})
    names = {name: f"c{number}" for number, name in enumerate(columns)}
    lines = ["def judge(row):", "    get, hits = row.get, []"]
    lines += [f"    {local} = get({name!r})" for name, local in names.items()]
    for number, expression in enumerate(expressions):
        source = PythonSource(names).of(expression.root)
        lines.append(f"    if {source} is True: hits.append({number})")
    lines.append("    return hits")
    function: Callable[[Mapping[str, Any]], list[int]] = compile_function("\n".join(lines), "judge")
    return function


def seen_text(dataset: str, row: Mapping[str, Any], rule: Rule) -> str | None:
    """The text of the value a finding quotes, as the furnisher would write it.

    Missing:  None where the value is absent, or is identity data (the row itself shows it)
    """
    value = row.get(rule.shows) if rule.shows else None
    if value is None or rule.shows is None:
        return None
    column = columns_of(dataset)[rule.shows]
    if column.is_personal:
        return None
    currency = row.get("currency")
    if column.field_type == "decimal":
        text = _decimal_text(value, _SHARE_PLACES)
    elif column.field_type == "money" and currency in CURRENCY_DIGITS:
        text = format_minor(value, currency)
    elif isinstance(value, bool):
        text = "true" if value else "false"
    else:
        text = value.isoformat() if isinstance(value, date) else str(value)
    return text[:LONGEST_SEEN]


def _decimal_text(value: int, places: int) -> str:
    whole, fraction = divmod(abs(value), 10**places)
    return f"{'-' if value < 0 else ''}{whole}.{fraction:0{places}d}"
