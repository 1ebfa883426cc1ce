"""Pages: two languages, no scripts, every control labelled, forms bound to their session."""

from __future__ import annotations

import re
import tomllib
from html.parser import HTMLParser
from importlib import resources
from uuid import UUID

import pytest
from records import csv_file, identity_number, subject

from tallystick.entry.http.envelope import CONTENT_POLICY
from tallystick.entry.http.language import LANGUAGES, texts
from tallystick.entry.http.pages.session import COOKIE
from tallystick.formats import load
from tallystick.service.sessions import open_session

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


@pytest.fixture
def visit(site):
    """Fetch a page as a persona."""

    def fetch(path: str, secret: str | None = None, **more):
        headers = {**HTML, **more.pop("headers", {})}
        if secret:
            headers["Cookie"] = f"{COOKIE}={secret}"
        return site.client.request(more.pop("method", "GET"), path, headers=headers, **more)

    return fetch


@pytest.fixture
def furnisher(site) -> str:
    return open_session(site.deps, persona="furnisher", member_id=site.bank.member_id)


@pytest.fixture
def lender(site) -> str:
    return open_session(site.deps, persona="lender", member_id=site.bank.member_id)


@pytest.fixture
def person(site) -> str:
    body = {"dataset": "subject", "records": [subject(1)]}
    site.send("POST", "/v1/records", json=body, key=site.platform_key)
    with site.deps.database.connect("serve") as connection:
        row = connection.execute("select subject_id, token from directory.token_subject").fetchone()
    assert row is not None
    return open_session(site.deps, persona="person", subject_id=row[0], token=bytes(row[1]))


def sent(site) -> str:
    content = csv_file(subject(1), subject(2, valid_from="2023-02-29"))
    headers = {"content-type": "text/csv"}
    answer = site.send("POST", "/v1/submissions?dataset=subject", content=content, headers=headers)
    site.work_off()
    return answer.json()["id"]


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


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 200), ("/docs/errors", 200), ("/docs/errors/too_large", 200), ("/docs/rules", 200),
     ("/docs/rules/ACC-AMT-001", 200), ("/docs/rules/NO-RULE-001", 404), ("/nothing", 404),
     ("/submissions", 401), ("/inquiry", 401), ("/me/report", 401),
     ("/sign-in/wrong", 403)],
)  # fmt: skip
def test_pages_for_anybody(visit, language, path, status):
    answer = visit(f"{path}?lang={language}")
    assert answer.status_code == status
    fine(answer, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_furnishers_pages(site, visit, furnisher, language):
    submission = sent(site)
    fine(visit(f"/?lang={language}", furnisher), language)
    fine(visit(f"/submissions?lang={language}", furnisher), language)
    answer = visit(f"/submissions/{submission}?lang={language}", furnisher)
    page = fine(answer, language)
    assert "2023-02-29" in answer.text
    assert "refresh" not in answer.headers
    rule = next(link for link in page.links if link.startswith("/docs/rules/")).split("/")[-1]
    listed = visit(f"/submissions/{submission}/rules/{rule}?lang={language}", furnisher)
    assert listed.status_code == 200
    fine(listed, language)
    rejects = visit(f"/submissions/{submission}/rejects.csv", furnisher)
    assert rejects.headers["content-disposition"].startswith("attachment")


def test_a_running_submission_reloads_only_when_asked(site, visit, furnisher):
    headers = {"content-type": "text/csv"}
    job = site.send(
        "POST", "/v1/submissions?dataset=subject", content=csv_file(subject(1)), headers=headers
    ).json()["id"]
    assert "refresh" not in visit(f"/submissions/{job}", furnisher).headers
    watched = visit(f"/submissions/{job}?watch=yes", furnisher)
    assert watched.headers["refresh"] == "2"
    assert f"/submissions/{job}" in Page(watched.text).links


def test_a_file_sent_by_the_form_is_received_as_it_is(site, visit, furnisher):
    csrf = Page(visit("/submissions", furnisher).text).hidden["csrf"]
    content = csv_file(*(subject(serial) for serial in range(1, 3000)))
    answer = visit(
        "/submissions",
        furnisher,
        method="POST",
        data={"csrf": csrf, "dataset": "subject"},
        files={"file": ("x.csv", content)},
    )
    assert answer.status_code == 303, answer.text
    site.work_off()
    job = answer.headers["location"].partition("?")[0].rpartition("/")[2]
    funnel = site.send("GET", f"/v1/submissions/{job}").json()["funnel"]
    assert (funnel["sent"], funnel["accepted"]) == (2999, 2999)


@pytest.mark.parametrize(
    ("data", "files", "status"),
    [({"csrf": "wrong", "dataset": "subject"}, {"file": ("x", b"a")}, 403),
     ({"dataset": "subject"}, {"file": ("x", b"a")}, 403),
     ({"csrf": "", "dataset": "nothing"}, {"file": ("x", b"a")}, 422),
     ({"csrf": "", "dataset": "subject"}, {"other": (None, b"a")}, 422)],
)  # fmt: skip
def test_a_form_that_does_not_fit_is_refused(visit, furnisher, data, files, status):
    if data.get("csrf") == "":
        data = {**data, "csrf": Page(visit("/submissions", furnisher).text).hidden["csrf"]}
    answer = visit("/submissions", furnisher, method="POST", data=data, files=files)
    assert answer.status_code == status
    fine(answer, "en")


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


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_lender_asks_and_sees_the_report(site, visit, person, lender, language):
    page = fine(visit(f"/inquiry?lang={language}", lender), language)
    form = inquiry(page, 1)
    answer = visit(f"/inquiry?lang={language}", lender, method="POST", data=form)
    assert answer.status_code == 200, answer.text
    shown = fine(answer, language)
    assert "Person Canary 1" in answer.text
    assert any(link.startswith("/reports/inq_") for link in shown.links)
    visit("/inquiry", lender, method="POST", data=form)
    with site.deps.database.connect("serve") as connection:
        assert connection.execute("select count(*) from log.look").fetchone() == (1,)
    missed = visit(f"/inquiry?lang={language}", lender, method="POST",
                   data=inquiry(Page(visit("/inquiry", lender).text), 7))  # fmt: skip
    assert missed.status_code == 200
    fine(missed, language)


@pytest.mark.parametrize(
    ("changes", "faulty"),
    [({"number": ""}, "number"), ({"name": ""}, "name"), ({"birth_date": "31.5.1990"},
     "birth_date"), ({"purpose": "credit_application/consent"}, "consent_id"),
     ({"purpose": "own_access/self"}, "purpose"), ({"purpose": "x/legal_duty"}, "purpose")],
)  # fmt: skip
def test_faults_of_the_form_are_summed_up_and_tied_to_their_fields(visit, lender, changes, faulty):
    form = inquiry(Page(visit("/inquiry", lender).text), 1, **changes)
    answer = visit("/inquiry", lender, method="POST", data=form)
    assert answer.status_code in {403, 422}
    page = fine(answer, "en")
    assert f"#{faulty}" in page.links
    control = next(control for control in page.controls if control["id"] == faulty)
    assert control["aria-invalid"] == "true"
    assert f"{faulty}-fault" in (control["aria-describedby"] or "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_person_sees_her_report_and_who_looked(visit, person, lender, language):
    visit("/inquiry", lender, method="POST",
          data=inquiry(Page(visit("/inquiry", lender).text), 1))  # fmt: skip
    answer = visit(f"/me/report?lang={language}", person)
    assert answer.status_code == 200, answer.text
    fine(answer, language)
    assert "Person Canary 1" in answer.text
    consents = visit(f"/me/consents?lang={language}", person)
    fine(consents, language)
    other = visit(f"/me/consents/cns_{UUID(int=9).hex}/withdraw", person)
    assert other.status_code == 404


@pytest.mark.parametrize(
    ("persona", "path"),
    [("furnisher", "/inquiry"), ("furnisher", "/me/report"), ("lender", "/submissions"),
     ("lender", "/me/consents"), ("person", "/submissions"), ("person", "/inquiry")],
)  # fmt: skip
def test_each_page_is_for_its_persona(visit, request, persona, path):
    answer = visit(path, request.getfixturevalue(persona))
    assert answer.status_code == 403
    fine(answer, "en")


def test_signing_in_sets_a_cookie_scripts_cannot_read_and_signing_out_ends_it(visit, lender):
    answer = visit(f"/sign-in/{lender}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert re.search(r"HttpOnly", cookie)
    assert re.search(r"SameSite=lax", cookie, re.IGNORECASE)
    page = Page(visit("/", lender).text)
    assert visit("/sign-out", lender, method="POST", data={"csrf": "x"}).status_code == 403
    out = visit("/sign-out", lender, method="POST", data={"csrf": page.hidden["csrf"]})
    assert out.status_code == 303
    assert "Max-Age=0" in out.headers["set-cookie"]


def test_the_form_of_one_session_does_not_work_in_another(site, visit, lender):
    other = open_session(site.deps, persona="lender", member_id=site.platform.member_id)
    form = inquiry(Page(visit("/inquiry", other).text), 1)
    answer = visit("/inquiry", lender, method="POST", data=form)
    assert answer.status_code == 403


def test_nothing_of_a_person_is_logged(site, visit, lender, person, caplog):
    caplog.set_level("DEBUG", logger="tallystick")
    visit("/inquiry", lender, method="POST",
          data=inquiry(Page(visit("/inquiry", lender).text), 1))  # fmt: skip
    visit(f"/sign-in/{lender}")
    visit("/me/report", person)
    assert "/sign-in/{link}" in caplog.text
    for canary in ("Canary", identity_number(1), "1990-05-31", lender, person):
        assert canary not in caplog.text


def test_the_language_is_kept_and_can_be_asked_for(site):
    client = site.client
    assert Page(client.get("/", headers={"Accept-Language": "zh"}).text).language == "zh-Hans"
    assert Page(client.get("/?lang=zh").text).language == "zh-Hans"
    assert Page(client.get("/").text).language == "zh-Hans"
    assert Page(client.get("/?lang=en").text).language == "en"
    assert Page(client.get("/?lang=fr").text).language == "en"


def test_both_languages_have_the_same_texts():
    english, chinese = texts("en"), texts("zh")
    assert list(english) == list(chinese)
    holes = re.compile(r"\{(\w+)\}")
    for key, text in english.items():
        assert set(holes.findall(text)) == set(holes.findall(chinese[key])), key
        assert text.strip()
        assert chinese[key].strip()


def test_every_code_a_page_shows_has_a_label():
    lists = {
        ("account", "product"): "product", ("account", "repayment_frequency"):
        "repayment_frequency", ("account", "security"): "security", ("account", "basis"): "basis",
        ("account", "closed_reason"): "closed_reason", ("account", "formerly_reason"):
        "formerly_reason", ("account_party", "role"): "role", ("funding", "role"): "funding_role",
        ("event", "event_type"): "event_type", ("member", "member_class"): "member_class",
        ("payment", "payment_kind"): "payment_kind", ("remark", "kind"): "remark",
        ("snapshot", "classification"): "classification", ("snapshot", "status"): "status",
        ("agreement", "status"): "status", ("subject", "sex"): "sex",
    }  # fmt: skip
    registry, known = load(), texts("en")
    for (dataset, field), kind in lists.items():
        domain = registry[dataset].field(field).domain
        assert isinstance(domain, tuple)
        assert [code for code in domain if f"code.{kind}.{code}" not in known] == []
    assert [name for name in registry if f"code.dataset.{name}" not in known] == []


def test_every_text_a_template_asks_for_is_there():
    folder = resources.files("tallystick.entry.http") / "templates"
    asked = re.compile(r'\bt\("([a-z_0-9.]+)"[,)]')
    for file in folder.iterdir():
        for key in asked.findall(file.read_text(encoding="utf-8")):
            assert key in texts("en"), (file.name, key)


def test_the_catalogues_are_plain_toml():
    folder = resources.files("tallystick") / "locale"
    for name in ("en", "zh", "codes"):
        assert tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))
