"""Pages anybody may open, and what pages refuse; one site serves all of these tests."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from page_reader import Page, fine, inquiry

from tallystick.entry.http.language import LANGUAGES
from tallystick.service.sessions import open_session


@pytest.fixture
def site(shared_site):
    shared_site.client.cookies.clear()
    return shared_site


@pytest.fixture
def person(site) -> str:
    return open_session(site.deps, persona="person", subject_id=site.deps.new_id())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 200), ("/docs/errors", 200), ("/docs/errors/too_large", 200), ("/docs/rules", 200),
     ("/docs/rules/ACC-AMT-001", 200), ("/docs/rules/NO-RULE-001", 404), ("/nothing", 404),
     ("/submissions", 401), ("/inquiry", 401), ("/me/report", 401), ("/operator", 401),
     ("/sign-in/wrong", 403)],
)  # fmt: skip
def test_pages_for_anybody(visit, language, path, status):
    answer = visit(f"{path}?lang={language}")
    assert answer.status_code == status
    fine(answer, language)


@pytest.mark.parametrize(
    ("path", "accept", "is_page"),
    [("/nothing", "*/*", True), ("/nothing", None, True), ("/nothing", "text/*", True),
     ("/nothing", "application/json", False), ("/nothing", "application/problem+json, */*", False),
     ("/nothing", "application/json, text/html", True), ("/submissions", "*/*", True),
     ("/submissions", "application/json", False), ("/v10", "*/*", True),
     ("/v1", "*/*", False), ("/v1/", "*/*", False), ("/v1/nothing", "*/*", False),
     ("/v1/nothing", "text/html", False), ("/.well-known/x", "*/*", False)],
)  # fmt: skip
def test_outside_the_api_an_error_is_a_page_unless_json_is_asked_for(site, path, accept, is_page):
    headers = {"Accept": accept or "", "Accept-Language": "zh"}
    request = site.client.build_request("GET", path, headers=headers)
    if accept is None:
        del request.headers["Accept"]
    answer = site.client.send(request)
    assert answer.status_code in (401, 404)
    if is_page:
        fine(answer, "zh")
    else:
        assert answer.json()["display_message"]
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("language", "said", "unsaid"),
    [("en", "Zero was written for unknown.", "把“未知”写成了零。"),
     ("zh", "把“未知”写成了零。", "Zero was written for unknown.")],
)  # fmt: skip
def test_a_rule_says_why_in_the_language_of_the_page(visit, language, said, unsaid):
    answer = visit(f"/docs/rules/ACC-AMT-001?lang={language}")
    fine(answer, language)
    assert said in answer.text
    assert unsaid not in answer.text


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


UNCHOSEN = (
    b'--cut\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n%s\r\n'
    b'--cut\r\nContent-Disposition: form-data; name="dataset"\r\n\r\n%s\r\n'
    b'--cut\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n%s\r\n--cut--\r\n"
)


@pytest.mark.parametrize(
    ("dataset", "name", "content", "language", "field", "said"),
    [("subject", "", "", "en", "file", "Choose a file"),
     ("subject", "", "", "zh", "file", "请选择文件"),
     ("subject", "", "a", "en", "file", "Choose a file"),
     ("nothing", "x.csv", "a", "en", "dataset", "Choose a dataset"),
     ("nothing", "x.csv", "a", "zh", "dataset", "请选择数据集"),
     ("", "", "", "en", "dataset", "Choose a dataset")],
)  # fmt: skip
def test_a_form_without_file_or_dataset_says_what_to_choose(
    site, visit, furnisher, dataset, name, content, language, field, said
):
    """Without a choice a browser sends the file's part all the same, with no name and no bytes."""
    before = Page(visit("/submissions", furnisher).text)
    parts = (before.hidden["csrf"], dataset, name, content)
    queued = len(site.queued)
    answer = visit(
        f"/submissions?lang={language}", furnisher, method="POST",
        content=UNCHOSEN % tuple(part.encode() for part in parts),
        headers={"Content-Type": "multipart/form-data; boundary=cut"},
    )  # fmt: skip
    assert answer.status_code == 422
    page = fine(answer, language)
    assert f'<p class="fault" id="{field}-fault">{said}</p>' in answer.text
    control = next(control for control in page.controls if control["id"] == field)
    assert control["aria-invalid"] == "true"
    assert f"{field}-fault" in control["aria-describedby"]
    assert f"#{field}" in page.links
    assert "/v1/" not in "".join(page.links) + said
    assert len(site.queued) == queued
    assert Page(visit("/submissions?lang=en", furnisher).text).links == before.links


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("more", "named"),
    [("number=990101198804121017", "number"), ("csrf=x", "csrf"), ("canary1=a&canary1=b", "9")],
)  # fmt: skip
def test_a_field_of_a_form_is_given_once(visit, lender, language, more, named):
    form = inquiry(Page(visit("/inquiry", lender).text), 1)
    assert len(form) == 8
    sent = {
        "content": f"{urlencode(form)}&{more}",
        "headers": {"Content-Type": "application/x-www-form-urlencoded"},
    }
    answer = visit(f"/inquiry?lang={language}", lender, method="POST", **sent)
    assert answer.status_code == 422
    fine(answer, language)
    assert "/docs/errors/doubled_field" in answer.text
    assert f'<dd class="code">{named}</dd>' in answer.text
    assert "990101" not in answer.text
    assert "canary" not in answer.text


@pytest.mark.parametrize(
    ("parts", "named"),
    [(["dataset", "dataset", "file"], "dataset"), (["dataset", "file", "file"], "file"),
     (["dataset", "file", "dataset"], "dataset"), (["dataset", "long", "dataset"], "dataset"),
     (["dataset", "long", "file"], "file")],
)  # fmt: skip
def test_a_field_or_a_file_of_an_upload_is_given_once(site, visit, furnisher, parts, named):
    before = Page(visit("/submissions", furnisher).text)
    values = {
        "dataset": (None, b"subject"),
        "file": ("x.csv", b"a"),
        "long": ("x.csv", b"a" * 500_000),
    }
    files = [
        ("csrf", (None, before.hidden["csrf"].encode())),
        *((name, values[name]) for name in parts),
    ]
    queued = len(site.queued)
    answer = visit("/submissions", furnisher, method="POST", files=files)
    assert answer.status_code == 422
    fine(answer, "en")
    assert "/docs/errors/doubled_field" in answer.text
    assert f'<dd class="code">{named}</dd>' in answer.text
    assert len(site.queued) == queued
    assert Page(visit("/submissions", furnisher).text).links == before.links


@pytest.mark.parametrize(
    ("changes", "faulty"),
    [({"number": ""}, "number"), ({"name": ""}, "name"), ({"birth_date": "31.5.1990"},
     "birth_date"), ({"purpose": "credit_application/consent"}, "consent_id"),
     ({"purpose": "own_access/self"}, "purpose"), ({"purpose": "x/legal_duty"}, "purpose"),
     ({"birth_date": "1990-W22-4"}, "birth_date"),
     ({"consent_id": f"cns_{'a' * 32}"}, "consent_id"), ({"number": "0000000196"}, "number"),
     ({"scheme": "soc_sec_id"}, "number")],
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


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "The identity number is not valid in its scheme. Check scheme"),
     ("zh", "证件号码不符合其编码规则。请核对")],
)  # fmt: skip
def test_a_refusal_of_the_form_ends_its_sentences_as_its_language_does(
    visit, lender, language, said
):
    form = inquiry(Page(visit("/inquiry", lender).text), 1, number="0000000196")
    answer = visit(f"/inquiry?lang={language}", lender, method="POST", data=form)
    assert said in answer.text


@pytest.mark.parametrize(
    ("persona", "path"),
    [("furnisher", "/inquiry"), ("furnisher", "/me/report"), ("furnisher", "/operator"),
     ("lender", "/submissions"), ("lender", "/me/consents"), ("lender", "/operator"),
     ("person", "/submissions"), ("person", "/inquiry"), ("person", "/operator"),
     ("operator", "/submissions"), ("operator", "/inquiry"), ("operator", "/me/report")],
)  # fmt: skip
def test_each_page_is_for_its_persona(visit, request, persona, path):
    answer = visit(path, request.getfixturevalue(persona))
    assert answer.status_code == 403
    fine(answer, "en")


def test_the_form_of_one_session_does_not_work_in_another(site, visit, lender):
    other = open_session(site.deps, persona="lender", member_id=site.platform.member_id)
    form = inquiry(Page(visit("/inquiry", other).text), 1)
    answer = visit("/inquiry", lender, method="POST", data=form)
    assert answer.status_code == 403


def test_the_language_is_kept_and_can_be_asked_for(site):
    client = site.client
    assert Page(client.get("/", headers={"Accept-Language": "zh"}).text).language == "zh-Hans"
    assert Page(client.get("/?lang=zh").text).language == "zh-Hans"
    assert Page(client.get("/").text).language == "zh-Hans"
    assert Page(client.get("/?lang=en").text).language == "en"
    assert Page(client.get("/?lang=fr").text).language == "en"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "changes",
    [{"purpose": "credit_application"}, {"purpose": "joint_loan_duty"}, {"purpose": "own_access"},
     {"purpose": "credit_application/"}, {"purpose": "own_access/self"},
     {"purpose": "credit_application/again"}, {"purpose": "/legal_duty"},
     {"purpose": "joint_loan\0_duty/legal_duty"}, {"purpose": "joint_loan_duty/legal_duty\0"},
     {"scheme": "zz_person\0_number"}, {"number": "99\0"}, {"name": "a\0b"}],
    ids=range(12),
)  # fmt: skip
def test_an_inquiry_by_the_form_names_what_it_rests_on(site, visit, lender, language, changes):
    def looks() -> int:
        with site.deps.database.connect("sequencer") as connection:
            return connection.execute("select count(*) from log.look").fetchall()[0][0]

    before = looks()
    form = inquiry(Page(visit("/inquiry", lender).text), 1, **changes)
    answer = visit(f"/inquiry?lang={language}", lender, method="POST", data=form)
    assert answer.status_code == 422
    fine(answer, language)
    assert looks() == before


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("hides_its_length", [False, True])
def test_a_form_that_is_too_large_is_refused_with_a_page(visit, lender, language, hides_its_length):
    def pieces():
        yield from [b"a" * 1024] * 65

    content = pieces() if hides_its_length else b"a" * (64 * 1024 + 1)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = visit(
        f"/inquiry?lang={language}", lender, method="POST", content=content, headers=headers
    )
    assert answer.status_code == 413
    fine(answer, language)
    assert "/docs/errors/too_large" in answer.text
