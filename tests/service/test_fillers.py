"""What systems write where they know nothing makes no two persons one."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from tallystick.service.port import Deps

_NOT_HELD = {"absent": "not_held"}
_NUMBERLESS = {"identifier_scheme": _NOT_HELD, "identifier_number": _NOT_HELD}
_HOME = {"postal_code": None, "address_locality": None, "address_line": None}


def _persons(deps: Deps) -> int:
    with deps.database.connect("intake") as connection:
        row = connection.execute(
            "select count(distinct subject_id) from directory.party_subject"
        ).fetchone()
    return int(row[0]) if row else 0


@pytest.mark.parametrize(
    ("first", "then", "persons"),
    [
        ({"phone": "5550123"}, {"phone": "555-0123"}, 1),
        ({"phone": "5550123"}, {"phone": "5550124"}, 2),
        ({"phone": "n/a"}, {"phone": "unknown"}, 2),
        ({"phone": "无"}, {"phone": "无"}, 2),
        ({"address_line": "12 Mill Lane", "postal_code": "990390"},) * 2 + (1,),
        ({"address_line": "12 Mill Lane"},) * 2 + (2,),
        ({"address_line": "不详", "postal_code": "990390"},) * 2 + (2,),
        ({"name": "Al", "phone": "5550123"},) * 2 + (1,),
        ({"name": "-", "phone": "5550123"}, {"name": "...", "phone": "5550123"}, 2),
    ],
)
def test_two_of_one_name_and_day_are_one_by_one_thing_more(
    bureau: Any, first: dict[str, Any], then: dict[str, Any], persons: int
) -> None:
    deps = bureau.deps
    who = {"name": "Wang Wei", "birth_date": "1980-01-01", "phone": None, **_HOME}
    for order, (code, told) in enumerate((("bank1", first), ("bank2", then)), start=1):
        record = factory.subject(order, **{**who, **_NUMBERLESS, **told})
        view = factory.send(deps, factory.member(deps, code), "subject", record)
        assert factory.counts(view) == (1, 0, 0, 0)
    assert _persons(deps) == persons
