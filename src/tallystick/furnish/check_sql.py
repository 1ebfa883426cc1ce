"""The cell checks as DuckDB expressions, written from the registry.

Each field gives a *code*: NULL when the cell may stand, 0 when its fault was told before, else the
number of its `FMT-CELL` rule. Casts come after strict patterns only. Twin of `check_record`.
"""

from __future__ import annotations

from tallystick.formats import ABSENT_REASONS, Dataset, Field, columns
from tallystick.formats.columns import field_columns
from tallystick.furnish import checks, rule_ids
from tallystick.furnish.checks import Lists

_TOLD = "chr(1)"


def literal(text: str) -> str:
    """A string literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def name(identifier: str) -> str:
    """A quoted identifier of SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def number(rule_id: str) -> int:
    """The number a code stands for: 12 for `FMT-CELL-012`."""
    return int(rule_id.rsplit("-", 1)[1])


def code_expression(field: Field, lists: Lists) -> str:
    """The code of one cell."""
    x = name(field.name)
    arms = [f"WHEN {_fine(field, lists)} THEN NULL", f"WHEN {x} = {_TOLD} THEN 0"]
    if field.presence == "optional":
        arms.append(f"WHEN {x} IS NULL THEN NULL")
    else:
        rule = rule_ids.CELL_MISSING if field.presence == "required" else rule_ids.CELL_UNSTATED
        arms.append(f"WHEN {x} IS NULL THEN {number(rule)}")
    is_absent = f"WHEN starts_with({x}, {literal(checks.ABSENT)})"
    if field.presence == "stated":
        reasons = ", ".join(literal(checks.ABSENT + reason) for reason in ABSENT_REASONS)
        arms.append(f"WHEN {x} IN ({reasons}) THEN NULL")
        arms.append(f"{is_absent} THEN {number(rule_ids.CELL_REASON_UNKNOWN)}")
    else:
        arms.append(f"{is_absent} THEN {number(rule_ids.CELL_REASON_NOT_HERE)}")
    blank = f"trim({x}, {literal(checks.BLANKS)})"
    edge = f"{blank} = ''" if field.is_free_text else f"{blank} <> {x}"
    arms.append(f"WHEN {edge} THEN {number(rule_ids.CELL_BLANKS)}")
    arms += _why_not(field, lists)
    return f"CAST(CASE {' '.join(arms)} END AS UTINYINT)"


def _fine(field: Field, lists: Lists) -> str:
    """True for a value that may stand; NULL or false sends the cell to the other arms."""
    x = name(field.name)
    trimmed = f"trim({x}, {literal(checks.BLANKS)})"
    if field.type in ("text", "json"):
        edges = f"[{checks.BLANKS}]"
        edge = (
            f"{trimmed} <> ''"
            if field.is_free_text
            else f"NOT regexp_matches({x}, {literal(f'^{edges}|{edges}$')})"
        )
        return (
            f"length({x}) <= {field.max_length} AND {x} <> {_TOLD} AND {edge}"
            f" AND NOT starts_with({x}, {literal(checks.ABSENT)})"
        )
    if field.type == "code":
        return f"{x} IN ({', '.join(map(literal, lists.codes[field.name]))})"
    if field.type == "date":
        return f"length({x}) = 10 AND CAST(TRY_CAST({x} AS DATE) AS VARCHAR) = {x}"
    if field.type == "money":
        return _fine_amount(x, lists)
    if field.type == "integer":
        return (
            f"{_matches(x, checks.INTEGER)} AND length({x}) < 19"
            f" AND TRY_CAST({x} AS BIGINT) BETWEEN {field.minimum} AND {field.maximum}"
        )
    if field.type == "decimal":
        ppb = f"TRY_CAST({x} AS DECIMAL(18, 9))"
        return (
            f"{_matches(x, checks.DECIMAL)} AND NOT {_matches(x, checks.MINUS_ZERO)}"
            f" AND {ppb} BETWEEN {field.minimum} AND {field.maximum}"
        )
    if field.type == "instant":
        return (
            f"{_matches(x, checks.INSTANT)} AND NOT ends_with({x}, '{checks.NO_OFFSET_KNOWN}')"
            f" AND {x} >= '0001-01-02' AND {x} < '9999-12-31'"
            f" AND CAST(TRY_CAST(left({x}, 10) AS DATE) AS VARCHAR) = left({x}, 10)"
        )
    if field.type == "boolean":
        return f"{x} IN ('true', 'false')"
    return _matches(x, checks.MEMBER)


def _fine_amount(x: str, lists: Lists) -> str:
    """An amount with no more digits than the row's currency has."""
    fits = " OR ".join(
        f"(currency_digits = {digits} AND {_matches(x, checks.amount_pattern(digits))})"
        for digits in sorted(set(lists.digits.values()))
    )
    return (
        f"({fits or 'false'}) AND NOT (starts_with({x}, '-0') AND {_matches(x, checks.MINUS_ZERO)})"
    )


def currency_columns(lists: Lists) -> str:
    """What the amounts of a row need of its currency: digits (NULL: not known), and the divisor."""
    digits = " ".join(
        f"WHEN {literal(currency)} THEN {digits}" for currency, digits in lists.digits.items()
    )
    divisors = " ".join(
        f"WHEN {literal(currency)} THEN {10 ** (3 - digits)}"
        for currency, digits in lists.digits.items()
    )
    if not digits:
        return "CAST(NULL AS INTEGER) AS currency_digits, CAST(NULL AS BIGINT) AS currency_divisor"
    return (
        f"CASE currency {digits} END AS currency_digits,"
        f" CAST(CASE currency {divisors} END AS BIGINT) AS currency_divisor"
    )


def _why_not(field: Field, lists: Lists) -> list[str]:
    """The arms that name the fault of a value that is there and has no blanks around it."""
    x = name(field.name)
    if field.type == "money":
        no_currency = 0 if lists.currency_is_required else number(rule_ids.CELL_AMOUNT_CURRENCY)
        return [
            f"WHEN {_matches(x, checks.AMOUNT_LONG)} THEN {number(rule_ids.CELL_AMOUNT_LONG)}",
            f"WHEN NOT {_matches(x, checks.AMOUNT_FORM)} OR {_matches(x, checks.MINUS_ZERO)}"
            f" THEN {number(rule_ids.CELL_AMOUNT_FORM)}",
            f"WHEN currency IS NULL THEN {no_currency}",
            # An unknown currency has its own fault; its amounts are not judged further.
            "WHEN currency_digits IS NULL THEN 0",
            f"ELSE {number(rule_ids.CELL_AMOUNT_DIGITS)}",
        ]
    if field.type == "date":
        calendar = rule_ids.CELL_DATE_KEPT if field.keep_impossible else rule_ids.CELL_DATE_CALENDAR
        return _form_then(x, checks.DATE, rule_ids.CELL_DATE_FORM, calendar)
    if field.type == "integer":
        return _form_then(x, checks.INTEGER, rule_ids.CELL_INTEGER_FORM, rule_ids.CELL_RANGE)
    if field.type == "decimal":
        return [
            f"WHEN {_matches(x, checks.MINUS_ZERO)} THEN {number(rule_ids.CELL_DECIMAL_FORM)}",
            f"WHEN {_matches(x, checks.DECIMAL_LONG)} THEN {number(rule_ids.CELL_RANGE)}",
            *_form_then(x, checks.DECIMAL, rule_ids.CELL_DECIMAL_FORM, rule_ids.CELL_RANGE),
        ]
    if field.type == "instant":
        return [
            f"WHEN ends_with({x}, '{checks.NO_OFFSET_KNOWN}')"
            f" THEN {number(rule_ids.CELL_INSTANT_FORM)}",
            *_form_then(
                x, checks.INSTANT, rule_ids.CELL_INSTANT_FORM, rule_ids.CELL_INSTANT_CALENDAR
            ),
        ]
    only = {
        "text": rule_ids.CELL_TOO_LONG,
        "json": rule_ids.CELL_JSON,
        "code": rule_ids.CELL_CODE,
        "boolean": rule_ids.CELL_BOOLEAN,
        "member": rule_ids.CELL_MEMBER,
    }
    return [f"ELSE {number(only[field.type])}"]


def _form_then(x: str, pattern: str, form_rule: str, else_rule: str) -> list[str]:
    return [
        f"WHEN NOT {_matches(x, pattern)} THEN {number(form_rule)}",
        f"ELSE {number(else_rule)}",
    ]


def _matches(x: str, pattern: str) -> str:
    return f"regexp_full_match({x}, {literal(pattern)})"


def value_expressions(field: Field, lists: Lists) -> list[str]:
    """The typed columns of a field, from `v_<name>`: the cell when it may stand, else NULL."""
    v = name(f"v_{field.name}")
    if field.type == "money":
        # Thousandths first, then the currency's own units: always whole, as the digits are checked.
        # Up to twelve characters the product fits 64 bits; the wide form costs four times more.
        narrow = f"CAST(CAST({v} AS DECIMAL(18, 3)) * 1000 AS BIGINT) // currency_divisor"
        wide = f"CAST(CAST({v} AS DECIMAL(25, 3)) * 1000 AS HUGEINT) // currency_divisor"
        expressions = [f"CASE WHEN length({v}) <= 12 THEN {narrow} ELSE CAST({wide} AS BIGINT) END"]
    elif field.type == "decimal":
        expressions = [f"CAST(CAST({v} AS DECIMAL(20, 9)) * {checks.PPB} AS BIGINT)"]
    elif field.type == "instant":
        expressions = [f"CAST({v} AS TIMESTAMPTZ)", _offset_minutes(v)]
    else:
        expressions = [f"CAST({v} AS {columns_of(field)})"]
    return expressions


def columns_of(field: Field) -> str:
    """The DuckDB type of a field that is one column."""
    return field_columns(field)[0].duckdb_type


def _offset_minutes(v: str) -> str:
    hours, minutes = (
        f"CAST(substr(right({v}, 6), 2, 2) AS INTEGER)",
        f"CAST(right({v}, 2) AS INTEGER)",
    )
    sign = f"CASE substr(right({v}, 6), 1, 1) WHEN '-' THEN -1 ELSE 1 END"
    return f"CASE WHEN ends_with({v}, 'Z') THEN 0 ELSE ({hours} * 60 + {minutes}) * {sign} END"


def absent_expression(dataset: Dataset) -> str:
    """The `absent` column: "field:reason" of each, sorted; NULL when nothing is absent."""
    parts = []
    for field in sorted(dataset.fields, key=lambda item: f"{item.name}:"):
        x, c = name(field.name), name(f"c_{field.name}")
        if field.keep_impossible:
            kept = number(rule_ids.CELL_DATE_KEPT)
            parts.append(f"CASE WHEN {c} = {kept} THEN '{field.name}:{checks.NOT_VALID}' END")
        if field.presence == "stated":
            parts.append(
                f"CASE WHEN {c} IS NULL AND starts_with({x}, '{checks.ABSENT}')"
                f" THEN '{field.name}:' || substr({x}, {len(checks.ABSENT) + 1}) END"
            )
    return f"nullif(concat_ws(',', {', '.join(parts)}), '')" if parts else "CAST(NULL AS VARCHAR)"


def column_names(dataset: Dataset) -> list[str]:
    """The typed columns' names, `absent` last."""
    return [column.name for column in columns(dataset)]
