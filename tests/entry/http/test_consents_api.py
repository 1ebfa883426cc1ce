"""Consents over HTTP: taken as they were signed, or refused with what of them does not do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import factory
from tallystick.consent import subject_hash
from tallystick.model.instant import instant_text
from tallystick.service.members import issue_key


@pytest.mark.parametrize(
    ("fields", "late", "status", "found"),
    [
        ({}, 0, 201, "active"),
        ({}, 1, 422, "consent_given_later"),
        ({"purpose": "nope"}, 0, 422, "consent_unknown_word"),
        ({"data_classes": ["everything"]}, 0, 422, "consent_unknown_word"),
        ({"uses_allowed": 0}, 0, 422, "bad_consent"),
    ],
)
def test_a_consent_is_taken_or_refused_with_its_code(
    site: Any, fields: dict[str, Any], late: int, status: int, found: str
) -> None:
    member = factory.member(site.deps)
    given_at = instant_text(site.deps.clock() + timedelta(microseconds=late))
    record = factory.consent_record(site.deps, member, 1, given_at=given_at, **fields)
    sent = {
        "artefact": record["artefact"], "salt": record["salt"],
        "scheme": record["identifier_scheme"], "number": record["identifier_number"],
    }  # fmt: skip
    secret = issue_key(site.deps, member.member_id, "test").secret
    answer = site.send("POST", "/v1/consents", key=secret, json=sent)
    told = answer.json()
    assert (answer.status_code, told["status" if status == 201 else "code"]) == (status, found)


def test_a_number_sent_as_its_scheme_is_refused_and_kept_nowhere(site: Any) -> None:
    member = factory.member(site.deps)
    scheme, number = factory.SCHEME, factory.identity_number(1)
    salt = factory.consent_record(site.deps, member, 1)["salt"]
    swapped = subject_hash(salt, number, scheme)
    record = factory.consent_record(site.deps, member, 1, subject_hash=swapped)
    sent = {"artefact": record["artefact"], "salt": record["salt"]}
    secret = issue_key(site.deps, member.member_id, "test").secret
    answer = site.send(
        "POST", "/v1/consents", key=secret, json={**sent, "scheme": number, "number": scheme}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "identifier_invalid")
    assert number not in answer.text
    with site.deps.database.connect("serve") as connection:
        assert connection.execute("select scheme from directory.token").fetchall() == []
