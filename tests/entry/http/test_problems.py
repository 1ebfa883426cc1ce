"""Every error has one shape, one catalogue, and nothing of the request in it."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from uuid import uuid4

import pytest
from starlette.routing import Route

from tallystick.errors import ProfileError, Unavailable
from tallystick.report import NEWEST, VERSIONS
from tallystick.report.reference import schema
from tallystick.service.catalogue import CATALOGUE, codes_page, read_catalogue

ROOT = Path(__file__).parents[3]
MEMBERS = {
    "type", "title", "status", "detail", "instance", "code", "retryable", "errors",
    "display_message",
}  # fmt: skip
JSON = {"content-type": "application/json"}


@pytest.fixture
def site(shared_site):
    return shared_site


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "code"),
    [
        ("GET", "/v1/nothing", {}, 404, "not_found"),
        ("PUT", "/v1/meta", {}, 405, "method_not_allowed"),
        ("GET", "/v1/rules/NO-RULE-001", {}, 404, "unknown_rule"),
        ("GET", "/v1/schemas/nothing", {}, 422, "unknown_dataset"),
        ("GET", "/v1/submissions/sbm_1", {}, 404, "not_found"),
        ("GET", f"/v1/submissions/sbm_{'0' * 32}", {}, 404, "not_found"),
        ("GET", "/v1/submissions?limit=0", {}, 422, "invalid_request"),
        ("GET", "/v1/submissions?limit=201", {}, 422, "invalid_request"),
        ("GET", "/v1/submissions?after=x", {}, 400, "invalid_cursor"),
        ("GET", "/v1/submissions?after=cur_eHh4", {}, 400, "invalid_cursor"),
        ("GET", "/v1/reports/inq_1", {}, 404, "not_found"),
        ("POST", "/v1/records", {"content": b"{"}, 415, "unsupported_media_type"),
        ("POST", "/v1/records", {"content": b"{", "headers": JSON}, 400, "malformed_json"),
        ("POST", "/v1/records", {"json": []}, 422, "invalid_request"),
        ("POST", "/v1/records", {"json": {"dataset": "nothing", "records": [{}]}}, 422,
         "unknown_dataset"),
        ("POST", "/v1/records", {"json": {"dataset": "subject", "records": [{}] * 101}}, 422,
         "too_many_records"),
        ("POST", "/v1/records", {"json": {"dataset": "subject", "records": [{}], "x": 1}}, 422,
         "unknown_key"),
        ("POST", "/v1/records", {"content": b" " * (2 * 1024 * 1024 + 1), "headers": JSON}, 413,
         "too_large"),
        ("POST", "/v1/consents", {"content": b" " * (64 * 1024 + 1), "headers": JSON}, 413,
         "too_large"),
        ("POST", "/v1/consents/cns_1/withdraw", {}, 404, "not_found"),
        ("POST", "/v1/submissions?dataset=subject", {"content": b"x"}, 415,
         "unsupported_media_type"),
        ("POST", "/v1/submissions?dataset=nothing", {"content": b"x", "headers":
         {"content-type": "text/csv"}}, 422, "unknown_dataset"),
        ("POST", "/v1/inquiries", {"json": {"canary": 1}}, 422, "invalid_request"),
    ],
)  # fmt: skip
def test_errors_are_problems_of_the_catalogue(site, method, path, more, status, code):
    answer = site.send(method, path, **more)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(body) == MEMBERS
    assert body["status"] == status == CATALOGUE[code].status
    assert body["type"] == f"/docs/errors/{code}"
    assert body["instance"] == answer.headers["request-id"]
    assert re.fullmatch(r"req_[0-9a-f]{32}", body["instance"])


@pytest.mark.parametrize(
    ("method", "address", "name", "message"),
    [
        ("GET", "/v1/submissions?limit=-1", "limit", "must be {number}"),
        ("GET", "/v1/submissions?limit=201", "limit", "must be {number}"),
        ("GET", "/v1/submissions?limit=ten", "limit", "must be {number}"),
        *(("GET", f"/v1/submissions?limit={wrong}", "limit", "must be {number}")
          for wrong in ("%2B2", "2.0", "1_0", "+2", "2+", "", "1e1", "%D9%A2", "%EF%BC%92",
                        "9" * 5000)),
        ("GET", f"/v1/submissions?after={'x' * 121}", "after",
         "must be at most 120 characters long"),
        ("POST", "/v1/submissions", "dataset", "must be given: at most 40 characters long"),
        ("POST", "/v1/submissions?dataset=subject&again=perhaps", "again",
         "must be true or false"),
    ],
)  # fmt: skip
def test_a_parameter_that_does_not_fit_is_told_what_it_must_be(
    site, method, address, name, message
):
    number = "a whole number, at least 1 and at most 200"
    answer = site.send(method, address)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"pointer": f"/query/{name}", "message": message.format(number=number)}
    ]


_PACKED = gzip.compress(b"{}", mtime=0)  # the same bytes in every process: cases are named by it


@pytest.mark.parametrize("path", ["/v1/inquiries", "/v1/records", "/v1/consents"])
@pytest.mark.parametrize(
    ("encodings", "content", "status"),
    [([], b"{}", 422), (["identity"], b"{}", 422), (["Identity"], b"{}", 422), ([""], b"{}", 422),
     (["identity", "identity"], b"{}", 422), (["br"], b"{}", 415), (["gzip"], _PACKED, 415),
     (["identity, gzip"], _PACKED, 415), (["identity", "gzip"], _PACKED, 415),
     (["canary"], b"{}", 415)],
)  # fmt: skip
def test_a_json_body_is_taken_as_it_is_only(shared_site, path, encodings, content, status):
    given = {
        "authorization": f"Bearer {shared_site.bank_key}", "idempotency-key": uuid4().hex, **JSON,
    }  # fmt: skip
    headers = [*given.items(), *(("content-encoding", one) for one in encodings)]
    answer = shared_site.client.post(path, content=content, headers=headers)
    told = answer.json()
    assert answer.status_code == status
    assert (told["code"] == "unsupported_content_encoding") == (status == 415)
    assert (answer.headers.get("accept-encoding") == "identity") == (status == 415)
    assert ("identity" in told["detail"]) == (status == 415)
    assert "canary" not in answer.text


@pytest.mark.parametrize("limit", ["1", "2", "200", "02"])
def test_a_limit_of_digits_is_taken(site, limit):
    assert site.send("GET", f"/v1/submissions?limit={limit}").status_code == 200


def test_the_schema_says_the_bounds_of_a_limit(site):
    found = site.send("GET", "/openapi.json").json()["paths"]["/v1/submissions"]["get"]
    [limit] = [one["schema"] for one in found["parameters"] if one["name"] == "limit"]
    assert (limit["type"], limit["minimum"], limit["maximum"]) == ("integer", 1, 200)


@pytest.mark.parametrize(
    ("path", "text", "places"),
    [
        ("/v1/inquiries", '{"purpose": "a", "purpose": "canary"}', ["/purpose"]),
        ("/v1/inquiries", '{"subject": {"name": "canary", "name": "b"}}', ["/subject/name"]),
        ("/v1/inquiries", '{"subject": {"n\\u0061me": "canary", "name": "b"}}', ["/subject/name"]),
        ("/v1/records", '{"dataset": "x", "records": [{}, {"a/b": 1, "c": 2, "a/b": 1}]}',
         ["/records/1/a~1b"]),
        ("/v1/records", '{"dataset": "x", "dataset": "y", "records": [{"a": 1, "a": 1, "a": 1}]}',
         ["/dataset", "/records/0/a"]),
        ("/v1/consents", '{"salt": "canary", "salt": "canary"}', ["/salt"]),
    ],
)  # fmt: skip
def test_a_key_that_stands_twice_is_told_by_its_place(site, path, text, places):
    answer = site.send("POST", path, content=text.encode(), headers=JSON)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (422, "doubled_key")
    assert [fault["pointer"] for fault in body["errors"]] == places
    assert "canary" not in answer.text


@pytest.mark.parametrize(
    ("path", "text", "code"),
    [
        ("/v1/inquiries", '{"subject": {"name": "a"}, "name": "a"}', "invalid_request"),
        ("/v1/records", '{"dataset": "x", "records": [{"a": 1}, {"a": 1}]}', "unknown_dataset"),
        ("/v1/records", '{"dataset": "dataset", "records": [{"x": "records"}]}', "unknown_dataset"),
    ],
)  # fmt: skip
def test_equal_keys_of_two_objects_are_no_fault(site, path, text, code):
    answer = site.send("POST", path, content=text.encode(), headers=JSON)
    assert answer.json()["code"] == code


@pytest.mark.parametrize("levels", [65, 254, 900, 1000])
@pytest.mark.parametrize(
    ("path", "before", "after"),
    [("/v1/records", '{"dataset": "snapshot", "records": [{"balance": ', "}]}"),
     ("/v1/inquiries", '{"purpose": "p", "subject": ', "}"),
     ("/v1/consents", '{"artefact": ', "}")],
)  # fmt: skip
def test_values_nested_too_deep_are_refused(site, path, before, after, levels):
    own = before.count("{") + before.count("[")
    value = '{"a":' * (levels - own) + "1" + "}" * (levels - own)
    answer = site.send("POST", path, content=(before + value + after).encode(), headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")


def test_values_nested_as_deep_as_may_be_are_judged(site):
    value = '{"a":' * 61 + "1" + "}" * 61
    text = '{"dataset": "snapshot", "records": [{"balance": ' + value + "}]}"
    answer = site.send("POST", "/v1/records", content=text.encode(), headers=JSON)
    assert answer.status_code == 201


def test_a_body_that_hides_its_length_is_cut_off(site):
    def pieces():
        for _ in range(70):
            yield b" " * 1024

    answer = site.send("POST", "/v1/consents", content=pieces(), headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("language", "tag", "word"),
    [("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans", "分页"), ("en", "en", "cursor"), ("fr", "en", "cursor"),
     ("en;q=0.1, zh;q=0.2", "zh-Hans", "分页"), ("zh;q=0, en;q=0.1", "en", "cursor"),
     ("zh;q=x", "en", "cursor")],
)  # fmt: skip
def test_the_display_message_speaks_the_callers_language(site, language, tag, word):
    answer = site.send("GET", "/v1/submissions?after=x", headers={"Accept-Language": language})
    assert answer.headers["content-language"] == tag
    assert word in answer.json()["display_message"]


def test_every_type_address_is_a_page_in_both_languages(site):
    for code, entry in CATALOGUE.items():
        assert entry.title_en in site.client.get(f"/docs/errors/{code}?lang=en").text.replace(
            "&#39;", "'"
        )
        assert entry.title_zh in site.client.get(f"/docs/errors/{code}?lang=zh").text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_list_is_found_where_the_documentation_has_it(site, language):
    address = f"/docs/reference/codes.md?lang={language}"
    answer = site.client.get(address, follow_redirects=True)
    assert (answer.status_code, answer.url.path) == (200, "/docs/errors")
    assert f"/docs/errors/{next(iter(CATALOGUE))}" in answer.text
    assert next(iter(CATALOGUE.values())).title(language).replace("'", "&#39;") in answer.text


def test_an_unexpected_failure_tells_and_logs_nothing_of_the_request(site, caplog):
    async def broken(_request):
        raise RuntimeError("canary 8810 of the request")

    site.app.router.routes.append(Route("/v1/broken", broken))
    answer = site.send("GET", "/v1/broken")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "canary" not in answer.text
    assert "canary" not in caplog.text
    assert answer.json()["instance"] in caplog.text
    assert "RuntimeError at broken" in caplog.text


def test_an_outage_says_whether_to_try_again(site):
    async def down(_request):
        raise Unavailable("unavailable", "the store is down", retryable=True)

    site.app.router.routes.append(Route("/v1/down", down))
    answer = site.send("GET", "/v1/down")
    assert (answer.status_code, answer.json()["retryable"]) == (503, True)
    assert answer.headers["retry-after"] == "1"


def test_the_callers_interaction_id_comes_back(site):
    given = "c770aef3-6784-41f7-8e0e-ff5f97bddb3a"
    answer = site.client.get("/livez", headers={"x-fapi-interaction-id": given})
    assert answer.headers["x-fapi-interaction-id"] == given
    odd = site.client.get("/livez", headers={"x-fapi-interaction-id": "not-one"})
    assert "x-fapi-interaction-id" not in odd.headers


def test_the_published_schema_of_a_report_is_served_beside_the_datasets(site):
    answer = site.client.get("/v1/schemas/report")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/schema+json")
    assert answer.json() == schema(NEWEST)
    assert "report" not in site.deps.registry, "a dataset of this name could not be reached"
    for near in ("reports", "report-v2", "Report"):
        answer = site.client.get(f"/v1/schemas/{near}")
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_dataset")


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS.keys())
def test_the_schema_of_each_version_of_a_report_is_served(site, version):
    answer = site.client.get(f"/v1/schemas/report/{version.name.rpartition('/')[2]}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/schema+json")
    assert answer.json() == schema(version)


@pytest.mark.parametrize("near", ["0", str(len(VERSIONS) + 1), "05", "five", "5.0"])
def test_a_version_of_a_report_that_is_none_is_told_which_there_are(site, near):
    answer = site.client.get(f"/v1/schemas/report/{near}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.json()["detail"].endswith("1, 2, 3, 4, 5, 6")


def test_the_code_page_is_the_catalogue():
    page = (ROOT / "docs" / "reference" / "codes.md").read_text(encoding="utf-8")
    assert page == codes_page(CATALOGUE)


def test_every_code_the_program_raises_is_in_the_catalogue():
    raised = re.compile(r'(?:Refused|BadRequest|Unavailable|InvalidRequest)\(\s*"([a-z_0-9]+)"')
    used = {
        code
        for file in (ROOT / "src").rglob("*.py")
        for code in raised.findall(file.read_text(encoding="utf-8"))
    }
    assert used - set(CATALOGUE) == set()


@pytest.mark.parametrize(
    "text",
    ['[a]\nstatus = 399\nretryable = false\ntitle = {en="t", zh="t"}\nfix = {en="t", zh="t"}',
     '[a]\nstatus = 400\nretryable = false\ntitle = {en="t"}\nfix = {en="t", zh="t"}',
     '[a]\nstatus = 400\nretryable = "no"\ntitle = {en="t", zh="t"}\nfix = {en="t", zh="t"}',
     '[a]\nstatus = 400\nx = 1\nretryable = true\ntitle = {en="t", zh="t"}\n'
     'fix = {en="t", zh="t"}'],
)  # fmt: skip
def test_an_incomplete_entry_is_refused(text):
    with pytest.raises(ProfileError, match=r"codes\.toml: a: needs"):
        read_catalogue(text)


#: Codes whose title and fix in the catalogue say all there is to say.
_SAID_BY_THE_CATALOGUE = {"form_expired", "sign_in_link_invalid", "sign_in_required"}


def test_every_error_raised_says_what_was_found_or_is_allowed():
    bare = re.compile(r'(?:Refused|BadRequest|Unavailable)\(\s*"([a-z_0-9]+)",?\s*\)')
    found = {
        code
        for file in (ROOT / "src").rglob("*.py")
        for code in bare.findall(file.read_text(encoding="utf-8"))
    }
    assert found == _SAID_BY_THE_CATALOGUE


@pytest.mark.parametrize(
    ("method", "path", "more", "words"),
    [
        ("GET", "/v1/submissions/sbm_1", {}, "sbm_ and 32 hex digits"),
        ("GET", "/v1/reports/inq_1", {}, "inq_ and 32 hex digits"),
        ("GET", "/v1/schemas/nothing", {}, "`dataset` is one of: "),
        ("POST", "/v1/records", {"content": b"{", "headers": JSON}, "line 1, column 2"),
        ("POST", "/v1/records", {"content": b"{"}, "must be application/json"),
        ("POST", "/v1/records", {"json": {"dataset": "subject", "records": [{}] * 101}},
         "101 records came; 1 to 100"),
        ("POST", "/v1/consents", {"content": b" " * (64 * 1024 + 1), "headers": JSON},
         "at most 65536 bytes"),
        ("POST", "/v1/submissions?dataset=subject", {"content": b"x"}, "text/csv"),
        ("POST", "/v1/submissions?dataset=subject", {"headers": {"Idempotency-Key": "k" * 15}},
         "it has 15 characters"),
    ],
)  # fmt: skip
def test_the_detail_names_what_is_allowed(site, method, path, more, words):
    assert words in site.send(method, path, **more).json()["detail"]
