"""A text that reads like the ledger's mark of NULL is a text: it is told from a value not there."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from tallystick.service.verify import ledger_rebuild, ledger_verify

ACCEPTED, UNCHANGED, WAITS = (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 0, 1)
TEXTS = ["\\N", "\\\\N", "N"]
_FACT = {"member": "bank1", "member_class": "platform", "currency": "CNY"}


@pytest.mark.parametrize("text", TEXTS)
def test_facts_that_name_it_are_others_than_facts_without(bureau: Any, text: str) -> None:
    bank = factory.member(bureau.deps)
    without: factory.Native = {**_FACT, "valid_from": "2024-01-01", "total_loans": "1.00"}
    named = {**without, "affiliates": text}
    said = [factory.send(bureau.deps, bank, "member", one) for one in (without, named, named)]
    assert [factory.counts(one) for one in said] == [ACCEPTED, ACCEPTED, UNCHANGED]
    assert ledger_verify(bureau.deps).faults == ()
    ledger_rebuild(bureau.deps)
    assert ledger_verify(bureau.deps).faults == ()


@pytest.mark.parametrize("text", TEXTS)
def test_a_consent_of_that_name_is_waited_for_like_any_other(bureau: Any, text: str) -> None:
    bank = factory.member(bureau.deps)
    factory.open_account(bureau.deps, bank)
    sent = [
        factory.send(bureau.deps, bank, "account", factory.account(1, consent_ref=one))
        for one in (text, "nobody's")
    ]
    assert [factory.told(one) for one in sent] == [(WAITS, factory.told(sent[1])[1])] * 2
