"""Shares of an account that was sold: the seller speaks of the time before, the buyer of all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.service import process_rows, submit
from tallystick.service.members import member_by_code
from tallystick.service.submissions import findings
from tallystick.service.verify import ledger_verify

SALE, DAY_BEFORE, LATER = "2025-01-01", "2024-12-31", "2025-01-15"
NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
TAKEN, SOLD = ((1, 0, 0, 0), set()), ((0, 0, 1, 0), {"ANY-PARENT-002"})


def _begin(bureau: Any) -> None:
    """A seller of account 1, which goes on at its buyer as account 7; two who fund it."""
    bureau.clock.set(NOW)
    deps = bureau.deps
    seller, buyer = factory.member(deps), factory.member(deps, "bank2")
    factory.member(deps, "bank3"), factory.member(deps, "bank4")
    factory.open_account(deps, seller, (1, 2))
    factory.sell(deps, seller, buyer)


template = beginning(_begin)


@pytest.fixture
def sold(bureau: Any) -> tuple[Any, Any, Any]:
    """The seller, the buyer and a funder."""
    bureau.clock.set(NOW)
    seller, buyer, funder = (member_by_code(bureau.deps, f"bank{no}") for no in (1, 2, 3))
    return seller, buyer, funder


@pytest.fixture(params=["record", "file"])
def size(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge as a single record, or as a file of many is judged."""
    if request.param == "file":
        monkeypatch.setattr(submit, "PLAIN_PLAN_BYTES", 0)
        monkeypatch.setattr(process_rows, "SCAN_FROM", 1)


def send(bureau: Any, member: Any, *records: Any, dataset: str = "funding") -> Any:
    return factory.told(factory.send_again(bureau.deps, member, dataset, *records))


def of_seller(share: str, since: str, **fields: Any) -> Any:
    return factory.funding(1, fields.pop("funder", "bank3"), share, valid_from=since, **fields)


def of_buyer(share: str, since: str, **fields: Any) -> Any:
    funder = fields.pop("funder", "bank3")
    return factory.funding(7, funder, share, originator="bank2", valid_from=since, **fields)


def key_of(record: Any) -> Any:
    return {name: record[name] for name in ("originator", "account_number", "funder", "valid_from")}


def on_file(bureau: Any) -> list[tuple[str, str, int]]:
    """(who said it, from when, the share in millionths) of what stands of the account."""
    with bureau.deps.database.connect("intake") as connection:
        rows = connection.execute(
            "select m.code, one ->> 'valid_from', (one ->> 'share_ppb')::bigint / 1000"
            " from file.account a, jsonb_array_elements(a.terms::jsonb -> 'fundings') one"
            " join member.member m on m.member_id::text = one ->> 'stated_by' order by 2, 1"
        ).fetchall()
    assert ledger_verify(bureau.deps).ok
    return rows  # type: ignore[no-any-return]


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize(
    ("record", "wanted"),
    [
        (of_seller("0.1", "2024-06-01", valid_to=DAY_BEFORE), TAKEN),
        (of_seller("0.1", DAY_BEFORE), TAKEN),
        (of_seller("0.1", SALE), SOLD),
        (of_seller("0.1", LATER), SOLD),
        (of_seller("0.3", LATER), SOLD),
        (of_seller("0.1", LATER, funder="bank4"), SOLD),
        (of_seller("0.1", LATER, funder="bank1"), SOLD),
        (factory.funding(2, "bank3", "0.1", valid_from=LATER), TAKEN),
    ],
    ids=["before", "last day", "first day", "the buyer's", "the same", "another", "itself",
         "not sold"],
)  # fmt: skip
def test_the_seller_says_shares_of_before_the_sale_only(
    bureau: Any, sold: Any, record: Any, wanted: Any
) -> None:
    seller, buyer, _ = sold
    assert send(bureau, buyer, of_buyer("0.3", LATER)) == TAKEN
    assert send(bureau, seller, record) == wanted
    assert ("bank2", LATER, 300_000) in on_file(bureau)
    assert len(on_file(bureau)) == 1 + (wanted is TAKEN)


@pytest.mark.usefixtures("size")
def test_the_seller_neither_corrects_nor_deletes_what_the_buyer_said(
    bureau: Any, sold: Any
) -> None:
    seller, buyer, _ = sold
    theirs, its = of_seller("0.1", LATER), of_buyer("0.3", LATER)
    assert send(bureau, buyer, its) == TAKEN
    change = factory.correction("funding", theirs, of_seller("0.3", LATER))
    counts, rules = send(bureau, seller, change, dataset="correction")
    assert counts == (0, 0, 1, 0)
    assert "ANY-PARENT-002" in rules
    gone = factory.deletion("funding", key_of(theirs))
    assert send(bureau, seller, gone, dataset="deletion") == (SOLD[0], {"ANY-TARGET-002"})
    assert on_file(bureau) == [("bank2", LATER, 300_000)]
    assert send(bureau, buyer, its) == ((0, 1, 0, 0), set())
    gone = factory.deletion("funding", key_of(its))
    assert send(bureau, buyer, gone, dataset="deletion") == TAKEN
    assert on_file(bureau) == []


def test_the_seller_mends_and_takes_back_its_own_of_before(bureau: Any, sold: Any) -> None:
    seller, buyer, _ = sold
    first, second = of_seller("0.1", DAY_BEFORE), of_seller("0.2", DAY_BEFORE)
    assert send(bureau, seller, first) == TAKEN
    change = factory.correction("funding", second, first)
    assert send(bureau, seller, change, dataset="correction") == TAKEN
    assert send(bureau, buyer, of_buyer("0.3", SALE)) == TAKEN
    assert on_file(bureau) == [("bank1", DAY_BEFORE, 200_000), ("bank2", SALE, 300_000)]
    gone = factory.deletion("funding", key_of(first))
    assert send(bureau, seller, gone, dataset="deletion") == TAKEN
    assert on_file(bureau) == [("bank2", SALE, 300_000)]


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize("record", [of_seller("0.4", LATER), of_buyer("0.4", LATER)])
def test_a_funder_speaks_of_its_own_share_before_and_after(
    bureau: Any, sold: Any, record: Any
) -> None:
    _, buyer, funder = sold
    assert send(bureau, funder, record) == TAKEN
    counts, rules = send(bureau, buyer, of_buyer("0.3", LATER))
    assert (counts, rules) == ((1, 0, 0, 0), {"FND-AGREE-001"})
    assert on_file(bureau) == [("bank2", LATER, 300_000), ("bank3", LATER, 400_000)]


def test_a_seller_that_keeps_a_part_says_so_as_a_funder(bureau: Any, sold: Any) -> None:
    seller, buyer, _ = sold
    assert send(bureau, buyer, of_buyer("0.6", LATER, funder="bank1")) == TAKEN
    own = of_buyer("0.6", LATER, funder="bank1")
    assert send(bureau, seller, own) == TAKEN
    assert on_file(bureau) == [("bank1", LATER, 600_000), ("bank2", LATER, 600_000)]


@pytest.mark.usefixtures("size")
def test_a_share_of_after_the_sale_pushes_nothing_over_and_learns_nothing(
    bureau: Any, sold: Any
) -> None:
    seller, buyer, funder = sold
    assert send(bureau, funder, of_buyer("0.4", LATER)) == TAKEN
    assert send(bureau, buyer, of_buyer("0.4", LATER)) == TAKEN
    late = of_seller("0.9", LATER)
    sent = factory.send_again(
        bureau.deps, seller, "funding", of_seller("0.5", DAY_BEFORE, funder="bank4"), late
    )
    assert factory.told(sent) == ((1, 0, 1, 0), {"ANY-PARENT-002"})
    (found,) = findings(bureau.deps, seller, sent.submission_id)
    assert (found.line_no, found.rule_id, found.seen) == (2, "ANY-PARENT-002", None)
