"""Old late months are hidden after their clock ran out, and never while anything is unpaid."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from report_factory import NEWEST, account, body, file, latest, month, run, terms, zz

from tallystick.model.file import AccountLine
from tallystick.model.months import pack, period_text
from tallystick.report.codes import codes_of
from tallystick.report.retention import clock_of, hidden_in_grid
from tallystick.report.versions import VERSIONS

#: Late two months, cured in May 2021 (60 months before the newest month, May 2026).
CURED = run("0110", ends_back=60)
CLOSED_LATE = run("011C", ends_back=60)


def hidden(
    months: bytes, *, day: date, clock: str = "cure_or_closure", unpaid: bool = False,
    ended: int | None = None, apart: frozenset[int] = frozenset(),
):  # fmt: skip
    profile = replace(zz(day), negative_clock=clock)
    periods = hidden_in_grid(
        months, codes=codes_of(profile), clock=clock_of(profile, day), is_unpaid=unpaid,
        ended=ended, apart=apart,
    )  # fmt: skip
    return sorted(NEWEST - period for period in periods)


@pytest.mark.parametrize(
    ("day", "expected"),
    [(date(2026, 5, 31), []), (date(2026, 6, 1), [61, 62]), (date(2026, 6, 30), [61, 62])],
)
def test_the_clock_runs_from_the_end_of_the_month_of_the_cure(
    day: date, expected: list[int]
) -> None:
    assert hidden(CURED, day=day) == expected


@pytest.mark.parametrize(
    ("months", "clock", "unpaid", "expected"),
    [
        (CURED, "cure", False, [61, 62]),
        (CURED, "closure", False, []),
        (CLOSED_LATE, "cure", False, []),
        (CLOSED_LATE, "closure", False, [61, 62]),
        (CLOSED_LATE, "cure_or_closure", False, [61, 62]),
        (CLOSED_LATE, "cure_or_closure", True, []),
        (run("0111", ends_back=60), "cure_or_closure", False, []),
        (run("011X", ends_back=60), "cure_or_closure", False, []),
        (run("0000", ends_back=60), "cure_or_closure", False, []),
        (run("1X10", ends_back=60), "cure_or_closure", False, [61, 63]),
        (run("10100", ends_back=59), "cure_or_closure", False, [61, 63]),
        (run("1010", ends_back=59), "cure_or_closure", False, [62]),
        (b"", "cure_or_closure", False, []),
    ],
)
def test_only_a_cure_or_a_paid_closure_starts_the_clock(
    months: bytes, clock: str, unpaid: bool, expected: list[int]
) -> None:
    assert hidden(months, day=date(2026, 6, 15), clock=clock, unpaid=unpaid) == expected


@pytest.mark.parametrize(
    ("months", "ended_back", "expected"),
    [
        (run("0111", ends_back=60), None, []),
        (run("0111", ends_back=60), 60, [60, 61, 62]),
        (run("0111", ends_back=60), 59, []),
        (run("0101", ends_back=60), 59, [62]),
        (run("0110", ends_back=60), 59, [61, 62]),
        (run("0111", ends_back=70), 60, [70, 71, 72]),
    ],
)
@pytest.mark.parametrize("clock", ["cure", "cure_or_closure"])
def test_the_end_of_her_role_starts_the_clock_of_what_was_late_then(
    months: bytes, ended_back: int | None, expected: list[int], clock: str
) -> None:
    ended = None if ended_back is None else NEWEST - ended_back
    assert hidden(months, day=date(2026, 6, 15), clock=clock, ended=ended) == expected


@pytest.mark.parametrize(
    ("apart_back", "expected"),
    [({60}, [61, 62]), ({59, 60}, [61, 62]), ({59}, []), ({61}, [62]), (set(), [])],
)
def test_the_end_of_one_role_starts_the_clock_though_another_followed(
    apart_back: set[int], expected: list[int]
) -> None:
    """Late two months, no role of hers, then late again in another role that goes on."""
    whole = {back: month(back, "1") for back in (62, 61, 58, 57)}
    months = pack(one for back, one in whole.items() if back not in apart_back)
    apart = frozenset(NEWEST - back for back in apart_back)
    assert hidden(months, day=date(2026, 5, 15), apart=apart) == expected


def old_account(**changes: object):
    events = (
        {"event_id": "e1", "event_type": "overdue", "occurred_at": "2021-03-20T00:00:00.000000Z"},
        {"event_id": "e2", "event_type": "repaid", "occurred_at": "2021-05-02T00:00:00.000000Z"},
        {"event_id": "e3", "event_type": "cured", "occurred_at": "2021-05-02T00:00:00.000000Z"},
    )
    newest = latest(period_end="2021-05-31", first_delinquency_on="2021-03-20")
    return account(months=CURED, latest=newest, events=events, **changes)


@pytest.mark.parametrize("audience", ["lender", "person"])
def test_a_hidden_month_leaves_no_trace_in_the_report(audience: str) -> None:
    shown = body(file(old_account()), audience)
    line = shown["accounts"][0]

    assert line["grid"] == []
    assert "first_delinquency_on" not in line["latest"]
    assert [event["event_type"] for event in line["events"]] == ["repaid"]
    assert shown["summary"]["by_product"][0]["delinquency"]["worst_bucket"] == "none"
    assert shown["header"]["withheld"] == [
        {"block": "accounts", "reason": "retention_over", "periods": 4}
    ]


def test_earlier_versions_show_what_is_old_and_was_not_late() -> None:
    shown = body(file(old_account()), version=VERSIONS["tallystick.report/3"])
    line = shown["accounts"][0]

    assert [month["bucket"] for month in line["grid"]] == [
        "0", "not_displayed", "not_displayed", "0",
    ]  # fmt: skip
    assert [event["event_type"] for event in line["events"]] == ["repaid"]
    assert shown["header"]["withheld"][-1]["periods"] == 2


@pytest.mark.parametrize(
    ("codes", "ends_back", "shown"),
    [
        ("0000", 59, "0"),
        ("0000", 60, ""),
        ("0110", 59, "110"),
        ("0110", 60, ""),
        ("1000", 58, "00"),
        ("0X01", 59, "1"),
        ("0111", 60, "111"),
        ("0C1C", 59, "1C"),
    ],
)
def test_what_was_late_is_not_told_by_a_gap(codes: str, ends_back: int, shown: str) -> None:
    """Whether a month older than the law keeps was late or not, it is left out alike."""
    made = body(file(account(months=run(codes, ends_back=ends_back), latest=None)))
    withheld = made["header"]["withheld"]
    left_out = len(codes) - len(shown)

    assert "".join(month["bucket"] for month in made["accounts"][0]["grid"]) == shown
    assert sum(one["periods"] for one in withheld) == left_out


def event(kind: str, day: str) -> dict[str, object]:
    return {
        "event_id": f"{kind}-{day}", "event_type": kind, "occurred_at": f"{day}T00:00:00.000000Z",
    }  # fmt: skip


OLD, CURE, YOUNG = (
    event("overdue", "2018-03-20"), event("cured", "2018-04-05"), event("overdue", "2021-06-02"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("events", "changes", "told"),
    [
        # Its month fell out of the grid, which begins without arrears.
        ([OLD], {"months": run("0" * 60)}, []),
        ([OLD, CURE], {"months": run("0" * 60)}, []),
        # Its month fell out of the grid, which begins late: it may be the same arrears still.
        ([OLD], {"months": run("1" * 60)}, ["overdue"]),
        ([OLD, CURE], {"months": run("1" * 60)}, []),
        ([OLD], {"months": run("11100", ends_back=60)}, []),
        # A month of the same run is hidden, or there is none on file for the event's own.
        ([OLD], {"months": run("0110", ends_back=96)}, []),
        ([OLD], {"months": run("1X", ends_back=96)}, ["overdue"]),
        # No months at all: a closing or a cure ends it, else nothing does.
        ([OLD], {"months": b"", "terms": terms(closed_on="2021-05-31")}, []),
        ([OLD], {"months": b"", "terms": terms(closed_on="2021-06-01")}, ["overdue"]),
        ([OLD, CURE], {"months": b""}, []),
        ([OLD], {"months": b""}, ["overdue"]),
        # What is owed still is told; and so is what is young enough.
        ([OLD], {"months": run("0" * 60), "latest": latest(status="in_recovery")}, ["overdue"]),
        ([YOUNG], {"months": run("0" * 60)}, ["overdue"]),
        ([event("repaid", "2018-03-20")], {"months": run("0" * 60)}, ["repaid"]),
    ],
)
def test_an_event_of_lateness_is_told_no_longer_than_the_lateness(
    events: list[dict[str, object]], changes: dict[str, object], told: list[str]
) -> None:
    line = account(**{"latest": None, **changes}, events=tuple(events))
    shown = body(file(line))["accounts"][0]["events"]

    assert [one["event_type"] for one in shown] == told


@pytest.mark.parametrize(
    ("version", "shown"),
    [
        ("tallystick.report/3", ["a", "b", "c", "d"]),
        # 03:59:59 and 04:00 of the fifteenth by UTC; the report stands at 04:00.
        ("tallystick.report/4", ["c", "b", "a"]),
    ],
)
def test_events_stand_as_they_happened_up_to_the_instant(version: str, shown: list[str]) -> None:
    events = tuple(
        {"event_id": name, "event_type": "repaid", "occurred_at": at}
        for name, at in (
            ("a", "2026-06-14T23:00:00.000000-05:00"),
            ("b", "2026-06-15T03:59:59.000000Z"),
            ("c", "2026-06-15T11:59:58.000000+08:00"),
            ("d", "2026-06-15T12:00:00.000001+08:00"),
        )
    )
    made = body(
        file(account(events=events)), "person",
        as_of="2026-06-15T04:00:00.000000Z", version=VERSIONS[version],
    )  # fmt: skip

    assert [one["event_id"] for one in made["accounts"][0]["events"]] == shown


def test_a_current_period_inside_a_month_that_ended_late_starts_no_clock() -> None:
    old = pack([month(62, "1"), month(61, "0"), month(61, "1"), month(60, "1")])
    shown = body(file(account(months=old)))

    assert [line["bucket"] for line in shown["accounts"][0]["grid"]] == ["1", "1", "1"]
    assert shown["header"]["withheld"] == []


def test_a_furnisher_still_sees_what_it_sent() -> None:
    shown = body(file(old_account()), "furnisher")

    assert "".join(month["bucket"] for month in shown["accounts"][0]["grid"]) == "0110"
    assert len(shown["accounts"][0]["events"]) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"terms": terms(closed_reason="written_off")},
        {"terms": terms(closed_reason="sold")},
        {"latest": latest(status="in_recovery")},
        {"latest": latest(amount_past_due_minor=1)},
    ],
)
def test_a_debt_closed_unpaid_stays_visible(changes: dict[str, object]) -> None:
    months = CLOSED_LATE
    paid = body(file(account(months=months, terms=terms(closed_reason="paid"))))
    unpaid = body(file(account(months=months, **changes)))

    assert paid["accounts"][0]["grid"] == []
    assert [m["bucket"] for m in unpaid["accounts"][0]["grid"]] == ["1", "1", "C"]


def test_old_arrears_of_a_payment_are_hidden_too() -> None:
    def payment(period_end: str, bucket: str) -> dict[str, object]:
        return {
            "object_id": "payer-1", "furnisher_id": "member-bank", "payment_kind": "rent",
            "period_end": period_end, "bucket": bucket, "days_past_due": 5, "currency": "CNY",
            "amount_due_minor": 100, "basis": "consent",
        }  # fmt: skip

    paid = file(payments=(payment("2021-05-31", "0"), payment("2021-04-30", "1")))
    unpaid = file(payments=(payment("2021-05-31", "1"), payment("2021-04-30", "1")))
    shown = body(paid)

    assert shown["payments"] == []
    assert shown["header"]["withheld"][-1] == {
        "block": "payments", "reason": "retention_over", "periods": 2,
    }  # fmt: skip
    assert [line["bucket"] for line in body(unpaid)["payments"]] == ["1", "1"]
    earlier = body(paid, version=VERSIONS["tallystick.report/3"])
    assert [line["bucket"] for line in earlier["payments"]] == ["not_displayed", "0"]
    assert "amount_due" not in earlier["payments"][0]


def test_late_months_too_young_to_hide_are_counted() -> None:
    young = account(months=pack([month(2, "1"), month(1, "2", balance=70_000), month(0)]))
    row = body(file(young))["summary"]["by_product"][0]["delinquency"]

    assert (row["late_months"], row["worst_bucket"]) == (2, "2")


@pytest.mark.parametrize(
    ("as_of", "shown"),
    [
        ("2026-05-31T15:59:59.999999Z", ["1", "1", "0"]),
        ("2026-05-31T16:00:00.000000Z", []),
    ],
)
def test_the_day_is_that_of_the_instant_in_the_profiles_time_zone(
    as_of: str, shown: list[str]
) -> None:
    made = body(file(old_account()), as_of=as_of)

    assert [line["bucket"] for line in made["accounts"][0]["grid"]] == shown


#: The months kept since this closing ended with May 2026; the report is of June.
PAID = {"closed_on": "2021-05-15", "closed_reason": "paid"}
NOTHING_LATE = {"ever_late_accounts": 0, "late_now_accounts": 0, "late_months": 0}
LATE_AS_EVER = {"ever_late_accounts": 1, "late_now_accounts": 1, "late_months": 2}


def reopened(day: str) -> dict[str, object]:
    return {"event_id": "r", "event_type": "reopened", "occurred_at": f"{day}T10:00:00.000000Z"}


def late_then_closed(
    codes: str = "012", *, ends_back: int = 61, past_due: int = 100, status: str = "open",
    events: tuple[dict[str, object], ...] = (), **closing: object,
):  # fmt: skip
    """Late until April 2021 (or as said), with what the newest month tells and the closing."""
    newest = latest(
        period_end=f"{period_text(NEWEST - ends_back)}-28", bucket=codes[-1], status=status,
        amount_past_due_minor=past_due, first_delinquency_on="2021-03-20",
    )  # fmt: skip
    given = {key: value for key, value in (PAID | closing).items() if value is not None}
    return account(
        months=run(codes, ends_back=ends_back), latest=newest, terms=terms(**given), events=events
    )


@pytest.mark.parametrize(
    ("line", "shown", "is_late_now"),
    [
        # The clock runs from the end of the month of the closing.
        (late_then_closed(), "", False),
        (late_then_closed(closed_on="2021-05-31"), "", False),
        (late_then_closed(closed_on="2021-06-01"), "12", False),
        # What was in arrears or given up before that day is paid; what is at or after it is not.
        (late_then_closed(status="in_recovery"), "", False),
        (late_then_closed(ends_back=60, closed_on="2021-05-28"), "12", True),
        (late_then_closed(ends_back=60, closed_on="2021-05-29"), "", False),
        (late_then_closed(ends_back=60, past_due=0), "", False),
        (late_then_closed(ends_back=60, past_due=0, status="written_off"), "12", True),
        (late_then_closed(ends_back=59, past_due=0), "12", True),
        # A month that tells nothing, or the closing late, leaves the closing where it is.
        (late_then_closed("012X", past_due=0), "", False),
        (late_then_closed("012XC", ends_back=59, past_due=0), "C", False),
        (late_then_closed("0120", past_due=0, closed_on="2026-01-31"), "", False),
        # Only these reasons say that nothing of it is owed to anybody.
        (late_then_closed(closed_reason="refinanced"), "", False),
        (late_then_closed(closed_reason="settled_for_less"), "", False),
        (late_then_closed(closed_reason="written_off"), "12", True),
        (late_then_closed(closed_reason="sold"), "12", True),
        (late_then_closed(closed_reason="transferred"), "12", True),
        (late_then_closed(closed_reason="by_lender"), "12", True),
        (late_then_closed(closed_reason="by_consumer"), "12", True),
        (late_then_closed(closed_reason="other"), "12", True),
        (late_then_closed(closed_reason=None), "12", True),
        (late_then_closed(closed_on=None), "12", True),
        # Opened again since: it goes on where it was.
        (late_then_closed(events=(reopened("2021-05-14"),)), "", False),
        (late_then_closed(events=(reopened("2021-05-15"),)), "12", True),
    ],
)
def test_a_closing_as_paid_ends_what_was_late(
    line: AccountLine, shown: str, is_late_now: bool
) -> None:
    made = body(file(line))
    block = made["accounts"][0]
    told = made["summary"]["by_product"][0]["delinquency"]

    assert "".join(month["bucket"] for month in block["grid"]) == shown
    assert told["late_now_accounts"] == int(is_late_now)
    assert told["ever_late_accounts"] == int("2" in shown)
    is_newest_old = not shown and (line.latest or {})["bucket"] == "2"
    assert (block["latest"] == "not_displayed") is is_newest_old


@pytest.mark.parametrize(("clock", "shown"), [("cure", "12"), ("closure", ""), (None, "")])
def test_a_closing_as_paid_starts_the_clock_where_the_profile_says(
    clock: str | None, shown: str
) -> None:
    profile = replace(zz(), negative_clock=clock) if clock else zz()
    made = body(file(late_then_closed()), profile=profile)

    assert "".join(month["bucket"] for month in made["accounts"][0]["grid"]) == shown


@pytest.mark.parametrize(
    ("closing", "told"),
    [(PAID, ["repaid"]), ({"closed_on": "2021-06-01"}, ["overdue", "repaid"])],
)
def test_an_event_of_lateness_is_not_told_once_its_closing_is_old(
    closing: dict[str, object], told: list[str]
) -> None:
    """Also one in a month of which nothing is known."""
    for codes in ("012", "0XX"):
        made = body(
            file(
                late_then_closed(
                    codes, past_due=0, **closing,
                    events=(event("overdue", "2021-03-20"), event("repaid", "2021-05-10")),
                )
            )
        )  # fmt: skip
        assert [one["event_type"] for one in made["accounts"][0]["events"]] == told


@pytest.mark.parametrize(
    ("version", "told", "shown"),
    [("tallystick.report/4", LATE_AS_EVER, "12"), ("tallystick.report/5", NOTHING_LATE, "")],
)
def test_earlier_versions_take_only_a_months_word_for_a_closing(
    version: str, told: dict[str, int], shown: str
) -> None:
    made = body(file(late_then_closed()), version=VERSIONS[version])
    row = made["summary"]["by_product"][0]["delinquency"]

    assert {name: row[name] for name in told} == told
    assert "".join(one["bucket"] for one in made["accounts"][0]["grid"]) == shown
    assert (made["accounts"][0]["latest"] == "not_displayed") is (shown == "")
