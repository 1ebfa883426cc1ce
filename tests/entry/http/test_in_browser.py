"""Every page in Debian's Chromium: accessibility checked by axe, 320 and 1280 px, no script needed.

axe is not ours to ship: `npm ci` puts it into node_modules (`make setup` does that where npm is).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from records import csv_file, subject

from needs import lacking
from tallystick.entry.http.pages.session import COOKIE
from tallystick.service.sessions import open_session

pytestmark = pytest.mark.browser
AXE = Path(__file__).parents[3] / "node_modules" / "axe-core" / "axe.min.js"
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = (320, 1280)
CHECK = "standards => axe.run(document, {runOnly: standards})"


@pytest.fixture(scope="module")
def axe() -> str:
    """The checker's source; without it the test skips, in CI it fails."""
    if not AXE.exists():
        lacking("axe-core is missing", "install it with: npm ci")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def walk(shared_site) -> dict[str | None, list[str]]:
    """Every page by the session it needs."""
    site = shared_site
    furnisher = open_session(site.deps, persona="furnisher", member_id=site.bank.member_id)
    lender = open_session(site.deps, persona="lender", member_id=site.bank.member_id)
    content = csv_file(subject(1), subject(2, valid_from="2023-02-29"))
    headers = {"content-type": "text/csv"}
    path = "/v1/submissions?dataset=subject"
    done = site.send("POST", path, content=content, headers=headers).json()["id"]
    site.work_off()
    waiting = site.send("POST", path, content=csv_file(subject(3)), headers=headers).json()["id"]
    with site.deps.database.connect("serve") as connection:
        row = connection.execute("select subject_id, token from directory.token_subject").fetchone()
    assert row is not None
    person = open_session(site.deps, persona="person", subject_id=row[0], token=bytes(row[1]))
    for name in ("Canary 1", "Someone Else"):
        record = subject(4) | {"person_number": name[-1], "name": name}
        site.send("POST", "/v1/records", json={"dataset": "subject", "records": [record]})
    operator = open_session(site.deps, persona="operator")
    return {
        None: ["/", "/docs/errors", "/docs/errors/too_large", "/docs/rules",
               "/docs/rules/ACC-AMT-001", "/nothing"],
        furnisher: ["/", "/submissions", f"/submissions/{done}", f"/submissions/{waiting}"],
        lender: ["/", "/inquiry"],
        person: ["/", "/me/report", "/me/consents"],
        operator: ["/", "/operator"],
    }  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_page_has_a_fault_axe_can_find(shared_site, browser, axe, walk, language):
    faults: list[Any] = []
    for secret, paths in walk.items():
        with visitor(shared_site, browser, secret) as page:
            for path in paths:
                page.goto(f"{shared_site.client.base_url}{path}?lang={language}")
                page.evaluate(axe)
                for width in WIDTHS:
                    page.set_viewport_size({"width": width, "height": 900})
                    faults += [(path, width, language, *fault) for fault in faults_of(page)]
    assert faults == []


@contextmanager
def visitor(site, browser, secret: str | None) -> Iterator[Any]:
    """A tab of somebody's browser, signed in with a session's secret or not at all."""
    context = browser.new_context()
    if secret:
        context.add_cookies([{"name": COOKIE, "value": secret, "url": str(site.client.base_url)}])
    page = context.new_page()
    page.set_extra_http_headers({"Accept": "text/html"})
    yield page
    context.close()


def faults_of(page) -> list[tuple[str, Any]]:
    """What is wrong with a page as wide as it is now."""
    found = page.evaluate(CHECK, STANDARDS)["violations"]
    faults = [(fault["id"], fault["nodes"][0]["target"]) for fault in found]
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        faults.append(("scrolls sideways", page.url))
    return faults


def test_a_lender_asks_with_the_keyboard_and_without_scripts(site, browser, lender):
    base = str(site.client.base_url)
    site.send("POST", "/v1/records", json={"dataset": "subject", "records": [subject(1)]})
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": COOKIE, "value": lender, "url": base}])
    page = context.new_page()
    page.goto(f"{base}/inquiry")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the skip link
    page.select_option("#purpose", "joint_loan_duty/legal_duty")
    page.select_option("#scheme", "zz_person_number")
    page.focus("#number")
    page.keyboard.type(subject(1)["identifier_number"])
    page.keyboard.press("Tab")
    page.keyboard.type(subject(1)["name"])
    page.keyboard.press("Tab")
    page.keyboard.type("1990-05-31")
    page.keyboard.press("Enter")
    page.wait_for_selector("#summary")
    assert "1990-05-31" not in page.url
    context.close()
