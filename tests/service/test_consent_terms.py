"""What a consent may say to be taken: given before now, for what the bureau knows, to be used."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

import factory
from tallystick.consent.form import MOST_USES
from tallystick.errors import BadRequest, Refused
from tallystick.model.instant import instant_text
from tallystick.report import BLOCKS
from tallystick.service import registering
from tallystick.service.consents import of_subject, register
from tallystick.service.inquire import answer
from tallystick.service.submissions import findings

NOW = datetime(2025, 1, 15, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
ENDS = NOW + timedelta(days=30)
LIFE = timedelta(days=1826)


def _at(moment: datetime) -> dict[str, str]:
    return {"given_at": instant_text(moment)}


_TAKEN = [
    _at(NOW),
    _at(NOW - timedelta(days=1)),
    {"purpose": "furnishing", "recipient": "bureau"},
    {"purpose": "account_review"},
    {"data_classes": ["loans", "performance"]},
    *({"data_classes": [block]} for block in BLOCKS),
    {"uses_allowed": None},
    {"uses_allowed": 1},
    {"uses_allowed": MOST_USES},
    {"valid_to": instant_text(NOW + LIFE)},
]
_PAST = {
    "valid_from": instant_text(NOW - timedelta(days=2)),
    "valid_to": instant_text(NOW - timedelta(days=1)),
}
_REFUSED = [
    ({"valid_to": instant_text(NOW + LIFE + TICK)}, "consent_too_long", "CNS-LIFE-001"),
    (_at(NOW + TICK), "consent_given_later", "CNS-GIVEN-001"),
    (_at(ENDS + timedelta(days=3000)), "consent_given_later", "CNS-GIVEN-001"),
    (
        {**_PAST, **_at(NOW - timedelta(days=1) + TICK)},
        "consent_given_later",
        "CNS-GIVEN-001",
    ),
    ({"purpose": "nope"}, "consent_unknown_word", "CNS-WORD-001"),
    ({"purpose": "Furnishing"}, "consent_unknown_word", "CNS-WORD-001"),
    ({"data_classes": ["identity", "loan"]}, "consent_unknown_word", "CNS-WORD-001"),
    ({"uses_allowed": 0}, "bad_consent", "CNS-FORM-001"),
    ({"uses_allowed": -1}, "bad_consent", "CNS-FORM-001"),
    ({"uses_allowed": MOST_USES + 1}, "bad_consent", "CNS-FORM-001"),
    ({"uses_allowed": "1"}, "bad_consent", "CNS-FORM-001"),
    ({"data_classes": {"identity": 1}}, "bad_consent", "CNS-FORM-001"),
    ({"not_for_loans": True}, "bad_consent", "CNS-FORM-001"),
]


@pytest.mark.parametrize("fields", [*_TAKEN, {**_PAST, **_at(NOW - timedelta(days=1))}])
def test_what_a_consent_may_say_is_taken(bureau: Any, fields: dict[str, Any]) -> None:
    bank = factory.member(bureau.deps)
    factory.consent(bureau.deps, bank, 1, **fields)
    record = factory.consent_record(bureau.deps, bank, 2, **fields)
    sent = factory.send(bureau.deps, bank, "consent", record)
    assert factory.counts(sent) == (1, 0, 0, 0)


@pytest.mark.parametrize(("fields", "code", "rule"), _REFUSED)
def test_what_it_may_not_say_is_refused_alone_and_in_a_file(
    bureau: Any, fields: dict[str, Any], code: str, rule: str
) -> None:
    bank = factory.member(bureau.deps)
    with pytest.raises(BadRequest) as refused:
        factory.consent(bureau.deps, bank, 1, **fields)
    assert refused.value.code == code
    record = factory.consent_record(bureau.deps, bank, 1, **fields)
    sent = factory.send(bureau.deps, bank, "consent", record)
    assert (factory.counts(sent), factory.rules(sent)) == ((0, 0, 1, 0), {rule})


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (lambda own: own, (1, 0, 0, 0)),
        (lambda own: own.upper(), (0, 0, 1, 0)),
        (lambda own: own[:-1] + ("0" if own[-1] != "0" else "1"), (0, 0, 1, 0)),
    ],
    ids=["its own", "in capitals", "another"],
)
def test_a_row_names_the_consent_by_the_id_that_was_signed(
    bureau: Any, given: Any, wanted: tuple[int, int, int, int]
) -> None:
    bank = factory.member(bureau.deps)
    record = factory.consent_record(bureau.deps, bank, 1)
    record |= {"consent_id": given(record["consent_id"])}
    sent = factory.send(bureau.deps, bank, "consent", record)
    assert factory.counts(sent) == wanted
    assert factory.rules(sent) == ({"CNS-FORM-001"} if wanted[2] else set())


_EVIDENCE = {"text_sha256": "0" * 64, "locale": "zh"}
_AT_THE_END = {"valid_from": "9999-12-30T00:00:00Z", "valid_to": "9999-12-31T23:59:59-14:00"}
#: What PostgreSQL cannot keep, or what cannot be read back from it or shown everywhere.
_UNKEEPABLE = [
    ({"evidence": {**_EVIDENCE, "locale": "z\0h"}}, "evidence.locale"),
    ({"evidence": {**_EVIDENCE, "text_sha256": "0" * 63 + "\0"}}, "evidence.text_sha256"),
    ({"recipient": "ba\0nk"}, "recipient"),
    ({"purpose": "\0"}, "purpose"),
    (_AT_THE_END, "valid_to"),
    ({"valid_to": "9999-12-31T23:59:59Z", "valid_from": "9999-12-30T00:00:00Z"}, "valid_to"),
    ({"given_at": "0001-01-01T00:00:00+14:00"}, "given_at"),
    ({"given_at": "0001-01-01T00:00:00Z"}, "given_at"),
]


@pytest.mark.parametrize(("fields", "member"), _UNKEEPABLE)
def test_one_that_cannot_be_kept_is_refused_by_name_and_harms_no_other(
    bureau: Any, fields: dict[str, Any], member: str
) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    with pytest.raises(BadRequest, match=f"`{member}`") as refused:
        factory.consent(deps, bank, 1, **fields)
    assert refused.value.code == "bad_consent"
    bad, good = (factory.consent_record(deps, bank, 1, **one) for one in (fields, {}))
    sent = factory.send(deps, bank, "consent", bad, good)
    assert factory.told(sent) == ((1, 0, 1, 0), {"CNS-FORM-001"})
    (found,) = findings(deps, bank, sent.submission_id)
    assert (found.line_no, found.seen) == (1, member)


@pytest.mark.parametrize(
    ("header", "subject", "code", "rule"),
    [
        ({"kid": "bank1:\0"}, None, "bad_consent", "CNS-SIGN-001"),
        ({}, "é" * 43, "consent_other_subject", "CNS-SUBJ-001"),
    ],
)
def test_a_strange_key_id_or_subject_harms_no_other(
    bureau: Any, header: dict[str, str], subject: str | None, code: str, rule: str
) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    strange = {} if subject is None else {"subject_hash": subject}
    bad = _with_header(factory.consent_record(deps, bank, 1, **strange), header)
    with pytest.raises(BadRequest) as refused:
        register(
            deps, bank, artefact=bad["artefact"], salt=bad["salt"],
            scheme=bad["identifier_scheme"], number=bad["identifier_number"],
        )  # fmt: skip
    assert refused.value.code == code
    sent = factory.send(deps, bank, "consent", bad, factory.consent_record(deps, bank, 1))
    assert factory.told(sent) == ((1, 0, 1, 0), {rule})


def _with_header(record: dict[str, Any], header: dict[str, str]) -> dict[str, Any]:
    """The record's consent signed again under other words of the header."""
    given = {"alg": "Ed25519", "kid": "bank1:1", **header}
    head = base64.urlsafe_b64encode(orjson.dumps(given)).decode().rstrip("=")
    signed = f"{head}.{record['artefact'].split('.')[1]}"
    signature = base64.urlsafe_b64encode(factory.SIGNING.sign(signed.encode()))
    return {**record, "artefact": f"{signed}.{signature.decode().rstrip('=')}"}


def test_one_taken_when_it_was_right_is_the_same_again(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    record = factory.consent_record(bureau.deps, bank, 1)
    factory.send(bureau.deps, bank, "consent", record)
    bureau.clock.set(NOW - timedelta(seconds=1))  # as one taken before this was asked of it
    factory.send(bureau.deps, bank, "subject", factory.subject(1))
    assert factory.counts(factory.send(bureau.deps, bank, "consent", record)) == (0, 1, 0, 0)


def test_one_taken_before_its_form_was_asked_is_the_same_again(
    bureau: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = factory.member(bureau.deps)
    record = factory.consent_record(bureau.deps, bank, 1, uses_allowed="2", extra="was taken")
    with monkeypatch.context() as patch:
        patch.setattr(registering, "require_form", lambda _: None)
        assert factory.counts(factory.send(bureau.deps, bank, "consent", record)) == (1, 0, 0, 0)
    assert factory.counts(factory.send(bureau.deps, bank, "consent", record)) == (0, 1, 0, 0)


@pytest.mark.parametrize(
    ("earlier", "status", "outcome"),
    [(timedelta(0), "active", "hit"), (TICK, "not_yet", "consent_not_yet")],
)
def test_nothing_is_answered_before_it_was_given(
    bureau: Any, earlier: timedelta, status: str, outcome: str
) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    factory.send(deps, bank, "subject", factory.subject(1))
    consent = factory.consent(
        deps, bank, 1, valid_from=instant_text(NOW - timedelta(days=1)), **_at(NOW)
    )
    bureau.clock.set(NOW - earlier)
    try:
        found = bureau.run(answer(deps, factory.ask(deps, bank, 1, consent))).outcome
    except Refused as refused:
        found = refused.code
    assert found == outcome
    with deps.database.connect("serve") as connection:
        (found,) = connection.execute("select subject_id from directory.token_subject").fetchall()
    assert [one.status for one in of_subject(deps, found[0])] == [status]
