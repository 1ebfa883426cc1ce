"""One JSON record (a line of NDJSON, a body of the API) to the same cells a CSV row has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tallystick.formats import Dataset, Field
from tallystick.furnish import rule_ids
from tallystick.furnish.csv_record import Broken, seen_text
from tallystick.furnish.header import REJECT_COLUMNS
from tallystick.furnish.json_written import as_written, read_json
from tallystick.furnish.spill import TOLD
from tallystick.model.json_keys import DoubledKey
from tallystick.model.unshown import is_no_text

_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(frozen=True, slots=True)
class JsonFault:
    """A fault that only JSON can have, or that must be told before the cell is written."""

    rule_id: str
    field: str | None
    seen: str


def parse_line(line: bytes) -> dict[str, Any] | Broken:
    """The object of one line, or why it is none. NaN and Infinity are refused."""
    if b"\0" in line:
        return Broken(rule_ids.ROW_NUL, None, seen_text(line))
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        shown = seen_text(line[max(0, error.start - 20) : error.end + 20])
        return Broken(rule_ids.ROW_NOT_UTF8, None, shown)
    try:
        value = read_json(text)
    except DoubledKey as error:
        return Broken(rule_ids.ROW_KEY_DOUBLED, None, seen_text(str(error)))
    except (ValueError, RecursionError):
        return Broken(rule_ids.ROW_NOT_JSON, None, seen_text(line))
    if not isinstance(value, dict):
        return Broken(rule_ids.ROW_NOT_JSON, None, seen_text(line))
    return value


def json_cells(dataset: Dataset, record: Mapping[str, Any]) -> tuple[list[str], list[JsonFault]]:
    """The record's cells in the dataset's order ("" where nothing is), and the faults told."""
    faults = [
        JsonFault(rule_ids.ROW_FIELD_UNKNOWN, None, seen_text(str(name)))
        for name in record.keys() - {field.name for field in dataset.fields} - set(REJECT_COLUMNS)
    ]
    faults.sort(key=lambda fault: fault.seen)
    cells: list[str] = []
    for field in dataset.fields:
        cell = _cell(field, record.get(field.name))
        if isinstance(cell, JsonFault):
            faults.append(cell)
            cell = TOLD
        cells.append(cell)
    return cells, faults


def json_text(value: Any, max_length: int) -> str | None:
    """Compact text of a JSON object (given as one or as its text); None when it is none.

    Its numbers stay as they were written: they are judged, and shown, by that.
    Also None: longer than `max_length` characters, NUL or half a surrogate pair inside, NaN, values
    nested too deep (`as_written`).
    """
    try:
        if isinstance(value, str):
            value = read_json(value)
        if not isinstance(value, dict):
            return None
        text = as_written(value)
    except (ValueError, TypeError, RecursionError):
        return None
    if len(text) > max_length or _SURROGATE.search(text) or _ESCAPED_NUL.search(text):
        return None
    return text


def _cell(field: Field, value: Any) -> str | JsonFault:
    if value is None:
        return ""
    if field.type == "json":
        text = json_text(value, field.max_length or 0) if value != "" else ""
        return JsonFault(rule_ids.CELL_JSON, field.name, _seen(value)) if text is None else text
    if isinstance(value, str):
        if is_no_text(value):
            return JsonFault(rule_ids.CELL_CONTROL, field.name, seen_text(value))
        return value
    if isinstance(value, bool):
        if field.type == "boolean":
            return "true" if value else "false"
    elif isinstance(value, int | float) and field.type == "integer":
        return as_written(value)  # judged by how it is written, as a cell of a CSV file is
    elif isinstance(value, Mapping) and value.keys() == {"absent"}:
        reason = value["absent"]
        if isinstance(reason, str) and not is_no_text(reason):
            return f"absent:{reason}"
    return JsonFault(rule_ids.CELL_JSON_TYPE, field.name, _seen(value))


def _seen(value: Any) -> str:
    if isinstance(value, str):
        return seen_text(value)
    try:
        return seen_text(as_written(value))
    except (ValueError, TypeError):
        return seen_text(type(value).__name__)
