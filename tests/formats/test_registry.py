"""The registry of native records: read strictly, and everything derived from it agrees."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import jsonschema
import pytest

from tallystick.errors import ProfileError
from tallystick.formats import columns, csv_header, json_schema, load, load_folder
from tallystick.formats.page import records_page
from tallystick.furnish import stage_file

DOMAINS = {
    "currency": ["CNY", "JPY"],
    "profile:buckets": ["0", "1", "C"],
    "profile:furnishing_bases": ["consent", "legal_duty"],
    "profile:identifier_schemes": ["zz_id"],
}
GOOD = """
dataset = "thing"
version = 1
label = { en = "Thing", zh = "物" }
meaning = "A thing."
key = ["number"]
kept_under = "itself"
fields = [
  { name = "number", type = "text", max_length = 9, presence = "required", label = { en = "Number", zh = "号" }, source = "x" },
]
"""  # noqa: E501 - one field a line, as in the registry


def test_all_fourteen_datasets_are_read() -> None:
    assert list(load()) == [
        "account", "account_party", "agreement", "consent", "correction", "deletion", "event",
        "funding", "guarantee", "member", "payment", "remark", "snapshot", "subject",
    ]  # fmt: skip
    assert load() is load()


def test_typed_columns_follow_the_type_of_the_field() -> None:
    names = [column.name for column in columns(load()["snapshot"])]
    assert names[:6] == [
        "account_number", "period_end", "bucket", "days_past_due", "currency", "balance_minor",
    ]  # fmt: skip
    assert names[-1] == "absent"
    event = {column.name: column.duckdb_type for column in columns(load()["event"])}
    assert event["occurred_at"] == "TIMESTAMPTZ"
    assert event["occurred_at_offset_minutes"] == "INTEGER"
    assert "share_ppb" in [column.name for column in columns(load()["funding"])]


def test_csv_header_is_the_fields_in_order() -> None:
    assert csv_header(load()["deletion"]) == "record_dataset,record_key,reason"


def test_the_reference_page_is_current() -> None:
    page = Path(__file__).parents[2] / "docs/reference/records.md"
    assert page.read_text(encoding="utf-8") == records_page(load())


@pytest.mark.parametrize("name", list(load()))
def test_a_key_is_made_of_fields(name: str) -> None:
    dataset = load()[name]
    parts = {one.strip() for part in dataset.key for one in re.split(r"[|,]", part)}
    assert parts <= {field.name for field in dataset.fields}


@pytest.mark.parametrize("name", list(load()))
def test_every_schema_is_a_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema(load()[name], DOMAINS))


def test_a_schema_takes_an_absence_only_where_one_may_be_stated() -> None:
    validator = jsonschema.Draft202012Validator(json_schema(load()["deletion"], DOMAINS))
    record = {"record_dataset": "event", "record_key": {}, "reason": "other"}
    assert validator.is_valid(record)
    assert not validator.is_valid({**record, "reason": {"absent": "not_held"}})
    account = jsonschema.Draft202012Validator(json_schema(load()["account"], DOMAINS))
    schema = account.schema["properties"]["opened_on"]  # type: ignore[index]
    opened = jsonschema.Draft202012Validator(schema)
    assert opened.is_valid({"absent": "not_held"})
    assert not opened.is_valid({"absent": "lost"})


@pytest.mark.parametrize(
    ("written", "by_schema", "by_intake"),
    [
        ("0", True, True),
        ("32000", True, True),
        ("32001", False, False),
        ("-1", False, False),
        ("1.5", False, False),
        ('"12"', True, True),
        ('"12.0"', False, False),
        ('"-0"', False, False),
        # To JSON Schema these are whole numbers: it knows values, not how they are written.
        ("12.0", True, False),
        ("1e1", True, False),
        ("-0", True, False),
    ],
)
def test_a_schema_says_of_whole_numbers_what_it_cannot_check(
    tmp_path: Path, written: str, by_schema: bool, by_intake: bool
) -> None:
    field = json_schema(load()["snapshot"], DOMAINS)["properties"]["days_past_due"]
    assert jsonschema.Draft202012Validator(field).is_valid(json.loads(written)) is by_schema
    path = tmp_path / "sent.ndjson"
    path.write_text(f'{{"days_past_due":{written}}}\n', encoding="utf-8")
    with duckdb.connect() as con:
        stage_file(con, path, load()["snapshot"], DOMAINS)
        told = con.execute("select seen from fault where field = 'days_past_due'").fetchall()
    assert told == ([] if by_intake else [(written.strip('"'),)])
    [number] = [one for one in field["anyOf"][0]["anyOf"] if one.get("type") == "integer"]
    if by_schema > by_intake:
        assert all(written in number[name] for name in ("title", "description"))


@pytest.mark.parametrize(("dataset", "field"), [("snapshot", "balance"), ("funding", "share")])
@pytest.mark.parametrize(
    ("written", "is_taken"),
    [("0", True), ("0.00", True), ("-0", False), ("-0.0", False), ("-0.00", False), ("00", False)],
)
def test_a_schema_and_the_intake_agree_on_zero(
    tmp_path: Path, dataset: str, field: str, written: str, is_taken: bool
) -> None:
    schema = json_schema(load()[dataset], DOMAINS)["properties"][field]
    assert jsonschema.Draft202012Validator(schema).is_valid(written) is is_taken
    path = tmp_path / "sent.ndjson"
    path.write_text(json.dumps({field: written, "currency": "CNY"}) + "\n", encoding="utf-8")
    with duckdb.connect() as con:
        stage_file(con, path, load()[dataset], DOMAINS)
        told = con.execute("select seen from fault where field = ?", [field]).fetchall()
    assert told == ([] if is_taken else [(written,)])


def test_a_schema_wants_the_lists_of_the_profile() -> None:
    with pytest.raises(ProfileError, match="profile:buckets"):
        json_schema(load()["snapshot"], {"currency": ["CNY"]})


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("version = 1", "version = 1\ncolour = 1", r"thing.toml: colour: unknown key"),
        ("version = 1", 'version = "1"', r"thing.toml: version: wrong type"),
        ("version = 1", "", r"thing.toml: missing: version"),
        ('zh = "号"', 'xx = "号"', r"fields\[0\] number: label"),
        ("max_length = 9, ", "", r"fields\[0\] number: max_length"),
        ("max_length = 9, ", "max_length = true, ", r"fields\[0\]: max_length: wrong type"),
        ('type = "text"', 'type = "string"', r"number: type: 'string' is not a type"),
        ('"required"', '"always"', r"number: presence"),
        ('type = "text"', 'type = "code"', r"number: domain"),
        ('type = "text"', 'type = "money"', r"money without a field `currency`"),
        ('type = "text"', 'type = "integer"', r"minimum and maximum"),
        ('source = "x"', 'source = "x", keep_impossible = true', r"keep_impossible"),
        ('dataset = "thing"', 'dataset = "other"', r"not the file's name"),
        ("fields = [", "fields = [ 1,", r"fields\[0\]: must be a table"),
        ("version = 1", "version = ", r"thing.toml: Invalid"),
    ],
)
def test_a_wrong_table_is_refused_with_file_and_path(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    assert old in GOOD
    (tmp_path / "thing.toml").write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(ProfileError, match=says):
        load_folder(tmp_path)


def test_the_table_the_faults_are_made_in_is_good(tmp_path: Path) -> None:
    (tmp_path / "thing.toml").write_text(GOOD, encoding="utf-8")
    assert list(load_folder(tmp_path)) == ["thing"]
