"""The consent artefact: what its signature covers, and every way it can fail to hold."""

from __future__ import annotations

import base64

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tallystick.consent import check_subject, read_artefact, subject_hash
from tallystick.consent.artefact import kid_of
from tallystick.errors import BadRequest

KEY, STRANGER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
SALT = base64.urlsafe_b64encode(b"s" * 16).decode().rstrip("=")
SCHEME, NUMBER = "zz_person_number", "1234567890"
PAYLOAD = {
    "version": "1",
    "consent_id": "01890000-0000-7000-8000-000000000001",
    "subject_hash": subject_hash(SALT, SCHEME, NUMBER),
    "captured_by": "bank",
    "recipient": "bank",
    "purpose": "credit_application",
    "data_classes": ["loans", "identity"],
    "valid_from": "2025-01-01T00:00:00Z",
    "valid_to": "2025-02-01T00:00:00Z",
    "given_at": "2025-01-01T00:00:00Z",
    "uses_allowed": 3,
    "evidence": {"method": "app", "text_sha256": "0" * 64, "locale": "zh"},
}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "x": b64(key.public_key().public_bytes_raw())}


def signed(payload: object, key: Ed25519PrivateKey = KEY, alg: str = "Ed25519") -> str:
    header = b64(orjson.dumps({"alg": alg, "kid": "bank:1", "typ": "consent+jws"}))
    text = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    body = f"{header}.{b64(text)}"
    return f"{body}.{b64(key.sign(body.encode()))}"


def test_what_was_signed_is_what_is_read():
    read = read_artefact(signed(PAYLOAD), jwk(KEY))
    assert read.data_classes == ("identity", "loans")
    assert (read.uses_allowed, read.purpose) == (3, "credit_application")
    check_subject(read, salt=SALT, scheme=SCHEME, number=NUMBER)
    assert kid_of(signed(PAYLOAD)) == "bank:1"


def test_the_older_name_of_the_algorithm_is_taken():
    assert read_artefact(signed(PAYLOAD, alg="EdDSA"), jwk(KEY)).recipient == "bank"


@pytest.mark.parametrize(
    "artefact",
    [
        signed(PAYLOAD, STRANGER),
        signed(PAYLOAD, alg="none"),
        signed(PAYLOAD)[:-3] + "AAA",
        signed([1, 2]),
        signed({**PAYLOAD, "valid_to": PAYLOAD["valid_from"]}),
        signed({**PAYLOAD, "valid_to": "2025-02-01T00:00:00"}),
        signed({**PAYLOAD, "data_classes": []}),
        signed({name: value for name, value in PAYLOAD.items() if name != "purpose"}),
        signed({**PAYLOAD, "consent_id": "not-an-id"}),
        "a.b",
        "",
    ],
)
def test_an_artefact_that_does_not_hold_is_refused(artefact):
    with pytest.raises(BadRequest, match="bad_consent"):
        read_artefact(artefact, jwk(KEY))


@pytest.mark.parametrize(
    ("after", "more", "is_taken"),
    [
        (b'"recipient":"bank"', b',"recipient":"other"', False),
        (b'"recipient":"bank"', b',"recipient":"bank"', False),
        (b'"method":"app"', b',"method":"paper"', False),
        (b'"method":"app"', b',"recipient":"other"', True),
        (b'"recipient":"bank"', b"", True),
    ],
)
def test_what_was_signed_says_one_thing_only(after, more, is_taken):
    text = orjson.dumps(PAYLOAD).replace(after, after + more, 1)
    if is_taken:
        assert read_artefact(signed(text), jwk(KEY)).recipient == "bank"
        return
    with pytest.raises(BadRequest, match="a key twice") as refused:
        read_artefact(signed(text), jwk(KEY))
    assert refused.value.code == "bad_consent"


@pytest.mark.parametrize("written", ["１２３４５６７８９０", "12345-67890", "12345 67890"])
def test_a_number_written_otherwise_is_the_same(written):
    payload = PAYLOAD | {"subject_hash": subject_hash(SALT, SCHEME, "1234567890")}
    check_subject(
        read_artefact(signed(payload), jwk(KEY)), salt=SALT, scheme=SCHEME, number=written
    )


@pytest.mark.parametrize("artefact", ["", "a.b.c", b64(b"[]") + ".x.y", b64(b"{}") + ".x.y"])
def test_an_artefact_without_a_key_id_is_refused(artefact):
    with pytest.raises(BadRequest, match="bad_consent"):
        kid_of(artefact)


@pytest.mark.parametrize(
    ("scheme", "number", "salt"),
    [
        (SCHEME, "1234567891", SALT),
        ("cn_resident_id", NUMBER, SALT),
        (SCHEME, NUMBER, b64(b"t" * 16)),
    ],
)
def test_an_artefact_of_another_subject_is_refused(scheme, number, salt):
    read = read_artefact(signed(PAYLOAD), jwk(KEY))
    with pytest.raises(BadRequest, match="consent_other_subject"):
        check_subject(read, salt=salt, scheme=scheme, number=number)
