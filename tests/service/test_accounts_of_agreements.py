"""An account that draws on an agreement waits for it: the limit they share is told once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import factory
from tallystick.service.pending import expire_pending
from tallystick.service.verify import ledger_verify

ACCEPTED, PENDING = (1, 0, 0, 0), (0, 0, 0, 1)
RULE = "ACC-AGR-001"


@pytest.fixture
def lender(bureau: Any) -> Any:
    """A furnisher of person 1."""
    made = factory.member(bureau.deps)
    factory.send(bureau.deps, made, "subject", factory.subject(1))
    return made


def cited(bureau: Any) -> list[tuple[bool, bool]]:
    """Of each account on file: whether it draws on an agreement, and whether that is on file."""
    with bureau.deps.database.connect("serve") as connection:
        return connection.execute(
            "select a.agreement_id is not null, g.object_id is not null from ledger.account a"
            " left join ledger.agreement g on g.object_id = a.agreement_id"
            " join ledger.publication p on p.chunk_id = a.chunk_id order by p.position"
        ).fetchall()


@pytest.mark.parametrize(
    ("number", "wanted", "drawn"),
    [(None, ACCEPTED, (False, False)), ("G1", ACCEPTED, (True, True)), ("G2", PENDING, None)],
)
def test_only_what_cites_an_agreement_that_is_not_there_waits(
    bureau: Any, lender: Any, number: str | None, wanted: Any, drawn: Any
) -> None:
    deps = bureau.deps
    assert factory.counts(factory.send(deps, lender, "agreement", factory.agreement(1))) == ACCEPTED
    sent = factory.send(deps, lender, "account", factory.account(1, agreement_number=number))
    assert factory.counts(sent) == wanted
    assert (RULE in factory.rules(sent)) == (wanted == PENDING)
    assert cited(bureau) == ([] if drawn is None else [drawn])


def test_it_is_taken_when_the_agreement_comes_and_what_hangs_on_it_too(
    bureau: Any, lender: Any
) -> None:
    deps = bureau.deps
    for dataset, record in (
        ("account", factory.account(1, agreement_number="G1")),
        ("snapshot", factory.snapshot(1, "2024-11")),
    ):
        assert factory.counts(factory.send(deps, lender, dataset, record)) == PENDING
    assert factory.counts(factory.send(deps, lender, "agreement", factory.agreement(1))) == ACCEPTED
    assert cited(bureau) == [(True, True)]
    assert ledger_verify(deps).ok
    again = factory.send_again(deps, lender, "account", factory.account(1, agreement_number="G1"))
    assert factory.counts(again) == (0, 1, 0, 0)


def test_whoever_waits_for_whom_all_go_on_with_the_person(bureau: Any, lender: Any) -> None:
    deps = bureau.deps
    for dataset, record in (
        ("account", factory.account(2, agreement_number="G2")),
        ("agreement", factory.agreement(2)),
    ):
        assert factory.counts(factory.send(deps, lender, dataset, record)) == PENDING
    assert cited(bureau) == []
    factory.send(deps, lender, "subject", factory.subject(2))
    assert cited(bureau) == [(True, True)]


def test_an_agreement_of_another_furnisher_is_not_the_one(bureau: Any, lender: Any) -> None:
    deps = bureau.deps
    other = factory.member(deps, "bank2")
    factory.send(deps, other, "subject", factory.subject(1))
    factory.send(deps, other, "agreement", factory.agreement(1))
    sent = factory.send(deps, lender, "account", factory.account(1, agreement_number="G1"))
    assert factory.told(sent) == (PENDING, {RULE})


def test_on_its_date_it_is_rejected(bureau: Any, lender: Any) -> None:
    deps = bureau.deps
    sent = factory.send(deps, lender, "account", factory.account(1, agreement_number="G1"))
    days = deps.profile.on(bureau.clock().date()).pending_expires_days
    bureau.clock.advance(timedelta(days=days - 1))
    assert expire_pending(deps) == 0
    bureau.clock.advance(timedelta(days=2))
    assert expire_pending(deps) == 1
    assert factory.counts(factory.send(deps, lender, "agreement", factory.agreement(1))) == ACCEPTED
    assert cited(bureau) == []
    assert sent.pending == 1
