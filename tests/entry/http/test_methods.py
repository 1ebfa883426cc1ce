"""HEAD wherever GET only reads, never where it leaves something behind; what a 405 lists."""

from __future__ import annotations

from uuid import uuid4

import pytest
from records import HEADER

from tallystick.entry.http.pages.session import COOKIE
from tallystick.service.sessions import issue_link, open_session

#: What is told of the one answer and need not be told of the next.
_OF_ONE = {"date", "request-id"}


@pytest.fixture
def site(shared_site):
    shared_site.client.cookies.clear()
    return shared_site


@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 200), ("/livez", 200), ("/readyz", 200), ("/v1/rules", 200),
     ("/v1/schemas/subject", 200), ("/v1/meta?x=1", 422),
     ("/.well-known/jwks.json", 200), ("/openapi.json", 200), ("/v1/submissions?limit=1", 200),
     ("/v1/submissions?limit=0", 422), ("/v1/nothing", 404), ("/static/style.css", 200),
     ("/docs/errors", 200), ("/docs/rules/ACC-AMT-001", 200), ("/submissions", 401)],
)  # fmt: skip
def test_head_is_answered_as_get_without_the_body(site, path, status):
    got, head = site.send("GET", path), site.send("HEAD", path)
    assert (got.status_code, head.status_code) == (status, status)
    assert head.content == b""
    assert {name: value for name, value in head.headers.items() if name not in _OF_ONE} == {
        name: value for name, value in got.headers.items() if name not in _OF_ONE
    }
    assert head.headers["request-id"] != got.headers["request-id"]


@pytest.mark.parametrize("path", ["/submissions", "/submissions?lang=zh"])
def test_head_of_a_page_says_its_length(visit, furnisher, path):
    got, head = visit(path, furnisher), visit(path, furnisher, method="HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]


def test_head_of_a_file_that_is_streamed_has_no_body(site):
    sent = site.send(
        "POST", "/v1/submissions?dataset=subject", content=f"{HEADER}\nP1,never,,,,\n".encode(),
        headers={"Content-Type": "text/csv"},
    )  # fmt: skip
    site.work_off()
    path = f"/v1/submissions/{sent.json()['id']}/rejects.csv"
    got, head = site.send("GET", path), site.send("HEAD", path)
    assert (got.status_code, head.status_code, head.content) == (200, 200, b"")
    assert got.content
    assert head.headers["content-type"] == got.headers["content-type"]
    assert site.send("GET", "/livez").status_code == 200, "the connection goes on"


@pytest.mark.parametrize("accept", ["*/*", "text/html"])
@pytest.mark.parametrize("path", ["/v1/reports/inq_{id}", "/reports/inq_{id}", "/me/report"])
def test_no_look_is_made_by_head(site, path, accept):
    person = open_session(site.deps, persona="person", subject_id=site.deps.new_id())
    headers = {"Accept": accept, "Cookie": f"{COOKIE}={person}"}
    answer = site.send("HEAD", path.format(id=uuid4().hex), headers=headers)
    assert (answer.status_code, answer.headers["allow"], answer.content) == (405, "GET", b"")


def test_a_sign_in_link_outlives_a_head(site):
    link = f"/sign-in/{issue_link(site.deps, persona='operator')}"
    assert site.send("HEAD", link).status_code == 405
    assert site.send("GET", link).status_code == 303
    assert site.send("GET", link).status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [("POST", "/v1/meta", "GET, HEAD"), ("PUT", "/v1/submissions", "GET, POST, HEAD"),
     ("GET", "/v1/inquiries", "POST"), ("HEAD", "/v1/inquiries", "POST"),
     ("DELETE", "/me/report", "GET"), ("PUT", "/submissions", "GET, POST, HEAD"),
     ("POST", "/", "GET, HEAD"), ("GET", "/sign-out", "POST")],
)  # fmt: skip
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_what_an_address_takes_stands_in_allow(site, method, path, allow, accept):
    answer = site.send(method, path, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
    assert answer.headers.get_list("allow") == [allow]
