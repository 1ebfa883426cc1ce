"""Accounts and persons that go on under a new number: on whose word, and whose they are then."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import orjson
import psycopg
import pytest

import factory
from beginnings import beginning
from tallystick.service import submissions
from tallystick.service.members import member_by_code
from tallystick.service.verify import ledger_verify

ACCEPTED, REJECTED, PENDING = (1, 0, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)
SALE = "2025-01-01"
NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)


def rows(bureau: Any, query: str, *given: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(bureau.url) as connection:
        return connection.execute(query, given).fetchall()


def send(bureau: Any, bank: Any, dataset: str, *records: Any) -> Any:
    return factory.send(bureau.deps, bank, dataset, *records)


def counts(bureau: Any, bank: Any, view: Any) -> tuple[int, int, int, int]:
    return factory.counts(submissions.show(bureau.deps, bank, view.submission_id))


def bought(**fields: Any) -> Any:
    given = {
        "valid_from": SALE, "formerly_furnisher": "bank1", "formerly_account_number": "A1",
        "formerly_reason": "sold",
    }  # fmt: skip
    return factory.account(7, 1, **(given | fields))


def renumbered(number: int, former: int, **fields: Any) -> Any:
    given = {
        "valid_from": "2024-12-01", "formerly_account_number": f"A{former}",
        "formerly_reason": "renumbered",
    }  # fmt: skip
    return factory.account(number, 1, **(given | fields))


def sold_event(**fields: Any) -> Any:
    given = {"event_type": "sold", "occurred_at": "2024-12-31T10:00:00+08:00"}
    return factory.event(1, "e9", **(given | fields))


WORDS = {
    "event": ("event", sold_event()),
    "terms": (
        "account",
        factory.account(
            1, valid_from="2024-12-31", closed_on="2024-12-31", closed_reason="transferred"
        ),
    ),
    "month": ("snapshot", factory.snapshot(1, "2024-12", status="sold")),
}


def _begin(bureau: Any) -> None:
    """A seller with account 1, and a buyer who has its borrower as a customer."""
    bureau.clock.set(NOW)
    seller, buyer = factory.member(bureau.deps), factory.member(bureau.deps, "bank2")
    factory.open_account(bureau.deps, seller)
    send(bureau, seller, "snapshot", factory.snapshot(1, "2024-11"))
    send(bureau, buyer, "subject", factory.subject(1))


template = beginning(_begin)


@pytest.fixture
def sale(bureau: Any) -> tuple[Any, Any]:
    """The seller and the buyer."""
    bureau.clock.set(NOW)
    return member_by_code(bureau.deps, "bank1"), member_by_code(bureau.deps, "bank2")


def holders(bureau: Any) -> list[tuple[Any, ...]]:
    return rows(bureau, "select furnisher_id from file.account_now order by 1")


@pytest.mark.parametrize("word", WORDS)
def test_a_sale_waits_for_the_sellers_word(bureau: Any, sale: Any, word: str) -> None:
    seller, buyer = sale
    claim = send(bureau, buyer, "account", bought())
    assert (factory.counts(claim), factory.rules(claim)) == (PENDING, {"ACC-FORMER-005"})
    month = send(bureau, buyer, "snapshot", factory.snapshot(7, "2025-01"))
    assert factory.counts(month) == PENDING
    assert holders(bureau) == [(seller.member_id,)]
    send(bureau, seller, "event", factory.event(1))
    assert counts(bureau, buyer, claim) == PENDING
    assert factory.counts(send(bureau, seller, *WORDS[word])) == ACCEPTED
    assert counts(bureau, buyer, claim) == ACCEPTED
    assert counts(bureau, buyer, month) == ACCEPTED
    assert holders(bureau) == [(buyer.member_id,)]
    assert rows(
        bureau, "select formerly_account_id = object_id from ledger.account"
        " where formerly_reason = 'sold'",
    ) == [(True,)]  # fmt: skip
    assert ledger_verify(bureau.deps).faults == ()


@pytest.mark.parametrize("word", WORDS)
def test_a_sale_goes_on_at_once_after_the_word(bureau: Any, sale: Any, word: str) -> None:
    seller, buyer = sale
    send(bureau, seller, *WORDS[word])
    claim = send(bureau, buyer, "account", bought())
    assert (factory.counts(claim), factory.rules(claim)) == (ACCEPTED, set())
    month = send(bureau, buyer, "snapshot", factory.snapshot(7, "2025-01"))
    assert factory.counts(month) == ACCEPTED
    assert "SNP-MONTH-011" not in factory.rules(month), "a debt bought is not a debt come back"
    assert holders(bureau) == [(buyer.member_id,)]
    assert ledger_verify(bureau.deps).faults == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"formerly_account_number": "A404"},
        {"formerly_account_number": "A2"},
        {"formerly_account_number": "A3"},
        {"formerly_furnisher": "nobody"},
        {"formerly_reason": "merged", "formerly_account_number": "A3"},
    ],
    ids=["unknown", "another person's", "no word", "no member", "merged"],
)
def test_what_is_wrong_with_anothers_number_is_not_told(
    bureau: Any, sale: Any, fields: Any
) -> None:
    seller, buyer = sale
    send(bureau, seller, "subject", factory.subject(2))
    send(bureau, seller, "account", factory.account(2), factory.account(3, 1))
    send(bureau, seller, "event", sold_event(account_number="A2"))
    claim = send(bureau, buyer, "account", bought(**fields))
    if fields.get("formerly_furnisher") == "nobody":
        assert factory.counts(claim) in (PENDING, REJECTED)
    else:
        assert (factory.counts(claim), factory.rules(claim)) == (PENDING, {"ACC-FORMER-005"})
    assert (
        rows(bureau, "select 1 from file.account_now where furnisher_id = %s", buyer.member_id)
        == []
    )


def test_a_second_buyer_and_a_second_sale(bureau: Any, sale: Any) -> None:
    seller, buyer = sale
    third = factory.member(bureau.deps, "bank3")
    send(bureau, third, "subject", factory.subject(1))
    send(bureau, seller, "event", sold_event())
    send(bureau, buyer, "account", bought())
    late = send(bureau, third, "account", bought())
    assert factory.counts(late) == PENDING
    onward = bought(formerly_furnisher="bank2", formerly_account_number="A7", principal="999.00")
    onward |= {"valid_from": "2025-01-01"}
    again = send(bureau, third, "account", onward)
    assert factory.counts(again) == PENDING, "the first seller's word is not the buyer's"
    word = factory.event(7, "b1", event_type="sold", occurred_at="2025-01-01T09:00:00+08:00")
    send(bureau, buyer, "event", word)
    assert counts(bureau, third, again) == ACCEPTED
    assert counts(bureau, third, late) == PENDING
    assert holders(bureau) == [(third.member_id,)]
    assert ledger_verify(bureau.deps).faults == ()


def test_a_buyers_event_is_not_the_sellers_of_the_same_id(bureau: Any, sale: Any) -> None:
    seller, buyer = sale
    send(bureau, seller, "event", sold_event())
    send(bureau, buyer, "account", bought())
    own = {"occurred_at": "2025-01-01T09:00:00+08:00", "event_type": "drawn_down"}
    first = send(bureau, buyer, "event", factory.event(7, "e9", **own))
    assert (factory.counts(first), factory.rules(first)) == (ACCEPTED, set())
    assert events(bureau) == ["sold", "drawn_down"]
    same = factory.send_again(bureau.deps, buyer, "event", factory.event(7, "e9", **own))
    assert factory.counts(same) == (0, 1, 0, 0)
    own["event_type"] = "prepaid"
    mended = send(bureau, buyer, "event", factory.event(7, "e9", **own))
    assert (factory.counts(mended), factory.rules(mended)) == (ACCEPTED, {"EVT-RESTATE-001"})
    assert events(bureau) == ["sold", "prepaid"]
    sellers = send(bureau, seller, "event", sold_event(occurred_at="2024-12-31T09:00:00+08:00"))
    assert factory.counts(sellers) == ACCEPTED
    assert events(bureau) == ["sold", "prepaid"]
    assert ledger_verify(bureau.deps).faults == ()
    gone = factory.deletion("event", {"account_number": "A7", "event_id": "e9"})
    assert factory.counts(send(bureau, buyer, "deletion", gone)) == ACCEPTED
    assert events(bureau) == ["sold"]
    assert ledger_verify(bureau.deps).faults == ()


def events(bureau: Any) -> list[str]:
    """The kinds of account 1's events in its file, in order."""
    ((found,),) = rows(bureau, "select events from file.account_now")
    return [one["event_type"] for one in orjson.loads(found)]


def test_a_takeback_of_the_word_stops_it(bureau: Any, sale: Any) -> None:
    seller, buyer = sale
    send(bureau, seller, "event", sold_event())
    key = {"account_number": "A1", "event_id": "e9"}
    assert (
        factory.counts(send(bureau, seller, "deletion", factory.deletion("event", key))) == ACCEPTED
    )
    assert factory.counts(send(bureau, buyer, "account", bought())) == PENDING


@pytest.mark.parametrize(("day", "wanted"), [("2024-12-30", REJECTED), ("2024-12-31", ACCEPTED)])
def test_a_sale_begins_on_the_day_of_the_word(
    bureau: Any, sale: Any, day: str, wanted: Any
) -> None:
    seller, buyer = sale
    send(bureau, seller, "event", sold_event())
    claim = send(bureau, buyer, "account", bought(valid_from=day))
    assert factory.counts(claim) == wanted
    assert factory.rules(claim) == (set() if wanted == ACCEPTED else {"ACC-FORMER-006"})


def test_after_the_sale_the_seller_speaks_only_of_the_time_before(bureau: Any, sale: Any) -> None:
    seller, buyer = sale
    send(bureau, seller, "event", sold_event())
    send(bureau, buyer, "account", bought())
    refused = [
        ("snapshot", factory.snapshot(1, "2025-01")),
        ("event", factory.event(1, "e8", occurred_at="2025-01-02T00:00:00+08:00",
                                event_type="overdue")),
        ("account", factory.account(1, valid_from="2025-01-01")),
        ("account_party", factory.account_party(1, 1, valid_from="2025-01-01")),
    ]  # fmt: skip
    for dataset, record in refused:
        view = send(bureau, seller, dataset, record)
        assert factory.counts(view) == REJECTED
        assert "ANY-PARENT-002" in factory.rules(view), dataset
    taken = [
        ("snapshot", factory.snapshot(1, "2024-12")),
        ("snapshot", factory.snapshot(1, "2024-11", balance="800.00")),
        ("event", factory.event(1, "e7", occurred_at="2025-01-01T23:00:00+08:00",
                                event_type="overdue")),
        ("account", factory.account(1, valid_from="2024-12-31", principal="990.00")),
    ]  # fmt: skip
    for dataset, record in taken:
        assert factory.counts(send(bureau, seller, dataset, record)) == ACCEPTED, dataset
    mended = factory.correction(
        "snapshot", factory.snapshot(1, "2024-12", balance="890.00"), factory.snapshot(1, "2024-12")
    )
    assert factory.counts(send(bureau, seller, "correction", mended)) == ACCEPTED
    assert factory.counts(send(bureau, buyer, "snapshot", factory.snapshot(7, "2025-01"))) == (
        ACCEPTED
    )
    assert holders(bureau) == [(buyer.member_id,)]
    assert ledger_verify(bureau.deps).faults == ()


def test_an_own_former_number_waits_or_is_refused(bureau: Any, sale: Any) -> None:
    bank, _ = sale
    send(bureau, bank, "subject", factory.subject(2))
    send(bureau, bank, "account", factory.account(2))
    other = send(bureau, bank, "account", renumbered(9, 2))
    assert (factory.counts(other), factory.rules(other)) == (REJECTED, {"ACC-FORMER-004"})
    early = send(bureau, bank, "account", renumbered(9, 1, valid_from="2024-01-01"))
    assert (factory.counts(early), factory.rules(early)) == (REJECTED, {"ACC-FORMER-006"})
    unknown = send(bureau, bank, "account", renumbered(9, 5))
    assert (factory.counts(unknown), factory.rules(unknown)) == (PENDING, {"ACC-FORMER-003"})
    send(bureau, bank, "account", factory.account(5, 1))
    assert counts(bureau, bank, unknown) == ACCEPTED
    assert rows(bureau, "select count(distinct account_id) from file.account_now") == [(3,)]
    late = send(bureau, bank, "account", renumbered(5, 1))
    assert factory.counts(late) == ACCEPTED
    assert "ACC-FORMER-007" in factory.rules(late)
    assert rows(bureau, "select count(distinct account_id) from file.account_now") == [(3,)]
    assert ledger_verify(bureau.deps).faults == ()


def test_two_buyers_at_once_and_one_takes_it_over(bureau: Any, sale: Any) -> None:
    seller, buyer = sale
    third = factory.member(bureau.deps, "bank3")
    send(bureau, third, "subject", factory.subject(1))
    send(bureau, seller, "event", sold_event())
    with ThreadPoolExecutor(2) as pool:
        views = list(pool.map(lambda one: send(bureau, one, "account", bought()), (buyer, third)))
    assert sorted(factory.counts(view) == ACCEPTED for view in views) == [False, True]
    winner = (buyer, third)[[factory.counts(view) for view in views].index(ACCEPTED)]
    assert holders(bureau) == [(winner.member_id,)]
    assert ledger_verify(bureau.deps).faults == ()


@pytest.mark.parametrize(
    "record",
    [
        factory.snapshot(1, "2025-01"),  # the buyer furnished this month
        factory.snapshot(1, "2025-01", balance="1.00"),
        factory.snapshot(
            1, "2025-02", bucket="3", days_past_due="70", amount_past_due="100.00",
            first_delinquency_on="2024-12-20", notice_sent_on="2024-12-20",
        ),
    ],
)  # fmt: skip
def test_a_seller_learns_nothing_of_the_months_after_the_sale(
    bureau: Any, sale: Any, record: Any
) -> None:
    seller, buyer = sale
    send(bureau, seller, *WORDS["event"])
    send(bureau, buyer, "account", bought())
    month = send(bureau, buyer, "snapshot", factory.snapshot(7, "2025-01"))
    assert factory.counts(month) == ACCEPTED
    sent = send(bureau, seller, "snapshot", record)
    assert (factory.counts(sent), factory.rules(sent)) == (REJECTED, {"ANY-PARENT-002"})


def test_a_month_is_restated_by_who_furnished_it(bureau: Any, sale: Any) -> None:
    seller, buyer = sale
    send(bureau, seller, *WORDS["event"])
    send(bureau, buyer, "account", bought())

    def restated(bank: Any, number: int, month: str, balance: str) -> Any:
        view = send(bureau, bank, "snapshot", factory.snapshot(number, month, balance=balance))
        return factory.counts(view), {rule for rule in factory.rules(view) if "MONTH" not in rule}

    assert restated(buyer, 7, "2024-11", "1.00") == (REJECTED, {"SNP-OWN-001"})
    assert restated(buyer, 7, "2024-11", "900.00") == (REJECTED, {"SNP-OWN-001"})
    assert restated(seller, 1, "2024-11", "1.00") == (ACCEPTED, {"MON-RESTATE-002"})
    assert restated(buyer, 7, "2024-12", "1.00") == (ACCEPTED, set())
    assert restated(buyer, 7, "2024-12", "2.00") == (ACCEPTED, {"MON-RESTATE-002"})
    assert restated(seller, 1, "2024-12", "3.00") == (REJECTED, {"SNP-OWN-001"})
    assert ledger_verify(bureau.deps).faults == ()


def test_a_number_that_goes_on_restates_its_own_months(bureau: Any, sale: Any) -> None:
    seller, _ = sale
    send(bureau, seller, "account", renumbered(7, 1))
    view = send(bureau, seller, "snapshot", factory.snapshot(7, "2024-11", balance="1.00"))
    assert factory.counts(view) == ACCEPTED
