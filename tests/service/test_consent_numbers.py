"""A consent stands for a number somebody can have: under another nobody could ever inquire."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import gate_world as gw
import pytest

import factory
from tallystick.consent import subject_hash
from tallystick.errors import BadRequest
from tallystick.service.port import Deps
from tallystick.service.submissions import findings
from tallystick.service.submit import register_consent

CN: Final = gw.SCHEME
TAKEN, REFUSED = True, False
RIGHT: Final = gw.resident_id(1, "1988-04-12")
#: The check character of every number is right but where it is said.
NUMBERS: Final = [
    ("right, of the tests' area", CN, RIGHT, TAKEN),
    ("written with hyphens", CN, f"{RIGHT[:6]}-{RIGHT[6:]}", TAKEN),
    ("of an area that no list has", CN, "990202199003070017", TAKEN),
    ("a word", CN, "ABC", REFUSED),
    ("a sign too few", CN, RIGHT[:-1], REFUSED),
    ("a sign too many", CN, RIGHT + "1", REFUSED),
    ("month 13", CN, gw.resident_id(1, "1988-13-12"), REFUSED),
    ("month 12", CN, gw.resident_id(1, "1988-12-12"), TAKEN),
    ("no such day", CN, gw.resident_id(1, "1990-02-30"), REFUSED),
    ("another check character", CN, RIGHT[:-1] + ("1" if RIGHT[-1] != "1" else "2"), REFUSED),
    ("seven digits", factory.SCHEME, "1234567", TAKEN),
    ("six digits", factory.SCHEME, "123456", REFUSED),
    ("a check that holds", "zz_person_number", "0000000195", TAKEN),
    ("a check that fails", "zz_person_number", "0000000196", REFUSED),
]


def consent_of(deps: Deps, bank: Any, scheme: str, number: str) -> dict[str, Any]:
    """A consent rightly signed for a number, whatever the number is."""
    salt = factory.consent_record(deps, bank, 1)["salt"]
    record = factory.consent_record(deps, bank, 1, subject_hash=subject_hash(salt, scheme, number))
    return {**record, "identifier_scheme": scheme, "identifier_number": number}


def told(deps: Deps, bank: Any, record: dict[str, Any]) -> str:
    """What is said of one consent that comes alone."""
    try:
        return register_consent(
            deps, bank, artefact=record["artefact"], salt=record["salt"],
            scheme=record["identifier_scheme"], number=record["identifier_number"],
        ).status  # fmt: skip
    except BadRequest as refused:
        return refused.code if record["identifier_number"] not in str(refused) else "repeated"


@pytest.mark.parametrize(
    ("_", "scheme", "number", "is_taken"), NUMBERS, ids=[n[0] for n in NUMBERS]
)
def test_a_consent_alone_is_taken_if_its_number_can_be_somebodys(
    bureau: Any, _: str, scheme: str, number: str, is_taken: bool
) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    wanted = "active" if is_taken else "identifier_invalid"
    assert told(deps, bank, consent_of(deps, bank, scheme, number)) == wanted


def test_consents_of_a_file_are_taken_by_the_same_words_each_with_its_place(bureau: Any) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    rows = [consent_of(deps, bank, scheme, number) for _, scheme, number, _ in NUMBERS]
    sent = factory.send(deps, bank, "consent", *rows)
    found = [(one.line_no, one.rule_id, one.field, one.seen)
             for one in findings(deps, bank, sent.submission_id)]  # fmt: skip
    refused = [(line, one[2]) for line, one in enumerate(NUMBERS, 1) if not one[3]]
    assert found == [(line, "CNS-NUM-001", "identifier_number", number) for line, number in refused]
    assert factory.counts(sent) == (len(NUMBERS) - len(refused), 0, len(refused), 0)


@pytest.mark.parametrize(
    ("is_test_mode", "wanted"), [(True, "active"), (False, "identifier_invalid")]
)
def test_a_made_up_person_consents_in_test_mode_only(
    bureau: Any, is_test_mode: bool, wanted: str
) -> None:
    deps = replace(bureau.deps, is_test_mode=is_test_mode)
    bank = factory.member(deps)
    assert told(deps, bank, consent_of(deps, bank, CN, RIGHT)) == wanted


def test_what_was_registered_before_stands_and_may_be_sent_again(
    bureau: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    record = consent_of(deps, bank, CN, "ABC")
    with monkeypatch.context() as before:
        before.setattr("tallystick.service.registering.require_number", lambda *_, **__: None)
        assert told(deps, bank, record) == "active"
    assert told(deps, bank, record) == "active"
    assert factory.counts(factory.send(deps, bank, "consent", record)) == (0, 1, 0, 0)
    assert told(deps, bank, consent_of(deps, bank, CN, "ABC")) == "identifier_invalid"
