"""The grid: gaps are said aloud, absent is not zero, sixty calendar months at most."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_factory import NEWEST, month, run

from tallystick.model.money import format_minor
from tallystick.model.months import Month, pack, period_text, unpack
from tallystick.report.grid import among_others, grid, newest_months


def shown(months: bytes, currency: str = "CNY", hidden: frozenset[int] = frozenset()):
    return grid(newest_months(months), currency=currency, hidden=hidden)


def test_an_account_without_months_has_an_empty_grid() -> None:
    assert shown(b"") == []


def test_a_gap_between_two_months_is_not_reported() -> None:
    months = pack([month(3), month(0)])

    assert [(line["month"][-2:], line["bucket"]) for line in shown(months)] == [
        ("02", "0"), ("03", "not_reported"), ("04", "not_reported"), ("05", "0"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "field", "expected"),
    [
        (month(0, days=None), "days_past_due", None),
        (month(0, days=0), "days_past_due", 0),
        (month(0, balance=None), "balance", None),
        (month(0, balance=0), "balance", "0.00"),
        (month(0, balance=1), "balance", "0.01"),
        (month(0, balance=99), "balance", "0.99"),
        (month(0, balance=100), "balance", "1.00"),
        (month(0, balance=-1), "balance", "-0.01"),
        (month(0, due=None), "payment_due", None),
        (month(0, due=0), "payment_due", "0.00"),
        (month(0, due=-12_345), "payment_due", "-123.45"),
    ],
)
def test_absent_is_left_out_and_zero_is_zero(
    value: Month, field: str, expected: str | int | None
) -> None:
    assert shown(pack([value]))[0].get(field) == expected


@pytest.mark.parametrize(
    ("currency", "text"), [("CNY", "12.34"), ("JPY", "1234"), ("KWD", "1.234")]
)
def test_amounts_carry_the_digits_of_their_currency(currency: str, text: str) -> None:
    assert shown(pack([month(0, balance=1234)]), currency)[0]["balance"] == text


@pytest.mark.parametrize(("count", "first"), [(59, 58), (60, 59), (61, 59)])
def test_the_grid_holds_the_newest_sixty_months(count: int, first: int) -> None:
    lines = shown(run("0" * count))

    assert len(lines) == min(count, 60)
    assert lines[0]["month"] == period_text(NEWEST - first)


@pytest.mark.parametrize(("back", "length"), [(59, 60), (60, 1)])
def test_a_month_older_than_sixty_calendar_months_is_cut(back: int, length: int) -> None:
    assert len(shown(pack([month(back), month(0)]))) == length


@pytest.mark.parametrize(
    ("months", "codes"),
    [
        ([month(1), month(0, "1"), month(0, "2"), month(0, "3")], "03"),
        ([month(1, "1"), month(1, "0"), month(0)], "00"),
        (
            [month(2, "1"), month(2, "2"), month(0)],
            "2-0",
        ),  # as many periods as months, not one each
        ([month(59, "1"), month(59, "2"), month(0)], "2" + "-" * 58 + "0"),
        ([month(60, "1"), month(0, "2"), month(0, "3")], "3"),
        ([month(256, "1"), month(0, "2")], "2"),  # the same low byte of the period's number
    ],
)
def test_of_several_periods_in_a_month_the_one_that_ended_last_is_shown(
    months: list[Month], codes: str
) -> None:
    lines = shown(pack(months))
    said = "".join("-" if line["bucket"] == "not_reported" else line["bucket"] for line in lines)

    assert said == codes
    assert len({line["month"] for line in lines}) == len(lines)


@pytest.mark.parametrize("each", [1, 2, 4])
def test_sixty_months_are_kept_however_many_periods_each_has(each: int) -> None:
    periods = (month(back, code) for back in range(60, -1, -1) for code in "0123"[4 - each :])
    lines = shown(b"".join(pack([one]) for one in periods))

    assert [line["bucket"] for line in lines] == ["3"] * 60


def test_months_among_those_of_another_stand_once() -> None:
    own = newest_months(pack([month(3, "1"), month(1, "1"), month(1, "0")]))

    lines = shown(among_others(own, {NEWEST - 2, NEWEST}))

    assert [line["bucket"] for line in lines] == ["1", " ", "0", " "]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 300), st.sampled_from("0123")), max_size=60))
def test_each_month_is_that_of_its_last_period(periods: list[tuple[int, str]]) -> None:
    periods.sort(key=lambda one: -one[0])
    last = dict(periods)
    newest = min(last, default=0)

    assert list(unpack(newest_months(pack(month(*one) for one in periods)))) == [
        month(back, code) for back, code in last.items() if back - newest < 60
    ]


def test_a_hidden_month_shows_nothing_of_its_content() -> None:
    lines = shown(run("010"), hidden=frozenset({NEWEST - 1}))

    assert lines[1] == {"month": "2026-04", "bucket": "not_displayed"}


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.integers(0, 59),
        st.tuples(
            st.sampled_from("012345CX"),
            st.none() | st.integers(0, 32_000),
            st.none() | st.integers(-(10**15), 10**15),
            st.none() | st.integers(-(10**15), 10**15),
        ),
        max_size=60,
    )
)
def test_the_grid_says_what_a_plain_reading_says(months: dict[int, tuple]) -> None:
    packed = pack(month(back, *months[back]) for back in sorted(months, reverse=True))
    expected = []
    for back in range(max(months, default=-1), min(months, default=0) - 1, -1):
        bucket, days, balance, due = months.get(back, ("not_reported", None, None, None))
        line = {"month": period_text(NEWEST - back), "bucket": bucket}
        if days is not None:
            line["days_past_due"] = days
        if balance is not None:
            line["balance"] = format_minor(balance, "CNY")
        if due is not None:
            line["payment_due"] = format_minor(due, "CNY")
        expected.append(line)

    assert shown(packed) == expected
