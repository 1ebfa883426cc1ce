"""Keys of deletions that hold what other readers of JSON give up at: told, and nothing waits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

import factory
from beginnings import beginning
from tallystick.entry.cli.offline import check_file
from tallystick.service.members import member_by_code
from tallystick.service.submissions import findings

UNREADABLE, NO_OBJECT = "DEL-KEY-003", "FMT-CELL-021"


def _begin(bureau: Any) -> None:
    factory.two_accounts_beside_another(bureau.deps)


template = beginning(_begin)


def nested(levels: int) -> str:
    """A value in which the outermost object of the key is level 1."""
    return "[" * (levels - 1) + "]" * (levels - 1)


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("9" * 308, UNREADABLE),
        ("9" * 309, UNREADABLE),
        ("9" * 400, UNREADABLE),
        ("1e308", UNREADABLE),
        ("1e309", UNREADABLE),
        (nested(64), UNREADABLE),
        (nested(100), UNREADABLE),
        (nested(101), NO_OBJECT),
        (nested(975), NO_OBJECT),
        ('"' + "[" * 70 + '"', UNREADABLE),
    ],
)
def test_a_key_no_reader_agrees_on(bureau: Any, tmp_path: Path, value: str, rule: str) -> None:
    key = f'{{"account_number":"A1","period_end":{value}}}'
    sent = factory.deletion("snapshot", key)  # type: ignore[arg-type]
    bank = member_by_code(bureau.deps, "bank1")
    told = factory.told(factory.send_again(bureau.deps, bank, "deletion", sent))
    assert told == ((0, 0, 1, 0), {rule})
    file = tmp_path / "d.ndjson"
    file.write_bytes(orjson.dumps(sent))
    checked = check_file(file, dataset="deletion", profile_id="zz", progress=lambda *_: None)
    assert {one.rule_id for one in checked.findings} == {rule}


@pytest.mark.parametrize("number", ["100", "100.00", "1e2", "1e400"])
def test_a_number_in_a_key_is_shown_as_written(bureau: Any, number: str) -> None:
    key = f'{{"account_number":"A1","period_end":{number}}}'
    bank = member_by_code(bureau.deps, "bank1")
    sent = factory.deletion("snapshot", key)  # type: ignore[arg-type]
    view = factory.send_again(bureau.deps, bank, "deletion", sent)
    [found] = findings(bureau.deps, bank, view.submission_id)
    assert found.rule_id == UNREADABLE
    assert (found.seen or "").startswith(f"period_end = {number};")
