"""What ends by itself: raw bytes on their day and not the day before, and only once."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest

from tallystick.errors import BadRequest
from tallystick.service import submissions, submit
from tallystick.service.housekeeping import Daily, tidy
from tallystick.service.intake_store import PART_BYTES


def raw_parts(deps):
    with deps.database.connect("intake") as connection:
        return connection.execute("select count(*) from intake.raw_part").fetchone()[0]


def test_raw_bytes_end_after_their_days(deps, bank, clock):
    sent = submit.receive(deps, bank, "account", io.BytesIO(b"account_number\nA\n"))
    submit.process(deps, sent.submission_id)
    days = deps.profile.on(deps.clock().date()).raw_days
    clock.advance(timedelta(days=days))
    assert tidy(deps).submissions_swept == 0
    clock.advance(timedelta(microseconds=1))
    assert tidy(deps).submissions_swept == 1
    assert (tidy(deps).submissions_swept, raw_parts(deps)) == (0, 0)
    with pytest.raises(BadRequest, match="raw_gone"):
        list(submissions.rejects(deps, bank, sent.submission_id))


def waiting_row(deps, bank):
    """A snapshot whose account has not come."""
    rows = (
        b"account_number,period_end,bucket,days_past_due,currency,balance,payment_due,amount_paid,"
        b"amount_past_due,status\nA-1,2024-12-31,0,0,CNY,1.00,0.00,0.00,0.00,open\n"
    )
    sent = submit.receive(deps, bank, "snapshot", io.BytesIO(rows))
    return submit.process(deps, sent.submission_id)


def test_a_row_that_waited_in_vain_is_rejected_on_its_day(deps, bank, clock):
    sent = waiting_row(deps, bank)
    assert (sent.pending, sent.rejected) == (1, 0)
    days = deps.profile.on(clock().date()).pending_expires_days
    clock.advance(timedelta(days=days - 1))
    assert tidy(deps).pending_expired == 0
    clock.advance(timedelta(days=1))
    assert tidy(deps).pending_expired == 1
    view = submissions.show(deps, bank, sent.submission_id)
    assert (view.sent, view.pending, view.rejected) == (1, 0, 1)
    assert tidy(deps).pending_expired == 0


def test_the_house_is_kept_at_the_start_and_once_a_day(deps, clock):
    daily = Daily(deps)
    assert daily() is not None
    assert daily() is None
    clock.advance(timedelta(days=1) - timedelta(microseconds=1))
    assert daily() is None
    clock.advance(timedelta(microseconds=1))
    assert daily() is not None
    assert daily() is None


def test_the_same_bytes_make_one_submission_and_leave_no_readable_copy(deps, bank, clock):
    data = b"x" * (2 * PART_BYTES + 7)
    first = submit.receive(deps, bank, "account", io.BytesIO(data))
    second = submit.receive(deps, bank, "account", io.BytesIO(data))
    third = submit.receive(deps, bank, "account", io.BytesIO(data), again=True)
    assert (first.is_new, second.is_new, third.is_new) == (True, False, True)
    assert second.submission_id == first.submission_id != third.submission_id
    assert raw_parts(deps) == 9
