"""What ends by itself: raw bytes on their day and not the day before, and only once."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest

from tallystick.errors import BadRequest
from tallystick.service import members, submissions, submit
from tallystick.service.housekeeping import tidy
from tallystick.service.intake_store import PART_BYTES


@pytest.fixture
def deps(bureau):
    return bureau.deps


@pytest.fixture
def bank(deps):
    return members.add_member(
        deps, code="bank", name_en="Bank", name_zh="银行", member_class="commercial_bank"
    )


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


def test_the_same_bytes_make_one_submission_and_leave_no_readable_copy(deps, bank, clock):
    data = b"x" * (2 * PART_BYTES + 7)
    first = submit.receive(deps, bank, "account", io.BytesIO(data))
    second = submit.receive(deps, bank, "account", io.BytesIO(data))
    third = submit.receive(deps, bank, "account", io.BytesIO(data), again=True)
    assert (first.is_new, second.is_new, third.is_new) == (True, False, True)
    assert second.submission_id == first.submission_id != third.submission_id
    assert raw_parts(deps) == 9
