"""A sale on one day: the seller's closing and the buyer's terms begin together, and both stand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import psycopg
import pytest

import factory
from beginnings import beginning
from tallystick.service import process_rows, sold, submissions, submit
from tallystick.service.inquire import answer
from tallystick.service.members import member_by_code
from tallystick.service.replay import replay
from tallystick.service.verify import ledger_verify

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
SALE, BEFORE, AFTER = "2025-01-01", "2024-12-31", "2025-01-02"
TAKEN, UNCHANGED = ((1, 0, 0, 0), set()), ((0, 1, 0, 0), set())
PARENT, SOLD = ((0, 0, 1, 0), {"ANY-PARENT-002"}), ((0, 0, 1, 0), {"DEL-SOLD-001"})
CLOSING = factory.account(1, valid_from=SALE, closed_on=SALE, closed_reason="sold")
MENDED = {**CLOSING, "principal": "990.00"}


def bought(day: str = SALE, by: int = 7, of: tuple[str, int] = ("bank1", 1), **fields: Any) -> Any:
    """Terms of account 1 at a buyer, under a number of its own."""
    named = {"formerly_furnisher": of[0], "formerly_account_number": f"A{of[1]}"}
    return factory.account(by, 1, valid_from=day, formerly_reason="sold", **named, **fields)


def _begin(bureau: Any) -> None:
    """A seller that closed account 1 as sold; two buyers that know its borrower."""
    bureau.clock.set(NOW)
    deps = bureau.deps
    seller = factory.member(deps)
    factory.open_account(deps, seller)
    factory.send(deps, seller, "snapshot", factory.snapshot(1, "2024-12"))
    assert factory.told(factory.send(deps, seller, "account", CLOSING)) == TAKEN
    for code in ("bank2", "bank3"):
        factory.send(deps, factory.member(deps, code), "subject", factory.subject(1))


template = beginning(_begin)


@pytest.fixture(params=["record", "file"], autouse=True)
def size(request: Any, bureau: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge as a single record, or as a file of many is judged."""
    bureau.clock.set(NOW)
    if request.param == "file":
        monkeypatch.setattr(submit, "PLAIN_PLAN_BYTES", 0)
        monkeypatch.setattr(process_rows, "SCAN_FROM", 1)


def send(bureau: Any, code: str, dataset: str, *records: Any) -> Any:
    member = member_by_code(bureau.deps, code)
    return factory.told(factory.send_again(bureau.deps, member, dataset, *records))


def correct(bureau: Any, code: str, record: Any, replaces: Any, **fields: Any) -> Any:
    said = factory.correction("account", record, replaces, **fields)
    return send(bureau, code, "correction", said)


def gone(number: int, day: str) -> Any:
    return factory.deletion("account", {"account_number": f"A{number}", "valid_from": day})


def verified(bureau: Any, code: str, **changes: Any) -> list[tuple[Any, ...]]:
    """Terms' day, principal, whether closed and whether its own, of each account a member sees."""
    member = member_by_code(bureau.deps, code)
    given = {"permit": "furnisher_verification", "purpose": "data_quality", **changes}
    ask = factory.ask(bureau.deps, member, 1, given.pop("consent_id", None), **given)
    result = bureau.run(answer(bureau.deps, ask))
    for fold in (False, True):
        assert bureau.run(replay(bureau.deps, result.look_id, fold=fold)) == result.body
    assert ledger_verify(bureau.deps).faults == ()
    return [
        (one["terms"]["valid_from"], one["terms"]["principal"], one["is_closed"],
         one["furnisher"]["is_own"])
        for one in orjson.loads(result.body)["accounts"]
    ]  # fmt: skip


def read(bureau: Any, code: str) -> list[tuple[Any, ...]]:
    """The same of what a lender sees."""
    consent = factory.consent(bureau.deps, member_by_code(bureau.deps, code), 1)
    return verified(
        bureau, code, permit="consent", purpose=factory.PURPOSE, consent_id=consent
    )  # fmt: skip


def keys(bureau: Any) -> list[str]:
    """The item keys of all account terms in the ledger, furnishers cut off."""
    with psycopg.connect(bureau.url) as connection:
        rows = connection.execute("select item_key from ledger.account order by 1").fetchall()
    return [key.replace("\x1f", "+")[:11] for (key,) in rows]


@pytest.mark.parametrize(
    ("day", "wanted", "kept"),
    [
        (BEFORE, ((0, 0, 1, 0), {"ACC-FORMER-006"}), ["2024-01-01", SALE]),
        (SALE, TAKEN, ["2024-01-01", SALE, f"{SALE}+"]),
        (AFTER, TAKEN, ["2024-01-01", SALE, AFTER]),
    ],
)  # fmt: skip
def test_the_sellers_closing_stands_whatever_day_the_buyer_names(
    bureau: Any, day: str, wanted: Any, kept: Any
) -> None:
    assert send(bureau, "bank2", "account", bought(day)) == wanted
    assert keys(bureau) == kept
    assert verified(bureau, "bank1") == [(SALE, "1000.00", True, True)]
    if wanted == TAKEN:
        assert send(bureau, "bank2", "snapshot", factory.snapshot(7, "2025-01")) == TAKEN
        assert send(bureau, "bank2", "account", bought(day)) == UNCHANGED
        assert verified(bureau, "bank2") == [(day, "1000.00", False, True)]
        assert read(bureau, "bank1") == [(day, "1000.00", False, False)]
        assert read(bureau, "bank3") == [(day, "1000.00", False, False)]
    assert send(bureau, "bank1", "account", CLOSING) == UNCHANGED
    assert correct(bureau, "bank1", MENDED, CLOSING) == TAKEN
    assert verified(bureau, "bank1") == [(SALE, "990.00", True, True)]
    assert send(bureau, "bank1", "account", MENDED) == UNCHANGED


def test_each_corrects_and_restates_its_own(bureau: Any) -> None:
    assert send(bureau, "bank2", "account", bought()) == TAKEN
    assert send(bureau, "bank2", "snapshot", factory.snapshot(7, "2025-01")) == TAKEN
    again = {**CLOSING, "principal": "980.00"}
    assert send(bureau, "bank1", "account", again) == (TAKEN[0], {"ANY-RESTATE-001"})
    assert correct(bureau, "bank1", MENDED, again) == TAKEN
    theirs = bought(principal="800.00")
    assert correct(bureau, "bank2", theirs, bought()) == TAKEN
    assert send(bureau, "bank2", "account", theirs) == UNCHANGED
    assert verified(bureau, "bank1") == [(SALE, "990.00", True, True)]
    assert verified(bureau, "bank2") == [(SALE, "800.00", False, True)]
    assert read(bureau, "bank1") == [(SALE, "800.00", False, False)]


def test_of_the_day_of_the_sale_the_seller_says_nothing_new(bureau: Any) -> None:
    assert send(bureau, "bank2", "account", bought(AFTER)) == TAKEN
    assert send(bureau, "bank1", "account", {**CLOSING, "valid_from": AFTER}) == PARENT
    assert send(bureau, "bank1", "account", {**CLOSING, "valid_from": BEFORE}) == TAKEN
    assert verified(bureau, "bank1") == [(SALE, "1000.00", True, True)]


def test_a_month_of_the_buyer_is_no_debt_of_the_closing(bureau: Any) -> None:
    word = factory.event(1, "e9", event_type="sold", occurred_at=f"{BEFORE}T10:00:00+08:00")
    assert send(bureau, "bank1", "event", word)[0] == TAKEN[0]
    by_lender = {**CLOSING, "closed_reason": "by_lender"}
    assert correct(bureau, "bank1", by_lender, CLOSING)[0] == TAKEN[0]
    assert send(bureau, "bank2", "account", bought()) == TAKEN
    assert send(bureau, "bank2", "snapshot", factory.snapshot(7, "2025-01")) == TAKEN
    assert correct(bureau, "bank1", {**MENDED, "closed_reason": "by_lender"}, by_lender) == TAKEN
    assert verified(bureau, "bank1") == [(SALE, "990.00", True, True)]


def test_what_the_buyer_lends_with_others_is_not_held_against_the_closing(bureau: Any) -> None:
    shared = factory.funding(7, "bank3", "0", originator="bank2", currency="CNY", valid_from=SALE)
    shared = {**shared, "funded_amount": "995.00"}
    del shared["share"]
    assert send(bureau, "bank2", "account", bought()) == TAKEN
    assert send(bureau, "bank2", "funding", shared)[0] == TAKEN[0]
    assert correct(bureau, "bank1", MENDED, CLOSING) == TAKEN
    under = bought(principal="990.00")
    assert correct(bureau, "bank2", under, bought()) == (TAKEN[0], {"ACC-FUND-001"})


def test_days_that_one_key_held_of_both_before_are_each_ones_own_again(
    bureau: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(
            sold, "_OTHERS_TERMS", sold._OTHERS_TERMS.replace("having", "having false and")
        )
        assert send(bureau, "bank2", "account", bought()) == TAKEN
    assert keys(bureau) == ["2024-01-01", SALE, SALE]
    assert verified(bureau, "bank1") == [("2024-01-01", "1000.00", False, True)]
    assert send(bureau, "bank2", "account", bought()) == UNCHANGED
    assert send(bureau, "bank1", "account", CLOSING) == TAKEN
    assert send(bureau, "bank1", "account", CLOSING) == UNCHANGED
    assert send(bureau, "bank2", "account", bought()) == UNCHANGED
    assert verified(bureau, "bank1") == [(SALE, "1000.00", True, True)]
    assert verified(bureau, "bank2") == [(SALE, "1000.00", False, True)]
    assert read(bureau, "bank3") == [(SALE, "1000.00", False, False)]


def test_each_deletes_what_it_may_and_brings_back_its_own(bureau: Any) -> None:
    assert send(bureau, "bank2", "account", bought()) == TAKEN
    assert send(bureau, "bank1", "deletion", gone(1, SALE)) == SOLD
    assert send(bureau, "bank1", "deletion", gone(1, "2024-01-01")) == SOLD
    assert send(bureau, "bank2", "deletion", gone(7, SALE)) == TAKEN
    assert verified(bureau, "bank1") == verified(bureau, "bank2") == read(bureau, "bank3") == []
    certified = {"reason": "reinsertion_certified"}
    assert correct(bureau, "bank2", bought(), bought(), **certified)[0] == TAKEN[0]
    assert verified(bureau, "bank1") == []
    assert correct(bureau, "bank1", CLOSING, CLOSING, **certified) == TAKEN
    assert verified(bureau, "bank1") == [(SALE, "1000.00", True, True)]
    assert verified(bureau, "bank2") == [(SALE, "1000.00", False, True)]
    assert read(bureau, "bank3") == [(SALE, "1000.00", False, False)]


@pytest.mark.parametrize(("last", "number"), [("bank3", 8), ("bank1", 1)])
def test_it_is_sold_twice_on_one_day(bureau: Any, last: str, number: int) -> None:
    assert send(bureau, "bank2", "account", bought()) == TAKEN
    word = factory.event(7, "e7", event_type="sold", occurred_at=f"{SALE}T09:00:00+08:00")
    assert send(bureau, "bank2", "event", word)[0] == TAKEN[0]
    onward = bought(by=number, of=("bank2", 7), principal="700.00")
    assert send(bureau, last, "account", onward)[0] == TAKEN[0]
    assert verified(bureau, last) == [(SALE, "700.00", False, True)]
    assert verified(bureau, "bank2") == [(SALE, "1000.00", False, True)]
    assert send(bureau, last, "account", onward) == UNCHANGED
    assert send(bureau, "bank2", "account", bought()) == UNCHANGED
    mended = bought(principal="750.00")
    assert correct(bureau, "bank2", mended, bought()) == TAKEN
    assert verified(bureau, "bank2") == [(SALE, "750.00", False, True)]
    assert [one[:3] for one in read(bureau, "bank2")] == [(SALE, "700.00", False)]
    if last == "bank3":
        assert correct(bureau, "bank1", MENDED, CLOSING) == TAKEN
        assert verified(bureau, "bank1") == [(SALE, "990.00", True, True)]
        assert verified(bureau, "bank3") == [(SALE, "700.00", False, True)]


def test_a_buyer_that_waited_for_the_closing(bureau: Any) -> None:
    deps, buyer = bureau.deps, member_by_code(bureau.deps, "bank2")
    assert send(bureau, "bank1", "deletion", gone(1, SALE)) == TAKEN
    view = factory.send(deps, buyer, "account", bought())
    assert factory.counts(view) == (0, 0, 0, 1)
    for one in (factory.account(1), CLOSING):
        assert correct(bureau, "bank1", one, one, reason="reinsertion_certified")[0] == TAKEN[0]
    assert factory.counts(submissions.show(deps, buyer, view.submission_id)) == TAKEN[0]
    assert send(bureau, "bank2", "account", bought()) == UNCHANGED
    assert verified(bureau, "bank1") == [(SALE, "1000.00", True, True)]
    assert verified(bureau, "bank2") == [(SALE, "1000.00", False, True)]


def test_renumbered_on_one_day_at_one_furnisher(bureau: Any) -> None:
    factory.send(bureau.deps, member_by_code(bureau.deps, "bank1"), "subject", factory.subject(2))
    assert send(bureau, "bank1", "account", factory.account(2)) == TAKEN
    given = {"formerly_account_number": "A2", "formerly_reason": "renumbered"}
    same = factory.account(9, 2, valid_from="2024-01-01", **given)
    early = ((0, 0, 1, 0), {"ACC-FORMER-006"})
    assert send(bureau, "bank1", "account", same) == early
    later = {**same, "valid_from": "2024-01-02"}
    assert send(bureau, "bank1", "account", later) == TAKEN
    assert send(bureau, "bank1", "account", later) == UNCHANGED
    old = factory.account(2, valid_from="2024-01-02", principal="900.00")
    assert send(bureau, "bank1", "account", old) == (TAKEN[0], {"ANY-RESTATE-001"})
    assert keys(bureau) == ["2024-01-01", "2024-01-01", "2024-01-02", "2024-01-02", SALE]
