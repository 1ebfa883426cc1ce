"""What a consent may say to be taken: given before now, for what the bureau knows, to be used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import factory
from tallystick.consent.terms import MOST_USES
from tallystick.errors import BadRequest, Refused
from tallystick.model.instant import instant_text
from tallystick.report import BLOCKS
from tallystick.service.consents import of_subject
from tallystick.service.inquire import answer

NOW = datetime(2025, 1, 15, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
ENDS = NOW + timedelta(days=30)


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
    {"extra": "as the grammar lets it"},
]
_PAST = {
    "valid_from": instant_text(NOW - timedelta(days=2)),
    "valid_to": instant_text(NOW - timedelta(days=1)),
}
_REFUSED = [
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
    ({"uses_allowed": 0}, "bad_consent", "CNS-SIGN-001"),
    ({"uses_allowed": -1}, "bad_consent", "CNS-SIGN-001"),
    ({"uses_allowed": MOST_USES + 1}, "bad_consent", "CNS-SIGN-001"),
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


def test_one_taken_when_it_was_right_is_the_same_again(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    record = factory.consent_record(bureau.deps, bank, 1)
    factory.send(bureau.deps, bank, "consent", record)
    bureau.clock.set(NOW - timedelta(seconds=1))  # as one taken before this was asked of it
    factory.send(bureau.deps, bank, "subject", factory.subject(1))
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
