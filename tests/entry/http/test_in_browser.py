"""Every page in Debian's Chromium: accessibility checked by axe, 320 and 1280 px, no script needed.

axe is not ours to ship: `npm ci` puts it into node_modules (`make setup` does that where npm is).
"""

from __future__ import annotations

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
CHECK = "standards => axe.run(document, {runOnly: standards})"


@pytest.fixture(scope="module")
def axe() -> str:
    """The checker's source; without it the test skips, in CI it fails."""
    if not AXE.exists():
        lacking("axe-core is missing", "install it with: npm ci")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture
def walk(site) -> list[tuple[str | None, str]]:
    """Every page with the session it needs."""
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
    anybody = ["/", "/docs/errors", "/docs/errors/too_large", "/docs/rules",
               "/docs/rules/ACC-AMT-001", "/nothing"]  # fmt: skip
    return [
        *((None, path) for path in anybody),
        *((furnisher, path) for path in ("/", "/submissions", f"/submissions/{done}",
                                         f"/submissions/{waiting}")),
        *((lender, path) for path in ("/", "/inquiry")),
        *((person, path) for path in ("/", "/me/report", "/me/consents")),
        *((operator, path) for path in ("/", "/operator")),
    ]  # fmt: skip


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_page_has_a_fault_axe_can_find(site, browser, axe, walk, language, width):
    base = str(site.client.base_url)
    faults: list[Any] = []
    for secret, path in walk:
        context = browser.new_context(viewport={"width": width, "height": 900})
        if secret:
            context.add_cookies([{"name": COOKIE, "value": secret, "url": base}])
        page = context.new_page()
        page.set_extra_http_headers({"Accept": "text/html"})
        page.goto(f"{base}{path}?lang={language}")
        page.evaluate(axe)
        found = page.evaluate(CHECK, STANDARDS)["violations"]
        faults += [(path, fault["id"], fault["nodes"][0]["target"]) for fault in found]
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            faults.append((path, "scrolls sideways", width))
        context.close()
    assert faults == []


def test_a_lender_asks_with_the_keyboard_and_without_scripts(site, browser, walk):
    base = str(site.client.base_url)
    secret = next(secret for secret, path in walk if path == "/inquiry")
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": COOKIE, "value": str(secret), "url": base}])
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
