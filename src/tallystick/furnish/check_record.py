"""The cell checks for one record, in Python. Twin of `check_sql`: a test holds them together."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

from tallystick.formats import ABSENT_REASONS, Dataset, Field
from tallystick.furnish import checks, rule_ids
from tallystick.furnish.checks import Lists, lists
from tallystick.furnish.csv_record import seen_text
from tallystick.furnish.json_record import json_cells
from tallystick.furnish.spill import TOLD
from tallystick.model.finding import Finding
from tallystick.model.money import parse_minor

_AMOUNT_FORM = re.compile(checks.AMOUNT_FORM)
_AMOUNT_LONG = re.compile(checks.AMOUNT_LONG)
_DECIMAL_LONG = re.compile(checks.DECIMAL_LONG)
_DATE = re.compile(checks.DATE)
_DECIMAL = re.compile(checks.DECIMAL)
_INSTANT = re.compile(checks.INSTANT)
_INTEGER = re.compile(checks.INTEGER)
_MEMBER = re.compile(checks.MEMBER)
_MINUS_ZERO = re.compile(checks.MINUS_ZERO)
_INT64_DIGITS = 18


class _Fault(Exception):
    """The cell may not stand. `rule_id` None: its fault was told before."""

    def __init__(self, rule_id: str | None):
        super().__init__(rule_id)
        self.rule_id = rule_id


def read_record(
    dataset: Dataset, record: Mapping[str, Any], domains: Mapping[str, Collection[str]]
) -> tuple[dict[str, Any], list[Finding]]:
    """One JSON record to the typed columns of `columns(dataset)`, and all its faults.

    Takes:    strings (integers and booleans may be JSON ones; amounts may not), null or nothing
              for a missing value, `{"absent": reason}`
    Gives:    every typed column, None where nothing is or where the cell has a fault; findings in
              the order of the fields, without line, column and byte
    Raises:   ProfileError when a code list is missing
    """
    judged_by = lists(dataset, domains)
    cells, told = json_cells(dataset, record)
    findings = [_finding(fault.rule_id, fault.field, fault.seen) for fault in told]
    by_name = {f.name: cell for f, cell in zip(dataset.fields, cells, strict=True)}
    row, found = read_cells(dataset, by_name, judged_by)
    return row, _in_order(dataset, findings + found)


def read_cells(
    dataset: Dataset, by_name: Mapping[str, str], judged_by: Lists
) -> tuple[dict[str, Any], list[Finding]]:
    """Cells by field (a field not named is empty) to typed columns, and their faults.

    Gives: columns in the order of `columns(dataset)`; findings in the order of the fields, none
           for a cell that stands for a fault told before
    """
    findings: list[Finding] = []
    row: dict[str, Any] = {}
    absent: list[str] = []
    currency = by_name.get("currency", "")
    for field, nothing in zip(dataset.fields, judged_by.nothing, strict=True):
        row |= nothing
        cell = by_name.get(field.name, "")
        if not cell and field.presence == "optional":
            continue
        try:
            reason = _absence(field, cell)
            if reason is not None:
                absent.append(f"{field.name}:{reason}")
            elif cell:
                row.update(zip(nothing, _typed(field, cell, currency, judged_by), strict=True))
        except _Fault as fault:
            if fault.rule_id is not None:
                findings.append(_finding(fault.rule_id, field.name, seen_text(cell) or None))
            if fault.rule_id == rule_ids.CELL_DATE_KEPT:
                absent.append(f"{field.name}:{checks.NOT_VALID}")
    row["absent"] = ",".join(sorted(absent)) or None
    return row, findings


def _absence(field: Field, cell: str) -> str | None:
    """The reason given for a value that is not there; None when there is a value or none is due."""
    if cell == TOLD:
        raise _Fault(None)
    if not cell:
        if field.presence == "optional":
            return None
        is_required = field.presence == "required"
        raise _Fault(rule_ids.CELL_MISSING if is_required else rule_ids.CELL_UNSTATED)
    if not cell.startswith(checks.ABSENT):
        return None
    reason = cell.removeprefix(checks.ABSENT)
    if field.presence != "stated":
        raise _Fault(rule_ids.CELL_REASON_NOT_HERE)
    if reason not in ABSENT_REASONS:
        raise _Fault(rule_ids.CELL_REASON_UNKNOWN)
    return reason


def _typed(field: Field, cell: str, currency: str, judged_by: Lists) -> tuple[Any, ...]:
    """The typed values of a cell. Raises: _Fault."""
    trimmed = cell.strip(checks.BLANKS)
    if not trimmed or (trimmed != cell and not field.is_free_text):
        raise _Fault(rule_ids.CELL_BLANKS)
    if field.type == "money":
        return (_amount(cell, currency, judged_by),)
    if field.type == "date":
        return (_day(cell, is_kept=field.keep_impossible),)
    if field.type == "instant":
        return _instant(cell)
    if field.type == "integer":
        return (_integer(field, cell),)
    if field.type == "decimal":
        return (_ppb(field, cell),)
    if field.type == "boolean":
        _need(cell in ("true", "false"), rule_ids.CELL_BOOLEAN)
        return (cell == "true",)
    if field.type == "code":
        _need(cell in judged_by.codes[field.name], rule_ids.CELL_CODE)
    elif field.type == "member":
        _need(_MEMBER.fullmatch(cell) is not None, rule_ids.CELL_MEMBER)
    else:
        _need(len(cell) <= (field.max_length or 0), rule_ids.CELL_TOO_LONG)
    return (cell,)


def _need(condition: bool, rule_id: str) -> None:
    if not condition:
        raise _Fault(rule_id)


def _amount(cell: str, currency: str, judged_by: Lists) -> int:
    if _AMOUNT_FORM.fullmatch(cell) is None:
        is_long = _AMOUNT_LONG.fullmatch(cell) is not None
        raise _Fault(rule_ids.CELL_AMOUNT_LONG if is_long else rule_ids.CELL_AMOUNT_FORM)
    _need(cell[0] != "-" or _MINUS_ZERO.fullmatch(cell) is None, rule_ids.CELL_AMOUNT_FORM)
    if not currency and not judged_by.currency_is_required:
        raise _Fault(rule_ids.CELL_AMOUNT_CURRENCY)
    if currency not in judged_by.digits:
        raise _Fault(None)
    minor = parse_minor(cell, currency)
    if minor is None:
        raise _Fault(rule_ids.CELL_AMOUNT_DIGITS)
    return minor


def _day(cell: str, *, is_kept: bool) -> date:
    _need(_DATE.fullmatch(cell) is not None, rule_ids.CELL_DATE_FORM)
    try:
        return date.fromisoformat(cell)
    except ValueError:
        kept = rule_ids.CELL_DATE_KEPT
        raise _Fault(kept if is_kept else rule_ids.CELL_DATE_CALENDAR) from None


def _instant(cell: str) -> tuple[datetime, int]:
    _need(_INSTANT.fullmatch(cell) is not None, rule_ids.CELL_INSTANT_FORM)
    _need(not cell.endswith(checks.NO_OFFSET_KNOWN), rule_ids.CELL_INSTANT_FORM)
    # The first and last days of the calendar would leave it in another offset.
    _need("0001-01-02" <= cell < "9999-12-31", rule_ids.CELL_INSTANT_CALENDAR)
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        raise _Fault(rule_ids.CELL_INSTANT_CALENDAR) from None
    offset = moment.utcoffset()
    if offset is None:
        raise _Fault(rule_ids.CELL_INSTANT_FORM)
    return moment, int(offset.total_seconds()) // 60


def _integer(field: Field, cell: str) -> int:
    _need(_INTEGER.fullmatch(cell) is not None, rule_ids.CELL_INTEGER_FORM)
    _need(len(cell) <= _INT64_DIGITS, rule_ids.CELL_RANGE)
    value = int(cell)
    _need((field.minimum or 0) <= value <= (field.maximum or 0), rule_ids.CELL_RANGE)
    return value


def _ppb(field: Field, cell: str) -> int:
    _need(_DECIMAL_LONG.fullmatch(cell) is None, rule_ids.CELL_RANGE)
    _need(_DECIMAL.fullmatch(cell) is not None, rule_ids.CELL_DECIMAL_FORM)
    _need(_MINUS_ZERO.fullmatch(cell) is None, rule_ids.CELL_DECIMAL_FORM)
    whole, _, fraction = cell.lstrip("-").partition(".")
    ppb = int(whole) * checks.PPB + int(fraction.ljust(9, "0"))
    ppb = -ppb if cell.startswith("-") else ppb
    low, high = (field.minimum or 0) * checks.PPB, (field.maximum or 0) * checks.PPB
    _need(low <= ppb <= high, rule_ids.CELL_RANGE)
    return ppb


def _finding(rule_id: str, field: str | None, seen: str | None) -> Finding:
    severity = rule_ids.severity(rule_id)
    return Finding(rule_id=rule_id, severity=severity, field=field, seen=seen)


def _in_order(dataset: Dataset, findings: list[Finding]) -> list[Finding]:
    """Faults of the record first, then by field."""
    place = {field.name: index for index, field in enumerate(dataset.fields)}
    return sorted(findings, key=lambda f: (place.get(f.field or "", -1), f.rule_id))
