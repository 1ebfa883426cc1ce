"""Keys, idempotency and cursors."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest
from records import ask, csv_file, subject

import factory
from tallystick.entry.http.paging import cursor, number_place, place_of
from tallystick.entry.http.web import KNOWN_SECONDS, Callers
from tallystick.errors import BadRequest, Refused
from tallystick.service.idempotency import (
    KEPT,
    InFlight,
    StoredAnswer,
    forget_answers,
    keep_answer,
    stored_answer,
)
from tallystick.service.members import issue_key, keys_of, revoke_key

CSV = {"content-type": "text/csv"}


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer sk_test_wrong", "Basic eDp5", "Bearer \u00e9"]
)
def test_without_a_right_key_there_is_nothing(site, header):
    answer = site.client.get("/v1/submissions", headers={"Authorization": header.encode("latin-1")})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_revoked_key_works_at_most_a_second_longer(site):
    ticks = [100.0]
    callers = Callers(site.deps, ticks=lambda: ticks[0])
    header = f"Bearer {site.bank_key}"
    assert asyncio.run(callers.member(header)).code == "bank-a"
    revoke_key(site.deps, keys_of(site.deps, site.bank.member_id)[0].key_id)
    ticks[0] += KNOWN_SECONDS - 0.001
    assert asyncio.run(callers.member(header)).code == "bank-a"
    ticks[0] += 0.001
    with pytest.raises(BadRequest, match="not_authenticated"):
        asyncio.run(callers.member(header))


@pytest.mark.parametrize(
    ("key", "status"),
    [(None, 400), ("k" * 15, 400), ("k" * 16, 201), ("k" * 255, 201), ("k" * 256, 400),
     ("with blanks inside", 400), (str(UUID(int=5)), 201)],
)  # fmt: skip
def test_each_post_needs_a_key_of_the_right_form(site, key, status):
    headers = {"Authorization": f"Bearer {site.bank_key}"}
    if key is not None:
        headers["Idempotency-Key"] = key
    body = {"dataset": "subject", "records": [subject(1)]}
    answer = site.client.post("/v1/records", json=body, headers=headers)
    assert answer.status_code == status
    assert status == 201 or answer.json()["code"] == "idempotency_key_missing"


def test_the_same_request_gets_the_same_answer_and_another_payload_does_not(site):
    headers = {"Idempotency-Key": str(uuid4())}
    body = {"dataset": "subject", "records": [subject(1)]}
    first = site.send("POST", "/v1/records", json=body, headers=headers)
    again = site.send("POST", "/v1/records", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    other = {"dataset": "subject", "records": [subject(2)]}
    refused = site.send("POST", "/v1/records", json=other, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
    elsewhere = site.send("POST", "/v1/records", json=other, headers=headers, key=site.platform_key)
    assert elsewhere.status_code == 201


def test_a_file_sent_again_under_its_key_is_the_same_submission(site):
    headers = {"Idempotency-Key": str(uuid4()), **CSV}
    path = "/v1/submissions?dataset=subject"
    first = site.send("POST", path, content=csv_file(subject(1)), headers=headers)
    again = site.send("POST", path, content=csv_file(subject(1)), headers=headers)
    other = site.send("POST", path, content=csv_file(subject(2)), headers=headers)
    assert first.status_code == again.status_code == 202
    assert again.content == first.content
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(site.queued) == 1


def test_a_key_is_one_act_whatever_the_act(site):
    bank = factory.member(site.deps)
    secret = issue_key(site.deps, bank.member_id, "test").secret
    record = factory.consent_record(site.deps, bank, 1)
    consent = {
        "artefact": record["artefact"], "salt": record["salt"],
        "scheme": record["identifier_scheme"], "number": record["identifier_number"],
    }  # fmt: skip
    acts = {
        "/v1/records": {"json": {"dataset": "subject", "records": [subject(1)]}},
        "/v1/inquiries": {"json": ask(1)},
        "/v1/consents": {"json": consent},
        "/v1/submissions?dataset=subject": {"content": csv_file(subject(2)), "headers": CSV},
    }

    def sent(path, key):
        headers = acts[path].get("headers", {}) | {"Idempotency-Key": key}
        return site.send("POST", path, **acts[path] | {"headers": headers, "key": secret})

    for path in acts:
        key = str(uuid4())
        assert sent(path, key).status_code in {201, 202}
        for other in acts.keys() - {path}:
            refused = sent(other, key)
            assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
        again = sent(path, key)
        assert again.status_code in {201, 202}
        assert again.headers["idempotent-replayed"] == "true"


def test_a_request_in_flight_is_not_begun_twice():
    running = InFlight()
    with running.hold("client", "key"):
        with running.hold("client", "other"), running.hold("else", "key"):
            pass
        with pytest.raises(Refused, match="request_in_flight"), running.hold("client", "key"):
            pass
    with running.hold("client", "key"):
        pass


def test_of_two_processes_the_first_answer_stands_and_goes_after_its_time(deps, clock):
    client, first = UUID(int=1), StoredAnswer(status=201, body='{"n": 1}')
    second = StoredAnswer(status=201, body='{"n": 2}')
    assert keep_answer(deps, client, "k", request_digest=b"d", answer=first) == first
    assert keep_answer(deps, client, "k", request_digest=b"d", answer=second) == first
    with pytest.raises(BadRequest, match="idempotency_key_reused"):
        keep_answer(deps, client, "k", request_digest=b"e", answer=second)
    clock.advance(KEPT)
    assert forget_answers(deps, clock()) == 0
    clock.advance(KEPT / 10**6)
    assert forget_answers(deps, clock()) == 1
    assert stored_answer(deps, client, "k", b"d") is None


def test_pages_of_a_list_meet_without_gap_or_overlap(site):
    sent = [
        site.send(
            "POST",
            "/v1/submissions?dataset=subject",
            content=csv_file(subject(serial)),
            headers=CSV,
        ).json()["id"]
        for serial in range(5)
    ]
    seen, path, sizes = [], "/v1/submissions?limit=2", []
    while path:
        answer = site.send("GET", path)
        body = answer.json()
        seen += [entry["id"] for entry in body["data"]]
        sizes.append(len(body["data"]))
        assert body["has_more"] == (body["next_cursor"] is not None) == ("link" in answer.headers)
        path = answer.headers.get("link", "").partition(">")[0].lstrip("<")
    assert sorted(seen) == sorted(sent)
    assert sizes == [2, 2, 1]
    assert site.send("GET", "/v1/submissions", key=site.platform_key).json()["data"] == []


def test_a_cursor_is_opaque_and_only_ours():
    assert place_of(cursor("12")) == "12"
    assert number_place(None) == -1
    assert number_place(cursor("12")) == 12
    for wrong in ("12", "cur_*", "cur_", cursor("-1"), cursor("1" * 19)):
        with pytest.raises(BadRequest, match="invalid_cursor"):
            number_place(wrong)
