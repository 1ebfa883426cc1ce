"""Promise 6: a decision can be taken back, and both sides are as if it had never been."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
from hypothesis import given
from hypothesis import strategies as st

import factory
from tallystick.service import identity
from tallystick.service.verify import ledger_verify


def parties(bureau: Any) -> list[tuple[UUID, UUID]]:
    with psycopg.connect(bureau.url) as connection:
        return connection.execute(
            "select party_id, subject_id from directory.party_subject order by 1"
        ).fetchall()


def contents(bureau: Any) -> dict[UUID, tuple[Any, ...]]:
    """What each party's subject's file says, the subject's id left out."""
    with psycopg.connect(bureau.url) as connection:
        documents = dict(
            connection.execute("select subject_id, document from file.subject").fetchall()
        )
        accounts: dict[UUID, list[Any]] = {}
        for subject, *row in connection.execute(
            "select subject_id, account_id, terms, months, latest, events from file.account_now"
            " order by 1, 2"
        ):
            accounts.setdefault(subject, []).append(tuple(row))
    return {
        party: (documents[subject], tuple(accounts.get(subject, ())))
        for party, subject in parties(bureau)
    }


def test_links_and_splits_in_any_order_are_undone(bureau: Any, small: Any) -> None:
    """Parties of their own at first; linked at random, then parted one by one."""
    for number in range(1, 5):
        bank = factory.member(bureau.deps, f"bank{number}")
        factory.open_account(bureau.deps, bank, (number,))
        factory.send(bureau.deps, bank, "snapshot", factory.snapshot(number, "2024-12"))
    before = contents(bureau)
    assert len({subject for _, subject in parties(bureau)}) == 4

    @small(6)
    @given(moves=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=4))
    def holds(moves: list[tuple[int, int]]) -> None:
        for party, other in moves:
            now = parties(bureau)
            identity.link(bureau.deps, now[party][0], now[other][1], "operator")
        assert ledger_verify(bureau.deps).faults == ()
        for at in range(4):
            now = parties(bureau)
            if [subject for _, subject in now].count(now[at][1]) > 1:
                identity.unlink(bureau.deps, now[at][0], "operator")
        assert contents(bureau) == before

    holds()
    assert ledger_verify(bureau.deps).faults == ()
