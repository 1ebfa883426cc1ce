"""How the bureau stands: what waits, since when, and whether the log is late."""

from __future__ import annotations

import io
from datetime import timedelta

import factory
from tallystick.service import submit
from tallystick.service.state import bureau_state

ROWS = b"account_number,period_end,bucket,currency,balance\nA-1,2024-12-31,0,CNY,1.00\n"


def test_an_empty_bureau_has_nothing_waiting(deps):
    state = bureau_state(deps, most_cases=1)
    assert set(state.submissions.values()) == {0}
    assert (state.oldest_unfinished, state.position, state.case_count) == (None, None, 0)
    assert (state.log.size, state.log.waiting, state.log.is_late) == (0, 0, False)


def test_where_the_ledger_stands_is_said_as_text(bureau):
    factory.open_account(bureau.deps, factory.member(bureau.deps), (1,))
    with bureau.deps.database.connect("serve") as connection:
        ((position,),) = connection.execute("select position from ledger.counter")
    assert bureau_state(bureau.deps, most_cases=1).position == str(position)


def test_what_is_under_way_is_counted_since_it_came(deps, bank, clock):
    came = clock()
    first = submit.receive(deps, bank, "snapshot", io.BytesIO(ROWS)).submission_id
    clock.advance(timedelta(hours=1))
    submit.receive(deps, bank, "account", io.BytesIO(b"account_number\nA\n"))
    state = bureau_state(deps, most_cases=1)
    assert (state.submissions["received"], state.oldest_unfinished) == (2, came)

    submit.process(deps, first)
    state = bureau_state(deps, most_cases=1)
    assert (state.submissions["received"], state.oldest_unfinished) == (
        1,
        came + timedelta(hours=1),
    )


def test_the_log_is_late_after_its_time_and_not_at_it(deps, clock):
    allowed = bureau_state(deps, most_cases=1).log.allowed
    with deps.database.connect("serve") as connection:
        connection.execute(
            "insert into gate.look_outbox (look_id, token, commitment, occurred_at)"
            " values (%s, %s, %s, %s)",
            (deps.new_id(), bytes(32), bytes(32), clock()),
        )
    clock.advance(allowed)
    assert not bureau_state(deps, most_cases=1).log.is_late
    clock.advance(timedelta(microseconds=1))
    late = bureau_state(deps, most_cases=1).log
    assert (late.is_late, late.waiting) == (True, 1)
