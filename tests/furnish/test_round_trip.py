"""Typed rows written as CSV and as NDJSON come back as the same typed rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.formats import ABSENT_REASONS, Dataset, Field, load
from tallystick.furnish import Limits, read_record
from tallystick.furnish.checks import BLANKS, lists
from tallystick.model.money import format_minor

from .conftest import DOMAINS, stage_path
from .test_cells import comparable

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LETTERS = st.characters(
    codec="utf-8", categories=["L", "N", "P", "S", "Zs"], exclude_characters="\u0085"
)


def field_values(field: Field) -> st.SearchStrategy[str]:
    """Cells that may stand in a field; "" where it may be empty."""
    cells = value_cells(field)
    if field.presence == "stated":
        return cells | st.sampled_from([f"absent:{reason}" for reason in ABSENT_REASONS])
    return cells | st.just("") if field.presence == "optional" else cells


def value_cells(field: Field) -> st.SearchStrategy[str]:
    if field.type == "code":
        codes = field.domain if isinstance(field.domain, tuple) else DOMAINS[str(field.domain)]
        return st.sampled_from(sorted(codes))
    if field.type == "integer":
        return st.integers(field.minimum, field.maximum).map(str)
    if field.type == "date":
        return st.dates().map(date.isoformat)
    if field.type == "instant":
        offsets = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
        moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 30))  # noqa: DTZ001
        return st.builds(
            lambda moment, offset: moment.replace(tzinfo=offset).isoformat(), moments, offsets
        )
    if field.type == "boolean":
        return st.sampled_from(["true", "false"])
    if field.type == "decimal":
        return st.integers(0, 10**9).map(lambda ppb: f"{ppb // 10**9}.{ppb % 10**9:09d}")
    if field.type == "member":
        return st.from_regex("[A-Za-z0-9][A-Za-z0-9._-]{0,39}", fullmatch=True)
    if field.type == "json":
        return st.dictionaries(st.text(LETTERS, max_size=5), st.integers(0, 9), max_size=3).map(
            lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        )
    return st.text(LETTERS, min_size=1, max_size=min(field.max_length or 1, 12)).filter(
        lambda text: text.strip(BLANKS) == text and not text.startswith("absent:")
    )


@st.composite
def records(draw: st.DrawFn, dataset: Dataset) -> dict[str, str]:
    """One record of right cells; amounts follow the currency."""
    record: dict[str, str] = {}
    currency = draw(st.sampled_from(DOMAINS["currency"]))
    for field in dataset.fields:
        if field.name == "currency":
            record[field.name] = currency
        elif field.type == "money":
            minor = draw(st.integers(-(10**15) + 1, 10**15 - 1))
            record[field.name] = format_minor(minor, currency)
        else:
            record[field.name] = draw(field_values(field))
    return record


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    folder = tmp_path_factory.mktemp("workshop")
    with duckdb.connect(str(folder / "stage.duckdb")) as con:
        yield con, folder / "sent"


@pytest.mark.parametrize("name", list(load()))
@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_right_rows_come_back_the_same_three_ways(
    workshop: tuple[duckdb.DuckDBPyConnection, Path], name: str, data: st.DataObject
) -> None:
    con, path = workshop
    dataset = load()[name]
    sent = data.draw(st.lists(records(dataset), min_size=1, max_size=12))
    quoting = data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    line_end = data.draw(st.sampled_from(["\n", "\r\n"]))
    block_bytes = data.draw(st.sampled_from([50, 1 << 20]))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(sent[0]), quoting=quoting, lineterminator=line_end)
    writer.writeheader()
    writer.writerows(sent)
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    limits = Limits(block_bytes=block_bytes)
    from_csv = stage_path(con, path, name, format="csv", limits=limits)
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in sent), "utf-8")
    from_json = stage_path(con, path, name, format="ndjson", limits=limits)
    assert from_csv.faults == from_json.faults == []
    single = [read_record(dataset, record, DOMAINS) for record in sent]
    assert [findings for _, findings in single] == [[]] * len(sent)
    expected = [comparable(row) for row, _ in single]
    assert [without_line(row) for row in from_csv.rows] == expected
    assert [without_line(row) for row in from_json.rows] == expected
    assert [cells_of(dataset, row) for row in expected] == [
        {field: normal(dataset.field(field), cell) for field, cell in record.items()}
        for record in sent
    ]


CELLS = st.text(st.sampled_from("0123456789-+.eE_x :TZabsent\u00a0\u3000١"), max_size=14)


@settings(max_examples=10, deadline=None)
@given(cells=st.lists(CELLS, min_size=20, max_size=40))
def test_any_cell_is_judged_alike_by_file_and_record(
    workshop: tuple[duckdb.DuckDBPyConnection, Path], cells: list[str]
) -> None:
    con, path = workshop
    dataset = load()["snapshot"]
    names = [field.name for field in dataset.fields]
    sent = [dict.fromkeys(names, cell) | {"currency": "CNY"} for cell in cells]
    path.write_text("".join(json.dumps(record) + "\n" for record in sent), "utf-8")
    outcome = stage_path(con, path, "snapshot", format="ndjson")
    for line_no, record in enumerate(sent, 1):
        row, findings = read_record(dataset, record, DOMAINS)
        told = sorted((f[2], f[3], f[4]) for f in outcome.faults if f[0] == line_no)
        assert told == sorted((f.field, f.rule_id, f.seen) for f in findings)
        assert without_line(outcome.rows[line_no - 1]) == comparable(row)


def without_line(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "line_no"}


def cells_of(dataset: Dataset, row: dict[str, Any]) -> dict[str, str]:
    """The cells a typed row was, written back."""
    absent = dict(part.split(":") for part in (row["absent"] or "").split(",") if part)
    return {
        field.name: f"absent:{absent[field.name]}" if field.name in absent else cell(field, row)
        for field in dataset.fields
    }


def cell(field: Field, row: dict[str, Any]) -> str:
    if field.type == "money":
        return format_minor(row[f"{field.name}_minor"], row["currency"])
    if field.type == "instant":
        offset = timezone(timedelta(minutes=row[f"{field.name}_offset_minutes"]))
        moment = EPOCH + timedelta(microseconds=row[field.name])
        return (moment.replace(tzinfo=None) + offset.utcoffset(None)).isoformat() + text_of(offset)
    if field.type == "decimal":
        ppb = row[f"{field.name}_ppb"]
        return "" if ppb is None else f"{ppb // 10**9}.{ppb % 10**9:09d}"
    value = row[field.name]
    if value is None:
        return ""
    return str(value).lower() if field.type == "boolean" else str(value)


def normal(field: Field, text: str) -> str:
    """The one way of writing an instant; every other cell is written back as it was."""
    if field.type != "instant":
        return text
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=None).isoformat() + text_of(moment.tzinfo)


def text_of(offset: Any) -> str:
    minutes = int(offset.utcoffset(None).total_seconds()) // 60
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def test_the_digits_of_every_listed_currency_are_known() -> None:
    assert lists(load()["snapshot"], DOMAINS).digits == {"CNY": 2, "JPY": 0, "KWD": 3}
