"""What an inquiry may be asked by: purposes, schemes and numbers of the profile, nothing else."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import gate_world as gw
import pytest
from gate_world import Run

from tallystick.errors import BadRequest
from tallystick.profile import Profile
from tallystick.service.askable import require_askable
from tallystick.service.inquire import answer

NUMBER = gw.resident_id(1)
#: A number that passes its check character but for one: its last sign is another.
MISTYPED = NUMBER[:-1] + ("1" if NUMBER[-1] != "1" else "2")
ZZ = Profile.load("zz", live=False).at(gw.at("2025-01-15T12:00:00+00:00"))
GOOD = ((gw.SCHEME, NUMBER),)
#: What is asked otherwise, and the code.
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("another case", {"identifiers": (("cn_resident_ID", NUMBER),)}, "identifier_invalid"),
    ("another word", {"identifiers": (("CN-RIC", NUMBER),)}, "identifier_invalid"),
    ("swapped", {"identifiers": ((NUMBER, gw.SCHEME),)}, "identifier_invalid"),
    ("mistyped", {"identifiers": ((gw.SCHEME, MISTYPED),)}, "identifier_invalid"),
    ("one letter", {"identifiers": ((gw.SCHEME, "x"),)}, "identifier_invalid"),
    ("15 digits", {"identifiers": ((gw.SCHEME, "990101900307001"),)}, "identifier_invalid"),
    ("no such day", {"identifiers": ((gw.SCHEME, gw.resident_id(1, "1990-02-30")),)},
     "identifier_invalid"),
    ("beside a good one", {"identifiers": (*GOOD, ("soc_sec_id", NUMBER))}, "identifier_invalid"),
    ("no purpose of ours", {"purpose": "no_such_purpose"}, "purpose_unknown"),
    ("a number as purpose", {"purpose": f"loan of {NUMBER}"}, "purpose_unknown"),
]  # fmt: skip


def rows_with(world: gw.World, text: str) -> dict[str, int]:
    """How many rows of each table hold a text in clear; tables without one are left out."""
    tables = world.rows(
        "select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema')"
    )
    counts = {
        name: world.rows(f"select count(*) from {name} x where x::text like %s", f"%{text}%")[0][0]
        for (name,) in tables
    }
    return {name: count for name, count in counts.items() if count}


@pytest.mark.parametrize(("changes", "code"), [one[1:] for one in WRONG], ids=[w[0] for w in WRONG])
def test_what_the_profile_does_not_know_is_refused_and_kept_nowhere(
    world: gw.World, run: Run, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(BadRequest) as raised:
        run(answer(world.deps, world.ask(world.consent(number=gw.resident_id(2)), **changes)))
    assert raised.value.code == code
    said = f"{raised.value}{raised.value.args}{raised.value.extra}"
    assert not any(text in said for text in (NUMBER, MISTYPED, "'x'", "no_such", "CN-RIC"))
    assert world.looks() == 0
    assert rows_with(world, NUMBER) == {}
    assert world.rows("select count(*) from gate.request") == [(0,)]
    assert world.rows("select count(*) from directory.token") == [(1,)]  # the consent's


def test_a_key_that_was_refused_so_is_free_for_the_mended_request(
    world: gw.World, run: Run
) -> None:
    gw.furnish(world, world.platform)
    consent = world.consent()
    for changes, came in (({"purpose": "x"}, "purpose_unknown"), ({}, "hit")):
        ask = world.ask(consent, idempotency_key="k" * 16, **changes)
        try:
            found = run(answer(world.deps, ask)).outcome
        except BadRequest as refused:
            found = refused.code
        assert found == came


@pytest.mark.parametrize(
    ("identifiers", "is_test_mode", "is_taken"),
    [
        (GOOD, True, True),
        (GOOD, False, False),  # made-up persons have no place among real ones
        (((gw.SCHEME, "11010519491231002X"),), False, True),
        (((gw.SCHEME, "11010519491231002x"),), False, True),
        (((gw.SCHEME, "000105194912310021"),), False, False),
        (((gw.SCHEME, "990202199003070017"),), False, True),  # an area that no list has
        ((("soc_sec_id", "1234567"),), False, True),  # a scheme without a check digit
        ((("soc_sec_id", "123456"),), False, False),
        ((("zz_person_number", "0000000195"),), False, True),
        ((("zz_person_number", "0000000196"),), False, False),
    ],
)
def test_a_number_is_taken_unless_it_cannot_be_anybodys(
    identifiers: Any, is_test_mode: bool, is_taken: bool
) -> None:
    taken = nullcontext() if is_taken else pytest.raises(BadRequest, match="identifier_invalid")
    with taken:
        require_askable(identifiers, gw.PURPOSE, profile=ZZ, is_test_mode=is_test_mode)
