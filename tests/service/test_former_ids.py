"""Terms that go on from another number name another account, never the very one they stand in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import made_before
import pytest

import factory
from beginnings import beginning

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
VERIFY = {"permit": "furnisher_verification", "purpose": "data_quality"}
REVIEW = {"permit": "account_review", "purpose": "account_review"}


def _begin(bureau: Any) -> None:
    """Account 1 of person 1 was sold and is account 7 at its buyer; account 2 of person 2 was
    renumbered to 5; account 4 of person 3 says too late, as it is there, that it was account 3.
    """
    bureau.clock.set(NOW)
    deps = bureau.deps
    seller, buyer = factory.member(deps), factory.member(deps, "bank2")
    factory.member(deps, "bank3")
    factory.open_account(deps, seller, (1, 2, 3))
    factory.sell(deps, seller, buyer)
    later: Any = {"valid_from": "2025-01-15", "formerly_reason": "renumbered"}
    for record in (
        factory.account(5, 2, formerly_account_number="A2", **later),
        factory.account(4, 3),
        factory.account(4, 3, formerly_account_number="A3", **later),
    ):
        assert factory.counts(factory.send(deps, seller, "account", record)) == (1, 0, 0, 0)


template = beginning(_begin)


def accounts(bureau: Any, reader: str | None, person: int, **how: Any) -> tuple[Any, Any]:
    """What a member (None: the person herself) reads now, and in version 5, newest terms last."""
    bureau.clock.set(NOW)
    return tuple(
        sorted(one["accounts"], key=lambda account: account["terms"]["valid_from"])
        for one in made_before.answered(bureau, reader, person, **how)
    )  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("reader", "person", "how", "number"),
    [
        (None, 1, {}, "A1"),
        ("bank3", 1, {}, None),
        ("bank2", 1, REVIEW, None),
        ("bank1", 1, {}, None),
        ("bank2", 1, VERIFY, None),
        (None, 2, {}, "A2"),
        ("bank3", 2, {}, None),
        ("bank1", 2, REVIEW, None),
    ],
    ids=["person", "lender", "buyer", "seller", "buyer's own", "person, renumbered",
         "lender, renumbered", "furnisher, renumbered"],
)  # fmt: skip
def test_an_account_that_goes_on_does_not_name_itself_as_its_former(
    bureau: Any, reader: str | None, person: int, how: Any, number: str | None
) -> None:
    (account,), (before,) = accounts(bureau, reader, person, **how)
    assert "formerly_account_id" not in account["terms"]
    assert account["terms"]["formerly_reason"] == ("sold" if person == 1 else "renumbered")
    assert account.get("formerly_account_number") == number
    assert before["terms"]["formerly_account_id"] == before["account_id"]
    assert "formerly_account_number" not in before


@pytest.mark.parametrize("reader", [None, "bank3"])
def test_another_account_that_stands_apart_is_named(bureau: Any, reader: str | None) -> None:
    shown, before = accounts(bureau, reader, 3)
    named = shown[1]["terms"]["formerly_account_id"]
    assert named == shown[0]["account_id"] != shown[1]["account_id"]
    assert before[1]["terms"]["formerly_account_id"] == named
    assert shown[1].get("formerly_account_number") == ("A3" if reader is None else None)
    assert "formerly_account_number" not in shown[0]
