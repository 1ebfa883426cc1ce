"""What a page makes of a report's body."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from jsonschema import Draft202012Validator
from page_reader import GOLDEN, page_of

from tallystick.entry.http.language import LANGUAGES, Language
from tallystick.entry.http.pages.render import Words
from tallystick.entry.http.pages.report_view import report_view
from tallystick.profile import Profile
from tallystick.report.reference import schema


@pytest.mark.parametrize("audience", ["lender", "person", "furnisher"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_facts_of_an_account_go_by_the_same_name(language: Language, audience: str) -> None:
    body = json.loads((GOLDEN / f"zz_everything_{audience}.json").read_bytes())
    for account in body["accounts"]:
        account["terms"]["credit_limit"] = "37000.00"
        if isinstance(account["latest"], dict):
            account["latest"]["credit_limit"] = "36000.00"
    profile = Profile.load("zz")
    words = Words(language, ZoneInfo("Asia/Shanghai"))
    shown = report_view(body, words=words, profile=profile.on(date(2025, 1, 15)))
    named = {"en": ("Credit limit", "Limit in this month"), "zh": ("授信额度", "当月额度")}[
        language
    ]
    has_month = 0
    for block, account in zip(shown["accounts"], body["accounts"], strict=True):
        names = [name for name, _ in block["facts"]]
        assert sorted(set(names)) == sorted(names)
        values = dict(block["facts"])
        assert values[named[0]].startswith("37,000.00")
        if isinstance(account["latest"], dict):
            has_month += 1
            assert values[named[1]].startswith("36,000.00")
    assert has_month


def test_a_share_of_two_words_says_whose_they_are_and_is_drawn_once() -> None:
    body = json.loads((GOLDEN / "zz_co_funded.json").read_bytes())
    account = body["accounts"][0]
    own = next(one for one in account["fundings"] if not one["implied"])
    originator = next(one for one in account["fundings"] if one["implied"])["member"]
    own |= {"share": "0.600000000", "stated_by": own["member"]}
    others = {**own, "share": "0.700000000", "stated_by": originator}
    rest = {"member": originator, "role": "originator", "implied": True, "share": "0.400000000"}
    account["fundings"] = [own, others, rest]
    words = Words("en", ZoneInfo("Asia/Shanghai"))
    profile = Profile.load("zz").on(date(2025, 1, 15))
    shares = report_view(body, words=words, profile=profile)["accounts"][0]["shares"]
    assert [row["share"] for row in shares["rows"]] == ["60 %", "70 %", "40 %"]
    named = [row["stated_by"] for row in shares["rows"]]
    assert named[2] is None
    assert named[0] != named[1]
    assert "60 %" in shares["picture"]
    assert "70 %" not in shares["picture"]


def test_a_furnishers_own_share_of_anothers_account_is_said_in_words() -> None:
    body = json.loads((GOLDEN / "zz_everything_furnisher.json").read_bytes())
    member = body["accounts"][0]["furnisher"]
    one = {
        "account_id": "acc_1", "originator": member, "member": member, "role": "funder",
        "implied": False, "valid_from": "2024-01-01", "share": "0.600000000", "currency": "CNY",
        "funded_amount": "600.00",
    }  # fmt: skip
    body["fundings"] = [one, {**one, "valid_to": "2024-01-31"}]
    del body["fundings"][1]["share"]
    words = Words("en", ZoneInfo("Asia/Shanghai"))
    profile = Profile.load("zz").on(date(2025, 1, 15))
    both, amount = report_view(body, words=words, profile=profile)["fundings"]
    assert dict(both["facts"])["Share"].startswith("60 %, 600.00")
    assert dict(amount["facts"])["Share"].startswith("600.00")
    assert (len(both["facts"]), len(amount["facts"])) == (3, 4)


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", ("Role ended", "20 Mar 2026")), ("zh", ("角色终止日", "2026年3月20日"))],
)
def test_a_role_that_ended_is_said_and_is_not_late(
    language: Language, said: tuple[str, str]
) -> None:
    body = json.loads((GOLDEN / "zz_role_ended.json").read_bytes())
    body["accounts"][0]["latest"] = {
        "period_end": "2026-03-31", "bucket": "1", "currency": "CNY", "status": "open",
    }  # fmt: skip
    words = Words(language, ZoneInfo("Asia/Shanghai"))
    profile = Profile.load("zz").on(date(2025, 1, 15))
    account = report_view(body, words=words, profile=profile)["accounts"][0]
    assert account["facts"][1] == said
    assert said[1] in account["plain"]
    assert account["is_late"] is False
    del body["accounts"][0]["role_ended_on"]
    assert report_view(body, words=words, profile=profile)["accounts"][0]["is_late"] is True


@pytest.mark.parametrize(
    ("language", "not_hers", "none"),
    [
        ("en", "since the role of borrower began", "No month has been reported yet"),
        ("zh", "自借款人身份开始以来", "尚无月度记录。"),
    ],
)
def test_months_before_her_role_are_not_said_to_be_missing(
    language: Language, not_hers: str, none: str
) -> None:
    body = json.loads((GOLDEN / "zz_gaps.json").read_bytes())
    words = Words(language, ZoneInfo("Asia/Shanghai"))
    profile = Profile.load("zz").on(date(2025, 1, 15))
    for latest, said in (("not_displayed", not_hers), ("not_reported", none)):
        body["accounts"][0]["latest"] = latest
        assert said in report_view(body, words=words, profile=profile)["accounts"][0]["plain"]


@pytest.mark.parametrize(
    ("language", "began", "unshown"),
    [
        ("en", "since the role of", "closed. Its newest month is not shown."),
        ("zh", "身份开始以来", "已关闭。其最近一个月的情况不展示。"),
    ],
)
@pytest.mark.parametrize("is_closed", [True, False])
def test_months_too_old_to_be_shown_are_not_said_to_be_before_her_role(
    language: Language, began: str, unshown: str, is_closed: bool
) -> None:
    body = json.loads((GOLDEN / "zz_everything_person.json").read_bytes())
    account = body["accounts"][0] | {"is_closed": is_closed, "latest": "not_displayed"}
    account.pop("role_ended_on", None)
    body["accounts"] = [account]
    page = page_of(body, language)
    assert (unshown in page, began in page) == (is_closed, not is_closed)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kept", sorted(GOLDEN.rglob("*.json")), ids=lambda path: path.stem)
def test_every_kept_report_has_its_page(kept: Path, language: Language) -> None:
    body = json.loads(kept.read_bytes())
    page = page_of(body, language)
    said = Words(language, ZoneInfo("Asia/Shanghai")).t("report.role_ended")
    ended = [one for one in body.get("accounts", ()) if "role_ended_on" in one]
    assert page.count(said) == len(ended)


def members_of(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any], str]]:
    """Each member of each object in a body: its path without places, the object, its name."""
    if isinstance(value, dict):
        for name, one in list(value.items()):
            yield f"{path}/{name}", value, name
            yield from members_of(one, f"{path}/{name}")
    elif isinstance(value, list):
        for one in value:
            yield from members_of(one, path)


@pytest.mark.parametrize("audience", ["lender", "person", "furnisher"])
def test_a_page_needs_nothing_that_a_report_may_lack(audience: str) -> None:
    body = json.loads((GOLDEN / f"zz_everything_{audience}.json").read_bytes())
    fits = Draft202012Validator(schema()).is_valid
    left_out: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    for path, holder, name in members_of(body):
        tried[path] += 1
        if tried[path] > 2:  # the last of many is like the first two
            continue
        value = holder.pop(name)
        if fits(body):
            page_of(body, "en")
            left_out[name] += 1
        holder[name] = value
    assert left_out["locale"]
    assert left_out.total() >= 60


@pytest.mark.parametrize(
    ("language", "heading", "is_own"),
    [("en", "Inquiries by institutions", " (you)"), ("zh", "机构查询记录", "（本机构）")],
)
def test_the_lenders_own_looks_are_not_headed_as_others(
    language: Language, heading: str, is_own: str
) -> None:
    body = json.loads((GOLDEN / "zz_everything_lender.json").read_bytes())
    own = {"is_own": True, "name_en": "Bank", "name_zh": "银行"}
    body["looks"][0]["member"] |= own
    words = Words(language, ZoneInfo("Asia/Shanghai"))
    shown = report_view(body, words=words, profile=Profile.load("zz").on(date(2025, 1, 15)))
    assert shown["looks"][0]["who"].endswith(is_own)
    assert words.t("report.looks") == heading
