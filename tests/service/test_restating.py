"""A month sent a second time: the same is unchanged, another is a restatement, in its window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from beginnings import beginning
from tallystick.service import members, submit
from tallystick.service.submissions import SubmissionView

Sender = Callable[[str, dict[str, Any]], SubmissionView]
#: The clock stands in January 2025 and profile `zz` leaves 24 months open.
OPEN, CLOSED = "2023-01-31", "2022-12-31"


def snapshot(period_end: str, **changes: Any) -> dict[str, Any]:
    amounts = dict.fromkeys(("balance", "payment_due", "amount_paid", "amount_past_due"), "10.00")
    return {
        "account_number": "A1", "period_end": period_end, "bucket": "0", "days_past_due": "0",
        "currency": "CNY", "status": "open", **amounts, "amount_past_due": "0.00", **changes,
    }  # fmt: skip


def payment(period_end: str, **changes: Any) -> dict[str, Any]:
    return {
        "payer_account_number": "R1", "person_number": "P1", "payment_kind": "rent",
        "period_end": period_end, "bucket": "0", "days_past_due": "0", "currency": "CNY",
        "amount_due": "10.00", "amount_paid": "10.00", "basis": "legal_duty", **changes,
    }  # fmt: skip


def _sender(deps: Any, lender: members.Member) -> Sender:
    def sent(dataset: str, record: dict[str, Any]) -> SubmissionView:
        stream = submit._lines([record])
        received = submit.receive(deps, lender, dataset, stream, again=True)
        return submit.process(deps, received.submission_id)

    return sent


def _begin(bureau: Any) -> None:
    """One lender who has a person and an account on file."""
    lender = members.add_member(
        bureau.deps, code="lender", name_en="Lender", name_zh="机构",
        member_class="commercial_bank",
    )  # fmt: skip
    sent, absent = _sender(bureau.deps, lender), {"absent": "not_held"}
    sent("subject", {
        "person_number": "P1", "valid_from": "2020-01-01", "identifier_scheme": absent,
        "identifier_number": absent, "name": "Somebody", "birth_date": absent,
    })  # fmt: skip
    sent("account", {
        "account_number": "A1", "valid_from": "2020-01-01", "person_number": "P1",
        "product": "other", "currency": "CNY", "opened_on": absent, "basis": "legal_duty",
    })  # fmt: skip


template = beginning(_begin)


@pytest.fixture
def send(bureau: Any) -> Sender:
    """Sends records of the lender."""
    return _sender(bureau.deps, members.member_by_code(bureau.deps, "lender"))


@pytest.mark.parametrize(
    ("dataset", "record", "change"),
    [
        ("snapshot", snapshot, {"balance": "11.00"}),
        ("payment", payment, {"amount_paid": "11.00"}),
    ],
)
@pytest.mark.parametrize(
    ("period_end", "restated"), [(OPEN, (1, 0, [])), (CLOSED, (0, 1, ["MON-RESTATE-001"]))]
)
def test_only_another_record_is_a_restatement(
    send: Any, dataset: str, record: Any, change: dict[str, str], period_end: str, restated: Any
) -> None:
    first = send(dataset, record(period_end))
    same = send(dataset, record(period_end))
    other = send(dataset, record(period_end, **change))

    assert (first.accepted, first.by_rule) == (1, [])
    assert (same.unchanged, same.by_rule) == (1, [])
    rejects = [one.rule_id for one in other.by_rule if one.severity == "reject"]
    assert (other.accepted, other.rejected, rejects) == restated


@pytest.mark.parametrize(("balance", "rule"), [("ten", "FMT-CELL-"), ("11.00", "MON-RESTATE-001")])
def test_an_unreadable_month_is_not_called_a_restatement(
    send: Any, balance: str, rule: str
) -> None:
    assert send("snapshot", snapshot(CLOSED)).accepted == 1
    other = send("snapshot", snapshot(CLOSED, balance=balance))
    assert other.rejected == 1
    assert [one.rule_id.startswith(rule) for one in other.by_rule] == [True]


def test_an_unreadable_account_number_waits_for_nothing(send: Any) -> None:
    view = send("snapshot", snapshot(OPEN, account_number="A\u00071"))
    assert view.rejected == 1
    assert [one.rule_id[:9] for one in view.by_rule] == ["FMT-CELL-"]
