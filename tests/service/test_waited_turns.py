"""What is taken of a row's key between the coming of what it waits for and its own turn stands."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.service import pending, submissions
from tallystick.service.members import member_by_code
from tallystick.service.submit import process

NEWER = "ANY-WAITED-001"
ACCEPTED, UNCHANGED, REJECTED, WAITS = (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)
Sent = tuple[str, factory.Native]


def _begin(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    factory.member(bureau.deps, "bank2")
    factory.send(bureau.deps, bank, "subject", factory.subject(1), factory.subject(2))


template = beginning(_begin)


def month(balance: str, period: str = "2024-12") -> Sent:
    return "snapshot", factory.snapshot(7, period, balance=balance)


def note(text: str, kind: str = "statement") -> Sent:
    return "remark", {**factory.REMARK, "account_number": "A7", "text": text, "kind": kind}


def share(of: str, day: str = "2024-01-01") -> Sent:
    return "funding", factory.funding(7, "bank2", of, valid_from=day)


def borrower(until: str, number: str = "2") -> Sent:
    return "account_party", factory.account_party(7, 1, holder_no=number, valid_to=until)


@pytest.mark.parametrize(
    ("waits", "meanwhile", "ends"),
    [
        (month("1.00"), month("2.00"), REJECTED),
        (month("1.00"), month("1.00"), UNCHANGED),
        (month("1.00"), month("2.00", "2024-11"), ACCEPTED),
        (note("One."), note("Two."), REJECTED),
        (note("One."), note("One."), UNCHANGED),
        (note("One."), note("Two.", "disputed"), ACCEPTED),
        (share("0.1"), share("0.2"), REJECTED),
        (share("0.1"), share("0.1"), UNCHANGED),
        (share("0.1"), share("0.2", "2024-02-01"), ACCEPTED),
        (borrower("2024-06-01"), borrower("2024-07-01"), REJECTED),
        (borrower("2024-06-01"), borrower("2024-06-01"), UNCHANGED),
        (("event", factory.event(7)), ("event", factory.event(7, event_type="restructured")),
         REJECTED),
        (("event", factory.event(7)), ("event", factory.event(7)), UNCHANGED),
        (("event", factory.event(7)), ("event", factory.event(7, "e2", event_type="restructured")),
         ACCEPTED),
    ],
)  # fmt: skip
def test_what_is_taken_between_what_it_waits_for_and_its_turn_stands(
    bureau: Any, monkeypatch: pytest.MonkeyPatch,
    waits: Sent, meanwhile: Sent, ends: tuple[int, ...],
) -> None:  # fmt: skip
    deps, bank = bureau.deps, member_by_code(bureau.deps, "bank1")
    sent = factory.send(deps, bank, waits[0], waits[1])
    assert factory.counts(sent) == WAITS
    with monkeypatch.context() as patch:  # who would have woken it died
        patch.setattr(pending, "wake", lambda *_, **__: None)
        came = factory.send(deps, bank, "account", factory.account(7, 2))
        newer = factory.send_again(deps, bank, meanwhile[0], meanwhile[1])
        assert factory.counts(newer) == ACCEPTED
    assert factory.counts(submissions.show(deps, bank, sent.submission_id)) == WAITS
    process(deps, came.submission_id)
    counted, rules = factory.told(submissions.show(deps, bank, sent.submission_id))
    assert (counted, NEWER in rules) == (ends, ends == REJECTED)
