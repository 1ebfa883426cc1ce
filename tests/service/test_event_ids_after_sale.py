"""An event's id is its sender's own: who bought an account does not read those of the seller."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

import factory
from beginnings import beginning
from tallystick.service.inquire import answer
from tallystick.service.members import member_by_code
from tallystick.service.replay import replay

SALE = "2025-01-01"
NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
REVIEW = {"permit": "account_review", "purpose": "account_review"}
RENUMBERED = factory.account(
    5, 4, valid_from="2024-06-01", formerly_account_number="A4", formerly_reason="renumbered"
)
BOUGHT = factory.account(
    7, 1, valid_from=SALE, formerly_furnisher="bank1", formerly_account_number="A1",
    formerly_reason="sold",
)  # fmt: skip


def _event(account: int, event_id: str, kind: str, day: str) -> Any:
    return factory.event(account, event_id, event_type=kind, occurred_at=f"{day}T10:00:00+08:00")


def _begin(bureau: Any) -> None:
    """Account 1 of person 1, with person 2 beside her, was sold; account 3 of person 3 was not,
    and account 4 was renumbered, with person 3 beside person 4; each has events.
    """
    bureau.clock.set(NOW)
    deps = bureau.deps
    seller, buyer = factory.member(deps), factory.member(deps, "bank2")
    factory.open_account(deps, seller, (1,))
    opened = _event(1, "A1-1", "opened", "2024-01-01")
    factory.send(deps, seller, "event", opened, _event(1, "e9", "sold", "2024-12-31"))
    factory.open_account(deps, buyer, (3, 4))
    sent = [
        ("subject", [factory.subject(1), factory.subject(2)]),
        ("account", [BOUGHT, RENUMBERED]),
        ("account_party", [factory.account_party(7, 2), factory.account_party(3, 2)]),
        ("account_party", [factory.account_party(5, 3)]),
        ("event", [_event(7, "e9", "cured", "2025-01-15"), _event(3, "x1", "cured", "2025-01-15"),
                   _event(5, "y1", "cured", "2025-01-15")]),
    ]  # fmt: skip
    for dataset, records in sent:
        told = factory.send(deps, buyer, dataset, *records)
        assert factory.counts(told) == (len(records), 0, 0, 0), told


template = beginning(_begin)


def ids(bureau: Any, reader: str, person: int, **fields: Any) -> list[list[Any]]:
    """By account in the order of their events' kinds, the ids of its events; None where unread."""
    bureau.clock.set(NOW)
    member = member_by_code(bureau.deps, reader)
    consent = (
        None
        if fields
        else factory.consent(bureau.deps, member, person, data_classes=["accounts", "events"])
    )
    if consent:
        fields = {"permit": "consent", "purpose": factory.PURPOSE}
    ask = factory.ask(bureau.deps, member, person, consent, **fields)
    result = bureau.run(answer(bureau.deps, ask))
    for fold in (False, True):
        assert bureau.run(replay(bureau.deps, result.look_id, fold=fold)) == result.body
    accounts = orjson.loads(result.body)["accounts"]
    return sorted(
        ([one.get("event_id") for one in account["events"]] for account in accounts),
        key=lambda found: (-len(found), str(found)),
    )


VERIFY = {"permit": "furnisher_verification", "purpose": "data_quality"}


@pytest.mark.parametrize(
    ("reader", "person", "how", "wanted"),
    [
        ("bank2", 1, REVIEW, [[None, None, "e9"]]),
        ("bank1", 1, {}, [[None, None, None]]),
        ("bank2", 2, REVIEW, [[None, None, "e9"], ["x1"]]),
        ("bank2", 3, REVIEW, [["x1"], ["y1"]]),
        ("bank2", 4, REVIEW, [["y1"]]),
        ("bank2", 1, VERIFY, [["e9"]]),
        ("bank1", 1, VERIFY, [["A1-1", "e9"]]),
        ("bank2", 2, VERIFY, [["e9"], ["x1"]]),
    ],
    ids=["buyer", "seller", "buyer of another holder", "not sold", "renumbered", "buyer's own",
         "seller's own", "buyer's own of another holder"],
)  # fmt: skip
def test_each_reads_the_ids_of_its_own_events(
    bureau: Any, reader: str, person: int, how: Any, wanted: Any
) -> None:
    assert ids(bureau, reader, person, **how) == wanted
