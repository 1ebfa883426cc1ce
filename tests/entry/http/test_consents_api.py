"""Consents over HTTP: taken as they were signed, or refused with what of them does not do."""

from __future__ import annotations

import base64
import hmac
import re
from datetime import timedelta
from typing import Any

import pytest

import factory
from tallystick.consent import subject_hash
from tallystick.entry.cli.offline_consent import check
from tallystick.model.instant import instant_text
from tallystick.service import registering
from tallystick.service.consents import register
from tallystick.service.members import issue_key
from tallystick.service.submissions import findings


def _text64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


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


_RANDOM = bytes(range(0xE0, 0xF0))
#: Its signs in the alphabet of URLs, in the standard one, and with what is no sign among them.
_SAFE = base64.urlsafe_b64encode(_RANDOM).decode().rstrip("=")
_SALTS = [
    (_SAFE, 201), (_text64(_RANDOM + b"x"), 201), (_text64(_RANDOM[:15]), 422), ("YQ", 422),
    ("!!", 422), (_SAFE + "==", 422), (_SAFE.replace("-", "+").replace("_", "/"), 422),
    (_SAFE[:5] + "\u00e9!" + _SAFE[5:], 422), (_SAFE[:-1] + "x", 422),
    (_SAFE[:5] + " " + _SAFE[5:], 422),
]  # fmt: skip


@pytest.mark.parametrize(("salt", "status"), _SALTS)
def test_a_salt_is_plain_base64url_of_sixteen_bytes_at_least(
    site: Any, salt: str, status: int
) -> None:
    """The captor names the person by what a lax reader makes of the salt."""
    member = factory.member(site.deps)
    scheme, number = factory.SCHEME, factory.identity_number(1)
    signs = re.sub("[^A-Za-z0-9+/_-]", "", salt)
    lax = base64.urlsafe_b64decode(signs + "=" * (-len(signs) % 4))
    hashed = hmac.digest(lax, f"{scheme}\x1f{number}".encode(), "sha256")
    record = factory.consent_record(site.deps, member, 1, subject_hash=_text64(hashed))
    sent = {"artefact": record["artefact"], "salt": salt, "scheme": scheme, "number": number}
    secret = issue_key(site.deps, member.member_id, "test").secret
    answer = site.send("POST", "/v1/consents", key=secret, json=sent)
    assert answer.status_code == status
    if status != 201:
        told = answer.json()
        assert (told["code"], "`salt`" in told["detail"]) == ("bad_consent", True)
        assert salt not in answer.text
    view = factory.send(site.deps, member, "consent", {**record, "salt": salt})
    found = [(one.rule_id, one.field) for one in findings(site.deps, member, view.submission_id)]
    assert found == ([] if status == 201 else [("CNS-SALT-001", "salt")])


def test_a_consent_on_file_under_a_lax_salt_stands_and_is_the_same_again(site: Any) -> None:
    """As one taken before its salt was looked at: she can check it still, and it may be resent."""
    member = factory.member(site.deps)
    scheme, number = factory.SCHEME, factory.identity_number(1)
    record = factory.consent_record(
        site.deps, member, 1, subject_hash=subject_hash("YQ", scheme, number)
    )
    sent = {"artefact": record["artefact"], "salt": "YQ", "scheme": scheme, "number": number}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registering, "require_salt", lambda _: None)
        first = register(site.deps, member, **sent)
    assert register(site.deps, member, **sent) == first
    jwk = {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": _text64(factory.SIGNING.public_key().public_bytes_raw()),
    }
    told = check(record["artefact"], jwk, salt="YQ", subject=(scheme, number))
    assert (told["signature"], told["names_this_person"]) == (True, True)


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
