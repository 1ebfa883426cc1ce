"""Query parameters: what a route does not take is refused with what it takes, on API and pages."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from page_reader import fine
from records import subject

from tallystick.entry.http import api_consents, api_inquiries, api_public, api_submissions
from tallystick.entry.http.language import LANGUAGES, texts
from tallystick.entry.http.pages import page_routers
from tallystick.service.sessions import open_session

NONE = "this address takes no query parameters"
APIS = (api_consents, api_inquiries, api_public, api_submissions)
OF_LIST = "this address takes: after, limit"


@pytest.fixture
def site(shared_site):
    shared_site.client.cookies.clear()
    return shared_site


@pytest.fixture
def person(site) -> str:
    body = {"dataset": "subject", "records": [subject(1)]}
    site.send("POST", "/v1/records", json=body)
    with site.deps.database.connect("serve") as connection:
        row = connection.execute("select subject_id, token from directory.token_subject").fetchone()
    return open_session(site.deps, persona="person", subject_id=row[0], token=bytes(row[1]))


@pytest.mark.parametrize(
    ("method", "path", "unknown", "takes"),
    [("GET", "/v1/submissions?limit=2", "limits=2", OF_LIST),
     ("POST", "/v1/submissions?dataset=subject", "agains=true",
      "this address takes: again, dataset"),
     ("POST", "/v1/records", "dataset=subject", NONE),
     ("POST", "/v1/inquiries", "as-of=today", NONE),
     ("GET", "/v1/meta", "lang=zh", NONE),
     ("GET", "/v1/rules", "dataset=account", NONE),
     ("GET", "/v1/schemas/subject", "version=canary", NONE),
     ("GET", "/openapi.json", "x=canary", NONE),
     ("GET", "/livez", "x=canary", NONE)],
)  # fmt: skip
def test_an_unknown_parameter_is_told_by_its_name(site, method, path, unknown, takes):
    joint = "&" if "?" in path else "?"
    answer = site.send(method, f"{path}{joint}{unknown}")
    body = answer.json()
    assert (answer.status_code, body["code"], body["detail"]) == (422, "unknown_parameter", takes)
    assert body["errors"] == [
        {
            "pointer": f"/query/{unknown.partition('=')[0]}",
            "message": "is not a parameter of this address",
            "hint": f"take it out; {takes}",
        }
    ]
    assert "canary" not in answer.text
    assert site.send(method, path).json().get("code") != "unknown_parameter"


@pytest.mark.parametrize("name", ["990101198804121017", "Canary%20Person", "canary1", "%E6%B2%88"])
def test_a_name_that_could_be_of_a_person_is_told_by_its_place(site, name):
    answer = site.send("GET", f"/v1/submissions?limit=1&{name}=x&canary")
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_parameter")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/query", "/query"]
    assert "parameter 2 is none of this address" in answer.json()["errors"][0]["message"]
    assert "parameter 3 is none of this address" in answer.json()["errors"][1]["message"]
    for part in ("990101", "anary", "沈"):
        assert part not in answer.text


def test_a_parameter_is_given_once(site):
    answer = site.send("GET", "/v1/submissions?limit=1&limit=2")
    assert answer.json()["errors"] == [
        {"pointer": "/query/limit", "message": "is given more than once", "hint": "give it once"}
    ]
    assert site.send("GET", "/v1/submissions?limit=1&").status_code == 200


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("path", "unknown", "takes"),
    [("/", "langs", "lang"), ("/docs/rules", "page", "lang"), ("/me/consents", "as_of", "lang"),
     ("/me/report", "at", "as_of, known_at, lang")],
)  # fmt: skip
def test_a_page_says_what_it_takes(visit, person, language, path, unknown, takes):
    answer = visit(f"{path}?{unknown}=canary&lang={language}", person)
    assert answer.status_code == 422
    page = fine(answer, language)
    assert texts(language)["error.parameters_found"] in answer.text
    assert f'<dd class="code">{unknown}</dd>' in answer.text
    assert f'<dd class="code">{takes}</dd>' in answer.text
    assert "canary" not in answer.text
    assert f"{path}?lang={'en' if language == 'zh' else 'zh'}" in page.links
    assert visit(f"{path}?lang={language}", person).status_code == 200


ROUTES = [
    (method, re.sub(r"\{\w+\}", "x", route.path))
    for router in [one.router for one in APIS] + page_routers()
    for route in router.routes
    for method in sorted(route.methods)
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_is_asked(site, method, path):
    answer = site.send(method, f"{path}?zz=canary", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_parameter")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_person_sees_her_report_of_a_day_past(site, visit, person, language):
    answer = visit(f"/me/report?as_of=2024-12-31&lang={language}", person)
    day = {"en": "31 Dec 2024 23:59", "zh": "2024年12月31日 23:59"}[language]
    assert answer.status_code == 200, answer.text
    page = fine(answer, language)
    assert texts(language)["report.as_of"].format(time=day) in answer.text
    assert any("as_of=2024-12-31&lang=" in link for link in page.links)
    assert "Person Canary 1" in answer.text


def test_a_person_sees_what_was_known_then(site, visit, person):
    now = site.deps.clock()
    before, after = now - timedelta(days=1), now + timedelta(days=1)
    known = visit(f"/me/report?known_at={after.isoformat()}", person)
    assert "Person Canary 1" in known.text
    assert texts("en")["report.known_at"].partition("{")[0] in known.text
    unknown = visit(f"/me/report?known_at={before.isoformat()}", person)
    assert unknown.status_code == 200, unknown.text
    assert "Person Canary 1" not in unknown.text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "asked",
    ["as_of=yesterday", "as_of=2024-02-30", "as_of=2024-12-31T12:00:00", "known_at=",
     "as_of=1999-12-31", "as_of=2999-01-01"],
)  # fmt: skip
def test_an_instant_no_report_is_made_of_is_refused(visit, person, language, asked):
    answer = visit(f"/me/report?{asked}&lang={language}", person)
    assert answer.status_code == 422
    fine(answer, language)
    assert "instant_not_reportable" in answer.text
    assert "YYYY-MM-DD" in answer.text
