"""The registry of native records: read strictly, and everything derived from it agrees."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from tallystick.errors import ProfileError
from tallystick.formats import columns, csv_header, json_schema, load, load_folder
from tallystick.formats.page import records_page

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
