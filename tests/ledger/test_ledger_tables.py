"""The ledger's tables follow the registry, and a leaf is the same wherever it is computed."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import duckdb
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.formats import columns, load
from tallystick.formats.kept import kept_table
from tallystick.ledger import append, tables
from tallystick.ledger.fold import CONTINUED
from tallystick.profile.keys import BASES

_POSTGRES = {
    "uuid": "uuid",
    "text": "text",
    "date": "date",
    "boolean": "boolean",
    "instant": "timestamp with time zone",
    "bytes": "bytea",
}
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "records.md"
_INTEGERS = {"integer", "bigint", "smallint"}


@pytest.fixture(scope="module")
def connection(migrated):
    with psycopg.connect(migrated.url) as opened:
        yield opened


def catalogue(connection, dataset):
    rows = connection.execute(
        "select column_name, data_type, is_nullable from information_schema.columns"
        " where table_schema = 'ledger' and table_name = %s",
        (dataset,),
    )
    return {name: (kind, nullable == "YES") for name, kind, nullable in rows}


@pytest.mark.parametrize("dataset", tables.DATASETS)
def test_every_column_of_the_registry_is_a_column_of_its_kind(connection, dataset):
    found = catalogue(connection, dataset)
    for name, kind in tables.table(dataset).stated:
        allowed = _INTEGERS if kind == "integer" else {_POSTGRES[kind]}
        assert found[name][0] in allowed, name
    extra = {"operation", "reason"}
    assert set(found) == {*tables.table(dataset).columns} | extra


def checked(connection, table):
    """Column -> the codes its check allows, where it has one that names codes."""
    found = {}
    for column, text in connection.execute(
        "select a.attname, pg_get_constraintdef(c.oid) from pg_constraint c"
        " join pg_attribute a on a.attrelid = c.conrelid and array[a.attnum] = c.conkey"
        " where c.conrelid = %s::regclass and c.contype = 'c' and c.convalidated",
        (f"ledger.{table}",),
    ):
        if codes := re.findall(r"'([^']+)'::text(?=[,\]])", text):
            found[column] = set(codes)
    return found


def listed(field):
    """The codes of a field whose list is fixed; None where it has none."""
    if field.domain == "profile:furnishing_bases":
        return set(BASES)
    return set(field.domain) if isinstance(field.domain, tuple) else None


@pytest.mark.parametrize("dataset", tables.DATASETS)
def test_required_fields_are_not_null_and_codes_are_checked(connection, dataset):
    found = catalogue(connection, dataset)
    wanted = {}
    for column in columns(load()[dataset]):
        field = column.field
        if field is None or field.personal or field.type == "member":
            continue
        assert found[column.name][1] is (field.presence != "required"), column.name
        wanted[column.name] = listed(field)
    correction = listed(load()["correction"].field("reason"))
    wanted |= {"operation": {"record", "correction", "reinsertion"}, "reason": correction}
    assert checked(connection, dataset) == {k: v for k, v in wanted.items() if v is not None}


def test_the_codes_of_a_deletion_are_checked(connection):
    deletion = load()["deletion"]
    assert checked(connection, "deletion") == {
        "reason": listed(deletion.field("reason")) | {CONTINUED},
        "dataset": listed(deletion.field("record_dataset")),
    }
    assert listed(deletion.field("record_dataset")) == set(tables.DATASETS)
    assert listed(load()["correction"].field("record_dataset")) == set(tables.DATASETS)


def test_a_month_has_the_checks_of_all_months(connection):
    connection.execute("select ledger.ensure_month('1999-01-01')")
    assert checked(connection, "snapshot_1999_01") == checked(connection, "snapshot")
    connection.rollback()


_TYPES_OF_COLUMNS = """
  select attname, format_type(atttypid, atttypmod) from pg_attribute
  where attrelid = %s::regclass and attnum > 0
"""
#: Columns no field of the dataset itself is kept in: whose the row is, where it stands, what it is.
_BESIDE = {
    "party_id", "object_id", "item_key", "chunk_id", "row_no", "furnisher_id", "operation",
    "reason", "absent", "sealed", "leaf", "member_key", "formerly_account_id",
}  # fmt: skip


@pytest.mark.parametrize("dataset", load())
def test_the_columns_the_page_names_are_those_of_the_tables(connection, dataset):
    table, named = kept_table(load()[dataset]), {}
    for line in section(dataset):
        if cell := re.findall(r"`(\w+)` ([a-z ]+)", line.split(" | ")[3]):
            named |= dict(cell)
    if table is None:
        assert named == {"reason": "text"}  # in the table of the record it corrects
        return
    there = dict(connection.execute(_TYPES_OF_COLUMNS, (table,)).fetchall())
    assert named.items() <= there.items()
    if dataset in tables.DATASETS:
        assert there.keys() - named.keys() <= _BESIDE


def section(dataset):
    """The rows of fields that the page has for a dataset."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"\n## {dataset} (")
    return [one for one in rest.partition("\n## ")[0].splitlines() if one.startswith("| `")]


def test_personal_fields_have_no_column(connection):
    for dataset in tables.DATASETS:
        found = catalogue(connection, dataset)
        for column in columns(load()[dataset]):
            if column.field is not None and column.field.personal:
                assert column.name not in found


_SMALL = st.integers(-(2**62), 2**62)
_VALUES = {
    "uuid": st.uuids(),
    "text": st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
    | st.text("\\N", max_size=4),
    "date": st.dates(date(1901, 1, 1), date(2099, 12, 31)),
    "integer": _SMALL,
    "boolean": st.booleans(),
    "instant": st.integers(0, 4 * 10**15).map(
        lambda past: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=past)
    ),
    "bytes": st.binary(max_size=20),
}


@st.composite
def rows(draw, dataset):
    row = {}
    for name, kind in tables.table(dataset).stated:
        value = draw(st.none() | _VALUES[kind])
        if name.endswith("_offset_minutes") and value is not None:
            value %= 840
        row[name] = value
    return row


def in_postgres(connection, dataset, row):
    columns_ = ", ".join(
        f"%({name})s::{'bigint' if kind == 'integer' else _POSTGRES[kind]} as {name}"
        for name, kind in tables.table(dataset).stated
    )
    found = connection.execute(
        f"select {tables.leaf_sql(dataset)} from (select {columns_}) one", row
    ).fetchone()
    return bytes(found[0])


def in_duckdb(dataset, row):
    kinds = {"uuid": "uuid", "text": "varchar", "date": "date", "boolean": "boolean",
             "integer": "bigint", "bytes": "varchar", "instant": "timestamptz"}  # fmt: skip
    given_ = {
        name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()
    }
    columns_ = ", ".join(
        f"${name}::{kinds[kind]} as {name}" for name, kind in tables.table(dataset).stated
    )
    with duckdb.connect() as con:
        found = con.execute(
            f"select {tables.leaf_duckdb(dataset)} from (select {columns_})", given_
        ).fetchall()
    return bytes.fromhex(found[0][0])


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_leaf_is_the_same_in_python_postgresql_and_duckdb(connection, data):
    dataset = data.draw(st.sampled_from(tables.DATASETS))
    row = data.draw(rows(dataset))
    leaf = tables.leaf(dataset, row)
    assert in_postgres(connection, dataset, row) == leaf
    assert in_duckdb(dataset, row) == leaf


#: Texts that a leaf could take for NULL or for one another, and None.
_NEAR_NULL = (
    None,
    "",
    "N",
    "\\N",
    "\\\\N",
    "\\\\\\N",
    "\\",
    "\\\\",
    "\\n",
    "\\N ",
    " \\N",
    "N\\N",
    "\\NN",
)


@pytest.mark.parametrize("dataset", tables.DATASETS)
def test_a_leaf_tells_null_from_every_text(connection, dataset):
    for name in tables.free_texts(dataset):
        rows_ = [{**_no_values(dataset), name: value} for value in _NEAR_NULL]
        leaves = [tables.leaf(dataset, row) for row in rows_]
        assert len(set(leaves)) == len(_NEAR_NULL), name
        if name == "reason" or dataset == "account":
            assert [in_postgres(connection, dataset, row) for row in rows_] == leaves
            assert [in_duckdb(dataset, row) for row in rows_] == leaves


@pytest.mark.parametrize("value", [one for one in _NEAR_NULL if one is None or one[-2:] != "\\N"])
def test_texts_that_are_not_like_null_stand_in_a_leaf_as_they_are(value):
    row = {**_no_values("remark"), "reason": value}
    plain = [tables.NULL if one is None else one for one in row.values()]
    assert tables.row_text("remark", row) == "\x1f".join(["remark", *plain]).encode()


@pytest.mark.parametrize("dataset", tables.DATASETS)
def test_where_null_may_stand_no_other_column_takes_its_text(connection, dataset):
    """A column that is not marked has the table's own check against it, or cannot be NULL."""
    found = catalogue(connection, dataset)
    checks = connection.execute(
        "select a.attname, pg_get_expr(c.conbin, c.conrelid) from pg_constraint c"
        " join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any(c.conkey)"
        " where c.conrelid = %s::regclass and c.contype = 'c'",
        (f"ledger.{dataset}",),
    ).fetchall()
    for name, kind in tables.table(dataset).stated:
        if kind != "text" or not found[name][1] or name in tables.free_texts(dataset):
            continue
        refused = [
            connection.execute(
                f"select not ({check}) from (select %s::text as {name}) one", ("\\N",)
            )
            for column, check in checks
            if column == name
        ]
        assert any(row.fetchone()[0] for row in refused), name


def test_rows_beside_the_datasets_have_no_text_that_may_be_null(connection):
    for target, names in append.OTHER.values():
        nullable = connection.execute(
            "select column_name from information_schema.columns where is_nullable = 'YES'"
            " and data_type = 'text' and table_schema || '.' || table_name = %s",
            (target,),
        ).fetchall()
        assert not {row[0] for row in nullable} & set(names)


def _no_values(dataset):
    return dict.fromkeys(name for name, _ in tables.table(dataset).stated)


@pytest.mark.parametrize("changed", ["bucket", "balance_minor", "period_end", "party_id"])
def test_a_leaf_changes_with_any_value(changed):
    row = {
        "party_id": UUID(int=1), "account_id": UUID(int=2), "period_end": date(2024, 12, 31),
        "furnisher_id": UUID(int=3), "bucket": "0", "balance_minor": 1, "operation": "record",
    }  # fmt: skip
    other = {
        "bucket": "1", "balance_minor": None, "period_end": date(2024, 12, 30),
        "party_id": UUID(int=4),
    }  # fmt: skip
    assert tables.leaf("snapshot", row) != tables.leaf("snapshot", {**row, changed: other[changed]})


def test_a_link_s_leaf_keeps_its_microseconds():
    moment = datetime(2025, 1, 1, tzinfo=UTC)
    values = {
        "party_id": UUID(int=1), "subject_id": UUID(int=2), "decision": "token",
        "decided_by": "bureau", "decided_at": moment, "case_id": None,
    }  # fmt: skip
    later = {**values, "decided_at": moment + timedelta(microseconds=1)}
    assert (
        append.Row(table="link", values=values).leaf != append.Row(table="link", values=later).leaf
    )
