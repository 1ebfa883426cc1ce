"""A remark on an account that was sold stands under who stated it, and each holder's stands."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import made_before
import pytest

import factory
from beginnings import beginning
from tallystick.service import process_rows, submit
from tallystick.service.members import member_by_code
from tallystick.service.verify import ledger_verify

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
TAKEN, UNCHANGED = ((1, 0, 0, 0), set()), ((0, 1, 0, 0), set())
VERIFY = {"permit": "furnisher_verification", "purpose": "data_quality"}
REVIEW = {"permit": "account_review", "purpose": "account_review"}


def _begin(bureau: Any) -> None:
    """Account 1 of person 1 was sold and is account 7 at its buyer, with person 2 beside her."""
    bureau.clock.set(NOW)
    deps = bureau.deps
    seller, buyer = factory.member(deps), factory.member(deps, "bank2")
    factory.member(deps, "bank3")
    factory.open_account(deps, seller)
    factory.sell(deps, seller, buyer)
    for dataset, one in (("subject", factory.subject(2)), ("account_party", HOLDER)):
        assert factory.told(factory.send(deps, buyer, dataset, one)) == TAKEN


HOLDER = factory.account_party(7, 2)
template = beginning(_begin)


@pytest.fixture(autouse=True, params=["record", "file"])
def size(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge as a single record, or as a file of many is judged."""
    if request.param == "file":
        monkeypatch.setattr(submit, "PLAIN_PLAN_BYTES", 0)
        monkeypatch.setattr(process_rows, "SCAN_FROM", 1)


def remark(account: int, text: str, **fields: Any) -> Any:
    return {**factory.REMARK, "account_number": f"A{account}", "text": text, **fields}


def key_of(record: Any) -> Any:
    return {one: record[one] for one in ("object_type", "account_number", "kind", "valid_from")}


def send(bureau: Any, code: str, record: Any, dataset: str = "remark") -> Any:
    bureau.clock.set(NOW)
    member = member_by_code(bureau.deps, code)
    return factory.told(factory.send_again(bureau.deps, member, dataset, record))


def answered(bureau: Any, reader: str | None, person: int, **how: Any) -> tuple[Any, Any]:
    """What a member (None: the person herself) reads now, and in version 5."""
    bureau.clock.set(NOW)
    found = made_before.answered(bureau, reader, person, **how)
    assert ledger_verify(bureau.deps).ok
    return found


def remarks(body: Any) -> list[tuple[Any, ...]]:
    """By text: the code of whose it is, None where that is not told, and whether the reader's."""
    (account,) = body["accounts"]
    return sorted(
        (one["text"], one["furnisher"].get("code"), one["furnisher"]["is_own"])
        for one in account["remarks"]
    )


NEW, SAME = TAKEN[0], UNCHANGED[0]
SOLD, BOUGHT = remark(1, "seller"), remark(7, "buyer")
BOTH = [("buyer", "bank2", False), ("seller", "bank1", False)]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("person", [1, 2])
def test_remarks_of_one_kind_and_day_both_stand_under_who_stated_them(
    bureau: Any, person: int, order: int
) -> None:
    for code, said in (("bank1", SOLD), ("bank2", BOUGHT))[::order]:
        assert send(bureau, code, said) == TAKEN
    body, before = answered(bureau, None, person)
    assert remarks(body) == BOTH
    assert remarks(before) == [("buyer", "bank2", False), ("seller", "bank2", False)]


@pytest.mark.parametrize(
    ("reader", "how", "wanted"),
    [
        ("bank3", {}, [("buyer", None, False), ("seller", None, False)]),
        ("bank2", REVIEW, [("buyer", "bank2", True), ("seller", None, False)]),
        ("bank1", {}, [("buyer", None, False), ("seller", "bank1", True)]),
        ("bank2", VERIFY, [("buyer", "bank2", True)]),
        ("bank1", VERIFY, [("seller", "bank1", True)]),
    ],
    ids=["lender", "buyer", "seller", "buyer's own", "seller's own"],
)
@pytest.mark.parametrize("person", [1, 2])
def test_a_lender_reads_the_name_of_none_but_itself(
    bureau: Any, reader: str, how: Any, wanted: Any, person: int
) -> None:
    if (reader, how, person) == ("bank1", VERIFY, 2):
        return  # it knows no such person
    send(bureau, "bank1", SOLD), send(bureau, "bank2", BOUGHT)
    body, _ = answered(bureau, reader, person, **how)
    assert remarks(body) == wanted
    members = [one["furnisher"]["member_id"] for one in body["accounts"][0]["remarks"]]
    assert len(set(members)) == len(wanted)


@pytest.mark.parametrize(
    ("code", "record", "dataset", "wanted", "left"),
    [
        ("bank1", SOLD, "remark", SAME, BOTH),
        ("bank2", BOUGHT, "remark", SAME, BOTH),
        ("bank2", remark(7, "other"), "remark", NEW, [("other", "bank2", False), BOTH[1]]),
        ("bank1", remark(1, "other"), "remark", NEW, [BOTH[0], ("other", "bank1", False)]),
        ("bank2", factory.correction("remark", remark(7, "other"), BOUGHT), "correction", NEW,
         [("other", "bank2", False), BOTH[1]]),
        ("bank1", factory.correction("remark", remark(1, "other"), SOLD), "correction", NEW,
         [BOTH[0], ("other", "bank1", False)]),
        ("bank2", factory.deletion("remark", key_of(BOUGHT)), "deletion", NEW, [BOTH[1]]),
        ("bank1", factory.deletion("remark", key_of(SOLD)), "deletion", NEW, [BOTH[0]]),
    ],
    ids=["seller again", "buyer again", "buyer restates", "seller restates", "buyer corrects",
         "seller corrects", "buyer deletes", "seller deletes"],
)  # fmt: skip
def test_each_changes_its_own_remark_alone(
    bureau: Any, code: str, record: Any, dataset: str, wanted: Any, left: Any
) -> None:
    send(bureau, "bank1", SOLD), send(bureau, "bank2", BOUGHT)
    assert send(bureau, code, record, dataset)[0] == wanted
    assert remarks(answered(bureau, None, 1)[0]) == sorted(left)


def test_a_remark_on_what_goes_on_once_more(bureau: Any) -> None:
    send(bureau, "bank1", SOLD), send(bureau, "bank2", BOUGHT)
    again = factory.account(
        9, 1, valid_from="2025-02-01", formerly_furnisher="bank2", formerly_account_number="A7",
        formerly_reason="sold",
    )  # fmt: skip
    word = factory.event(7, "e9", event_type="sold", occurred_at="2025-01-31T10:00:00+08:00")
    for code, dataset, one in (
        ("bank2", "event", word), ("bank3", "subject", factory.subject(1)),
        ("bank3", "account", again), ("bank3", "remark", remark(9, "last")),
    ):  # fmt: skip
        assert send(bureau, code, one, dataset)[0] == TAKEN[0], one
    wanted = [*BOTH, ("last", "bank3", False)]
    for person in (1, 2):
        assert remarks(answered(bureau, None, person)[0]) == sorted(wanted)


def test_a_remark_on_a_person_and_on_an_account_that_was_not_sold(bureau: Any) -> None:
    person = {key: value for key, value in SOLD.items() if key != "account_number"}
    about = {**person, "object_type": "party", "person_number": "P1", "text": "person"}
    assert send(bureau, "bank2", about) == TAKEN
    assert send(bureau, "bank2", factory.account(4, 2), "account") == TAKEN
    assert send(bureau, "bank2", remark(4, "buyer")) == TAKEN
    assert send(bureau, "bank2", remark(4, "buyer")) == UNCHANGED
    own, _ = answered(bureau, None, 1)
    assert [(one["text"], one["furnisher"]["code"]) for one in own["remarks"]] == [
        ("person", "bank2")
    ]
    body, before = answered(bureau, None, 2)
    assert [one["remarks"] for one in body["accounts"]] == [
        one["remarks"] for one in before["accounts"]
    ]
