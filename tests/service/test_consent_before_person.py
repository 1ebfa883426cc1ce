"""A row under a consent that comes before its person waits for her; then the consent is judged."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from tallystick.service import submissions


@pytest.mark.parametrize(
    ("dataset", "record"), [("account", factory.account(1)), ("agreement", factory.agreement(1))]
)
@pytest.mark.parametrize(
    ("signed_by", "outcome"), [(1, (1, 0, 0, 0)), (2, (0, 0, 1, 0)), (None, (0, 0, 0, 1))]
)
def test_it_waits_for_the_person_and_is_judged_then(
    bureau: Any, dataset: str, record: Any, signed_by: int | None, outcome: tuple[int, ...]
) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    consent = deps.new_id()
    if signed_by is not None:
        consent = factory.consent(deps, bank, signed_by, purpose="furnishing")
    under = {**record, "basis": "consent", "consent_ref": str(consent)}
    sent = factory.send(deps, bank, dataset, under)
    assert (factory.counts(sent), factory.rules(sent)) == ((0, 0, 0, 1), {"ANY-PARENT-001"})
    factory.send(deps, bank, "subject", factory.subject(1))
    assert factory.counts(submissions.show(deps, bank, sent.submission_id)) == outcome
