"""Persons come by file or standard input; nothing of a bad file is quoted back."""

import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer

from tallystick.entry.cli.persons import identified, read_object, taken

PERSON = {
    "identifiers": [{"scheme": "zz_person_number", "value": "CANARY-1"}],
    "name": "CANARY-2",
    "birth_date": "1990-01-01",
}


def test_a_person_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "person.json"
    path.write_text(json.dumps(PERSON), encoding="utf-8")
    pairs, name, birth_date = identified(read_object(str(path)))
    assert pairs == (("zz_person_number", "CANARY-1"),)
    assert (name, birth_date) == ("CANARY-2", date(1990, 1, 1))


def test_a_person_is_read_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(PERSON)))
    assert read_object("-") == PERSON


@pytest.mark.parametrize(
    "text", ["", "CANARY", '["CANARY"]', '{"a": "CANARY"', '"CANARY"', "{}" + " " * 70_000]
)
def test_what_is_no_object_is_refused_unquoted(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    with pytest.raises(typer.BadParameter) as refused:
        read_object("-")
    assert "CANARY" not in str(refused.value)


@pytest.mark.parametrize(
    "text", ['{"CANARY": 1, "CANARY": 1}', '{"a": [{"CANARY": 1, "CANARY": 2}]}']
)
def test_a_key_that_stands_twice_is_refused_unquoted(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    with pytest.raises(typer.BadParameter, match="a key twice") as refused:
        read_object("-")
    assert "CANARY" not in str(refused.value)


@pytest.mark.parametrize("day", ["1990-W01-1", "19900101", "1990-1-1", "1990-02-30", 1990, None])
def test_a_birth_date_is_a_day_in_its_one_form(day: object) -> None:
    with pytest.raises(typer.BadParameter, match="birth_date is a day as YYYY-MM-DD"):
        identified({**PERSON, "birth_date": day})


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match="cannot be read"):
        read_object(str(tmp_path / "none.json"))


@pytest.mark.parametrize(
    "change",
    [
        {"birth_date": "1990-02-29"},
        {"birth_date": 19900101},
        {"birth_date": None},
        {"name": None},
        {"identifiers": []},
        {"identifiers": "CANARY"},
        {"identifiers": ["CANARY"]},
        {"identifiers": [{"scheme": "CANARY"}]},
        {"identifiers": [{"scheme": "s", "value": 1}]},
        {"identifiers": [{"scheme": "s", "value": "1", "other": "CANARY"}]},
        {"other": "CANARY"},
    ],
)
def test_a_person_that_does_not_fit_is_refused_unquoted(change: dict[str, Any]) -> None:
    with pytest.raises(typer.BadParameter) as refused:
        identified({**PERSON, **change})
    assert "CANARY" not in str(refused.value)


@pytest.mark.parametrize(
    "content", [{}, {"a": "1"}, {"a": "1", "b": 2}, {"a": "1", "b": "2", "c": "3"}]
)
def test_exactly_the_wanted_texts_are_taken(content: dict[str, Any]) -> None:
    with pytest.raises(typer.BadParameter):
        taken(content, "a", "b")


def test_wanted_texts_come_in_the_order_asked() -> None:
    assert taken({"a": "1", "b": "2"}, "b", "a") == ["2", "1"]
