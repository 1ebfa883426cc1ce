"""The summary counts each debt once and never takes what is absent for zero."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_factory import (
    BANK,
    CARDS,
    PLATFORM,
    account,
    body,
    cn,
    file,
    latest,
    month,
    run,
    terms,
)

from tallystick.model.months import pack
from tallystick.report.summary import total
from tallystick.report.versions import VERSIONS


def summary(*accounts, **blocks):
    return body(file(*accounts, **blocks))["summary"]


def row(*accounts, **blocks):
    return summary(*accounts, **blocks)["by_product"][0]


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        ([], "not_applicable"),
        ([None], "not_reported"),
        ([0], "0.00"),
        ([1, 2], "0.03"),
        ([-150, 50], "-1.00"),
        (
            [1, None],
            {
                "not_computable": "not reported for some accounts",
                "sum_of_reported": "0.01",
                "not_reported_accounts": 1,
            },
        ),
    ],
)
def test_a_total_with_an_unknown_part_is_not_computable(amounts, expected) -> None:
    assert total(amounts, currency="CNY") == expected


def test_an_empty_file_sums_to_nothing() -> None:
    shown = summary()

    assert (shown["lenders"], shown["accounts"], shown["by_product"]) == (0, 0, [])
    assert shown["payments_due"] == []


def test_currencies_are_never_added() -> None:
    euro = account(2, terms=terms(currency="EUR"), latest=latest(currency="EUR", balance_minor=500))
    rows = summary(account(), euro)["by_product"]

    assert [(line["currency"], line["balance"]) for line in rows] == [
        ("CNY", "1000.00"), ("EUR", "5.00"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "is_open"),
    [
        ({}, True),
        ({"terms": terms(closed_on="2026-05-01")}, False),
        ({"latest": latest(status="closed")}, False),
        ({"latest": latest(status="sold")}, False),
        ({"latest": latest(status="written_off")}, True),
        ({"latest": latest(status="frozen")}, True),
        ({"months": run("00C")}, False),
        ({"months": run("0C0")}, True),
        ({"latest": None, "months": b""}, True),
    ],
)
def test_a_closed_account_is_counted_as_closed(changes: dict[str, object], is_open: bool) -> None:
    shown = summary(account(**changes))

    assert (shown["open_accounts"], shown["closed_accounts"]) == ((1, 0) if is_open else (0, 1))
    assert shown["by_product"][0]["open_accounts"] == int(is_open)


@pytest.mark.parametrize(
    ("role", "debts", "responsibilities"),
    [
        ("borrower", 1, 0),
        ("co_borrower", 1, 0),
        ("guarantor", 0, 1),
        ("authorised_user", 0, 1),
    ],
)
def test_answering_for_a_debt_is_not_owing_it(role: str, debts: int, responsibilities: int) -> None:
    shown = summary(account(role=role, months=run("01")))

    assert (shown["accounts"], len(shown["responsibilities"])) == (debts, responsibilities)
    assert len(shown["by_product"]) == debts


@pytest.mark.parametrize(
    ("amounts", "shown"),
    [
        ([("CNY", 5_000)], "50.00"),
        ([("CNY", 5_000), ("CNY", 1)], "50.01"),
        ([None], "not_reported"),
        ([("EUR", 5_000)], "not_reported"),
    ],
)
def test_for_how_much_she_answers_is_summed(
    amounts: list[tuple[str, int] | None], shown: str
) -> None:
    lines = [
        account(
            n,
            role="guarantor",
            responsibility=said and {"currency": said[0], "amount_minor": said[1]},
        )
        for n, said in enumerate(amounts, start=1)
    ]
    made = body(file(*lines))
    earlier = body(file(*lines), version=VERSIONS["tallystick.report/2"])

    assert made["summary"]["responsibilities"][0]["responsibility"] == shown
    assert [one.get("responsibility") for one in made["accounts"]] == [
        said and {"currency": said[0], "amount": f"{said[1] / 100:.2f}"} for said in amounts
    ]
    assert "responsibility" not in earlier["summary"]["responsibilities"][0]
    assert all("responsibility" not in one for one in earlier["accounts"])


def test_a_co_funded_loan_counts_once() -> None:
    fundings = (
        {
            "funder_id": CARDS,
            "role": "funder",
            "valid_from": "2025-01-10",
            "share_ppb": 980_000_000,
        },
    )
    shown = summary(account(furnisher_id=PLATFORM, fundings=fundings))

    assert (shown["lenders"], shown["accounts"]) == (1, 1)
    assert shown["by_product"][0]["balance"] == "1000.00"


CARD = {"product": "credit_card", "credit_limit_minor": 500_000}
LINE = {
    "object_id": "agreement-1", "furnisher_id": BANK, "valid_from": "2025-01-01",
    "currency": "CNY", "credit_limit_minor": 800_000, "is_revolving": True, "status": "active",
    "basis": "consent",
}  # fmt: skip


def test_a_limit_shared_by_two_draws_counts_once() -> None:
    draws = [account(n, terms=terms(**CARD, agreement_id="agreement-1")) for n in (1, 2)]

    assert row(*draws, agreements=(LINE,))["credit_limit"] == "8000.00"


@pytest.mark.parametrize(
    ("first", "second", "limit"),
    [
        ((500_000, "agreement-1"), (500_000, "agreement-1"), "5000.00"),
        ((500_000, "agreement-1"), (300_000, "agreement-1"), "5000.00"),
        ((500_000, "agreement-1"), (500_000, "agreement-2"), "10000.00"),
        ((500_000, None), (500_000, None), "10000.00"),
        ((500_000, "agreement-1"), (500_000, None), "10000.00"),
    ],
)
def test_draws_on_an_agreement_that_is_not_at_hand_tell_one_limit(
    first: tuple[int, str | None], second: tuple[int, str | None], limit: str
) -> None:
    draws = [
        account(n, terms=terms(product="credit_card", credit_limit_minor=minor, agreement_id=of))
        for n, (minor, of) in enumerate((first, second), start=1)
    ]
    cancelled = {**LINE, "status": "cancelled"}

    assert row(*draws)["credit_limit"] == limit
    assert row(*draws, agreements=(cancelled,))["credit_limit"] == limit
    earlier = body(file(*draws), version=VERSIONS["tallystick.report/2"])["summary"]
    added = "8000.00" if second[0] == 300_000 else "10000.00"
    assert earlier["by_product"][0]["credit_limit"] == added


def draws(*told):
    """Accounts in their order: (product, the limit told with it, its agreement, and otherwise)."""
    return [
        account(
            n,
            latest=latest(credit_limit_minor=minor),
            terms=terms(product=product, agreement_id=of, **(more[0] if more else {})),
        )
        for n, (product, minor, of, *more) in enumerate(told, 1)
    ]


def limits(accounts, version="tallystick.report/6"):
    shown = body(file(*accounts), version=VERSIONS[version])["summary"]["by_product"]
    return {one["product"]: one["credit_limit"] for one in shown}


CLOSED, LATER = {"closed_on": "2026-05-01"}, {"opened_on": "2025-01-11"}


@pytest.mark.parametrize(
    ("told", "fifth", "sixth"),
    [
        ([50_000, None], "not_reported", "500.00"),
        ([None, 50_000], "500.00", "500.00"),
        ([50_000, None, 30_000], "300.00", "500.00"),
        ([30_000, None, 50_000], "500.00", "500.00"),
        ([None, None], "not_reported", "not_reported"),
        ([50_000, 30_000], "500.00", "500.00"),
        ([30_000, 50_000], "500.00", "500.00"),
    ],
)
def test_a_limit_told_by_one_draw_is_known_whatever_another_leaves_out(told, fifth, sixth) -> None:
    drawn = draws(*[("credit_card", minor, "agreement-1") for minor in told])
    assert limits(drawn) == {"credit_card": sixth}
    assert limits(drawn, "tallystick.report/5") == {"credit_card": fifth}


HELD, NO_MORE = "500.00", "not_applicable"


@pytest.mark.parametrize(
    ("told", "card", "loan"),
    [
        ([("credit_card", 50_000, "g"), ("revolving_loan", 50_000, "g")], HELD, NO_MORE),
        ([("revolving_loan", 50_000, "g"), ("credit_card", 50_000, "g")], NO_MORE, HELD),
        ([("revolving_loan", 50_000, "g", LATER), ("credit_card", 50_000, "g")], HELD, NO_MORE),
        ([("credit_card", None, "g"), ("revolving_loan", 50_000, "g")], HELD, NO_MORE),
        ([("credit_card", 50_000, "g", CLOSED), ("revolving_loan", 50_000, "g")], NO_MORE, HELD),
        ([("credit_card", 50_000, "g"), ("revolving_loan", 50_000, "h")], HELD, HELD),
        ([("credit_card", 50_000, None), ("revolving_loan", 50_000, None)], HELD, HELD),
        ([("credit_card", 50_000, "g"), ("revolving_loan", 50_000, None)], HELD, HELD),
    ],
    ids=["first", "order", "day of opening", "known elsewhere", "first is closed", "two agreements",
         "none", "one has none"],
)  # fmt: skip
def test_a_limit_drawn_by_two_products_counts_in_the_row_of_the_first(told, card, loan) -> None:
    assert limits(draws(*told)) == {"credit_card": card, "revolving_loan": loan}


def test_a_limit_of_two_currencies_counts_in_each() -> None:
    told = [("credit_card", 50_000, "g"), ("credit_card", 30_000, "g", {"currency": "USD"})]
    drawn = draws(*told)
    drawn[1] = replace(drawn[1], latest=latest(credit_limit_minor=30_000, currency="USD"))
    rows = summary(*drawn)["by_product"]
    assert [(one["currency"], one["credit_limit"]) for one in rows] == [
        ("CNY", "500.00"),
        ("USD", "300.00"),
    ]


def test_earlier_versions_counted_a_limit_in_each_row() -> None:
    drawn = draws(("credit_card", 50_000, "g"), ("revolving_loan", 50_000, "g"))
    assert limits(drawn, "tallystick.report/5") == {"credit_card": HELD, "revolving_loan": HELD}


def test_a_limit_nobody_draws_on_stands_apart() -> None:
    rows = summary(account(), agreements=(LINE,))["by_product"]

    assert [line["product"] for line in rows] == ["agreement_not_drawn", "instalment_loan"]
    assert (rows[0]["accounts"], rows[0]["credit_limit"]) == (0, "8000.00")


@pytest.mark.parametrize(
    ("revolves", "draws", "products"),
    [
        (True, ["agreement-1"], ["agreement_not_drawn", "credit_card"]),
        (False, ["agreement-1"], ["credit_card"]),
        (False, ["agreement-1", "agreement-1"], ["credit_card"]),
        (False, ["agreement-2"], ["agreement_not_drawn", "credit_card"]),
        (False, [], ["agreement_not_drawn"]),
    ],
)
def test_a_line_paid_back_can_be_drawn_again_only_if_it_revolves(
    revolves: bool, draws: list[str], products: list[str]
) -> None:
    paid_back = [
        account(n, terms=terms(**CARD, agreement_id=drawn, closed_on="2026-05-01"))
        for n, drawn in enumerate(draws, start=1)
    ]
    line = {**LINE, "is_revolving": revolves}
    shown = [one["product"] for one in summary(*paid_back, agreements=(line,))["by_product"]]
    earlier = body(file(*paid_back, agreements=(line,)), version=VERSIONS["tallystick.report/2"])

    assert shown == products
    assert "agreement_not_drawn" in {one["product"] for one in earlier["summary"]["by_product"]}


def test_what_is_partly_drawn_of_a_line_that_does_not_revolve_keeps_its_limit() -> None:
    closed = account(1, terms=terms(**CARD, agreement_id="agreement-1", closed_on="2026-05-01"))
    drawn = account(2, terms=terms(**CARD, agreement_id="agreement-1"))

    shown = row(closed, drawn, agreements=({**LINE, "is_revolving": False},))
    assert shown["credit_limit"] == "8000.00"


@pytest.mark.parametrize(
    ("version", "total_of_none"),
    [("tallystick.report/3", "not_reported"), ("tallystick.report/4", "not_applicable")],
)
def test_where_nothing_is_open_no_amount_is_missing(version: str, total_of_none: str) -> None:
    closed = account(terms=terms(**CARD, closed_on="2026-05-01"))
    shown = body(file(closed), version=VERSIONS[version])["summary"]["by_product"][0]

    assert (shown["balance"], shown["credit_limit"]) == (total_of_none, total_of_none)


def test_an_expired_agreement_gives_no_limit() -> None:
    draw = account(terms=terms(**CARD, agreement_id="agreement-1"))

    assert row(draw, agreements=({**LINE, "status": "expired"},))["credit_limit"] == "5000.00"


def test_the_newest_limit_goes_before_the_agreed_one() -> None:
    card = account(terms=terms(**CARD), latest=latest(credit_limit_minor=700_000))

    assert row(card)["credit_limit"] == "7000.00"


@pytest.mark.parametrize(
    ("months", "average"),
    [
        ([month(n, due=600) for n in (5, 4, 3, 2, 1, 0)], "6.00"),
        ([month(6, due=10**6), month(0, due=600)], "6.00"),
        ([month(5, due=700), month(0, due=600)], "6.50"),
        ([month(1, due=1), month(0, due=2)], "0.02"),
        ([month(1, due=1), month(0, due=None)], "not_reported"),
        ([month(6, due=None), month(0, due=5)], "0.05"),
        ([], "not_reported"),
        ([month(1, due=300), *[month(0, due=100)] * 3], "2.00"),
        ([month(1, due=300), month(0, due=None), month(0, due=100)], "2.00"),
        ([month(1, due=300), month(0, due=100), month(0, due=None)], "not_reported"),
        ([month(5, due=700), *[month(0, due=600)] * 6], "6.50"),
    ],
)
def test_payments_due_are_averaged_over_the_newest_six_months(months, average: str) -> None:
    shown = summary(account(months=pack(months)))

    assert shown["payments_due"] == [{"currency": "CNY", "six_month_average": average}]


def test_closed_accounts_have_no_payment_due() -> None:
    assert summary(account(months=run("00C")))["payments_due"] == []


def test_delinquency_by_product() -> None:
    late = account(
        1, months=pack([month(2, "2", balance=300), month(1, "1", balance=900), month(0)])
    )
    now = account(2, months=pack([month(0, "1", balance=None)]))
    shown = row(late, now)["delinquency"]

    assert shown == {
        "ever_late_accounts": 2,
        "late_now_accounts": 1,
        "late_months": 3,
        "worst_bucket": "2",
        "highest_balance_past_due": "9.00",
    }


@pytest.mark.parametrize(
    ("codes", "late", "worst"),
    [("111", 1, "1"), ("210", 0, "none"), ("012", 1, "2"), ("11", 1, "1"), ("1", 1, "1")],
)
def test_a_month_of_several_periods_is_late_once_and_as_it_ended(
    codes: str, late: int, worst: str
) -> None:
    periods = [month(0, code, balance=int(code)) for code in codes]
    shown = row(account(months=pack([month(1), *periods])))["delinquency"]

    assert (shown["late_months"], shown["worst_bucket"]) == (late, worst)
    assert shown["ever_late_accounts"] == shown["late_now_accounts"] == late
    assert shown["highest_balance_past_due"] == (f"0.0{worst}" if late else "not_applicable")


@pytest.mark.parametrize(
    ("months", "highest"),
    [
        (run("00"), "not_applicable"),
        (run("10", balance=None), "not_reported"),
        (run("10", balance=0), "0.00"),
    ],
)
def test_highest_balance_past_due_says_why_it_is_missing(months: bytes, highest: str) -> None:
    assert row(account(months=months))["delinquency"]["highest_balance_past_due"] == highest


@pytest.mark.parametrize(
    ("codes", "worst"),
    [("NN", "none"), ("NM", "none"), ("N1", "1"), ("17", "7"), ("7B", "B"), ("N#", "none")],
)
def test_the_worst_code_goes_by_the_profiles_rank(codes: str, worst: str) -> None:
    shown = body(file(account(months=run(codes))), profile=cn())

    assert shown["summary"]["by_product"][0]["delinquency"]["worst_bucket"] == worst


@pytest.mark.parametrize(
    ("until", "limit"), [("2026-06-15", "8000.00"), ("2026-06-14", "not_reported")]
)
def test_an_agreement_counts_on_its_last_day(until: str, limit: str) -> None:
    draw = account(terms=terms(product="credit_card", agreement_id="agreement-1"))

    assert row(draw, agreements=({**LINE, "expires_on": until},))["credit_limit"] == limit


@pytest.mark.parametrize(("until", "count"), [("2026-06-15", 1), ("2026-06-14", 0)])
def test_a_guarantee_counts_on_its_last_day(until: str, count: int) -> None:
    guarantee = {
        "object_id": "g", "furnisher_id": BANK, "valid_from": "2025-01-01", "valid_to": until,
        "currency": "CNY", "amount_minor": 5, "basis": "contract",
    }  # fmt: skip

    assert len(summary(guarantees=(guarantee,))["guarantees"]) == count
