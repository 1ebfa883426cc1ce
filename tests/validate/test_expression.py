"""The rule language: what it refuses, what it means, and that both carriers mean the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import ProfileError
from tallystick.validate.carriers import to_duckdb, to_python
from tallystick.validate.expression import FUNCTIONS, parse

COLUMNS = {
    "a": "bigint",
    "b": "bigint",
    "n": "integer",
    "s": "text",
    "t": "text",
    "d": "date",
    "e": "date",
    "p": "boolean",
    "q": "boolean",
}
SQL_TYPES = {
    "bigint": "BIGINT",
    "integer": "INTEGER",
    "text": "VARCHAR",
    "date": "DATE",
    "boolean": "BOOLEAN",
}


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        columns = ", ".join(f"{name} {SQL_TYPES[kind]}" for name, kind in COLUMNS.items())
        connection.execute(f"CREATE TABLE rows (i INTEGER, {columns})")
        yield connection


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("a = 1; DROP TABLE x", ";"),
        ("a::text = s", "::"),
        ("CAST(s AS DATE) = d", "CAST"),
        ("a // b = 1", "//"),
        ("a % 2 = 0", "%"),
        ("a = 1.5", "1.5"),
        ("a = 1e3", "1e3"),
        ("a != 1", "!="),
        ('"a" = 1', "a"),
        ("rows.a = 1", "rows"),
        ("unknown = 1", "unknown"),
        ("upper(s) = 'A'", "upper"),
        ("now() > d", "now"),
        ("len(s) > 1", "len"),
        ("s LIKE 'a%'", "LIKE"),
        ("s || t = 'x'", "||"),
        ("a IN (SELECT 1)", "SELECT"),
        ("a IN (b)", "IN"),
        ("a IN (1, NULL)", "IN"),
        ("p IS TRUE", "IS"),
        ("a = NULL", "="),
        ("a = s", "="),
        ("d > '2020-01-01'", ">"),
        ("d > DATE '2020-02-30'", "2020-02-30"),
        ("DATE(s) = d", "DATE"),
        ("p < q", "<"),
        ("a AND p", "AND"),
        ("a + d > 1", "+"),
        ("a * a * a > 1", "*"),
        ("CASE a WHEN 1 THEN p END", "CASE"),
        ("CASE WHEN p THEN 1 ELSE 'x' END = 1", "CASE"),
        ("coalesce(a) = 1", "coalesce"),
        ("add_months(d, n) = e", "add_months"),
        ("add_months(d, 2401) = e", "add_months"),
        ("length(a) = 1", "length"),
        ("a = 1 -- why", "1"),
        ("a = 99999999999999999999", "99999999999999999999"),
    ],
)
def test_what_is_outside_the_subset_is_refused_by_rule_and_token(text: str, token: str) -> None:
    with pytest.raises(ProfileError, match="ACC-X-001") as refused:
        parse(text, COLUMNS, where="ACC-X-001")
    assert repr(token) in str(refused.value)


@pytest.mark.parametrize("text", ["a +", "a", "d", "(a = 1", "", "a = 1 a = 2"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(ProfileError, match="ACC-X-001"):
        parse(text, COLUMNS, where="ACC-X-001")


@pytest.mark.parametrize(
    ("text", "row", "wanted"),
    [
        ("a / b = 3", {"a": 7, "b": 2}, True),
        ("a / b = -3", {"a": -7, "b": 2}, True),
        ("a / b IS NULL", {"a": 7, "b": 0}, True),
        ("a / b > 0", {"a": 7, "b": 0}, None),
        ("a + b > 0", {"a": 2**63 - 1, "b": 2**63 - 1}, True),
        ("a * b > 0", {"a": 2**63 - 1, "b": 2**63 - 1}, True),
        ("abs(a) > 0", {"a": -(2**63)}, True),
        ("a = 1 OR b = 1", {"a": 1}, True),
        ("a = 1 OR b = 1", {"a": 2}, None),
        ("a = 1 AND b = 1", {"a": 2}, False),
        ("a = 1 AND b = 1", {"a": 1}, None),
        ("NOT p", {}, None),
        ("a IN (1, 2)", {}, None),
        ("a NOT IN (1, 2)", {"a": 3}, True),
        ("a BETWEEN 1 AND b", {"a": 0}, False),
        ("a BETWEEN 1 AND b", {"a": 1}, None),
        ("least(a, b) = 1", {"b": 1}, True),
        ("greatest(a, b) IS NULL", {}, True),
        ("coalesce(a, b, 5) = 5", {}, True),
        ("CASE WHEN p THEN 1 WHEN q THEN 2 END = 2", {"q": True}, True),
        ("CASE WHEN p THEN 1 END = 1", {}, None),
        ("lower(s) = 'Äb'", {"s": "ÄB"}, True),
        ("length(s) = 2", {"s": "𠮷田"}, True),
        ("starts_with(s, 'a''b')", {"s": "a'bc"}, True),
        ("s < t", {"s": "Z", "t": "a"}, True),
        ("months_between(d, e) = 1", {"d": date(2025, 1, 31), "e": date(2025, 2, 1)}, True),
        ("months_between(d, e) = -1", {"d": date(2025, 1, 1), "e": date(2024, 12, 31)}, True),
        ("days_between(d, e) = 1", {"d": date(2025, 2, 28), "e": date(2025, 3, 1)}, True),
        ("add_months(d, 1) = DATE '2024-02-29'", {"d": date(2024, 1, 31)}, True),
        ("add_months(d, -1) = DATE '2025-02-28'", {"d": date(2025, 3, 31)}, True),
        ("add_months(d, 1) IS NULL", {"d": date(9999, 12, 31)}, True),
        ("add_months(d, -1) IS NULL", {"d": date(1, 1, 31)}, True),
        ("month_end(d) = DATE '2024-02-29'", {"d": date(2024, 2, 1)}, True),
        ("year(d) = 2024", {"d": date(2024, 2, 1)}, True),
        ("-a = -1", {"a": 1}, True),
        ("TRUE <> p", {"p": False}, True),
    ],
)
def test_an_expression_means_what_its_page_says_on_both_carriers(
    con: duckdb.DuckDBPyConnection, text: str, row: dict[str, Any], wanted: bool | None
) -> None:
    expression = parse(text, COLUMNS, where="ACC-X-001")
    assert to_python(expression)(row) is wanted
    assert _in_duckdb(con, to_duckdb(expression), [row]) == [wanted]


def _in_duckdb(
    con: duckdb.DuckDBPyConnection, sql: str, rows: list[dict[str, Any]]
) -> list[bool | None]:
    con.execute("DELETE FROM rows")
    marks = ", ".join("?" * (len(COLUMNS) + 1))
    values = [[number, *(row.get(name) for name in COLUMNS)] for number, row in enumerate(rows)]
    con.executemany(f"INSERT INTO rows VALUES ({marks})", values)
    return [found for (found,) in con.execute(f"SELECT {sql} FROM rows ORDER BY i").fetchall()]


_DAYS = st.dates(date(2023, 12, 1), date(2025, 3, 2)) | st.sampled_from(
    [date(1, 1, 1), date(9999, 12, 31), date(2024, 2, 29)]
)
_NUMBERS = st.integers(-3, 3) | st.sampled_from([2**63 - 1, -(2**63), 10**15])
_TEXTS = st.sampled_from(["", "a", "A", "ab", "É", "é", "𠮷", "a'b", "İ"])
_ROWS = st.fixed_dictionaries(
    {
        "a": st.none() | _NUMBERS,
        "b": st.none() | _NUMBERS,
        "n": st.none() | st.integers(-3, 3),
        "s": st.none() | _TEXTS,
        "t": st.none() | _TEXTS,
        "d": st.none() | _DAYS,
        "e": st.none() | _DAYS,
        "p": st.none() | st.booleans(),
        "q": st.none() | st.booleans(),
    }
)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_DATE = st.recursive(
    st.sampled_from(["d", "e"]) | _DAYS.map(lambda day: f"DATE '{day.isoformat()}'"),
    lambda inner: st.one_of(
        st.builds("month_end({})".format, inner),
        st.builds("add_months({}, {})".format, inner, st.integers(-14, 14)),
        st.builds("coalesce({}, {})".format, inner, inner),
        st.builds("greatest({}, {}, {})".format, inner, inner, inner),
    ),
    max_leaves=3,
)
_TEXT = st.recursive(
    st.sampled_from(["s", "t"]) | _TEXTS.map(_quoted),
    lambda inner: st.one_of(
        st.builds("lower({})".format, inner), st.builds("least({}, {})".format, inner, inner)
    ),
    max_leaves=3,
)
_SMALL = st.one_of(
    st.sampled_from(["n", "2", "0", "-1"]),
    st.builds("months_between({}, {})".format, _DATE, _DATE),
    st.builds("days_between({}, {})".format, _DATE, _DATE),
    st.builds("length({})".format, _TEXT),
    st.builds("year({})".format, _DATE),
)
_NUMBER = st.recursive(
    st.sampled_from(["a", "b"]) | _SMALL,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "/"]), inner),
        st.builds("({} * {})".format, inner, _SMALL),
        st.builds("abs({})".format, inner),
        st.builds("(- {})".format, inner),
        st.builds("coalesce({}, {})".format, inner, inner),
        st.builds("least({}, {})".format, inner, inner),
        st.builds("CASE WHEN p THEN {} WHEN q THEN {} ELSE NULL END".format, inner, inner),
    ),
    max_leaves=4,
)
_COMPARED = st.one_of(
    *(
        st.builds("{} {} {}".format, kind, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), kind)
        for kind in (_NUMBER, _TEXT, _DATE)
    ),
    st.builds("{} BETWEEN {} AND {}".format, _NUMBER, _NUMBER, _NUMBER),
    st.builds("{} IN ('a', 'É')".format, _TEXT),
    st.builds("{} NOT IN (1, -2, 3)".format, _NUMBER),
    st.builds("starts_with({}, {})".format, _TEXT, _TEXT),
    st.builds("{} IS NULL".format, _NUMBER | _TEXT | _DATE),
    st.sampled_from(["p", "q", "TRUE", "FALSE", "p = q"]),
)
_CONDITION = st.recursive(
    _COMPARED,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {} OR {})".format, inner, inner, inner),
        st.builds("(NOT ({}))".format, inner),
        st.builds("(({}) IS NOT NULL)".format, inner),
        st.builds("coalesce({}, FALSE)".format, inner),
        st.builds("(CASE WHEN {} THEN {} ELSE {} END)".format, inner, inner, inner),
    ),
    max_leaves=6,
)


def test_both_carriers_agree_on_generated_expressions(con: duckdb.DuckDBPyConnection) -> None:
    @settings(max_examples=150, deadline=None)
    @given(_CONDITION, st.lists(_ROWS, min_size=1, max_size=12))
    def agree(text: str, rows: list[dict[str, Any]]) -> None:
        try:
            expression = parse(text, COLUMNS, where="ACC-X-001")
        except ProfileError as refused:
            if "128 bits" not in str(refused):
                raise
            return
        judge = to_python(expression)
        assert _in_duckdb(con, to_duckdb(expression), rows) == [judge(row) for row in rows]

    agree()


def test_the_page_of_the_language_names_every_function_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs/expressions.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`\w+\(.*?) \|", page, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"(\w+)\(", row)} == set(FUNCTIONS)
