"""Instants as text: what is read as which instant, and what is refused, each off by one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from tallystick.errors import InvariantBroken
from tallystick.model.instant import instant_text, read_day, read_instant

ZONE = "Asia/Shanghai"


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("2026-03-31", ZONE, datetime(2026, 3, 31, 15, 59, 59, 999999, UTC)),
        ("2026-03-31", "UTC", datetime(2026, 3, 31, 23, 59, 59, 999999, UTC)),
        ("2024-02-29", "UTC", datetime(2024, 2, 29, 23, 59, 59, 999999, UTC)),
        # The day the clocks go forward ends after 23 hours.
        ("2026-03-29", "Europe/Berlin", datetime(2026, 3, 29, 21, 59, 59, 999999, UTC)),
        ("2026-03-31T00:00:00+08:00", "UTC", datetime(2026, 3, 30, 16, tzinfo=UTC)),
        ("2026-03-31T00:00:00Z", ZONE, datetime(2026, 3, 31, tzinfo=UTC)),
        ("2026-03-31T00:00:00", ZONE, None),
        ("2026-03-32", ZONE, None),
        ("2023-02-29", ZONE, None),
        ("20260331", ZONE, None),
        ("2026-3-31", ZONE, None),
        ("2026-03", ZONE, None),
        ("2026-W13-2", ZONE, None),
        ("2026-03-31 ", ZONE, None),
        ("٢٠٢٦-٠٣-٣١", ZONE, None),
        ("9999-12-31", ZONE, None),
        ("0001-01-01T00:00:00+14:00", ZONE, None),
        ("0001-01-01T14:59:59Z", ZONE, None),
        ("0001-01-01T15:00:00Z", ZONE, datetime(1, 1, 1, 15, tzinfo=UTC)),
        ("9999-12-31T08:59:59Z", ZONE, datetime(9999, 12, 31, 8, 59, 59, tzinfo=UTC)),
        ("9999-12-31T09:00:00Z", ZONE, None),
        ("", ZONE, None),
    ],
)
def test_a_day_means_its_end_and_an_instant_wants_its_offset(text, zone, instant):
    assert read_instant(text, zone) == instant


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1990-01-01", date(1990, 1, 1)),
        ("2024-02-29", date(2024, 2, 29)),
        ("2023-02-29", None),
        ("1990-W01-1", None),  # as long as a day, and ISO 8601
        ("1990-W01", None),
        ("19900101", None),
        ("1990-1-01", None),
        ("1990-001", None),
        ("0000-01-01", None),
        (" 1990-01-01", None),
        ("1990-01-01\n", None),
        ("１９９０-01-01", None),
        ("", None),
    ],
)
def test_a_day_is_written_in_one_form(text, day):
    assert read_day(text) == day


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 3, 31, tzinfo=UTC), "2026-03-31T00:00:00.000000Z"),
        (datetime(2026, 3, 31, 0, 0, 0, 1, tzinfo=UTC), "2026-03-31T00:00:00.000001Z"),
        (
            datetime(2026, 3, 31, 8, tzinfo=timezone(timedelta(hours=8))),
            "2026-03-31T00:00:00.000000Z",
        ),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000000Z"),
        # The hour that comes twice: the two are equal to Python, and an hour apart.
        (datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN), "2026-10-25T00:30:00.000000Z"),
        (datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN), "2026-10-25T01:30:00.000000Z"),
    ],
)
def test_an_instant_has_one_text(moment, text):
    assert (instant_text(moment), instant_text(moment)) == (text, text)


def test_an_instant_without_an_offset_has_no_text():
    with pytest.raises(InvariantBroken):
        instant_text(datetime(2026, 3, 31))  # noqa: DTZ001
