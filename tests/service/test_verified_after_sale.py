"""After a sale seller and buyer each verify what they furnished themselves, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import orjson
import pytest

import factory
from beginnings import beginning
from tallystick.profile.dated import DatedValue, Entry
from tallystick.service.inquire import answer
from tallystick.service.members import member_by_code
from tallystick.service.replay import replay

SALE = "2025-01-01"
_OWN = "SNP-OWN-001"


NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)


def _begin(bureau: Any) -> None:
    """A seller of account 1, which goes on at its buyer as account 7, with months of both."""
    bureau.clock.set(NOW)
    deps = bureau.deps
    seller, buyer = factory.member(deps), factory.member(deps, "bank2")
    factory.open_account(deps, seller)
    factory.send(deps, seller, "snapshot", *_months(1, "2024-11", "2024-12", balance="900.00"))
    factory.sell(deps, seller, buyer)
    cured = factory.event(7, "e1", event_type="cured", occurred_at="2025-01-15T10:00:00+08:00")
    factory.send(deps, buyer, "event", cured)
    factory.send(deps, buyer, "snapshot", *_months(7, "2025-01", "2025-02", balance="800.00"))


template = beginning(_begin)


@pytest.fixture
def sold(bureau: Any) -> tuple[Any, Any]:
    """The seller and the buyer."""
    bureau.clock.set(NOW)
    return member_by_code(bureau.deps, "bank1"), member_by_code(bureau.deps, "bank2")


def _months(account: int, *months: str, **fields: Any) -> list[Any]:
    return [factory.snapshot(account, month, **fields) for month in months]


def _where_any_holder_may(deps: Any) -> Any:
    """The bureau under a profile in which a month may be sent again by another holder."""
    entry = Entry(start=date(2020, 1, 1), until=None, value="off")
    off = DatedValue(key=_OWN, unit="severity", cite="a test", status="draft", entries=(entry,))
    return replace(deps, profile=replace(deps.profile, rules={**deps.profile.rules, _OWN: off}))


def verified(bureau: Any, member: Any, **changes: Any) -> Any:
    given = {"permit": "furnisher_verification", "purpose": "data_quality", **changes}
    ask = factory.ask(bureau.deps, member, 1, given.pop("consent_id", None), **given)
    result = bureau.run(answer(bureau.deps, ask))
    for fold in (False, True):
        assert bureau.run(replay(bureau.deps, result.look_id, fold=fold)) == result.body
    return orjson.loads(result.body)


def shown(account: Any) -> Any:
    months = [(one["month"], one["bucket"], one.get("balance")) for one in account["grid"]]
    events = [(one["event_id"], one["event_type"]) for one in account["events"]]
    return account["account_number"], account["terms"]["valid_from"], events, months


def test_the_buyer_sees_its_own_months_and_the_sellers_masked(bureau: Any, sold: Any) -> None:
    body = verified(bureau, sold[1])
    (account,) = body["accounts"]
    assert shown(account) == (
        "A7", SALE, [("e1", "cured")],
        [("2024-11", "not_displayed", None), ("2024-12", "not_displayed", None),
         ("2025-01", "0", "800.00"), ("2025-02", "0", "800.00")],
    )  # fmt: skip
    assert account["latest"]["period_end"] == "2025-02-28"
    assert {"block": "accounts", "reason": "audience", "periods": 2} in body["header"]["withheld"]


def test_the_seller_still_sees_what_it_furnished(bureau: Any, sold: Any) -> None:
    (account,) = verified(bureau, sold[0])["accounts"]
    assert shown(account) == (
        "A1", "2024-01-01", [("e9", "sold")],
        [("2024-11", "0", "900.00"), ("2024-12", "0", "900.00"),
         ("2025-01", "not_displayed", None), ("2025-02", "not_displayed", None)],
    )  # fmt: skip
    assert account["furnisher"]["is_own"]
    assert account["latest"]["period_end"] == "2024-12-31"
    assert not account["is_closed"]


def test_a_lender_and_each_of_the_two_see_the_whole_course(bureau: Any, sold: Any) -> None:
    for member in sold:
        consent = factory.consent(bureau.deps, member, 1)
        asked = {"permit": "consent", "purpose": factory.PURPOSE, "consent_id": consent}
        (account,) = verified(bureau, member, **asked)["accounts"]
        assert [one["bucket"] for one in account["grid"]] == ["0"] * 4
        assert account["furnisher"]["is_own"] == (member == sold[1])


def test_what_the_other_put_in_place_of_ones_own_is_the_others(bureau: Any, sold: Any) -> None:
    seller, buyer = sold
    month = factory.snapshot(7, "2024-12", balance="850.00")
    view = factory.send(bureau.deps, buyer, "snapshot", month)
    assert (factory.counts(view), factory.rules(view)) == ((0, 0, 1, 0), {_OWN})
    view = factory.send(_where_any_holder_may(bureau.deps), buyer, "snapshot", month)
    assert factory.counts(view) == (1, 0, 0, 0)
    (account,) = verified(bureau, seller)["accounts"]
    assert [one["bucket"] for one in account["grid"]] == ["0", *["not_displayed"] * 3]
    (account,) = verified(bureau, buyer)["accounts"]
    assert [one.get("balance") for one in account["grid"]] == [None, "850.00", "800.00", "800.00"]


def test_a_month_both_spoke_of_is_shown_to_each_as_its_own(bureau: Any, sold: Any) -> None:
    seller, buyer = sold
    mid_month = factory.snapshot(7, "2024-12", period_end="2024-12-15", balance="850.00")
    assert factory.counts(factory.send(bureau.deps, buyer, "snapshot", mid_month)) == (1, 0, 0, 0)
    (account,) = verified(bureau, seller)["accounts"]
    assert [one.get("balance") for one in account["grid"]] == ["900.00", "900.00", None, None]
    (account,) = verified(bureau, buyer)["accounts"]
    assert [one.get("balance") for one in account["grid"]] == [None, "850.00", "800.00", "800.00"]
