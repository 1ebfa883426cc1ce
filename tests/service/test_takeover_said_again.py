"""Terms that took an account over, sent again or corrected after it was sold onward."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.service.members import member_by_code
from tallystick.service.verify import ledger_verify

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
FIRST, RENUMBERED, ONWARD = "2025-01-01", "2025-01-10", "2025-02-01"
TAKEN, UNCHANGED = ((1, 0, 0, 0), set()), ((0, 1, 0, 0), set())
PARENT, WAITS = ((0, 0, 1, 0), {"ANY-PARENT-002"}), ((0, 0, 0, 1), {"ACC-FORMER-005"})


def goes_on(number: int, day: str, former: tuple[str | None, int], **fields: Any) -> Any:
    """Terms of account 1 that go on from a number, at another furnisher or at the sender's own."""
    given = {
        "formerly_furnisher": former[0], "formerly_account_number": f"A{former[1]}",
        "formerly_reason": "sold" if former[0] else "renumbered",
    }  # fmt: skip
    return factory.account(number, 1, valid_from=day, **{**given, **fields})


BOUGHT = goes_on(7, FIRST, ("bank1", 1))
NEW_NUMBER = goes_on(9, RENUMBERED, (None, 7))


def _begin(bureau: Any) -> None:
    """Account 1, sold to a second furnisher, renumbered there, and sold on to a third."""
    bureau.clock.set(NOW)
    deps = bureau.deps
    first, second, third = (factory.member(deps, f"bank{no}") for no in (1, 2, 3))
    factory.open_account(deps, first)
    factory.sell(deps, first, second)
    assert factory.told(factory.send(deps, second, "account", NEW_NUMBER)) == TAKEN
    word = factory.event(9, "e8", event_type="sold", occurred_at=f"{ONWARD}T09:00:00+08:00")
    factory.send(deps, second, "event", word)
    for code in (third, factory.member(deps, "bank4")):
        factory.send(deps, code, "subject", factory.subject(1))
    onward = goes_on(8, ONWARD, ("bank2", 9))
    assert factory.told(factory.send(deps, third, "account", onward)) == TAKEN


template = beginning(_begin)


def send(bureau: Any, code: str, dataset: str, *records: Any) -> Any:
    bureau.clock.set(NOW)
    sent = factory.send_again(
        bureau.deps, member_by_code(bureau.deps, code), dataset, *records
    )  # fmt: skip
    assert ledger_verify(bureau.deps).faults == ()
    return factory.told(sent)


@pytest.mark.parametrize(
    ("code", "terms", "wanted"),
    [
        ("bank2", BOUGHT, UNCHANGED),
        ("bank2", NEW_NUMBER, UNCHANGED),
        ("bank2", {**BOUGHT, "principal": "990.00"}, (TAKEN[0], {"ANY-RESTATE-001"})),
        ("bank2", {**BOUGHT, "valid_from": "2025-01-31"}, TAKEN),
        ("bank2", {**BOUGHT, "valid_from": ONWARD}, PARENT),
        ("bank4", BOUGHT, WAITS),
        ("bank2", goes_on(6, "2025-02-02", ("bank1", 1)), WAITS),
        ("bank2", goes_on(7, "2025-02-02", ("bank3", 8)), PARENT),
    ],
    ids=["bought", "renumbered", "restated", "before the sale", "after the sale", "another buyer",
         "another number", "of the third"],
)  # fmt: skip
def test_what_took_it_over_is_said_again(bureau: Any, code: str, terms: Any, wanted: Any) -> None:
    assert send(bureau, code, "account", terms) == wanted


@pytest.mark.parametrize("terms", [BOUGHT, NEW_NUMBER], ids=["bought", "renumbered"])
def test_what_took_it_over_is_corrected(bureau: Any, terms: Any) -> None:
    mended = {**terms, "principal": "990.00"}
    said = factory.correction("account", mended, terms)
    assert send(bureau, "bank2", "correction", said) == TAKEN
    assert send(bureau, "bank2", "account", mended) == UNCHANGED


def test_who_had_it_between_speaks_of_its_time_when_it_went_back(bureau: Any) -> None:
    word = factory.event(8, "e7", event_type="sold", occurred_at="2025-02-10T09:00:00+08:00")
    assert send(bureau, "bank3", "event", word)[0] == TAKEN[0]
    back = goes_on(9, "2025-02-10", ("bank3", 8))
    assert send(bureau, "bank2", "account", back) == TAKEN
    assert send(bureau, "bank3", "account", goes_on(8, ONWARD, ("bank2", 9))) == UNCHANGED
    assert send(bureau, "bank2", "account", BOUGHT)[0] == UNCHANGED[0]
