"""How a submission ends whose rows waited; and rows that wait in a correction stay corrections."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest

import factory
from tallystick.service import process_rows, submissions
from tallystick.service.pending import expire_pending
from tallystick.service.state import bureau_state

TOO_EARLY = "2023-11"


def _now(deps: Any, sent: Any) -> tuple[str, tuple[int, ...]]:
    view = submissions.show(deps, None, sent.submission_id)
    return view.state, factory.counts(view)


@pytest.mark.parametrize(
    ("months", "woken", "expired"),
    [
        ((TOO_EARLY,), ("rejected", (0, 0, 1, 0)), ("rejected", (0, 0, 1, 0))),
        (("2024-12",), ("published", (1, 0, 0, 0)), ("rejected", (0, 0, 1, 0))),
        ((TOO_EARLY, "2024-12"), ("published", (1, 0, 1, 0)), ("rejected", (0, 0, 2, 0))),
    ],
)
@pytest.mark.parametrize("comes", [True, False])
def test_a_submission_of_which_nothing_was_taken_ends_rejected(
    bureau: Any, months: Any, woken: Any, expired: Any, comes: bool
) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    sent = factory.send(deps, bank, "snapshot", *(factory.snapshot(1, one) for one in months))
    assert _now(deps, sent) == ("published", (0, 0, 0, len(months)))
    if comes:
        factory.open_account(deps, bank)
    else:
        bureau.clock.advance(timedelta(days=30))
        expire_pending(deps)
    assert _now(deps, sent) == (woken if comes else expired)


UNKNOWN_HOLDER = factory.account_party(1, 2, person_number=None)


@pytest.mark.parametrize(
    ("dataset", "record", "before", "rule"),
    [
        ("guarantee", factory.GUARANTEE, ("subject", factory.subject(2)), "GUA-ACCOUNT-001"),
        ("guarantee", factory.GUARANTEE, None, "ANY-PARENT-001"),
        ("account_party", factory.account_party(1, 2), None, "PTY-HOLDER-001"),
        ("account_party", UNKNOWN_HOLDER, None, "PTY-HOLDER-001"),
    ],
)
def test_a_row_that_lacks_one_of_two_parents_harms_no_other_and_ends(
    bureau: Any, dataset: str, record: Any, before: Any, rule: str
) -> None:
    """It waits until its date beside a row that has both."""
    deps = bureau.deps
    bank = factory.member(deps)
    factory.open_account(deps, bank, (3, 4))
    if dataset == "account_party":
        factory.open_account(deps, bank)
    if before is not None:
        factory.send(deps, bank, *before)
    good = {**record, "account_number": "A3", "person_number": "P4"}
    if dataset == "guarantee":
        good["guarantee_number"] = "U2"
    sent = factory.send(deps, bank, dataset, record, good)
    assert (_now(deps, sent), rule in factory.rules(sent)) == (("published", (1, 0, 0, 1)), True)
    bureau.clock.advance(timedelta(days=30))
    expire_pending(deps)
    assert _now(deps, sent) == ("published", (1, 0, 1, 0))


def test_it_ends_rejected_while_one_of_its_rows_waits_no_more(bureau: Any) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    sent = factory.send(
        deps, bank, "snapshot", factory.snapshot(1, TOO_EARLY), factory.snapshot(2, TOO_EARLY)
    )
    factory.open_account(deps, bank, (1,))
    assert _now(deps, sent) == ("published", (0, 0, 1, 1))
    factory.open_account(deps, bank, (2,))
    assert _now(deps, sent) == ("rejected", (0, 0, 2, 0))


def test_it_ends_rejected_though_its_row_was_rejected_before_its_end(
    bureau: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another's file wakes the row between its waiting and the end of its own submission."""
    deps = bureau.deps
    bank = factory.member(deps)
    publish = process_rows._publish

    def after_it_came(*given: Any, **named: Any) -> Any:
        monkeypatch.setattr(process_rows, "_publish", publish)
        factory.open_account(deps, bank)
        return publish(*given, **named)

    monkeypatch.setattr(process_rows, "_publish", after_it_came)
    sent = factory.send(deps, bank, "snapshot", factory.snapshot(1, TOO_EARLY))
    assert _now(deps, sent) == ("rejected", (0, 0, 1, 0))


CONSENT = {"basis": "consent"}
OLD = {**factory.PAYMENT, "period_end": "2023-12-31"}


def _waiting_correction(deps: Any, bank: Any, dataset: str) -> tuple[Any, str, Any]:
    """A correction that waits; its consent's id; the record it would replace."""
    consent = str(deps.new_id())
    factory.open_account(deps, bank)
    record = {
        "account": factory.account(1), "payment": OLD, "agreement": factory.agreement(1),
        "account_party": factory.account_party(1, 2),
    }[dataset]  # fmt: skip
    new = {**record, **CONSENT, "consent_ref": consent}
    if dataset == "account_party":
        factory.send(deps, bank, "subject", factory.subject(2))
        new = {**record, "person_number": "P3"}
    if dataset != "account":
        assert factory.counts(factory.send(deps, bank, dataset, record)) == (1, 0, 0, 0)
    made = factory.correction(dataset, new, record, reason="court_order")
    sent = factory.send(deps, bank, "correction", made)
    assert _now(deps, sent) == ("published", (0, 0, 0, 1))
    return sent, consent, record


def _come(deps: Any, bank: Any, dataset: str, consent: str) -> None:
    if dataset == "account_party":
        factory.send(deps, bank, "subject", factory.subject(3))
    else:
        factory.consent(deps, bank, 1, consent_id=consent, purpose="furnishing")


def _said(bureau: Any, dataset: str) -> list[tuple[Any, ...]]:
    with bureau.deps.database.connect("intake") as connection:
        return connection.execute(  # type: ignore[no-any-return]
            f"select operation, reason from ledger.{dataset} order by chunk_id"
        ).fetchall()


DATASETS = ["account", "payment", "agreement", "account_party"]


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_correction_that_waited_stands_as_one(bureau: Any, dataset: str) -> None:
    """Beyond the open periods too, and with its reason."""
    deps = bureau.deps
    bank = factory.member(deps)
    sent, consent, _ = _waiting_correction(deps, bank, dataset)
    _come(deps, bank, dataset, consent)
    assert _now(deps, sent) == ("published", (1, 0, 0, 0))
    assert _said(bureau, dataset) == [("record", None), ("correction", "court_order")]
    assert submissions.findings(deps, bank, sent.submission_id) == []
    assert bureau_state(deps, most_cases=1).rows_waiting == 0


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_correction_of_what_changed_while_it_waited_is_rejected(
    bureau: Any, dataset: str
) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    sent, consent, record = _waiting_correction(deps, bank, dataset)
    change = {
        "account": {"principal": "999.00"}, "payment": {"amount_due": "11.00"},
        "agreement": {"credit_limit": "4000.00"}, "account_party": {"valid_to": "2024-12-31"},
    }[dataset]  # fmt: skip
    other = factory.correction(dataset, {**record, **change}, record)
    assert factory.counts(factory.send(deps, bank, "correction", other)) == (1, 0, 0, 0)
    _come(deps, bank, dataset, consent)
    assert _now(deps, sent) == ("rejected", (0, 0, 1, 0))
    (found,) = submissions.findings(deps, bank, sent.submission_id)
    assert (found.line_no, found.rule_id) == (1, "COR-DIGEST-001")
    data = b"".join(submissions.rejects(deps, bank, sent.submission_id)).decode()
    row = orjson.loads(data)
    assert (row["record_dataset"], row["reason"]) == (dataset, "court_order")
    assert "COR-DIGEST-001" in data
    assert _said(bureau, dataset)[-1] == ("correction", "furnisher_error")


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_correction_that_waits_in_vain_is_rejected_on_its_day(bureau: Any, dataset: str) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    sent, consent, _ = _waiting_correction(deps, bank, dataset)
    bureau.clock.advance(timedelta(days=30))
    assert expire_pending(deps) == 1
    _come(deps, bank, dataset, consent)
    assert _now(deps, sent) == ("rejected", (0, 0, 1, 0))
    assert _said(bureau, dataset) == [("record", None)]


def test_what_a_correction_that_waited_brings_back_wakes_what_waits_for_it(bureau: Any) -> None:
    deps = bureau.deps
    bank, funder = factory.member(deps), factory.member(deps, "bank2")
    factory.open_account(deps, bank)
    gone = factory.deletion("account", {"account_number": "A1", "valid_from": "2024-01-01"})
    assert factory.counts(factory.send(deps, bank, "deletion", gone)) == (1, 0, 0, 0)
    month = factory.send(deps, bank, "snapshot", factory.snapshot(1, "2024-12"))
    share = factory.send(deps, funder, "funding", factory.funding(1, "bank2", "0.6"))
    consent = str(deps.new_id())
    under = {**factory.account(1), "basis": "consent", "consent_ref": consent}
    back = factory.correction("account", under, factory.account(1), reason="reinsertion_certified")
    sent = factory.send(deps, bank, "correction", back)
    waiting, taken = ("published", (0, 0, 0, 1)), ("published", (1, 0, 0, 0))
    assert [_now(deps, one) for one in (month, share, sent)] == [waiting] * 3
    _come(deps, bank, "account", consent)
    assert [_now(deps, one) for one in (month, share, sent)] == [taken] * 3
    assert bureau_state(deps, most_cases=1).rows_waiting == 0
