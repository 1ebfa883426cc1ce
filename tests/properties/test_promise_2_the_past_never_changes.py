"""Promise 2: whatever happens later, an answer given can be given again, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import factory
from tallystick.service.inquire import answer
from tallystick.service.log import sequence_once
from tallystick.service.replay import again, replay
from tallystick.service.verify import ledger_rebuild, ledger_verify


def _later(bureau: Any, bank: Any, person: int) -> dict[str, Callable[[], Any]]:
    """What may happen after the answer was given."""
    month = factory.snapshot(person, "2024-12", balance="123.00")
    key = {"account_number": f"A{person}", "period_end": "2024-11-30"}
    first = factory.snapshot(person, "2024-11")
    mended = {**first, "balance": "2.00"}

    def send(dataset: str, record: Any) -> Callable[[], Any]:
        return lambda: factory.send_again(bureau.deps, bank, dataset, record)

    return {
        "next month": send("snapshot", month),
        "restated": send("snapshot", factory.snapshot(person, "2024-11", balance="1.00")),
        "corrected": send("correction", factory.correction("snapshot", mended, first)),
        "deleted": send("deletion", factory.deletion("snapshot", key)),
        "renamed": send(
            "subject", factory.subject(person, valid_from="2024-09-01", phone="555-0900")
        ),
        "consent": lambda: factory.consent(bureau.deps, bank, person),
        "rebuilt": lambda: ledger_rebuild(bureau.deps),
    }


EVENTS = st.lists(
    st.sampled_from(
        ("next month", "restated", "corrected", "deleted", "renamed", "consent", "rebuilt")
    ),
    min_size=1,
    max_size=4,
)


def test_an_answer_given_can_be_given_again(bureau: Any, small: Any) -> None:
    bank = factory.member(bureau.deps)
    factory.open_account(bureau.deps, bank, range(1, 20))
    persons = iter(range(1, 20))

    @small(5)
    @given(events=EVENTS)
    def holds(events: list[str]) -> None:
        person = next(persons)
        factory.send(bureau.deps, bank, "snapshot", factory.snapshot(person, "2024-11"))
        consent = factory.consent(bureau.deps, bank, person)
        sequence_once(bureau.deps)
        given_once = bureau.run(
            answer(bureau.deps, factory.ask(bureau.deps, bank, person, consent))
        )
        assert given_once.body is not None
        later = _later(bureau, bank, person)
        for event in events:
            later[event]()
        for fold in (False, True):
            body = bureau.run(replay(bureau.deps, given_once.look_id, fold=fold))
            assert body == given_once.body, events
        assert bureau.run(again(bureau.deps, bank, given_once.look_id)).body == given_once.body

    holds()
    assert ledger_verify(bureau.deps).faults == ()
