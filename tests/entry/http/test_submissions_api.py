"""Files and records over the API, from receipt to reject file."""

from __future__ import annotations

import gzip
import json

import pytest
from records import csv_file, subject

CSV = {"content-type": "text/csv"}
PATH = "/v1/submissions?dataset=subject"
GOOD, BAD = subject(1), subject(2, valid_from="2023-02-29")


@pytest.mark.parametrize(
    ("kind", "packed"),
    [("text/csv", False), ("text/csv; charset=utf-8", True), ("application/gzip", True)],
)
def test_a_file_is_a_job_with_stages_and_a_funnel_that_adds_up(site, kind, packed):
    content = csv_file(GOOD, BAD)
    sent = site.send(
        "POST",
        PATH,
        content=gzip.compress(content) if packed else content,
        headers={"content-type": kind},
    )
    assert sent.status_code == 202
    job = sent.json()
    assert sent.headers["location"] == job["url"] == f"/v1/submissions/{job['id']}"
    assert (job["state"], job["is_finished"]) == ("received", False)
    assert [stage["status"] for stage in job["stages"]] == ["done", "waiting", "waiting", "waiting"]
    site.work_off()
    job = site.send("GET", job["url"]).json()
    assert (job["state"], job["is_finished"]) == ("published", True)
    assert {stage["status"] for stage in job["stages"]} == {"done"}
    assert job["funnel"] == {
        "sent": 2, "accepted": 1, "unchanged": 0, "rejected": 1, "pending": 0,
    }  # fmt: skip
    findings = site.send("GET", job["results"]["findings"]).json()["data"]
    rejecting = [found for found in findings if found["severity"] == "reject"]
    assert [(found["line"], found["field"], found["seen"]) for found in rejecting] == [
        (3, "valid_from", "2023-02-29")
    ]
    assert set(rejecting[0]["how_to_fix"]) == {"en", "zh"}
    rejects = site.send("GET", job["results"]["rejects_csv"])
    assert rejects.headers["content-type"] == "text/csv; charset=utf-8"
    assert "2023-02-29" in rejects.text
    assert rejects.text.count("\n") == 2


def test_a_finding_names_the_codes_of_its_field_as_the_reject_file_does(site):
    content = csv_file(subject(1, identifier_scheme="x"))
    job = site.send("POST", PATH, content=content, headers=CSV).json()
    site.work_off()
    found = site.send("GET", job["results"]["findings"]).json()["data"]
    told = next(one["allowed"] for one in found if one["rule_id"] == "FMT-CELL-008")
    codes = ", ".join(sorted(site.deps.profile_today.schemes))
    assert told == {
        "en": f"a code of the field's list: {codes}", "zh": f"字段列表中的代码: {codes}",
    }  # fmt: skip
    rejects = site.send("GET", job["results"]["rejects_csv"]).text
    assert told["en"] in rejects
    assert told["zh"] in rejects


def test_the_reject_file_has_the_form_of_what_was_sent(site):
    line = json.dumps(subject(1, valid_from="2023-02-29"), ensure_ascii=False).encode() + b"\n"
    sent = {"content-type": "application/x-ndjson"}
    job = site.send("POST", PATH, content=line, headers=sent).json()
    site.work_off()
    rejects = site.send("GET", job["results"]["rejects_csv"])
    assert rejects.headers["content-type"] == "application/x-ndjson"
    assert rejects.headers["content-disposition"].endswith('-rejects.ndjson"')
    assert json.loads(rejects.text)["valid_from"] == "2023-02-29"


def test_what_is_another_members_is_not_there(site):
    job = site.send("POST", PATH, content=csv_file(GOOD), headers=CSV).json()
    for path in (job["url"], *job["results"].values()):
        answer = site.send("GET", path, key=site.platform_key)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        nobodys = site.send("GET", path.replace(job["id"], f"sbm_{'0' * 32}")).json()
        assert answer.json() | {"instance": ""} == nobodys | {"instance": ""}


def test_the_same_bytes_are_the_same_submission_unless_asked_again(site):
    first = site.send("POST", PATH, content=csv_file(GOOD), headers=CSV).json()["id"]
    same = site.send("POST", PATH, content=csv_file(GOOD), headers=CSV).json()["id"]
    more = site.send("POST", f"{PATH}&again=true", content=csv_file(GOOD), headers=CSV).json()["id"]
    assert first == same != more
    assert len(site.queued) == 2


def test_records_are_published_before_the_answer(site):
    body = {"dataset": "subject", "records": [GOOD, BAD]}
    answer = site.send("POST", "/v1/records", json=body)
    assert answer.status_code == 201
    assert answer.json()["state"] == "published"
    assert answer.json()["funnel"]["accepted"] == 1
    assert answer.json()["funnel"]["rejected"] == 1


def test_a_record_set_back_to_what_it_was_stands(site):
    told = [GOOD, {**GOOD, "name": "陈另某"}, GOOD, GOOD]
    funnels = [
        site.send("POST", "/v1/records", json={"dataset": "subject", "records": [one]}).json()[
            "funnel"
        ]
        for one in told
    ]
    assert [one["accepted"] for one in funnels] == [1, 1, 1, 0]
    assert funnels[-1]["unchanged"] == 1


@pytest.mark.parametrize("name", ["Authorization", "Idempotency-Key"])
def test_a_header_that_came_twice_is_refused(site, name):
    body = {"dataset": "subject", "records": [GOOD]}
    sent = {"Authorization": f"Bearer {site.bank_key}", "Idempotency-Key": "k" * 16}
    headers = [*sent.items(), (name, sent[name])]
    answer = site.client.post("/v1/records", json=body, headers=headers)
    assert answer.status_code in (400, 401, 422)
    assert "more than once" in answer.json()["detail"]


def test_records_that_are_no_objects_are_named_by_place(site):
    body = {"dataset": "subject", "records": [GOOD, 7, "x"]}
    answer = site.send("POST", "/v1/records", json=body)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/records/1", "/records/2"]


@pytest.mark.parametrize(
    ("dataset", "status"),
    [
        ("sub\x00ject", 422),
        ("subject\x7f", 422),
        ("subject\x9f", 422),
        ("\u202esubject", 422),
        ("subject", 201),
    ],
)
def test_a_text_with_a_control_character_is_refused(site, dataset, status):
    answer = site.send("POST", "/v1/records", json={"dataset": dataset, "records": [GOOD]})
    assert answer.status_code == status
    if status == 422:
        assert answer.json()["errors"][0]["message"] == "must hold no control character"
