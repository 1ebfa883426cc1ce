"""The day of judging is the one in the profile's time zone; an event is judged in its own offset.

The clock stands at 16:40 UTC on 15 January, which is 00:40 of the 16th where profile `zz` lives.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.model.instant import instant_text
from tallystick.service import process_rows
from tallystick.service.members import member_by_code
from tallystick.service.pending import expire_pending

NOW = datetime(2025, 1, 15, 16, 40, tzinfo=UTC)


def _begin(bureau: Any) -> None:
    factory.open_account(bureau.deps, factory.member(bureau.deps), (1, 2))


template = beginning(_begin)


@pytest.fixture
def bank(bureau: Any) -> Any:
    bureau.clock.set(NOW)
    return member_by_code(bureau.deps, "bank1")


@pytest.mark.parametrize("scan_from", [0, 10_000], ids=["scan", "python"])
@pytest.mark.parametrize(
    ("occurred_at", "is_taken"),
    [
        ("2025-01-16T00:30:00+08:00", True),
        ("2025-01-16T23:59:59+08:00", True),
        ("2025-01-17T00:00:00+08:00", False),
        ("2025-01-15T23:59:59+00:00", True),
        ("2025-01-16T00:00:00+00:00", False),
        ("2025-01-15T16:40:00-08:00", True),
    ],
)
def test_an_event_of_tomorrow_is_of_tomorrow_where_it_happened(
    bureau: Any, bank: Any, monkeypatch: pytest.MonkeyPatch, scan_from: int,
    occurred_at: str, is_taken: bool,
) -> None:  # fmt: skip
    monkeypatch.setattr(process_rows, "SCAN_FROM", scan_from)
    view = factory.send(bureau.deps, bank, "event", factory.event(1, occurred_at=occurred_at))
    assert factory.rules(view) == (set() if is_taken else {"EVT-DATE-001"})


@pytest.mark.parametrize(
    ("day", "rules"), [("2025-01-16", set()), ("2025-01-17", {"ANY-DATE-001"})]
)
def test_a_day_of_tomorrow_is_of_tomorrow_in_the_profiles_zone(
    bureau: Any, bank: Any, day: str, rules: set[str]
) -> None:
    view = factory.send(bureau.deps, bank, "account", factory.account(1, valid_from=day))
    assert factory.rules(view) == rules


def test_what_waits_expires_on_its_day_in_the_profiles_zone(bureau: Any, bank: Any) -> None:
    factory.send(bureau.deps, bank, "snapshot", factory.snapshot(3, "2024-12"))
    bureau.clock.set(datetime(2025, 2, 14, 15, 59, tzinfo=UTC))
    assert expire_pending(bureau.deps) == 0
    bureau.clock.set(datetime(2025, 2, 14, 16, tzinfo=UTC))
    assert expire_pending(bureau.deps) == 1


@pytest.mark.parametrize(
    ("start", "life", "rules"),
    [
        (-3600, 3601, set()),
        (-3600, 3600, {"ANY-CONSENT-004"}),
        (0, 3600, set()),
        (1, 3600, {"ANY-CONSENT-004"}),
    ],
)
def test_a_consent_covers_a_row_from_its_first_instant_to_its_last(
    bureau: Any, bank: Any, start: int, life: int, rules: set[str]
) -> None:
    begins = NOW + timedelta(seconds=start)
    consent = factory.consent(
        bureau.deps, bank, 1, purpose="furnishing", valid_from=instant_text(begins),
        valid_to=instant_text(begins + timedelta(seconds=life)),
        given_at=instant_text(NOW - timedelta(days=1)),
    )  # fmt: skip
    record = factory.account(1, valid_from="2025-01-15", basis="consent", consent_ref=str(consent))
    assert factory.rules(factory.send(bureau.deps, bank, "account", record)) == rules


@pytest.mark.parametrize(
    ("now", "free_reports"),
    [
        (datetime(2023, 12, 31, 15, 59, tzinfo=UTC), 2),
        (datetime(2023, 12, 31, 16, 30, tzinfo=UTC), 12),
    ],
)
def test_the_profile_of_today_is_that_of_the_day_where_it_lives(
    bureau: Any, now: datetime, free_reports: int
) -> None:
    bureau.clock.set(now)
    assert bureau.deps.profile_today.free_reports_per_year == free_reports
