"""A role counts from its first day to its last; what came after it is not hers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import gate_world as gw
import orjson
import pytest
from gate_world import Run
from worlds import world_beginning

from tallystick.errors import Refused
from tallystick.service.inquire import answer
from tallystick.service.log import sequence_once
from tallystick.service.person import own_report
from tallystick.service.replay import again, replay
from tallystick.service.sessions import open_session, session

#: The other holder of account A-1; the clock stands on 15 January 2025.
NAME, BORN = "陈另某", "1985-01-01"
LATE = {
    "payment_due": "500.00", "amount_paid": "0.00", "amount_past_due": "500.00",
    "notice_sent_on": "2024-11-01",
}  # fmt: skip


def role(name: str, first: str = "2024-01-01", last: str | None = None) -> dict[str, Any]:
    told = {"account_number": "A-1", "person_number": "P-2", "role": name, "holder_no": 1}
    return {**told, "valid_from": first} | ({} if last is None else {"valid_to": last})


def _begin(world: gw.World) -> None:
    """Account A-1 of one person, and a second person without a role."""
    gw.furnish(world, world.platform, months=0)
    known = {"person_number": "P-2", "valid_from": "2024-01-01", "name": NAME, "birth_date": BORN}
    number = {"identifier_scheme": gw.SCHEME, "identifier_number": gw.resident_id(2, BORN)}
    gw.send(world, world.platform, "subject", {**known, **number})


template = world_beginning(_begin)


def hold(world: gw.World, *roles: dict[str, Any]) -> None:
    """Account A-1 with a second person in some roles: October paid, November and December late."""
    gw.send(world, world.platform, "account_party", *roles)
    late = [
        gw.month("A-1", end, bucket=bucket, days_past_due=days, **LATE)
        for end, bucket, days in (("2024-11-30", "1", 20), ("2024-12-31", "2", 45))
    ]
    gw.send(world, world.platform, "snapshot", gw.month("A-1", "2024-10-31"), *late)


def reported(world: gw.World, run: Run) -> Any:
    """Her report as a lender gets it, the same when it is given again and when it is folded."""
    number = gw.resident_id(2, BORN)
    asked = {"identifiers": ((gw.SCHEME, number),), "name": NAME, "birth_date": BORN}
    consent = world.consent(number=number, classes=("accounts", "events", "summary"))
    given = run(answer(world.deps, world.ask(consent, **asked)))
    sequence_once(world.deps)
    assert run(again(world.deps, world.bank, given.look_id)).body == given.body
    for fold in (False, True):
        assert run(replay(world.deps, given.look_id, fold=fold)) == given.body
    return orjson.loads(given.body)


def reviewed(world: gw.World, run: Run) -> str:
    number = ((gw.SCHEME, gw.resident_id(2, BORN)),)
    review = {"permit": "account_review", "purpose": "account_review", "member": world.platform}
    ask = world.ask(identifiers=number, name=NAME, birth_date=BORN, **review)
    try:
        return str(run(answer(world.deps, ask)).outcome)
    except Refused as refusal:
        return refusal.code


BORROWED_TO_NOVEMBER = role("co_borrower", last="2024-11-30")


@pytest.mark.parametrize(
    ("roles", "name", "ended_on", "newest"),
    [
        ([role("co_borrower", last="2025-01-15")], "co_borrower", None, "2024-12"),
        ([role("co_borrower", last="2025-01-14")], "co_borrower", "2025-01-14", "2024-12"),
        ([BORROWED_TO_NOVEMBER], "co_borrower", "2024-11-30", "2024-11"),
        ([role("co_borrower", last="2024-11-01")], "co_borrower", "2024-11-01", "2024-11"),
        ([role("authorised_user", last="2024-10-31")], "authorised_user", "2024-10-31", "2024-10"),
        ([BORROWED_TO_NOVEMBER, role("guarantor")], "guarantor", None, "2024-12"),
        ([role("co_borrower"), role("guarantor", last="2024-11-30")],
         "co_borrower", None, "2024-12"),
        ([BORROWED_TO_NOVEMBER, role("guarantor", last="2024-12-01")],
         "guarantor", "2024-12-01", "2024-12"),
        ([BORROWED_TO_NOVEMBER, role("guarantor", last="2024-11-30")],
         "co_borrower", "2024-11-30", "2024-11"),
        ([role("guarantor", "2024-12-31")], "guarantor", None, "2024-12"),
        ([role("guarantor", "2025-01-01")], "guarantor", None, None),
        ([role("co_borrower"), role("co_borrower", "2024-06-01", "2024-11-30")],
         "co_borrower", "2024-11-30", "2024-11"),
        ([role("co_borrower", last="2024-06-30"), role("co_borrower", "2024-10-01")],
         "co_borrower", None, "2024-12"),
    ],
)  # fmt: skip
def test_her_role_is_the_strongest_in_force_else_the_one_that_ended_last(
    world: gw.World,
    run: Run,
    roles: list[dict[str, Any]],
    name: str,
    ended_on: str | None,
    newest: str | None,
) -> None:
    hold(world, *roles)
    body = reported(world, run)
    (account,) = body["accounts"]
    owes = ended_on is None and name == "co_borrower"
    assert (account["role"], account.get("role_ended_on")) == (name, ended_on)
    assert account["is_debt"] is owes
    assert [one["month"] for one in account["grid"]][-1:] == ([] if newest is None else [newest])
    assert account["latest"] == "not_displayed" or newest == "2024-12"
    assert body["summary"]["open_accounts"] == int(owes)
    assert len(body["summary"]["by_product"]) == int(owes)
    assert len(body["summary"]["payments_due"]) == int(owes)
    assert len(body["summary"]["responsibilities"]) == int(ended_on is None and not owes)
    assert reviewed(world, run) == ("hit" if ended_on is None else "no_open_account")


@pytest.mark.parametrize(
    ("roles", "late_months", "worst"),
    [
        ([role("co_borrower")], 2, "2"),
        ([role("guarantor", last="2024-10-31"), role("co_borrower", "2024-11-01")], 2, "2"),
        ([role("guarantor", last="2024-11-30"), role("co_borrower", "2024-12-01")], 1, "2"),
        ([role("guarantor"), role("co_borrower", "2024-12-31")], 1, "2"),
        ([role("guarantor"), role("co_borrower", "2025-01-01")], 0, "none"),
        ([role("authorised_user"), role("co_borrower", "2025-01-15")], 0, "none"),
    ],
)
def test_what_was_late_before_she_owed_is_shown_and_not_counted_as_hers(
    world: gw.World, run: Run, roles: list[dict[str, Any]], late_months: int, worst: str
) -> None:
    hold(world, *roles)
    body = reported(world, run)
    (account,) = body["accounts"]
    (counted,) = body["summary"]["by_product"]

    assert [one["bucket"] for one in account["grid"]][-2:] == ["1", "2"]
    assert counted["delinquency"]["late_months"] == late_months
    assert counted["delinquency"]["worst_bucket"] == worst
    highest = counted["delinquency"]["highest_balance_past_due"]
    assert (highest == "not_applicable") is (late_months == 0)


SOLE = {"0": ("2024-10", "0"), "1": ("2024-11", "1"), "2": ("2024-12", "2")}


@pytest.mark.parametrize(
    ("roles", "shown"),
    [
        ([role("co_borrower", "2024-10-31")], "012"),
        ([role("co_borrower", "2024-11-01")], "12"),
        ([role("co_borrower", "2024-11-30")], "12"),
        ([role("co_borrower", "2024-12-01")], "2"),
        ([role("co_borrower", "2025-01-01")], ""),
        ([role("co_borrower", "2024-11-30", "2024-11-30")], "1"),
        ([role("co_borrower", last="2024-10-31"), role("co_borrower", "2024-12-01")], "0-2"),
        ([role("co_borrower", last="2024-11-01"), role("co_borrower", "2024-12-01")], "012"),
        ([role("co_borrower", last="2024-10-31"), role("co_borrower", "2024-11-30")], "012"),
        ([role("guarantor", last="2024-10-31"), role("co_borrower", "2024-12-01")], "0-2"),
        ([role("guarantor", last="2024-11-30"), role("co_borrower", "2024-12-01")], "012"),
        ([role("guarantor", last="2024-10-31"), role("co_borrower", "2025-01-01")], "0"),
        ([role("co_borrower"), role("co_borrower", "2024-10-15", "2024-10-31"),
          role("co_borrower", "2024-12-01")], "0-2"),
    ],
)  # fmt: skip
def test_she_sees_the_months_of_her_time_only(
    world: gw.World, run: Run, roles: list[dict[str, Any]], shown: str
) -> None:
    """A month between two roles of hers keeps its place; those before the first have none."""
    hold(world, *roles)
    body = reported(world, run)
    (account,) = body["accounts"]
    grid = [(one["month"], one["bucket"]) for one in account["grid"]]
    assert grid == [SOLE.get(code, ("2024-11", "not_displayed")) for code in shown]
    assert (account["latest"] == "not_displayed") is not shown.endswith("2")
    if "role_ended_on" in account:
        assert body["summary"]["by_product"] == []
        return
    (row,) = body["summary"]["by_product"]
    owed_since = min(one["valid_from"] for one in roles if one["role"] == "co_borrower")
    late = [code for code in shown if code in "12" and SOLE[code][0] >= owed_since[:7]]
    assert row["delinquency"]["late_months"] == len(late)
    assert row["delinquency"]["worst_bucket"] == max(late, default="none")
    assert row["delinquency"]["late_now_accounts"] == int(shown.endswith("2"))
    assert row["balance"] == ("9000.00" if shown.endswith("2") else "not_reported")
    (due,) = body["summary"]["payments_due"]
    assert due["six_month_average"] == ("500.00" if shown else "not_reported")


@pytest.mark.parametrize("told", [{"status": "sold"}, {"bucket": "C"}])
def test_an_account_that_closed_before_she_came_is_closed(
    world: gw.World, run: Run, told: dict[str, str]
) -> None:
    hold(world, role("co_borrower", "2025-01-01"))
    last = {"bucket": "0", "days_past_due": 0, "balance": "0.00", **told}
    gw.send(world, world.platform, "snapshot", gw.month("A-1", "2024-12-31", **last))
    body = reported(world, run)
    assert (body["accounts"][0]["is_closed"], body["summary"]["open_accounts"]) == (True, 0)
    assert reviewed(world, run) == "no_open_account"


def test_events_of_days_without_a_role_of_hers_are_not_shown(world: gw.World, run: Run) -> None:
    hold(world, role("guarantor", "2024-10-02", "2024-10-30"), role("co_borrower", "2024-12-01"))
    paid = {"account_number": "A-1", "event_type": "repaid", "currency": "CNY", "amount": "1.00"}
    days = ("2024-10-01", "2024-10-02", "2024-10-30", "2024-10-31", "2024-11-30", "2024-12-01")
    gw.send(
        world, world.platform, "event",
        *({**paid, "event_id": day, "occurred_at": f"{day}T12:00:00+08:00"} for day in days),
    )  # fmt: skip
    (account,) = reported(world, run)["accounts"]
    assert [one["occurred_at"][5:10] for one in account["events"]] == ["10-02", "10-30", "12-01"]


def test_what_came_after_her_role_is_not_shown(world: gw.World, run: Run) -> None:
    """Terms and events of her time stay."""
    hold(world, BORROWED_TO_NOVEMBER)
    paid = {"account_number": "A-1", "event_type": "repaid", "currency": "CNY", "amount": "1.00"}
    days = ("2024-11-30", "2024-12-01")
    gw.send(
        world, world.platform, "event",
        *({**paid, "event_id": day, "occurred_at": f"{day}T12:00:00+08:00"} for day in days),
    )  # fmt: skip
    terms = {
        "account_number": "A-1", "person_number": "P-1", "product": "instalment_loan",
        "currency": "CNY", "opened_on": "2024-01-01", "basis": "legal_duty",
    }  # fmt: skip
    gw.send(
        world, world.platform, "account",
        {**terms, "valid_from": "2024-06-01", "principal": "11000.00"},
        {**terms, "valid_from": "2024-12-01", "principal": "10000.00"},
    )  # fmt: skip
    (account,) = reported(world, run)["accounts"]
    assert [one["occurred_at"][:10] for one in account["events"]] == ["2024-11-30"]
    assert account["terms"]["principal"] == "11000.00"
    assert [one["bucket"] for one in account["grid"]] == ["0", "1"]


def test_the_others_see_her_role_while_it_is_in_force(world: gw.World, run: Run) -> None:
    hold(world, BORROWED_TO_NOVEMBER, role("guarantor"))
    (account,) = orjson.loads(run(answer(world.deps, world.ask(world.consent()))).body)["accounts"]
    assert account["other_roles"] == ["guarantor"]
    assert (account["role"], account["is_debt"]) == ("borrower", True)


def on(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "shown"),
    [
        (on(2024, 5, 31), []),
        (on(2024, 6, 1), [("guarantor", None)]),
        (on(2024, 6, 30), [("guarantor", None)]),
        (on(2024, 7, 1), [("guarantor", "2024-06-30")]),
        (on(2024, 8, 31), [("guarantor", "2024-06-30")]),
        (on(2024, 9, 1), [("co_borrower", None)]),
        (on(2024, 11, 30), [("co_borrower", None)]),
        (on(2024, 12, 1), [("co_borrower", "2024-11-30")]),
        (None, [("co_borrower", "2024-11-30")]),
    ],
)
def test_of_a_past_day_she_sees_the_role_of_that_day(
    world: gw.World, run: Run, day: datetime | None, shown: list[tuple[str, str | None]]
) -> None:
    """What has not begun by then is not hers, and what ended later was in force."""
    hold(
        world,
        role("guarantor", "2024-06-01", "2024-06-30"),
        role("co_borrower", "2024-09-01", "2024-11-30"),
    )
    ((subject,),) = world.rows(
        "select distinct subject_id from directory.party_subject where party_id in"
        " (select holder_party_id from ledger.account_party)"
    )
    who = session(world.deps, open_session(world.deps, persona="person", subject_id=subject))
    assert who is not None
    accounts = orjson.loads(run(own_report(world.deps, who, as_of=day)).body)["accounts"]
    assert [(one["role"], one.get("role_ended_on")) for one in accounts] == shown
