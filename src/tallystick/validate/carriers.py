"""Two carriers of one expression: text for DuckDB, and Python generated from the same tree.

Both give true, false or unknown (NULL, None) for the same row: `tests/validate` proves it on random
rows for every rule and for random expressions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from tallystick.validate import calendar_days
from tallystick.validate.expression import BIG, Expression, Node

_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: Only the 26 letters are lowered: engines differ on the rest of Unicode.
_LOWERING = str.maketrans(_UPPER, _UPPER.lower())
_FIRST_MONTH = 12
_LAST_MONTH = 9999 * 12 + 11
_INFIX = frozenset({"=", "<>", "<", "<=", ">", ">="})
_PYTHON_SYMBOL = {"=": "==", "<>": "!="}


def to_duckdb(expression: Expression) -> str:
    """DuckDB's text of an expression; columns appear quoted and unqualified."""
    return sql_of(expression.root)


def to_python(expression: Expression) -> Callable[[Mapping[str, Any]], bool | None]:
    """A function from a row to true, false or None, compiled once from generated source.

    Missing:  a column the row does not have counts as NULL
    """
    names = {name: f"c{number}" for number, name in enumerate(expression.columns)}
    lines = ["def when(row):"]
    lines += [f"    {local} = row.get({name!r})" for name, local in names.items()]
    lines.append(f"    return {PythonSource(names).of(expression.root)}")
    function: Callable[[Mapping[str, Any]], bool | None] = compile_function(
        "\n".join(lines), "when"
    )
    return function


def compile_function(source: str, name: str) -> Any:
    """The function `name` of generated source; the source holds only what `PythonSource` wrote."""
    space: dict[str, Any] = dict(RUNTIME)
    exec(compile(source, "<rules>", "exec"), space)  # noqa: S102 - our own generated source
    return space[name]


def sql_of(node: Node) -> str:
    """DuckDB's text of one node."""
    if node.op == "column":
        return '"' + str(node.value) + '"'
    if node.op == "literal":
        return _sql_literal(node)
    args = [sql_of(item) for item in node.args]
    if node.op in _INFIX:
        return f"({args[0]} {node.op} {args[1]})"
    if node.op in ("and", "or"):
        return "(" + f" {node.op.upper()} ".join(args) + ")"
    if node.op in ("+", "-", "*", "/", "neg", "abs"):
        return _sql_number(node)
    if node.op == "case":
        pairs = zip(args[:-1:2], args[1:-1:2], strict=True)
        whens = " ".join(f"WHEN {when} THEN {then}" for when, then in pairs)
        return f"(CASE {whens} ELSE {args[-1]} END)"
    return _sql_call(node.op, args)


def _sql_literal(node: Node) -> str:
    if node.type == "text":
        return "'" + str(node.value).replace("'", "''") + "'"
    if node.type == "date":
        return f"DATE '{node.value.isoformat()}'"
    if node.type == "boolean":
        return "TRUE" if node.value else "FALSE"
    return "NULL" if node.type == "null" else f"({node.value})"


def _sql_number(node: Node) -> str:
    """Whole-number arithmetic in a width that cannot overflow; division by zero gives NULL."""
    width = "BIGINT" if max(node.bound, *(item.bound for item in node.args)) < BIG else "HUGEINT"
    args = [f"CAST({sql_of(item)} AS {width})" for item in node.args]
    if node.op == "neg":
        return f"(- {args[0]})"
    if node.op == "abs":
        return f"abs({args[0]})"
    if node.op == "/":
        return f"({args[0]} // nullif({args[1]}, 0))"
    return f"({args[0]} {node.op} {args[1]})"


def _sql_call(op: str, args: list[str]) -> str:
    first, second = args[0], args[1] if len(args) > 1 else ""
    number = f"(year({first}) * 12 + month({first}) - 1)"
    if op == "in":
        return f"({first} IN ({', '.join(args[1:])}))"
    if op == "months_between":
        return f"((year({second}) * 12 + month({second}) - 1) - {number})"
    if op == "add_months":
        return (
            f"(CASE WHEN {number} + {second} BETWEEN {_FIRST_MONTH} AND {_LAST_MONTH}"
            f" THEN CAST({first} + to_months({second}) AS DATE) END)"
        )
    simple = {
        "not": f"(NOT {first})",
        "is_null": f"({first} IS NULL)",
        "days_between": f"({second} - {first})",
        "month_end": f"last_day({first})",
        "lower": f"translate({first}, '{_UPPER}', '{_UPPER.lower()}')",
    }
    return simple.get(op) or f"{op}({', '.join(args)})"


class PythonSource:
    """Writes Python source for nodes, over locals that hold the columns.

    Every sub-result is bound to a local of its own, so that nothing is computed twice; AND and OR
    stop early where the outcome is settled, which three-valued logic allows.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._count = 0

    def _local(self) -> str:
        self._count += 1
        return f"t{self._count}"

    def _bound(self, node: Node) -> tuple[str, str]:
        """(a test for None that also binds, the name to use afterwards); literals need no test."""
        source = self.of(node)
        if node.op == "literal" and node.type != "null":
            return "", source
        if node.op == "column":
            return f"{source} is None", source
        local = self._local()
        return f"({local} := {source}) is None", local

    def _strict(self, args: tuple[Node, ...], form: Callable[..., str]) -> str:
        """None where any argument is None, otherwise what `form` writes."""
        tests, names = zip(*(self._bound(item) for item in args), strict=True)
        guard = " or ".join(test for test in tests if test)
        return f"(None if {guard} else {form(*names)})" if guard else f"({form(*names)})"

    def of(self, node: Node) -> str:
        """The source of one node."""
        op = node.op
        if op == "column":
            return self._names[node.value]
        if op == "literal":
            return self._literal(node)
        if op in _INFIX:
            symbol = _PYTHON_SYMBOL.get(op, op)
            return self._strict(node.args, lambda left, right: f"{left} {symbol} {right}")
        if op in ("and", "or"):
            return self._logic(node)
        if op == "case":
            return self._case(node)
        if op in ("coalesce", "least", "greatest"):
            return f"{op}({', '.join(self.of(item) for item in node.args)})"
        if op == "in":
            members = ", ".join(sorted({self._literal(item) for item in node.args[1:]}))
            return self._strict(node.args[:1], lambda value: f"{value} in {{{members}}}")
        return self._plain(node)

    def _plain(self, node: Node) -> str:
        op = node.op
        if op == "is_null":
            test, _ = self._bound(node.args[0])
            return f"({test or False})"
        if op == "not":
            return self._strict(node.args, lambda value: f"not {value}")
        if op == "neg":
            return self._strict(node.args, lambda value: f"-{value}")
        if op in ("+", "-", "*"):
            return self._strict(node.args, lambda left, right: f"{left} {op} {right}")
        name = "quotient" if op == "/" else op
        return self._strict(node.args, lambda *values: f"{name}({', '.join(values)})")

    def _literal(self, node: Node) -> str:
        if node.type == "date":
            day: date = node.value
            return f"date({day.year}, {day.month}, {day.day})"
        return f"({node.value!r})"

    def _logic(self, node: Node) -> str:
        """Nested so that each operand is looked at only while the outcome is open."""
        settled, other = ("False", "True") if node.op == "and" else ("True", "False")
        local, source = self._local(), self.of(node.args[0])
        for item in node.args[1:]:
            right, joined = self._local(), self._local()
            source = (
                f"({settled} if ({local} := {source}) is {settled}"
                f" else {settled} if ({right} := {self.of(item)}) is {settled}"
                f" else None if {local} is None or {right} is None else {other})"
            )
            local = joined
        return source

    def _case(self, node: Node) -> str:
        source = self.of(node.args[-1])
        conditions, results = node.args[:-1:2], node.args[1:-1:2]
        for when, then in reversed(list(zip(conditions, results, strict=True))):
            source = f"({self.of(then)} if {self.of(when)} is True else {source})"
        return source


def _coalesce(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _least(*values: Any) -> Any:
    return min((value for value in values if value is not None), default=None)


def _greatest(*values: Any) -> Any:
    return max((value for value in values if value is not None), default=None)


def _quotient(left: int, right: int) -> int | None:
    if right == 0:
        return None
    whole = abs(left) // abs(right)
    return whole if (left < 0) == (right < 0) else -whole


RUNTIME: dict[str, Any] = {
    "__builtins__": {},
    "date": date,
    "abs": abs,
    "length": len,
    "lower": lambda text: text.translate(_LOWERING),
    "starts_with": lambda text, prefix: text.startswith(prefix),
    "months_between": calendar_days.months_between,
    "days_between": lambda first, second: (second - first).days,
    "add_months": calendar_days.add_months,
    "month_end": calendar_days.month_end,
    "year": lambda day: day.year,
    "coalesce": _coalesce,
    "least": _least,
    "greatest": _greatest,
    "quotient": _quotient,
}
