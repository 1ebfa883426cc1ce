"""What a page makes of a report's body."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tallystick.entry.http.language import LANGUAGES, Language
from tallystick.entry.http.pages.render import Words
from tallystick.entry.http.pages.report_view import report_view
from tallystick.profile import Profile

GOLDEN = Path(__file__).parents[2] / "report" / "golden"


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
