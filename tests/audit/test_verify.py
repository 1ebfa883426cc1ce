"""Whoever holds the database can change it; the verifier names the first thing changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tallystick.audit import Fault, verify

from .conftest import NOON, Log

SWAP_NUMBERS = """
    UPDATE log.entry SET number = -1 - number WHERE number IN (%(a)s, %(b)s);
    UPDATE log.entry SET number = %(a)s + %(b)s + 1 + number WHERE number < 0
"""


def first(log: Log) -> Fault:
    fault = log.verify().first
    assert fault is not None
    return fault


def damage(log: Log, statements: str) -> None:
    """Run an attacker's statements, who has dropped what would hold him up."""
    log.admin.execute("ALTER TABLE log.entry DROP CONSTRAINT entry_number_check")
    for statement in statements.split(";"):
        log.admin.execute(statement)


def test_an_untouched_log_passes_and_is_counted(filled: Callable[[], Log]) -> None:
    log = filled()
    log.look(2)
    report = log.verify()
    assert report.faults == ()
    assert (report.entries, report.looks, report.publications) == (23, 20, 3)
    assert (report.unnumbered, report.heads, report.size) == (2, 3, 23)
    head = log.admin.execute("SELECT root FROM log.tree_head WHERE size = 23").fetchone()
    assert head == (report.root,)


def test_progress_ends_with_all_entries(filled: Callable[[], Log]) -> None:
    log = filled()
    seen: list[int] = []
    verify(log.sequencer, public_keys={}, progress=seen.append)
    assert seen == [23]


def test_under_an_unknown_key_every_head_is_forged(filled: Callable[[], Log]) -> None:
    report = verify(filled().sequencer, public_keys={})
    assert [(fault.what, fault.head_size) for fault in report.faults] == [
        ("head_forged", 10),
        ("head_forged", 15),
        ("head_forged", 23),
    ]


@pytest.mark.parametrize(
    "change",
    [
        "purpose = 'other'",
        "occurred_at = occurred_at + interval '1 microsecond'",
        # The same day of that year before Christ.
        "occurred_at = (to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
        " || '+00 BC')::timestamptz",
        "as_of = coalesce(as_of, '0001-01-01Z') - interval '1 day'",
        "as_of = case when as_of is null then 'infinity'::timestamptz end",
        "salt = set_byte(salt, 31, get_byte(salt, 31) # 1)",
        "body_digest = set_byte(coalesce(body_digest, decode(repeat('00', 32), 'hex')), 0, 1)",
        "member_id = NULL",
        "position = 9223372036854775807",
    ],
)
@pytest.mark.parametrize("number", [2, 9, 10, 22])
def test_one_changed_column_of_a_look_names_it(
    filled: Callable[[], Log], number: int, change: str
) -> None:
    log = filled()
    look_id = log.look_id_at(number)
    log.admin.execute(f"UPDATE log.look SET {change} WHERE look_id = %s", (look_id,))
    report = log.verify()
    assert [(fault.what, fault.number, fault.look_id) for fault in report.faults] == [
        ("altered", number, look_id)
    ]


@pytest.mark.parametrize("number", [2, 9, 10, 22])
def test_a_deleted_look_is_named_unless_a_statement_says_why(
    filled: Callable[[], Log], number: int
) -> None:
    log = filled()
    look_id = log.look_id_at(number)
    log.admin.execute("DELETE FROM log.look WHERE look_id = %s", (look_id,))
    fault = first(log)
    assert (fault.what, fault.number, fault.look_id) == ("missing", number, look_id)
    log.admin.execute(
        "INSERT INTO log.erasure VALUES (%s, %s, 'retention', 'at the end of its legal life')",
        (look_id, NOON),
    )
    report = log.verify()
    assert report.ok
    assert report.erased == 1


def test_an_erasure_statement_without_the_erasure_is_a_fault(filled: Callable[[], Log]) -> None:
    log = filled()
    look_id = log.look_id_at(5)
    log.admin.execute("INSERT INTO log.erasure VALUES (%s, %s, 'g', 's')", (look_id, NOON))
    fault = first(log)
    assert (fault.what, fault.number, fault.look_id) == ("not_erased", 5, look_id)


@pytest.mark.parametrize(
    ("a", "b"), [(0, 1), (2, 3), (2, 9), (1, 2), (3, 12), (9, 10), (14, 16), (21, 22)]
)
def test_two_entries_that_changed_places_are_named_by_the_first(
    filled: Callable[[], Log], a: int, b: int
) -> None:
    log = filled()
    damage(log, (SWAP_NUMBERS % {"a": a, "b": b}))
    fault = first(log)
    assert (fault.what, fault.number) == ("moved", a)


@pytest.mark.parametrize(("a", "b"), [(3, 12), (9, 10)])
def test_changed_places_are_seen_though_the_times_were_changed_too(
    filled: Callable[[], Log], a: int, b: int
) -> None:
    log = filled()
    swapped = log.look_id_at(b)
    damage(
        log,
        (SWAP_NUMBERS % {"a": a, "b": b})
        + f"; UPDATE log.entry e SET sequenced_at = h.signed_at FROM log.tree_head h"
        f" WHERE e.number IN ({a}, {b}) AND h.size = "
        "(SELECT min(size) FROM log.tree_head WHERE size > e.number)",
    )
    fault = first(log)
    assert fault.number is not None
    assert fault.until is not None
    assert fault.number <= a <= fault.until
    if (a, b) == (3, 12):
        assert (fault.what, fault.number, fault.look_id) == ("moved", a, swapped)


def test_looks_that_changed_entries_are_moved_not_altered(filled: Callable[[], Log]) -> None:
    log = filled()
    one, two = log.look_id_at(4), log.look_id_at(7)
    log.admin.execute("ALTER TABLE log.entry DROP CONSTRAINT entry_look_id_key")
    log.admin.execute(
        "UPDATE log.entry SET look_id = CASE look_id WHEN %(one)s THEN %(two)s ELSE %(one)s END"
        " WHERE look_id IN (%(one)s, %(two)s)",
        {"one": one, "two": two},
    )
    fault = first(log)
    assert (fault.what, fault.number, fault.look_id) == ("moved", 4, two)


@pytest.mark.parametrize("number", [0, 5, 9, 10, 14, 22])
def test_a_deleted_entry_names_its_number_and_the_look_left_over(
    filled: Callable[[], Log], number: int
) -> None:
    log = filled()
    look_id = log.look_id_at(number)
    log.admin.execute("DELETE FROM log.entry WHERE number = %s", (number,))
    fault = first(log)
    assert (fault.what, fault.number, fault.until) == ("missing", number, number)
    assert fault.look_id == look_id
    others = {fault.what for fault in log.verify().faults}
    assert others == {"missing", "unlogged"}


def test_a_gap_closed_by_renumbering_is_seen(filled: Callable[[], Log]) -> None:
    log = filled()
    gone = log.look_id_at(4)
    damage(
        log,
        "DELETE FROM log.entry WHERE number = 4;"
        "UPDATE log.entry SET number = -number WHERE number > 4;"
        "UPDATE log.entry SET number = -number - 1 WHERE number < 0",
    )
    fault = first(log)
    assert fault.number is not None
    assert fault.number <= 9
    assert gone in {fault.look_id for fault in log.verify().faults}


@pytest.mark.parametrize("number", [3, 12, 22])
def test_a_look_rewritten_with_its_entry_is_pinned_to_its_heads_range(
    filled: Callable[[], Log], number: int
) -> None:
    log = filled()
    log.admin.execute("DELETE FROM log.look WHERE look_id = %s", (log.look_id_at(number),))
    log.admin.execute(
        "UPDATE log.entry SET look_id = gen_random_uuid() WHERE number = %s", (number,)
    )
    fault = first(log)
    assert (fault.what, fault.number) == ("missing", number)
    log.admin.execute(
        "INSERT INTO log.erasure SELECT look_id, %s, 'g', 's' FROM log.entry WHERE number = %s",
        (NOON, number),
    )
    fault = first(log)
    assert fault.what == "altered"
    assert fault.number is not None
    assert fault.until is not None
    assert fault.number <= number <= fault.until
    assert fault.until - fault.number < 8


def test_faults_in_later_batches_are_found_too(filled: Callable[[], Log]) -> None:
    log = filled()
    damage(
        log,
        (SWAP_NUMBERS % {"a": 3, "b": 4})
        + "; DELETE FROM log.entry WHERE number = 12;"
        + (SWAP_NUMBERS % {"a": 17, "b": 18}),
    )
    found = [(fault.what, fault.number) for fault in log.verify().faults if fault.number]
    assert found == [("moved", 3), ("missing", 12), ("moved", 17)]


def test_a_forged_head_is_named_whatever_was_forged(filled: Callable[[], Log]) -> None:
    log = filled()
    for change in (
        "root = decode(repeat('00', 32), 'hex')",
        "signed_at = signed_at + interval '1 second'",
        "key_id = 'another'",
        "signature = decode(repeat('00', 64), 'hex')",
        "frontier = decode(repeat('00', 8), 'hex')",
        "frontier = ''",
    ):
        log.admin.execute("CREATE TABLE kept AS SELECT * FROM log.tree_head")
        log.admin.execute(f"UPDATE log.tree_head SET {change} WHERE size = 15")
        fault = first(log)
        assert (fault.what, fault.number, fault.until) == ("head_forged", 10, 14), change
        assert fault.head_size == 15
        log.admin.execute("DELETE FROM log.tree_head")
        log.admin.execute("INSERT INTO log.tree_head SELECT * FROM kept")
        log.admin.execute("DROP TABLE kept")
    assert log.verify().ok


def test_a_deleted_head_is_missed(filled: Callable[[], Log]) -> None:
    log = filled()
    log.admin.execute("DELETE FROM log.tree_head WHERE size = 15")
    fault = first(log)
    assert (fault.what, fault.number, fault.until) == ("head_missing", 10, 14)


def test_entries_after_the_last_head_are_covered_by_nobody(filled: Callable[[], Log]) -> None:
    log = filled()
    log.admin.execute("DELETE FROM log.tree_head WHERE size = 23")
    fault = first(log)
    assert (fault.what, fault.number, fault.until) == ("head_missing", 15, 22)


@pytest.mark.parametrize(
    ("statement", "what", "number"),
    [
        ("UPDATE ledger.publication SET digest = sha256('x') WHERE position = 2", "altered", 1),
        (
            "UPDATE ledger.publication SET recorded_at = recorded_at + interval '1 us'"
            " WHERE position = 3",
            "altered",
            15,
        ),
        ("DELETE FROM ledger.publication WHERE position = 1", "missing", 0),
        ("UPDATE ledger.publication SET position = 9 WHERE position = 2", "missing", 1),
    ],
)
def test_an_edited_publication_is_named(
    filled: Callable[[], Log], statement: str, what: str, number: int
) -> None:
    log = filled()
    log.admin.execute(statement)
    fault = first(log)
    assert (fault.what, fault.number) == (what, number)


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE ledger.publication SET digest = sha256('x') WHERE position = 2", "altered"),
        ("DELETE FROM log.entry WHERE position = 2", "unlogged"),
    ],
)
def test_a_publication_at_fault_is_named_by_its_position_as_text(
    filled: Callable[[], Log], statement: str, what: str
) -> None:
    log = filled()
    log.admin.execute(statement)
    named = [(fault.what, fault.position) for fault in log.verify().faults if fault.position]
    assert named == [(what, "2")]


def test_a_look_the_outbox_lost_is_unlogged(filled: Callable[[], Log]) -> None:
    log = filled()
    log.look()
    lost = log.looks[-1].look_id
    log.admin.execute("DELETE FROM gate.look_outbox")
    assert first(log) == Fault(what="unlogged", look_id=lost)


def test_looks_waiting_for_their_number_are_checked_too(filled: Callable[[], Log]) -> None:
    log = filled()
    log.look()
    waiting = log.looks[-1].look_id
    log.admin.execute("UPDATE log.look SET purpose = 'x' WHERE look_id = %s", (waiting,))
    fault = first(log)
    assert (fault.what, fault.number, fault.look_id) == ("altered", None, waiting)
    log.admin.execute("DELETE FROM log.look WHERE look_id = %s", (waiting,))
    fault = first(log)
    assert (fault.what, fault.number, fault.look_id) == ("missing", None, waiting)


def test_a_second_row_for_one_look_is_seen(filled: Callable[[], Log]) -> None:
    log = filled()
    look_id = log.look_id_at(6)
    columns = (
        "look_id, occurred_at, member_id, permit, purpose, outcome, refusal_code, subject_id,"
        " consent_id, audience, as_of, position, log_size, head_version, versions, body_digest,"
        " salt"
    )
    log.admin.execute(
        f"INSERT INTO log.look (token, {columns})"
        f" SELECT sha256('x'), {columns} FROM log.look WHERE look_id = %s",
        (look_id,),
    )
    found = {(fault.what, fault.number) for fault in log.verify().faults}
    assert ("doubled", 6) in found
