"""What somebody with the database's own rights changes of an erasure, the proofs name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import gate_world as gw
import psycopg
import pytest
from gate_world import Run
from worlds import world_beginning

from tallystick.errors import BadRequest
from tallystick.service.erase import erase
from tallystick.service.inquire import answer
from tallystick.service.log import log_verify, sequence_once
from tallystick.service.replay import replay
from tallystick.service.verify import ledger_rebuild, ledger_verify

GROUND, OTHER = "court order 12", "retention is over"
_MORE = "interval '1 microsecond'"


def _begin(world: gw.World) -> None:
    gw.furnish(world, world.platform)
    gw.furnish(world, world.platform, serial=2, name="白测试", account="B-2")


template = world_beginning(_begin)


def _two_erased(world: gw.World, run: Run, *, apart: bool = True) -> tuple[UUID, UUID]:
    """Two persons looked at twice and erased, each on a ground; gives the first and a look at her.

    `apart`: not at the same instant. The second look is numbered after the erasures.
    """
    subjects, looks = [], []
    for serial, name in ((1, gw.NAME), (2, "白测试")):
        number = gw.resident_id(serial)
        token = world.deps.keys.identity_token(gw.SCHEME, number)
        ((subject,),) = world.rows(
            "select subject_id from directory.token_subject where token = %s", token
        )
        subjects.append(subject)
        consent = world.consent(number=number)
        for _ in range(2):
            asked = world.ask(consent, identifiers=((gw.SCHEME, number),), name=name)
            looks.append(run(answer(world.deps, asked)).look_id)
            if len(looks) == 3:
                sequence_once(world.deps)
    for subject, ground in zip(subjects, (GROUND, OTHER), strict=True):
        erase(world.deps, subject, ground, "operator")
        if apart:
            world.clock.advance(timedelta(seconds=1))
    sequence_once(world.deps)
    return subjects[0], looks[0]


def _sql(world: gw.World, query: str, *given: object) -> None:
    with psycopg.connect(world.url) as connection:
        connection.execute("set session_replication_role = replica")
        assert connection.execute(query, given).rowcount >= 1  # type: ignore[call-overload]


def _of_log(world: gw.World) -> list[tuple[Any, ...]]:
    found = log_verify(world.deps).faults
    return [(one.what, one.erasure, one.look_id, one.subject_id) for one in found]


@pytest.mark.parametrize("apart", [False, True])
def test_what_nobody_touched_is_fine(world: gw.World, run: Run, apart: bool) -> None:
    _two_erased(world, run, apart=apart)
    assert log_verify(world.deps).faults == ()
    assert ledger_verify(world.deps).faults == ()


#: What is done to the row beside one of four erased looks, and what is named of it.
_OF_LOOK = {
    "another ground": ("ground = 'at her own wish'", "altered", "ground"),
    "more ground": ("ground = ground || 'x'", "altered", "ground"),
    "no ground": ("ground = ''", "altered", "ground"),
    "the other's ground": (f"ground = '{OTHER}'", "altered", "ground"),
    "another statement": (
        "statement = replace(statement, 'court order 12', 'at her own wish')",
        "altered", "statement",
    ),
    "more statement": ("statement = statement || 'x'", "altered", "statement"),
    "a space more": ("statement = statement || ' '", "altered", "statement"),
    "no statement": ("statement = ''", "altered", "statement"),
    "ground and statement": (
        "ground = 'at her own wish',"
        " statement = replace(statement, 'court order 12', 'at her own wish')",
        "altered", "ground",
    ),
    "later": (f"erased_at = erased_at + {_MORE}", "missing", None),
    "earlier": (f"erased_at = erased_at - {_MORE}", "missing", None),
    "never": ("erased_at = 'infinity'", "missing", None),
    "that year before Christ": (
        "erased_at = (to_char(erased_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
        " || '+00 BC')::timestamptz",
        "missing", None,
    ),
    "with the other": (
        "erased_at = (select max(erased_at) from log.subject_erasure)", "missing", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "what", "part"), _OF_LOOK.values(), ids=_OF_LOOK)
def test_each_column_beside_an_erased_look_is_held_to_what_was_signed(
    world: gw.World, run: Run, change: str, what: str, part: str | None
) -> None:
    _, look = _two_erased(world, run)
    _sql(world, f"update log.erasure set {change} where look_id = %s", look)
    assert _of_log(world) == [(what, part, look, None)]
    number = world.rows("select number from log.entry where look_id = %s", look)[0][0]
    first = log_verify(world.deps, bodies=True).first
    assert first is not None
    assert first.number == number
    if part is not None:
        said = f"altered: number {number}, {part} of the erasure of look {look}"
        assert str(first) == said


def test_what_a_member_is_told_in_her_place_is_what_is_verified(world: gw.World, run: Run) -> None:
    _, look = _two_erased(world, run)
    _sql(world, "update log.erasure set statement = replace(statement, '12', '13')")
    with pytest.raises(BadRequest) as told:
        run(replay(world.deps, look, fold=False))
    assert "court order 13" in told.value.extra["statement"]
    assert ("altered", "statement", look, None) in _of_log(world)


def test_at_the_same_instant_each_has_the_ground_that_was_signed(world: gw.World, run: Run) -> None:
    _, look = _two_erased(world, run, apart=False)
    _sql(world, f"update log.erasure set ground = '{OTHER}' where look_id = %s", look)
    found = _of_log(world)
    assert ("altered", "ground", look, None) in found
    # Which of the three now said to be of that ground is not known: none of its two is signed for.
    assert {(what, part) for what, part, *_ in found} == {("altered", "ground")}


_ODD = '{"key_id":"k","n":1.5,"signature":"00","subject_id":"s"}'
#: What is done to the row of one of two erasures, and which part is named.
_OF_SUBJECT = {
    "another ground": ("ground = 'at her own wish'", ["ground"]),
    "more ground": ("ground = ground || 'x'", ["ground"]),
    "later": (f"erased_at = erased_at + {_MORE}", ["erased_at"]),
    "earlier": (f"erased_at = erased_at - {_MORE}", ["erased_at"]),
    "never": ("erased_at = 'infinity'", ["erased_at"]),
    "both": (f"erased_at = erased_at + {_MORE}, ground = ''", ["erased_at", "ground"]),
    "a space more": ("statement = statement || ' '", ["statement"]),
    "more statement": ("statement = statement || 'x'", ["statement"]),
    "another statement": ("statement = replace(statement, '12', '13')", ["statement"]),
    "twice": (
        """statement = replace(statement, '{', '{"ground":"mine",')""", ["statement"],
    ),
    "no statement": ("statement = ''", ["statement"]),
    "a fraction": (f"statement = '{_ODD}'", ["statement"]),
    "a key that is none": (
        """statement = regexp_replace(statement, '"key_id":"[^"]*"', '"key_id":[]')""",
        ["statement"],
    ),
    "no number of looks": (
        """statement = regexp_replace(statement, '"looks":2', '"looks":"2"')""", ["statement"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "parts"), _OF_SUBJECT.values(), ids=_OF_SUBJECT)
def test_each_column_of_an_erasure_is_held_to_what_was_signed(
    world: gw.World, run: Run, change: str, parts: list[str]
) -> None:
    subject, look = _two_erased(world, run)
    _sql(world, f"update log.subject_erasure set {change} where subject_id = %s", subject)
    found = _of_log(world)
    of_erasure = [one for one in found if one[1] is not None]
    assert of_erasure == [("altered", part, None, subject) for part in parts]
    said = f"altered: {parts[0]} of the erasure of subject {subject}"
    assert said in {str(one) for one in log_verify(world.deps).faults}
    # A statement that is none, or not as it was signed, excuses no look.
    is_signed = "statement" not in parts
    assert (("missing", None, look, None) in found) is not is_signed


def test_an_erasure_of_another_subject_is_none(world: gw.World, run: Run) -> None:
    subject, look = _two_erased(world, run)
    other = UUID(int=7)
    _sql(world, "update log.subject_erasure set subject_id = %s where subject_id = %s",
         other, subject)  # fmt: skip
    found = _of_log(world)
    assert ("altered", "statement", None, other) in found
    assert ("missing", None, look, None) in found


_GONE = "a row is gone by an erasure that nobody signed"
_GROUND = "the ground of its erasure is not the one that was signed"
#: What is done to the row beside one of the erased rows, and what is named of it.
_OF_ROW = {
    "another ground": ("ground = 'at her own wish'", _GROUND),
    "more ground": ("ground = ground || 'x'", _GROUND),
    "no ground": ("ground = ''", _GROUND),
    "the other's ground": (f"ground = '{OTHER}'", _GROUND),
    "later": (f"erased_at = erased_at + {_MORE}", _GONE),
    "earlier": (f"erased_at = erased_at - {_MORE}", _GONE),
    "never": ("erased_at = 'infinity'", _GONE),
}


@pytest.mark.parametrize("is_published", [True, False])
@pytest.mark.parametrize(("change", "what"), _OF_ROW.values(), ids=_OF_ROW)
def test_each_column_beside_an_erased_row_is_held_to_what_was_signed(
    world: gw.World, run: Run, change: str, what: str, is_published: bool
) -> None:
    _two_erased(world, run)
    chunk, row, position = world.rows(
        "select chunk_id, row_no, position from ledger.erased join ledger.publication"
        " using (chunk_id) where ground = %s order by chunk_id desc, row_no desc limit 1", GROUND
    )[0]  # fmt: skip
    if not is_published:  # as where its job had not published it: nobody misses it
        _sql(world, "update ledger.erased set chunk_id = chunk_id + 1000 where chunk_id = %s",
             chunk)  # fmt: skip
        chunk += 1000
    before = ledger_verify(world.deps).faults
    assert (before == ()) is is_published
    _sql(world, f"update ledger.erased set {change} where (chunk_id, row_no) = (%s, %s)",
         chunk, row)  # fmt: skip
    named = [one for one in ledger_verify(world.deps).faults if one not in before]
    if what == _GROUND:
        assert named == [f"chunk {chunk}, row {row}: {what}"]
    else:
        where = f"position {position}" if is_published else f"chunk {chunk}"
        assert named == [f"{where}: {what}"]


def test_as_many_rows_more_as_were_never_published_are_no_excuse(world: gw.World, run: Run) -> None:
    """What was signed counts unpublished rows too: they make no room for others."""
    _two_erased(world, run)
    _sql(
        world,
        "insert into ledger.erased select 1000 + chunk_id, row_no, leaf, erased_at, ground"
        " from ledger.erased",
    )
    ledger_rebuild(world.deps)
    assert {one.partition(": ")[2] for one in ledger_verify(world.deps).faults} >= {_GONE}
