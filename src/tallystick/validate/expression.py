"""The language of rules: a closed subset of SQL, parsed once into a small typed tree.

What a rule may say is listed here and nowhere else (`docs/expressions.md` describes it for people).
Everything outside the list is refused when a rule is loaded, with the rule and the token, so that
an expression that loads means the same in DuckDB and in Python (`carriers`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NoReturn

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from tallystick.errors import ProfileError

Type = Literal["integer", "text", "date", "boolean", "null"]

#: The largest magnitude a whole-number sub-expression may reach: it must fit 128 bits.
LARGEST = 2**126
SMALL = 2**31
BIG = 2**63
MOST_MONTHS = 2400

_KEYWORDS = frozenset(
    {"AND", "OR", "NOT", "IS", "NULL", "BETWEEN", "IN", "CASE", "WHEN", "THEN", "ELSE", "END"}
    | {"DATE", "TRUE", "FALSE"}
)
_SYMBOLS = frozenset({"=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "/", "(", ")", ","})

#: Functions: the types of their arguments and what they give. "same" repeats at least twice.
FUNCTIONS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "coalesce": (("same",), "same"),
    "least": (("same",), "same"),
    "greatest": (("same",), "same"),
    "abs": (("integer",), "integer"),
    "length": (("text",), "integer"),
    "lower": (("text",), "text"),
    "starts_with": (("text", "text"), "boolean"),
    "months_between": (("date", "date"), "integer"),
    "days_between": (("date", "date"), "integer"),
    "add_months": (("date", "integer"), "date"),
    "month_end": (("date",), "date"),
    "year": (("date",), "integer"),
}
_FUNCTION_BOUND = {
    "length": SMALL,
    "months_between": 120_000,
    "days_between": 4_000_000,
    "year": 9_999,
}
_NAMED: dict[type[exp.Expr], str] = {
    exp.Coalesce: "coalesce",
    exp.Least: "least",
    exp.Greatest: "greatest",
    exp.Abs: "abs",
    exp.Length: "length",
    exp.Lower: "lower",
    exp.StartsWith: "starts_with",
    exp.MonthsBetween: "months_between",
    exp.AddMonths: "add_months",
    exp.Year: "year",
}
_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_ARITHMETIC: dict[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}
_NEGATED = {"=": "<>", "<>": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}


@dataclass(frozen=True, slots=True)
class Node:
    """One node: `op` is `column`, `literal`, a symbol, a keyword or a function's name.

    `bound` is the largest magnitude a whole number here can have; it chooses the width the
    database calculates with, so that no sum or product of stored values can overflow.
    """

    op: str
    args: tuple[Node, ...]
    type: Type
    value: Any = None
    bound: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A parsed rule: its text as written, its tree and the columns it reads.

    Equal only to itself, so that compiled forms can be kept by it cheaply.
    """

    text: str
    root: Node
    columns: tuple[str, ...]


def parse(text: str, columns: Mapping[str, str], *, where: str) -> Expression:
    """The tree of an expression over typed columns that yields true, false or unknown.

    Takes:    `columns`: name to `integer`, `bigint`, `text`, `date` or `boolean`; `where`: the
              rule's id, for the message
    Raises:   ProfileError naming rule and token for everything outside the subset
    """
    _check_tokens(text, columns, where)
    try:
        tree = sqlglot.parse_one(text, dialect="duckdb")
    except SqlglotError as error:
        raise ProfileError(
            f"{where}: the expression cannot be read ({type(error).__name__})"
        ) from error
    root = _Reader(columns, where).read(tree)
    if root.type != "boolean":
        raise ProfileError(f"{where}: gives {root.type}, a rule must give true or false")
    names = sorted({node.value for node in walk(root) if node.op == "column"})
    return Expression(text=text, root=root, columns=tuple(names))


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    yield node
    for child in node.args:
        yield from walk(child)


def _check_tokens(text: str, columns: Mapping[str, str], where: str) -> None:
    """Refuse what the parser would take as another spelling (casts, quoted names, synonyms)."""
    try:
        tokens = sqlglot.tokenize(text, dialect="duckdb")
    except SqlglotError as error:
        raise ProfileError(f"{where}: the expression cannot be cut into tokens") from error
    if not tokens:
        raise ProfileError(f"{where}: the expression is empty")
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        is_call = following is not None and following.token_type == TokenType.L_PAREN
        if token.comments or not _is_allowed(token, FUNCTIONS if is_call else columns):
            raise ProfileError(
                f"{where}: {token.text!r} is neither a column nor part of the rule language"
            )
        if token.token_type == TokenType.DATE and (
            following is None or following.token_type != TokenType.STRING
        ):
            raise ProfileError(f"{where}: 'DATE' must stand before a quoted day")


def _is_allowed(token: Token, names: Mapping[str, object]) -> bool:
    if token.token_type == TokenType.STRING:
        return True
    if token.token_type == TokenType.IDENTIFIER:
        return False
    if token.token_type == TokenType.NUMBER:
        return token.text.isascii() and token.text.isdigit()
    return token.text in names or token.text in _SYMBOLS or token.text.upper() in _KEYWORDS


class _Reader:
    """Turns the parser's tree into ours, checking types; knows the rule's name for messages."""

    def __init__(self, columns: Mapping[str, str], where: str) -> None:
        self._columns = columns
        self._where = where
        self._handlers: dict[type[exp.Expr], Callable[[Any], Node]] = {
            exp.Paren: lambda tree: self.read(tree.this),
            exp.Column: self._column,
            exp.Literal: self._literal,
            exp.Boolean: lambda tree: Node("literal", (), "boolean", tree.this),
            exp.Null: lambda tree: Node("literal", (), "null"),
            exp.Cast: self._date,
            exp.Neg: self._negative,
            exp.And: lambda tree: self._logic("and", tree),
            exp.Or: lambda tree: self._logic("or", tree),
            exp.Not: self._not,
            exp.Is: self._is_null,
            exp.Between: self._between,
            exp.In: self._in,
            exp.Case: self._case,
            exp.Anonymous: lambda tree: self._call(tree.this, tree.expressions),
        }

    def read(self, tree: exp.Expr) -> Node:
        """Our node of one parsed node."""
        kind = type(tree)
        if kind in self._handlers:
            return self._handlers[kind](tree)
        if kind in _COMPARISONS:
            return self._compare(
                _COMPARISONS[kind], self.read(tree.this), self.read(tree.expression)
            )
        if kind in _ARITHMETIC:
            return self._arithmetic(_ARITHMETIC[kind], tree)
        if kind in _NAMED:
            args = [tree.this, tree.args.get("expression"), *tree.expressions]
            return self._call(_NAMED[kind], [item for item in args if item is not None])
        return self._refuse(tree.sql(dialect="duckdb"), "is not part of the rule language")

    def _refuse(self, token: str, why: str) -> NoReturn:
        raise ProfileError(f"{self._where}: {token!r} {why}")

    def _want(self, node: Node, wanted: str, token: str) -> Node:
        if node.type != wanted:
            self._refuse(token, f"wants {wanted}, not {node.type}")
        return node

    def _column(self, tree: exp.Column) -> Node:
        name = tree.name
        if tree.table or name not in self._columns:
            self._refuse(tree.sql(dialect="duckdb"), "is not a column of this dataset")
        stored = self._columns[name]
        if stored == "bigint":
            return Node("column", (), "integer", name, BIG)
        if stored == "integer":
            return Node("column", (), "integer", name, SMALL)
        if stored not in ("text", "date", "boolean"):
            self._refuse(name, f"is {stored}, which no rule may compare")
        return Node("column", (), stored, name)  # type: ignore[arg-type]  # narrowed just above

    def _literal(self, tree: exp.Literal) -> Node:
        if tree.is_string:
            return Node("literal", (), "text", tree.this)
        value = int(tree.this)
        if value > BIG:
            self._refuse(tree.this, "is too large")
        return Node("literal", (), "integer", value, value)

    def _date(self, tree: exp.Cast) -> Node:
        literal = tree.this
        if not (isinstance(literal, exp.Literal) and literal.is_string):
            self._refuse("DATE", "must stand before a quoted day")
        try:
            return Node("literal", (), "date", date.fromisoformat(literal.this))
        except ValueError:
            self._refuse(literal.this, "is not a day (YYYY-MM-DD)")

    def _negative(self, tree: exp.Neg) -> Node:
        inner = self._want(self.read(tree.this), "integer", "-")
        if inner.op == "literal":
            return Node("literal", (), "integer", -inner.value, inner.bound)
        return Node("neg", (inner,), "integer", bound=inner.bound)

    def _logic(self, op: str, tree: exp.Expr) -> Node:
        kind = type(tree)
        flat: list[Node] = []
        for part in tree.flatten():
            node = self.read(part)
            flat.append(self._want(node, "boolean", kind.__name__.upper()))
        return Node(op, tuple(flat), "boolean")

    def _not(self, tree: exp.Not) -> Node:
        inner = self._want(self.read(tree.this), "boolean", "NOT")
        if inner.op in _NEGATED:  # not (a < b) is a >= b, unknown where either is unknown
            return Node(_NEGATED[inner.op], inner.args, "boolean")
        return Node("not", (inner,), "boolean")

    def _is_null(self, tree: exp.Is) -> Node:
        if not isinstance(tree.expression, exp.Null):
            self._refuse("IS", "may stand before NULL and NOT NULL only")
        return Node("is_null", (self.read(tree.this),), "boolean")

    def _between(self, tree: exp.Between) -> Node:
        value = self.read(tree.this)
        low = self._compare(">=", value, self.read(tree.args["low"]))
        high = self._compare("<=", value, self.read(tree.args["high"]))
        return Node("and", (low, high), "boolean")

    def _in(self, tree: exp.In) -> Node:
        if not tree.expressions:
            self._refuse("IN", "wants a list of literals")
        value = self.read(tree.this)
        items = tuple(self.read(item) for item in tree.expressions)
        for item in items:
            if item.op != "literal" or item.type != value.type:
                self._refuse("IN", f"wants literals of the type {value.type}")
        return Node("in", (value, *items), "boolean")

    def _case(self, tree: exp.Case) -> Node:
        if tree.this is not None:
            self._refuse("CASE", "is allowed in the form CASE WHEN … THEN … only")
        branches: list[Node] = []
        for branch in tree.args["ifs"]:
            branches.append(self._want(self.read(branch.this), "boolean", "WHEN"))
            branches.append(self.read(branch.args["true"]))
        default = tree.args.get("default")
        last = self.read(default) if default is not None else Node("literal", (), "null")
        results = (*branches[1::2], last)
        kind = self._one_type("CASE", results)
        return Node("case", (*branches, last), kind, bound=max(item.bound for item in results))

    def _one_type(self, token: str, nodes: tuple[Node, ...]) -> Type:
        kinds = {node.type for node in nodes} - {"null"}
        if len(kinds) != 1:
            self._refuse(token, "wants values of one type")
        return next(iter(kinds))

    def _compare(self, op: str, left: Node, right: Node) -> Node:
        if "null" in (left.type, right.type):
            self._refuse(op, "compares with NULL: write IS NULL")
        if left.type != right.type:
            self._refuse(op, f"compares {left.type} with {right.type}")
        if left.type == "boolean" and op not in ("=", "<>"):
            self._refuse(op, "cannot order true and false")
        return Node(op, (left, right), "boolean")

    def _arithmetic(self, op: str, tree: exp.Expr) -> Node:
        left = self._want(self.read(tree.this), "integer", op)
        right = self._want(self.read(tree.expression), "integer", op)
        bounds = {"*": left.bound * right.bound, "/": left.bound}
        bound = bounds.get(op, left.bound + right.bound)
        if bound > LARGEST:
            self._refuse(op, "could exceed 128 bits")
        return Node(op, (left, right), "integer", bound=bound)

    def _call(self, name: str, arguments: list[exp.Expr]) -> Node:
        if name not in FUNCTIONS:
            self._refuse(name, "is not a function of the rule language")
        wanted, gives = FUNCTIONS[name]
        args = tuple(self.read(item) for item in arguments)
        if wanted == ("same",):
            if len(args) < 2:
                self._refuse(name, "wants two values or more")
            kind = self._one_type(name, args)
            return Node(name, args, kind, bound=max(item.bound for item in args))
        if tuple(item.type for item in args) != wanted:
            self._refuse(name, f"wants ({', '.join(wanted)})")
        if name == "add_months":
            months = args[1]
            if months.op != "literal" or abs(months.value) > MOST_MONTHS:
                self._refuse(name, f"wants a written number of at most {MOST_MONTHS} months")
        bound = args[0].bound if name == "abs" else _FUNCTION_BOUND.get(name, 0)
        return Node(name, args, gives, bound=bound)  # type: ignore[arg-type]  # from FUNCTIONS
