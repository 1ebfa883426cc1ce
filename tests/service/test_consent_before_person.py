"""A row under a consent waits for its person, then for the consent, and is judged when it comes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest

import factory
from beginnings import beginning
from tallystick.model.ids import edge_id
from tallystick.service import consents, pending, process_rows, submissions
from tallystick.service.housekeeping import tidy
from tallystick.service.members import member_by_code
from tallystick.service.state import bureau_state
from tallystick.service.submit import process


def _begin(bureau: Any) -> None:
    factory.send(bureau.deps, factory.member(bureau.deps), "subject", factory.subject(1))


template = beginning(_begin)


@pytest.mark.from_nothing
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


def _come(deps: Any, bank: Any, consent: str, *, by: str, signed_by: int = 1) -> None:
    """The consent named comes, by the API or in a file."""
    given = {"consent_id": consent, "purpose": "furnishing"}
    if by == "api":
        factory.consent(deps, bank, signed_by, **given)
    else:
        factory.send(deps, bank, "consent", factory.consent_record(deps, bank, signed_by, **given))


@pytest.mark.parametrize("by", ["api", "file"])
@pytest.mark.parametrize(
    ("dataset", "record"), [("account", factory.account(1)), ("agreement", factory.agreement(1))]
)
@pytest.mark.parametrize(("signed_by", "outcome"), [(1, (1, 0, 0, 0)), (2, (0, 0, 1, 0))])
@pytest.mark.parametrize(
    "cited", [str, partial(edge_id, "cns")], ids=["as a plain id", "as the bureau gives it"]
)
def test_it_waits_for_the_consent_and_is_judged_when_that_comes(
    bureau: Any, dataset: str, record: Any, by: str, signed_by: int, outcome: tuple[int, ...],
    cited: Callable[[UUID], str],
) -> None:  # fmt: skip
    deps = bureau.deps
    bank = member_by_code(deps, "bank1")
    consent, other = str(deps.new_id()), str(deps.new_id())
    under = {**record, "basis": "consent", "consent_ref": cited(UUID(consent))}
    sent = factory.send(deps, bank, dataset, under)
    assert (factory.counts(sent), factory.rules(sent)) == ((0, 0, 0, 1), {"ANY-CONSENT-005"})
    _come(deps, bank, other, by=by)
    factory.send(deps, bank, "subject", factory.subject(2))
    assert factory.counts(submissions.show(deps, bank, sent.submission_id)) == (0, 0, 0, 1)
    _come(deps, bank, consent, by=by, signed_by=signed_by)
    assert factory.counts(submissions.show(deps, bank, sent.submission_id)) == outcome


@pytest.mark.from_nothing
@pytest.mark.parametrize("by", ["api", "file"])
def test_it_waits_for_the_person_then_for_the_consent_and_its_months_for_it(
    bureau: Any, by: str
) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    consent = str(deps.new_id())
    under = {**factory.account(1), "basis": "consent", "consent_ref": consent}
    account = factory.send(deps, bank, "account", under)
    month = factory.send(deps, bank, "snapshot", factory.snapshot(1, "2024-12"))
    for _ in range(2):
        factory.send_again(deps, bank, "subject", factory.subject(1))
        assert (_waiting(deps), *_counts(deps, bank, account, month)) == (
            2, (0, 0, 0, 1), (0, 0, 0, 1),
        )  # fmt: skip
    _come(deps, bank, consent, by=by)
    assert (_waiting(deps), *_counts(deps, bank, account, month)) == (
        0, (1, 0, 0, 0), (1, 0, 0, 0),
    )  # fmt: skip


def test_a_consent_that_comes_while_its_row_is_judged_is_not_missed(
    bureau: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    deps = bureau.deps
    bank = member_by_code(deps, "bank1")
    consent = str(deps.new_id())
    merge = process_rows._merge_faults

    def after_the_consent(*given: Any) -> None:
        monkeypatch.setattr(process_rows, "_merge_faults", merge)
        _come(deps, bank, consent, by="api")
        merge(*given)

    monkeypatch.setattr(process_rows, "_merge_faults", after_the_consent)
    under = {**factory.account(1), "basis": "consent", "consent_ref": consent}
    assert factory.counts(factory.send(deps, bank, "account", under)) == (1, 0, 0, 0)


def test_another_members_consent_wakes_nothing(bureau: Any) -> None:
    deps = bureau.deps
    bank, other = member_by_code(deps, "bank1"), factory.member(deps, code="other-bank")
    consent = str(deps.new_id())
    under = {**factory.account(1), "basis": "consent", "consent_ref": consent}
    sent = factory.send(deps, bank, "account", under)
    _come(deps, other, consent, by="api")
    assert factory.counts(submissions.show(deps, bank, sent.submission_id)) == (0, 0, 0, 1)


def _counts(deps: Any, bank: Any, *sent: Any) -> list[tuple[int, ...]]:
    return [factory.counts(submissions.show(deps, bank, one.submission_id)) for one in sent]


def _waiting(deps: Any) -> int:
    """How many rows wait, each counted once however often it was judged again."""
    return bureau_state(deps, most_cases=1).rows_waiting


@pytest.mark.from_nothing
def test_rows_are_woken_even_by_a_file_whose_worker_died_before_it_woke_them(
    bureau: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = factory.member(bureau.deps)
    sent = factory.send(bureau.deps, bank, "account", factory.account(1))

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pending, "wake", die)
        with pytest.raises(KeyboardInterrupt):
            factory.send(bureau.deps, bank, "subject", factory.subject(1))
    (parent,) = (
        one for one in submissions.listing(bureau.deps, bank, limit=5) if one.dataset == "subject"
    )
    assert parent.state == "published"
    assert factory.counts(submissions.show(bureau.deps, bank, sent.submission_id)) == (0, 0, 0, 1)

    process(bureau.deps, parent.submission_id)

    assert factory.counts(submissions.show(bureau.deps, bank, sent.submission_id)) == (1, 0, 0, 0)


@pytest.mark.parametrize(
    ("signed_by", "woken", "outcome"),
    [(1, 1, (1, 0, 0, 0)), (2, 1, (0, 0, 1, 0)), (None, 0, (0, 0, 0, 1))],
)
def test_what_waits_is_judged_though_who_brought_the_consent_was_cut_off(
    bureau: Any, signed_by: int | None, woken: int, outcome: tuple[int, ...]
) -> None:
    deps = bureau.deps
    bank = member_by_code(deps, "bank1")
    consent = str(deps.new_id())
    sent = factory.send(
        deps, bank, "account", {**factory.account(1), "basis": "consent", "consent_ref": consent}
    )
    if signed_by is not None:
        signed = factory.consent_record(
            deps, bank, signed_by, consent_id=consent, purpose="furnishing"
        )
        consents.register(
            deps, bank, artefact=signed["artefact"], salt=signed["salt"],
            scheme=signed["identifier_scheme"], number=signed["identifier_number"],
        )  # fmt: skip
    assert factory.counts(submissions.show(deps, bank, sent.submission_id)) == (0, 0, 0, 1)
    assert [tidy(deps).pending_woken for _ in range(2)] == [woken, 0]
    assert factory.counts(submissions.show(deps, bank, sent.submission_id)) == outcome
