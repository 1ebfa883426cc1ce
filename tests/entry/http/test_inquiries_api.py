"""Inquiries over HTTP: read strictly, answered with the body's own bytes."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import orjson
import pytest
from joserfc.jwk import OKPKey
from records import ask, subject

from tallystick.entry.http.api_inquiries import read_ask
from tallystick.entry.http.problem import InvalidRequest
from tallystick.model.canonical import canonical
from tallystick.model.permit import MEMBERS_PERMITS
from tallystick.service.members import Member

BANK = Member(UUID(int=1), "bank", "Bank", "银行", "commercial_bank")
CONSENT = {"type": "consent", "consent_id": f"cns_{'a' * 32}"}


def read(given):
    return read_ask(
        given, member=BANK, request_key="k" * 16, digest=b"d", time_zone="Asia/Shanghai"
    )


def test_an_inquiry_is_read_as_it_was_meant():
    given = ask(1, legal_basis=CONSENT, purpose="credit_application")
    read_back = read(given)
    number = given["subject"]["identifiers"][0]["value"]
    assert read_back.identifiers == (("zz_person_number", number),)
    assert read_back.consent_id == UUID("a" * 32)
    assert read_back.birth_date.isoformat() == "1990-05-31"
    assert (read_back.as_of, read_back.known_at) == (None, None)


def test_a_bare_day_means_its_end_where_the_bureau_is():
    read_back = read(ask(1, legal_basis=CONSENT, as_of="2026-03-31", known_at="2026-03-30"))
    end = timedelta(days=1) - timedelta(microseconds=1)
    midnight = datetime(2026, 3, 30, 16, tzinfo=UTC)
    assert (read_back.as_of, read_back.known_at) == (
        midnight + end,
        midnight - timedelta(days=1) + end,
    )


def _without(*path):
    given = ask(1, legal_basis=dict(CONSENT))
    at = given
    for step in path[:-1]:
        at = at[step]
    del at[path[-1]]
    return given


def _with(value, *path):
    given = ask(1, legal_basis=dict(CONSENT))
    at = given
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return given


@pytest.mark.parametrize(
    ("given", "code", "pointers"),
    [
        ([], "invalid_request", ""),
        ("", "invalid_request", ""),
        (_with(1, ""), "unknown_key", "/"),
        (_with(1, "extra"), "unknown_key", "/extra"),
        (_with(1, "subject", "phone"), "unknown_key", "/subject/phone"),
        (_with(1, "subject", "identifiers", 0, "a/b"), "unknown_key",
         "/subject/identifiers/0/a~1b"),
        (_without("subject", "name"), "invalid_request", "/subject/name"),
        (_with("", "subject", "name"), "invalid_request", "/subject/name"),
        (_with("n" * 201, "subject", "name"), "invalid_request", "/subject/name"),
        (_with("1990-02-30", "subject", "birth_date"), "invalid_request", "/subject/birth_date"),
        (_with("19900531", "subject", "birth_date"), "invalid_request", "/subject/birth_date"),
        (_with("1990-W01-1", "subject", "birth_date"), "invalid_request", "/subject/birth_date"),
        (_with([], "subject", "identifiers"), "invalid_request", "/subject/identifiers"),
        (_with("self", "legal_basis", "type"), "invalid_request", "/legal_basis/type"),
        (_with({"type": "consent", "consent_id": None}, "legal_basis"), "invalid_request",
         "/legal_basis/consent_id"),
        (_with("", "legal_basis", "consent_id"), "invalid_request", "/legal_basis/consent_id"),
        (_with("inq_1", "legal_basis", "consent_id"), "invalid_request",
         "/legal_basis/consent_id"),
        *(
            (_with(CONSENT | {"type": basis}, "legal_basis"), "invalid_request",
             "/legal_basis/consent_id")
            for basis in MEMBERS_PERMITS if basis != "consent"
        ),
        (_with({"type": "legal_duty", "consent_id": None}, "legal_basis"), "invalid_request",
         "/legal_basis/consent_id"),
        (_with("2020-01-01T00:00:00", "as_of"), "invalid_request", "/as_of"),
        (_with(7, "known_at"), "invalid_request", "/known_at"),
        (_with("2023-02-29", "known_at"), "invalid_request", "/known_at"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_by_its_place(given, code, pointers):
    with pytest.raises(InvalidRequest) as caught:
        read(given)
    assert caught.value.code == code
    assert pointers in [fault["pointer"] for fault in caught.value.errors]


@pytest.mark.parametrize(
    "basis", ["legal-duty", "Consent", "", "self", ["legal_duty"], {}, None, 1]
)
@pytest.mark.parametrize("consent", [{}, {"consent_id": "inq_1"}, {"consent_id": None}])
def test_of_a_basis_nobody_knows_only_its_type_is_told(basis, consent):
    with pytest.raises(InvalidRequest) as caught:
        read(_with({"type": basis} | consent, "legal_basis"))
    assert [fault["pointer"] for fault in caught.value.errors] == ["/legal_basis/type"]


def _prepare(site):
    body = {"dataset": "subject", "records": [subject(1)]}
    assert site.send("POST", "/v1/records", json=body).json()["funnel"]["accepted"] == 1


def test_an_answer_carries_its_body_as_it_was_signed(site):
    _prepare(site)
    answer = site.send("POST", "/v1/inquiries", json=ask(1))
    assert answer.status_code == 201, answer.text
    envelope = answer.json()
    assert answer.headers["location"] == f"/v1/reports/{envelope['id']}"
    assert (envelope["object"], envelope["outcome"]) == ("inquiry", "hit")
    raw = answer.content.partition(b'"report":')[2][:-1]
    assert raw == canonical(envelope["report"])
    assert envelope["body_sha256"] == hashlib.sha256(raw).hexdigest()
    signed = {name: envelope[name] for name in ("id", "outcome", "answered_at", "body_sha256")}
    key = OKPKey.import_key(site.client.get("/.well-known/jwks.json").json()["keys"][0])
    key.public_key.verify(bytes.fromhex(envelope["signature"]), canonical(signed))


def test_a_repeated_inquiry_is_one_look(site):
    _prepare(site)
    headers = {"Idempotency-Key": str(uuid4())}
    first = site.send("POST", "/v1/inquiries", json=ask(1), headers=headers)
    turned = dict(reversed(list(ask(1).items())))
    again = site.send("POST", "/v1/inquiries", json=turned, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["id"] == first.json()["id"]
    assert again.json()["report"] == first.json()["report"]
    other = site.send("POST", "/v1/inquiries", json=ask(2), headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    with site.deps.database.connect("serve") as connection:
        assert connection.execute("select count(*) from log.look").fetchone() == (1,)


def test_no_hit_is_an_answer_and_leaves_nothing(site):
    envelope = site.send("POST", "/v1/inquiries", json=ask(3)).json()
    assert (envelope["outcome"], envelope["report"]) == ("no_hit", None)
    assert envelope["receipt"]["look_id"] == str(UUID(envelope["id"].removeprefix("inq_")))


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [(("subject", "identifiers", 0, "scheme"), "zz_person_Number", "identifier_invalid"),
     (("subject", "identifiers", 0, "value"), "0000000196", "identifier_invalid"),
     (("purpose",), "canary_purpose", "purpose_unknown")],
)  # fmt: skip
def test_what_the_profile_does_not_know_is_no_inquiry_and_takes_no_key(site, path, value, code):
    _prepare(site)
    headers, wrong = {"Idempotency-Key": str(uuid4())}, ask(1)
    at = wrong
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    refused = site.send("POST", "/v1/inquiries", json=wrong, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert value not in refused.text
    mended = site.send("POST", "/v1/inquiries", json=ask(1), headers=headers)
    assert (mended.status_code, mended.json()["outcome"]) == (201, "hit")


@pytest.mark.parametrize(
    ("basis", "said"),
    [({"type": "consent"}, "names no consent"),
     (CONSENT, "of the id given")],
)  # fmt: skip
def test_without_a_consent_on_file_an_inquiry_is_a_refusal_and_a_look(site, basis, said):
    _prepare(site)
    given = ask(1, legal_basis=basis, purpose="credit_application")
    headers = {"Idempotency-Key": str(uuid4())}
    answer = site.send("POST", "/v1/inquiries", json=given, headers=headers)
    told = answer.json()
    assert (answer.status_code, told["code"]) == (403, "consent_missing")
    assert said in told["detail"]
    assert "none was named" not in told["title"]
    with site.deps.database.connect("serve") as connection:
        looks = connection.execute(
            "select look_id, outcome, refusal_code, permit from log.look"
        ).fetchall()
    logged = UUID(told["inquiry"].removeprefix("inq_"))
    assert "idempotent-replayed" not in answer.headers
    again = site.send("POST", "/v1/inquiries", json=given, headers=headers)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.status_code == 403
    assert again.json() | {"instance": ""} == told | {"instance": ""}
    assert looks == [(logged, "refused", "consent_missing", "consent")]


def test_a_lender_may_not_ask_the_past(site):
    _prepare(site)
    for name, when in (("as_of", "2020-01-01T00:00:00+08:00"), ("known_at", "2020-01-01")):
        given = ask(1) | {name: when}
        answer = site.send("POST", "/v1/inquiries", json=given)
        assert (answer.status_code, answer.json()["code"]) == (403, "history_not_permitted")


def test_the_same_answer_can_be_read_again_by_the_same_member_only(site):
    _prepare(site)
    first = site.send("POST", "/v1/inquiries", json=ask(1)).json()
    again = site.send("GET", f"/v1/reports/{first['id']}")
    assert again.status_code == 200
    assert again.json()["report"] == first["report"]
    assert orjson.loads(again.content)["body_sha256"] == first["body_sha256"]
    other = site.send("GET", f"/v1/reports/{first['id']}", key=site.platform_key)
    assert (other.status_code, other.json()["code"]) == (404, "not_found")
    nobodys = site.send("GET", f"/v1/reports/inq_{'0' * 32}").json()
    assert other.json() | {"instance": ""} == nobodys | {"instance": ""}
