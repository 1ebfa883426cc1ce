"""Deletions of an account that was sold: its present holder hides it, and nobody else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

import factory
from beginnings import beginning
from tallystick.service import process_rows, submissions, submit
from tallystick.service.inquire import answer
from tallystick.service.members import member_by_code
from tallystick.service.replay import replay
from tallystick.service.verify import ledger_verify

SALE = "2025-01-01"
NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
TAKEN, UNCHANGED = ((1, 0, 0, 0), set()), ((0, 1, 0, 0), set())
SOLD, OTHERS = ((0, 0, 1, 0), {"DEL-SOLD-001"}), ((0, 0, 1, 0), {"ANY-TARGET-002"})
BUYERS = ((0, 0, 1, 0), {"ANY-PARENT-002", "ANY-TARGET-001"})
WORD = factory.event(1, "e9", event_type="sold", occurred_at="2024-12-31T10:00:00+08:00")
BOUGHT = factory.account(
    7, 1, valid_from=SALE, formerly_furnisher="bank1", formerly_account_number="A1",
    formerly_reason="sold",
)  # fmt: skip
LATER = factory.account(1, valid_from="2024-06-01")
MONTHS = [factory.snapshot(1, month) for month in ("2024-11", "2024-12")]
MONTH = factory.snapshot(7, "2025-01")


def terms_gone(number: int, valid_from: str, reason: str = "furnished_in_error") -> Any:
    key = {"account_number": f"A{number}", "valid_from": valid_from}
    return factory.deletion("account", key, reason=reason)


def _begin(bureau: Any) -> None:
    """A seller of account 1, which goes on at its buyer as account 7, with months of both."""
    bureau.clock.set(NOW)
    deps = bureau.deps
    seller, buyer = factory.member(deps), factory.member(deps, "bank2")
    factory.open_account(deps, seller, (1, 2))
    for dataset, sent in (("account", [LATER]), ("snapshot", MONTHS), ("event", [WORD])):
        factory.send(deps, seller, dataset, *sent)
    for dataset, one in (("subject", factory.subject(1)), ("account", BOUGHT), ("snapshot", MONTH)):
        assert factory.told(factory.send(deps, buyer, dataset, one)) == TAKEN


template = beginning(_begin)


@pytest.fixture
def sold(bureau: Any) -> tuple[Any, Any]:
    """The seller and the buyer."""
    bureau.clock.set(NOW)
    return member_by_code(bureau.deps, "bank1"), member_by_code(bureau.deps, "bank2")


@pytest.fixture(params=["record", "file"])
def size(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge as a single record, or as a file of many is judged."""
    if request.param == "file":
        monkeypatch.setattr(submit, "PLAIN_PLAN_BYTES", 0)
        monkeypatch.setattr(process_rows, "SCAN_FROM", 1)


def send(bureau: Any, member: Any, dataset: str, *records: Any) -> Any:
    return factory.told(factory.send_again(bureau.deps, member, dataset, *records))


def certify(bureau: Any, member: Any, dataset: str, record: Any) -> Any:
    back = factory.correction(dataset, record, record, reason="reinsertion_certified")
    return send(bureau, member, "correction", back)


def seen(bureau: Any) -> tuple[list[str], list[str]]:
    """The months, and the days of terms, of what a lender sees of person 1's accounts."""
    asker = member_by_code(bureau.deps, "bank2")
    consent = factory.consent(bureau.deps, asker, 1)
    ask = factory.ask(bureau.deps, asker, 1, consent)
    result = bureau.run(answer(bureau.deps, ask))
    for fold in (False, True):
        assert bureau.run(replay(bureau.deps, result.look_id, fold=fold)) == result.body
    assert ledger_verify(bureau.deps).ok
    accounts = orjson.loads(result.body)["accounts"]
    return (
        [month["month"] for one in accounts for month in one["grid"] if month["bucket"] == "0"],
        [one["terms"]["valid_from"] for one in accounts],
    )


WHOLE = (["2024-11", "2024-12", "2025-01"], [SALE])
NOTHING: tuple[list[str], list[str]] = ([], [])


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize(
    ("by", "gone", "wanted", "left"),
    [
        ("bank1", terms_gone(1, "2024-01-01"), SOLD, WHOLE),
        ("bank1", terms_gone(1, "2024-06-01"), SOLD, WHOLE),
        ("bank1", terms_gone(1, "2024-01-01", "not_his"), SOLD, WHOLE),
        ("bank1", terms_gone(1, SALE), OTHERS, WHOLE),
        ("bank2", terms_gone(7, "2024-01-01"), OTHERS, WHOLE),
        ("bank1", terms_gone(1, "2024-06-02"), ((0, 0, 1, 0), {"ANY-TARGET-001"}), WHOLE),
        ("bank1", terms_gone(2, "2024-01-01"), TAKEN, WHOLE),
        ("bank2", terms_gone(7, SALE), TAKEN, NOTHING),
    ],
    ids=["first terms", "last terms", "not his", "the buyer's", "the seller's", "no such terms",
         "not sold", "its own"],
)  # fmt: skip
def test_only_its_holder_hides_an_account_that_was_sold(
    bureau: Any, sold: Any, by: str, gone: Any, wanted: Any, left: Any
) -> None:
    member = {one.code: one for one in sold}[by]
    assert send(bureau, member, "deletion", gone) == wanted
    assert seen(bureau) == left


@pytest.mark.usefixtures("size")
def test_what_the_seller_said_of_before_it_still_takes_back(bureau: Any, sold: Any) -> None:
    seller, buyer = sold
    month = factory.deletion("snapshot", {"account_number": "A1", "period_end": "2024-12-31"})
    word = factory.deletion("event", {"account_number": "A1", "event_id": "e9"})
    sent = [month, terms_gone(1, "2024-01-01"), word, terms_gone(1, "2024-06-01")]
    assert send(bureau, seller, "deletion", *sent) == ((2, 0, 2, 0), {"DEL-SOLD-001"})
    assert seen(bureau) == (["2024-11", "2025-01"], [SALE])
    mended = {**LATER, "principal": "999.00"}
    assert send(bureau, seller, "correction", factory.correction("account", mended, LATER)) == TAKEN
    assert send(bureau, buyer, "snapshot", factory.snapshot(7, "2025-02")) == TAKEN
    assert seen(bureau) == (["2024-11", "2025-01", "2025-02"], [SALE])


def test_who_sold_it_and_has_it_again_hides_it(bureau: Any, sold: Any) -> None:
    seller, buyer = sold
    handed_back = {**BOUGHT, "valid_from": "2025-02-01", "closed_on": "2025-02-01",
                   "closed_reason": "transferred"}  # fmt: skip
    assert send(bureau, buyer, "account", handed_back)[0] == TAKEN[0]
    again = factory.account(
        1, valid_from="2025-02-02", formerly_furnisher="bank2", formerly_account_number="A7",
        formerly_reason="sold",
    )  # fmt: skip
    assert send(bureau, seller, "account", again) == TAKEN
    assert send(bureau, buyer, "deletion", terms_gone(7, SALE)) == SOLD
    assert send(bureau, seller, "deletion", terms_gone(1, "2024-01-01")) == TAKEN
    assert seen(bureau) == NOTHING


def test_a_deletion_that_stands_says_nothing_new(bureau: Any, sold: Any) -> None:
    seller, buyer = sold
    assert send(bureau, buyer, "deletion", terms_gone(7, SALE)) == TAKEN
    assert send(bureau, buyer, "deletion", terms_gone(7, SALE)) == UNCHANGED
    gone = ((0, 0, 1, 0), {"ANY-TARGET-001"})
    assert send(bureau, seller, "deletion", terms_gone(1, "2024-01-01")) == gone


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize("first", ["buyer", "seller"])
def test_each_brings_back_its_own_of_what_the_holder_deleted(
    bureau: Any, sold: Any, first: str
) -> None:
    seller, buyer = sold
    assert send(bureau, buyer, "deletion", terms_gone(7, SALE)) == TAKEN
    waiting = factory.send_again(bureau.deps, buyer, "snapshot", factory.snapshot(7, "2025-02"))
    assert factory.counts(waiting) == (0, 0, 0, 1)
    if first == "buyer":
        assert certify(bureau, buyer, "account", BOUGHT)[0] == TAKEN[0]
        assert certify(bureau, seller, "account", {**LATER, "valid_from": SALE}) == BUYERS
        assert certify(bureau, seller, "account", LATER) == TAKEN
    else:
        assert certify(bureau, seller, "account", LATER) == TAKEN
        assert seen(bureau) == ([], ["2024-06-01"])
        assert certify(bureau, buyer, "account", BOUGHT)[0] == (0, 0, 1, 0), "without a word"
        assert certify(bureau, seller, "event", WORD) == (TAKEN[0], {"EVT-CLOSE-003"})
        assert certify(bureau, buyer, "account", BOUGHT) == TAKEN
    for month in MONTHS:
        assert certify(bureau, seller, "snapshot", month) == TAKEN
    assert certify(bureau, buyer, "snapshot", MONTH) == TAKEN
    assert certify(bureau, seller, "account", factory.account(1)) == TAKEN
    again = factory.snapshot(7, "2025-02")
    now = submissions.show(bureau.deps, buyer, waiting.submission_id)
    assert factory.counts(now) == ((1, 0, 0, 0) if first == "buyer" else (0, 0, 1, 0))
    if first == "seller":
        assert send(bureau, buyer, "snapshot", again) == TAKEN
    assert seen(bureau) == ([*WHOLE[0], "2025-02"], [SALE])
