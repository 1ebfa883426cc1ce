"""Reading pages: what the tests ask of one, and what must hold for all."""

from __future__ import annotations

import html
import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from records import identity_number

from tallystick.entry.http.envelope import CONTENT_POLICY
from tallystick.entry.http.language import Language
from tallystick.entry.http.pages import render
from tallystick.entry.http.pages.render import Words
from tallystick.entry.http.pages.report_view import report_view
from tallystick.profile import Profile

HTML = {"Accept": "text/html"}
#: Kept bodies of reports.
GOLDEN = Path(__file__).parents[2] / "report" / "golden"


class Page(HTMLParser):
    """What the tests ask of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.language = ""
        self.scripts = 0
        self.styles = 0
        self.controls: list[dict[str, str | None]] = []
        self.labels: set[str | None] = set()
        self.hidden: dict[str, str] = {}
        self.headings: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if "id" in given:
            self.ids.append(given["id"])
        self.scripts += tag == "script" or any(name.startswith("on") for name in given)
        self.styles += tag == "style" or "style" in given
        if tag == "html":
            self.language = given["lang"]
        elif tag == "label":
            self.labels.add(given.get("for"))
        elif tag == "input" and given.get("type") == "hidden":
            self.hidden[given["name"]] = given["value"]
        elif tag in {"input", "select", "textarea", "progress"}:
            self.controls.append(given)
        elif tag in {"h1", "h2", "h3", "h4"}:
            self.headings.append(tag)
        elif tag == "a":
            self.links.append(given["href"])


def fine(answer, language: str) -> Page:
    """The parsed page, after what must hold for all of them."""
    page = Page(answer.text)
    assert page.language == {"en": "en", "zh": "zh-Hans"}[language]
    assert answer.headers["content-language"] == page.language
    assert answer.headers["content-security-policy"] == CONTENT_POLICY
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert page.scripts == page.styles == 0
    assert all(control.get("id") in page.labels for control in page.controls)
    assert page.headings[0] == "h1"
    assert page.headings.count("h1") == 1
    assert len(page.ids) == len(set(page.ids))
    assert "#main" in page.links
    assert "Canary" not in "".join(page.links)
    return page


def inquiry(page: Page, serial: int, **changes: str) -> dict[str, str]:
    return {
        **page.hidden,
        "scheme": "zz_person_number",
        "number": identity_number(serial),
        "name": f"Person Canary {serial}",
        "birth_date": "1990-05-31",
        "purpose": "joint_loan_duty/legal_duty",
        "consent_id": "",
        **changes,
    }


def page_of(body: dict[str, Any], language: Language) -> str:
    """The page of a report's body, as a lender or the person gets it."""
    words = Words(language, ZoneInfo("Asia/Shanghai"))
    profile = Profile.load(body["header"]["profile"]["id"]).on(date(2025, 1, 15))
    return render._environment().get_template("report.html").render(
        words=words, t=words.t, label=words.label, who=None, csrf="", tag=language, path="/",
        other="en", switch="", is_test_mode=True, known_at=None, identity="inq_1", digest="00",
        answered_at="2025-01-15T12:00:00Z",
        report=report_view(body, words=words, profile=profile),
    )  # fmt: skip


def text_of(page: str) -> str:
    """What a page says, with one blank between words."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())
