"""Reading pages: what the tests ask of one, and what must hold for all."""

from __future__ import annotations

from html.parser import HTMLParser

from records import identity_number

from tallystick.entry.http.envelope import CONTENT_POLICY

HTML = {"Accept": "text/html"}


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
