"""Mended rejects name the submission they come from; they are heard as sent now, like all else."""

from __future__ import annotations

import io
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

import factory
from beginnings import beginning
from tallystick.errors import BadRequest
from tallystick.service import submissions
from tallystick.service.members import member_by_code
from tallystick.service.submit import process, receive
from tallystick.service.verify import ledger_verify

ACCEPTED, REJECTED, WAITS = (1, 0, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)
NEWER, RESTATED = "ANY-WAITED-001", "ANY-RESTATE-001"
#: Two consents that come later, if they come.
C1, C2 = (f"018f0000-0000-7000-8000-00000000000{number}" for number in (1, 2))


def _begin(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    factory.member(bureau.deps, "bank2")
    factory.open_account(bureau.deps, bank, (2,))
    factory.send(bureau.deps, bank, "subject", factory.subject(1))


template = beginning(_begin)


@pytest.fixture
def bank(bureau: Any) -> Any:
    return member_by_code(bureau.deps, "bank1")


def _file(record: factory.Native) -> io.BytesIO:
    return io.BytesIO(orjson.dumps(record) + b"\n")


def _send(
    bureau: Any, bank: Any, dataset: str, record: factory.Native, parent: UUID | None = None
) -> Any:
    deps = bureau.deps
    received = receive(deps, bank, dataset, _file(record), again=True, parent=parent)
    return process(deps, received.submission_id)


def terms(principal: str, consent: str | None = None) -> factory.Native:
    under = {"basis": "consent", "consent_ref": consent} if consent else {}
    return factory.account(1, principal=principal, **under)


def _told(bureau: Any, bank: Any, view: Any) -> tuple[tuple[int, ...], set[str]]:
    return factory.told(submissions.show(bureau.deps, bank, view.submission_id))


def _newest(bureau: Any, dataset: str, column: str) -> list[int]:
    """What was taken of account 1 or 2 in a dataset, the newest first."""
    with bureau.deps.database.connect("intake") as connection:
        rows = connection.execute(
            f"select {column} from ledger.{dataset} join ledger.publication using (chunk_id)"
            " order by position desc"
        ).fetchall()
    return [row[0] for row in rows]


@pytest.mark.parametrize("names_it", [True, False])
def test_a_mended_month_restates_what_was_taken_before_it(
    bureau: Any, bank: Any, names_it: bool
) -> None:
    def month(balance: str) -> factory.Native:
        return factory.snapshot(2, "2024-12", balance=balance)

    bad = _send(bureau, bank, "snapshot", month("600.000"))
    assert factory.counts(bad) == REJECTED
    assert factory.counts(_send(bureau, bank, "snapshot", month("500.00"))) == ACCEPTED
    parent = bad.submission_id if names_it else None
    mended = _send(bureau, bank, "snapshot", month("600.00"), parent)
    assert factory.told(mended) == (ACCEPTED, {"MON-RESTATE-002"})
    assert _newest(bureau, "snapshot", "balance_minor") == [60000, 50000]


@pytest.mark.parametrize("names_it", [True, False])
def test_what_waited_does_not_take_the_place_of_a_mended_row(
    bureau: Any, bank: Any, names_it: bool
) -> None:
    bad = _send(bureau, bank, "account", terms("100.000"))
    waiting = _send(bureau, bank, "account", terms("200.00", C1))
    assert (factory.counts(bad), factory.counts(waiting)) == (REJECTED, WAITS)
    parent = bad.submission_id if names_it else None
    assert factory.counts(_send(bureau, bank, "account", terms("300.00"), parent)) == ACCEPTED
    factory.consent(bureau.deps, bank, 1, consent_id=C1, purpose="furnishing")
    assert _told(bureau, bank, waiting) == (REJECTED, {NEWER})
    assert _newest(bureau, "account", "principal_minor")[0] == 30000
    assert ledger_verify(bureau.deps).ok


@pytest.mark.parametrize("names_it", [True, False])
@pytest.mark.parametrize(
    ("is_before", "found", "stands"),
    [(True, (ACCEPTED, {RESTATED}), 30000), (False, (REJECTED, {NEWER}), 20000)],
)
def test_a_mended_row_that_waits_has_waited_since_it_was_sent_mended(
    bureau: Any, bank: Any, names_it: bool, is_before: bool, found: Any, stands: int
) -> None:
    bad = _send(bureau, bank, "account", terms("100.000"))
    parent = bad.submission_id if names_it else None
    if is_before:
        _send(bureau, bank, "account", terms("200.00"))
    mended = _send(bureau, bank, "account", terms("300.00", C1), parent)
    assert factory.counts(mended) == WAITS
    if not is_before:
        _send(bureau, bank, "account", terms("200.00"))
    factory.consent(bureau.deps, bank, 1, consent_id=C1, purpose="furnishing")
    assert _told(bureau, bank, mended) == found
    assert _newest(bureau, "account", "principal_minor")[0] == stands
    assert ledger_verify(bureau.deps).ok


@pytest.mark.parametrize("names_it", [True, False])
@pytest.mark.parametrize("mended_first", [True, False])
def test_of_two_that_wait_the_mended_one_was_sent_later(
    bureau: Any, bank: Any, names_it: bool, mended_first: bool
) -> None:
    bad = _send(bureau, bank, "account", terms("100.000"))
    waiting = _send(bureau, bank, "account", terms("200.00", C1))
    parent = bad.submission_id if names_it else None
    mended = _send(bureau, bank, "account", terms("300.00", C2), parent)
    for consent_id in (C2, C1) if mended_first else (C1, C2):
        factory.consent(bureau.deps, bank, 1, consent_id=consent_id, purpose="furnishing")
    assert _told(bureau, bank, mended)[0] == ACCEPTED
    assert _told(bureau, bank, waiting)[0] == (REJECTED if mended_first else ACCEPTED)
    assert _newest(bureau, "account", "principal_minor")[0] == 30000


def _submissions(bureau: Any) -> tuple[int, int]:
    with bureau.deps.database.connect("intake") as connection:
        return connection.execute(
            "select (select count(*) from intake.submission),"
            " (select count(*) from intake.raw_part)"
        ).fetchone()


NOT_SEEN = ("not_found", "`parent`: no submission of this id that you may see")
OTHER = ("parent_other_dataset", "`parent` is a submission of account, this is one of subject")


@pytest.mark.parametrize("dataset", ["account", "subject"])
@pytest.mark.parametrize("whose", ["bank1", "bank2", None])
def test_a_parent_is_a_submission_of_the_same_member_and_dataset(
    bureau: Any, bank: Any, whose: str | None, dataset: str
) -> None:
    parent = uuid4()
    if whose:
        owner = member_by_code(bureau.deps, whose)
        parent = _send(bureau, owner, "account", terms("100.000")).submission_id
    record = factory.account(1) if dataset == "account" else factory.subject(3)
    before = _submissions(bureau)
    if (whose, dataset) == ("bank1", "account"):
        assert factory.counts(_send(bureau, bank, dataset, record, parent)) == ACCEPTED
        return
    with pytest.raises(BadRequest) as refused:
        _send(bureau, bank, dataset, record, parent)
    expected = OTHER if whose == "bank1" else NOT_SEEN
    assert (refused.value.code, refused.value.detail) == expected
    assert _submissions(bureau) == before


def test_bytes_sent_before_are_no_way_past_the_check_of_the_parent(bureau: Any, bank: Any) -> None:
    _send(bureau, bank, "subject", factory.subject(3))
    with pytest.raises(BadRequest, match="not_found"):
        receive(bureau.deps, bank, "subject", _file(factory.subject(3)), parent=uuid4())
