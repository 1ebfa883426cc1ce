"""What a row waits for may come while it is judged, or before its job is run again: not missed."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest

import factory
from tallystick.service import pending, process_rows, submissions
from tallystick.service.state import bureau_state
from tallystick.service.submit import process, receive

PERSON, ACCOUNT = ("subject", factory.subject(1)), ("account", factory.account(1))
LATER = ("subject", factory.subject(2))
#: The second borrower of account 1 where his furnisher has no number of him.
UNNUMBERED = (
    "subject",
    factory.subject(3, person_number=None, account_number="A1", role="co_borrower", holder_no="2"),
)
NUMBERED_HERE = factory.account_party(1, 2, person_number=None)
ABOUT_HER = {
    "object_type": "party", "person_number": "P1", "kind": "statement", "text": "Paid.",
    "valid_from": "2024-06-01",
}  # fmt: skip
#: Who has no parent when it is judged; what is on file before; what comes meanwhile.
WAITING = [
    ("account", factory.account(1), (), (PERSON,)),
    ("agreement", factory.agreement(1), (), (PERSON,)),
    ("payment", factory.PAYMENT, (), (PERSON,)),
    ("remark", ABOUT_HER, (), (PERSON,)),
    ("remark", factory.REMARK, (PERSON,), (ACCOUNT,)),
    ("snapshot", factory.snapshot(1, "2024-12"), (PERSON,), (ACCOUNT,)),
    ("snapshot", factory.snapshot(1, "2024-12"), (), (PERSON, ACCOUNT)),
    ("event", factory.event(1), (ACCOUNT,), (PERSON,)),
    ("account_party", factory.account_party(1, 2), (PERSON, LATER), (ACCOUNT,)),
    ("account_party", factory.account_party(1, 2), (PERSON, ACCOUNT), (LATER,)),
    ("account_party", factory.account_party(1, 2), (), (PERSON, ACCOUNT, LATER)),
    ("account_party", factory.account_party(1, 2), (), (LATER, PERSON, ACCOUNT)),
    ("account_party", NUMBERED_HERE, (PERSON, ACCOUNT), (UNNUMBERED,)),
    ("account_party", NUMBERED_HERE, (UNNUMBERED,), (PERSON, ACCOUNT)),
    ("guarantee", factory.GUARANTEE, (PERSON, LATER), (ACCOUNT,)),
    ("guarantee", factory.GUARANTEE, (PERSON, ACCOUNT), (LATER,)),
    ("guarantee", factory.GUARANTEE, (), (PERSON, ACCOUNT, LATER)),
    ("guarantee", factory.GUARANTEE, (), (LATER, PERSON, ACCOUNT)),
]


def _meanwhile(
    patch: pytest.MonkeyPatch, come: Callable[[], Any], step: str = "_merge_faults"
) -> None:
    """Let something come once, between the judging of the next submission and its end."""
    whole = getattr(process_rows, step)

    def after_it_came(*given: Any, **named: Any) -> Any:
        patch.setattr(process_rows, step, whole)
        come()
        return whole(*given, **named)

    patch.setattr(process_rows, step, after_it_came)


def _send(deps: Any, bank: Any, sent: Sequence[tuple[str, factory.Native]]) -> None:
    for dataset, record in sent:
        factory.send(deps, bank, dataset, record)


def _now(deps: Any, sent: Any) -> tuple[int, ...]:
    return factory.counts(submissions.show(deps, None, sent.submission_id))


@pytest.mark.parametrize(("dataset", "record", "before", "meanwhile"), WAITING)
def test_a_parent_that_comes_while_its_row_is_judged_is_not_missed(
    bureau: Any, monkeypatch: pytest.MonkeyPatch, dataset: str, record: Any, before: Any,
    meanwhile: Any,
) -> None:  # fmt: skip
    deps = bureau.deps
    bank = factory.member(deps)
    _send(deps, bank, before)
    _meanwhile(monkeypatch, lambda: _send(deps, bank, meanwhile))
    assert factory.counts(factory.send(deps, bank, dataset, record)) == (1, 0, 0, 0)
    assert bureau_state(deps, most_cases=1).rows_waiting == 0


@pytest.mark.parametrize(("dataset", "record", "before", "after"), WAITING)
def test_a_row_wakes_with_its_last_parent(
    bureau: Any, dataset: str, record: Any, before: Any, after: Any
) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    _send(deps, bank, before)
    sent = factory.send(deps, bank, dataset, record)
    assert factory.counts(sent) == (0, 0, 0, 1)
    _send(deps, bank, after)
    assert _now(deps, sent) == (1, 0, 0, 0)
    assert bureau_state(deps, most_cases=1).rows_waiting == 0


def test_an_originators_account_that_comes_meanwhile_is_not_missed(
    bureau: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    deps = bureau.deps
    bank, funder = factory.member(deps), factory.member(deps, "bank2")
    _meanwhile(monkeypatch, lambda: factory.open_account(deps, bank))
    sent = factory.send(deps, funder, "funding", factory.funding(1, "bank2", "0.6"))
    assert factory.counts(sent) == (1, 0, 0, 0)


def test_a_person_that_comes_while_a_woken_row_is_judged_again_is_not_missed(
    bureau: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its account woke it; the holder it lacked besides comes before it waits for him."""
    deps = bureau.deps
    bank = factory.member(deps)
    _send(deps, bank, [PERSON])
    sent = factory.send(deps, bank, "account_party", factory.account_party(1, 2))
    again = pending._judge_again

    def judge_again(*given: Any) -> Any:
        if given[1]:
            monkeypatch.setattr(pending, "_judge_again", again)
            _meanwhile(monkeypatch, lambda: _send(deps, bank, [LATER]))
        return again(*given)

    monkeypatch.setattr(pending, "_judge_again", judge_again)
    _send(deps, bank, [ACCOUNT])
    assert _now(deps, sent) == (1, 0, 0, 0)
    assert bureau_state(deps, most_cases=1).rows_waiting == 0


class _Killed(BaseException):
    pass


def _killed(*_: Any, **__: Any) -> Any:
    raise _Killed


@pytest.mark.parametrize("good", [True, False])
def test_a_job_run_again_leaves_what_waited_to_whoever_wakes_it(
    bureau: Any, monkeypatch: pytest.MonkeyPatch, good: bool
) -> None:
    """Killed once its rows were judged; what they wait for comes before it is run again."""
    deps = bureau.deps
    bank = factory.member(deps)
    factory.open_account(deps, bank, (2,))
    late = factory.snapshot(1, "2024-12" if good else "2023-11")
    lines = [factory.snapshot(2, "2024-12"), late]
    content = b"".join(orjson.dumps(one) + b"\n" for one in lines)
    taken = receive(deps, bank, "snapshot", io.BytesIO(content))
    with monkeypatch.context() as patch:
        patch.setattr(process_rows, "_publish", _killed)
        with pytest.raises(_Killed):
            process(deps, taken.submission_id)
    factory.open_account(deps, bank)
    view = process(deps, taken.submission_id)
    assert factory.counts(view) == ((2, 0, 0, 0) if good else (1, 0, 1, 0))
    assert ("SNP-OPEN-001" in factory.rules(view)) == (not good)
    assert bureau_state(deps, most_cases=1).rows_waiting == 0


def test_a_row_judged_in_two_rounds_waits_though_its_parent_came_between(
    bureau: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    factory.open_account(deps, bank, (2,))

    def come() -> None:
        factory.open_account(deps, bank)
        raise process_rows.publish.Stale(frozenset())

    _meanwhile(monkeypatch, come, "_publish")
    view = factory.send(
        deps, bank, "snapshot", factory.snapshot(2, "2024-12"), factory.snapshot(1, "2024-12")
    )
    assert factory.counts(view) == (2, 0, 0, 0)
    assert bureau_state(deps, most_cases=1).rows_waiting == 0


SOLD = {"event_type": "sold", "occurred_at": "2024-12-31T10:00:00+08:00"}
BOUGHT = {
    "valid_from": "2025-01-01", "formerly_furnisher": "bank1", "formerly_account_number": "A1",
    "formerly_reason": "sold",
}  # fmt: skip


def test_a_sellers_word_that_comes_while_the_buyers_row_is_judged_is_not_missed(
    bureau: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    deps = bureau.deps
    seller, buyer = factory.member(deps), factory.member(deps, "bank2")
    factory.open_account(deps, seller)
    _send(deps, buyer, [PERSON])
    word = ("event", factory.event(1, "e9", **SOLD))
    _meanwhile(monkeypatch, lambda: _send(deps, seller, [word]))
    claim = factory.send(deps, buyer, "account", factory.account(7, 1, **BOUGHT))
    assert factory.counts(claim) == (1, 0, 0, 0)


def test_a_row_woken_in_vain_waits_once_however_often(bureau: Any) -> None:
    """A claim on another person's account is judged again at each word of its seller."""
    deps = bureau.deps
    seller, buyer = factory.member(deps), factory.member(deps, "bank2")
    factory.open_account(deps, seller)
    _send(deps, buyer, [LATER])
    claim = factory.send(deps, buyer, "account", factory.account(7, 2, **BOUGHT))
    for number in range(3):
        _send(deps, seller, [("event", factory.event(1, f"s{number}", **SOLD))])
        assert _now(deps, claim) == (0, 0, 0, 1)
        assert bureau_state(deps, most_cases=1).rows_waiting == 1


def test_what_a_correction_brings_back_wakes_what_waits_for_it(bureau: Any) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    factory.open_account(deps, bank)
    gone = factory.deletion("account", {"account_number": "A1", "valid_from": "2024-01-01"})
    _send(deps, bank, [("deletion", gone)])
    month = factory.send(deps, bank, "snapshot", factory.snapshot(1, "2024-12"))
    assert factory.counts(month) == (0, 0, 0, 1)
    back = factory.correction(*ACCOUNT, factory.account(1), reason="reinsertion_certified")
    assert factory.counts(factory.send(deps, bank, "correction", back)) == (1, 0, 0, 0)
    assert _now(deps, month) == (1, 0, 0, 0)
