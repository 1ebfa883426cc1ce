"""A page of a report says what the body says: no more, no less."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from page_reader import GOLDEN, page_of, text_of

from tallystick.entry.http.language import Language
from tallystick.entry.http.pages.render import Words
from tallystick.entry.http.pages.report_view import report_view
from tallystick.profile import Profile

NOTHING = {
    "en": ("There is no account on file.", "Nobody has looked."),
    "zh": ("没有账户记录。", "没有人查看过。"),
}


def kept(name: str) -> Any:
    """A kept body of a report."""
    return json.loads((GOLDEN / f"{name}.json").read_bytes())


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("accounts", "looks", "says"),
    [
        ([], [], (True, True)),
        ([], None, (True, False)),
        (None, [], (False, True)),
        (None, None, (False, False)),
    ],
)
def test_what_was_withheld_is_not_said_to_be_none(
    accounts: list[Any] | None, looks: list[Any] | None, says: tuple[bool, bool], language: Language
) -> None:
    body = kept("zz_everything_person")
    for name, block in (("accounts", accounts), ("looks", looks)):
        body[name] = block
        if block is None:
            del body[name]
    page = text_of(page_of(body, language))
    assert tuple(said in page for said in NOTHING[language]) == says


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_there_is_not_said_to_be_none(language: Language) -> None:
    page = text_of(page_of(kept("zz_everything_person"), language))
    assert not any(said in page for said in NOTHING[language])


def funding(member: Any, valid_from: str, share: str | None, **more: str) -> dict[str, Any]:
    """A furnished share."""
    one = {"member": member, "role": "funder", "implied": False, "valid_from": valid_from, **more}
    return one if share is None else {**one, "share": share}


def shares_of(fundings: list[dict[str, Any]], language: Language = "en") -> Any:
    """What a page makes of an account's shares, in a body as of 15 June 2026."""
    body = kept("zz_co_funded")
    body["accounts"][0]["fundings"] = fundings
    words = Words(language, ZoneInfo("Asia/Shanghai"))
    shown = report_view(body, words=words, profile=Profile.load("zz").on(date(2025, 1, 15)))
    return shown["accounts"][0]["shares"]


BANK = {"member_id": "mbr_000a", "class": "commercial_bank", "is_own": False}
TRUST = {"member_id": "mbr_000b", "class": "trust", "is_own": False}
REST = {"member": TRUST, "role": "originator", "implied": True, "share": "0.400000000"}


@pytest.mark.parametrize(
    ("changes", "drawn"),
    [
        ({"valid_to": "2026-06-14"}, False),
        ({"valid_to": "2026-06-15"}, True),
        ({"valid_from": "2026-06-15"}, True),
        ({"valid_from": "2026-06-16"}, False),
        ({"role": "originator"}, True),
        ({"role": "guarantor"}, False),
        ({"role": "servicer"}, False),
    ],
)
def test_the_bar_is_of_the_money_in_the_loan_now(changes: dict[str, str], drawn: bool) -> None:
    before = {**funding(BANK, "2025-01-10", "0.250000000"), **changes}
    shares = shares_of([before, funding(BANK, "2026-01-01", "0.600000000"), REST])
    assert [row["share"] for row in shares["rows"]] == ["25 %", "60 %", "40 %"]
    assert [bool(row["mark"]) for row in shares["rows"]] == [drawn, True, True]
    assert ("25 %" in shares["picture"]) == drawn


@pytest.mark.parametrize(
    ("language", "times"),
    [
        ("en", ["1 Jan 2025 – 31 Dec 2025", "1 Jan 2026 –", ""]),
        ("zh", ["2025年1月1日 – 2025年12月31日", "2026年1月1日 –", ""]),
    ],
)
def test_a_share_says_when_it_holds(language: Language, times: list[str]) -> None:
    ended = funding(BANK, "2025-01-01", "0.500000000", valid_to="2025-12-31")
    shares = shares_of([ended, funding(BANK, "2026-01-01", "0.600000000"), REST], language)
    assert [row["period"] for row in shares["rows"]] == times


@pytest.mark.parametrize(
    ("share", "said"),
    [
        ("0.000000001", "0.0000001 %"),
        ("0.020000000", "2 %"),
        ("0.333333333", "33.3333333 %"),
        ("0.999999999", "99.9999999 %"),
        ("1.000000000", "100 %"),
        ("0.000000000", "0 %"),
    ],
)
def test_a_share_is_said_to_its_last_digit(share: str, said: str) -> None:
    assert shares_of([funding(BANK, "2026-01-01", share)])["rows"][0]["share"] == said


@pytest.mark.parametrize(
    ("share", "amount", "said"),
    [
        ("0.500000000", "600.00", "50 %, 600.00\u00a0CNY"),
        ("0.500000000", None, "50 %"),
        (None, "600.00", "600.00\u00a0CNY"),
        (None, None, "cannot be computed"),
    ],
)
def test_a_share_and_its_amount_are_both_said(
    share: str | None, amount: str | None, said: str
) -> None:
    more = {} if amount is None else {"funded_amount": amount}
    one = funding(BANK, "2026-01-01", share, **more)
    assert shares_of([one])["rows"][0]["share"] == said


@pytest.mark.parametrize("on_account", [True, False])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, 'First Bank · 1 Jan 2025: <span lang="">钱已还</span>'),
        ({"valid_to": "2025-02-01"}, "First Bank · 1 Jan 2025 – 1 Feb 2025: "),
        ({"locale": "zh"}, '<span lang="zh">钱已还</span>'),
        ({"locale": "en"}, '<span lang="en">钱已还</span>'),
        ({"furnisher": None}, "</b> · 1 Jan 2025: "),
        ({"text": None}, "First Bank · 1 Jan 2025</p>"),
    ],
)
def test_a_remark_says_whose_it_is_and_till_when(
    changes: dict[str, str | None], said: str, on_account: bool
) -> None:
    body = kept("zz_everything_person")
    bank = {
        "member_id": "mbr_1", "class": "commercial_bank", "is_own": False, "code": "BANK1",
        "name_en": "First Bank", "name_zh": "第一银行",
    }  # fmt: skip
    whole = {"kind": "disputed", "valid_from": "2025-01-01", "text": "钱已还", "furnisher": bank}
    whole |= changes
    for one in (body, *body["accounts"]):
        one["remarks"] = []
    (body["accounts"][0] if on_account else body)["remarks"] = [
        {name: value for name, value in whole.items() if value is not None}
    ]
    assert said in page_of(body, "en")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"amount_paid": "7.00"}, ("7.00\u00a0CNY", "7.00\u00a0CNY")),
        ({"amount_paid": "0.00"}, ("0.00\u00a0CNY", "0.00\u00a0CNY")),
        ({"absent": {"amount_paid": "not_held"}}, ("not held", "未持有")),
        ({"absent": {"amount_due": "not_held"}}, ("not reported", "未报送")),
        ({}, ("not reported", "未报送")),
        ({"bucket": "not_displayed"}, ("not shown", "不展示")),
    ],
)
def test_a_payments_amount_says_why_it_is_not_there(
    changes: dict[str, Any], said: tuple[str, str], language: Language
) -> None:
    body = kept("zz_everything_person")
    payment = {**body["payments"][0], "currency": "CNY", "bucket": "0"}
    for name in ("amount_paid", "absent"):
        payment.pop(name, None)
    body["payments"] = [{**payment, **changes}]
    words = Words(language, ZoneInfo("Asia/Shanghai"))
    shown = report_view(body, words=words, profile=Profile.load("zz").on(date(2025, 1, 15)))
    assert shown["payments"][0]["paid"] == said[language == "zh"]


@pytest.mark.parametrize(
    ("closed_on", "said"),
    [
        (
            "2026-05-01",
            {"en": "opened 10 Jan 2025, closed 1 May 2026.", "zh": "开立，2026年5月1日关闭。"},
        ),
        (None, {"en": "opened 10 Jan 2025, closed.", "zh": "2025年1月10日开立，已关闭。"}),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_closed_account_is_not_said_to_be_paid(
    language: Language, closed_on: str | None, said: dict[Language, str]
) -> None:
    body = kept("zz_everything_person")
    account = body["accounts"][0]
    account["terms"] |= {"opened_on": "2025-01-10", "closed_reason": "written_off"}
    account["terms"].pop("closed_on", None)
    if closed_on is not None:
        account["terms"]["closed_on"] = closed_on
    account |= {
        "is_closed": True,
        "latest": {"period_end": "2026-05-31", "bucket": "5", "status": "sold"},
    }
    account.pop("role_ended_on", None)
    words = Words(language, ZoneInfo("Asia/Shanghai"))
    shown = report_view(body, words=words, profile=Profile.load("zz").on(date(2025, 1, 15)))
    of_account = shown["accounts"][0]
    assert said[language] in of_account["plain"]
    named = [words.t(f"report.{key}") for key in ("open", "closed", "open_accounts")]
    assert not [text for text in (of_account["plain"], *named) if "结清" in text]
    assert not [name for name, _ in of_account["facts"] if "结清" in name]


LATE = {
    "ever_late_accounts": 3, "late_now_accounts": 2, "late_months": 7, "worst_bucket": "2",
    "highest_balance_past_due": "900.00",
}  # fmt: skip


@pytest.mark.parametrize(
    ("language", "row"),
    [
        ("en", "Credit card {} 1 / 4 not reported none 31-60 days past due 2 / 3 7 900.00 {}"),
        ("zh", "信用卡 {} 1 / 4 未报送 无 逾期31-60天 2 / 3 7 900.00 {}"),
    ],
)
def test_what_was_late_is_said_by_kind_and_currency(language: Language, row: str) -> None:
    body = kept("zz_everything_person")
    said = {
        "product": "credit_card", "accounts": 4, "open_accounts": 1, "balance": "not_reported",
        "credit_limit": "not_applicable", "delinquency": LATE,
    }  # fmt: skip
    body["summary"]["by_product"] = [{**said, "currency": code} for code in ("CNY", "USD")]
    page = text_of(page_of(body, language))
    assert all(row.format(code, code) in page for code in ("CNY", "USD"))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("groups", [0, 1, 2])
def test_guarantees_are_summed_up(groups: int, language: Language) -> None:
    body = kept("zz_everything_person")
    sums = [("CNY", 2, "1500.00"), ("USD", 1, "not_reported")][:groups]
    body["summary"]["guarantees"] = [
        {"currency": currency, "guarantees": count, "amount": amount}
        for currency, count, amount in sums
    ]
    page = text_of(page_of(body, language))
    unsaid = {"en": "not reported", "zh": "未报送"}[language]
    assert ("CNY 2 1,500.00 CNY" in page) == (groups > 0)
    assert (f"USD 1 {unsaid}" in page) == (groups > 1)


@pytest.mark.parametrize(
    ("language", "changes", "said"),
    [
        ("en", {"extended_months": 3}, "extended, by 3 months"),
        ("zh", {"extended_months": 3}, "展期，延长3个月"),
        ("en", {}, "extended"),
        ("en", {"extended_months": 3, "amount": "5.00"}, "extended, by 3 months, 5.00\u00a0CNY"),
    ],
)
def test_an_extension_says_for_how_long(
    language: Language, changes: dict[str, Any], said: str
) -> None:
    body = kept("zz_everything_person")
    one = {"event_type": "extended", "occurred_at": "2026-05-02T02:03:04Z", "currency": "CNY"}
    body["accounts"][0]["events"] = [{**one, **changes}]
    when = {"en": "2 May 2026 10:03 – ", "zh": "2026年5月2日 10:03 – "}[language]
    assert f"<li>{when}{said}</li>" in page_of(body, language)


@pytest.mark.parametrize(("language", "label"), [("en", "Former account number"), ("zh", "原账号")])
def test_the_number_an_account_had_before_is_said(language: Language, label: str) -> None:
    body = kept("zz_gaps")
    assert label not in text_of(page_of(body, language))
    body["accounts"][0]["formerly_account_number"] = "OLD-17"
    page = text_of(page_of(body, language))
    assert page.index(label) < page.index("OLD-17")


@pytest.mark.parametrize(
    ("opened_on", "closed_on", "said"),
    [
        (
            "2025-01-10", None,
            {"en": "from {of}, since 10 Jan 2025. On 31 Dec 2025 the balance was ",
             "zh": "{of}的信用卡，始于2025年1月10日。2025年12月31日余额 "},
        ),
        (
            None, None,
            {"en": "from {of}. On 31 Dec 2025 the balance was ",
             "zh": "{of}的信用卡。2025年12月31日余额 "},
        ),
        (
            "2025-01-10", "2025-12-01",
            {"en": "from {of}, opened 10 Jan 2025, closed 1 Dec 2025. Last state on ",
             "zh": "{of}的信用卡，2025年1月10日开立，2025年12月1日关闭。2025年12月31日最后状态："},
        ),
        (
            None, "2025-12-01",
            {"en": "from {of}, closed 1 Dec 2025. Last state on ",
             "zh": "{of}的信用卡，2025年12月1日关闭。2025年12月31日最后状态："},
        ),
        (
            "2025-01-10", "",
            {"en": "from {of}, opened 10 Jan 2025, closed. Last state on ",
             "zh": "{of}的信用卡，2025年1月10日开立，已关闭。2025年12月31日最后状态："},
        ),
        (
            None, "",
            {"en": "from {of}, closed. Last state on ",
             "zh": "{of}的信用卡，已关闭。2025年12月31日最后状态："},
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_sentence_names_no_day_that_was_not_reported(
    language: Language, opened_on: str | None, closed_on: str | None, said: dict[Language, str]
) -> None:
    body = kept("zz_everything_person")
    account = body["accounts"][0]
    terms = {**account["terms"], "product": "credit_card", "absent": {"opened_on": "not_held"}}
    for name, day in (("opened_on", opened_on), ("closed_on", closed_on)):
        terms.pop(name, None)
        if day:
            terms[name] = day
    account |= {
        "terms": terms, "is_closed": closed_on is not None,
        "latest": {"period_end": "2025-12-31", "bucket": "0", "status": "open", "balance": "1.00"},
    }  # fmt: skip
    account.pop("role_ended_on", None)
    words = Words(language, ZoneInfo("Asia/Shanghai"))
    shown = report_view(body, words=words, profile=Profile.load("zz").on(date(2025, 1, 15)))
    plain = shown["accounts"][0]["plain"]
    furnisher = shown["accounts"][0]["title"].partition(" · ")[2]
    assert said[language].format(of=furnisher) in plain
    assert "–" not in plain
