"""Submissions at the same time: each is judged by what the others did, and file = fold."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from typing import Any

import orjson
import psycopg

import factory
from tallystick.service import identity
from tallystick.service.submit import process, receive
from tallystick.service.verify import ledger_verify


def rows(bureau: Any, query: str, *given: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(bureau.url) as connection:
        return connection.execute(query, given).fetchall()


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Run acts in threads that start together; gives their results, raises their exceptions."""
    start = threading.Barrier(len(acts))
    results: list[Any] = [None] * len(acts)

    def run(number: int, act: Callable[[], Any]) -> None:
        start.wait()
        try:
            results[number] = act()
        except BaseException as error:  # noqa: BLE001 - raised again below, in the test's thread
            results[number] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def received(bureau: Any, bank: Any, dataset: str, *records: Any) -> Callable[[], Any]:
    """An act that processes records whose bytes are taken already."""
    data = b"".join(orjson.dumps(record) + b"\n" for record in records)
    taken = receive(bureau.deps, bank, dataset, io.BytesIO(data))
    return lambda: process(bureau.deps, taken.submission_id)


def test_two_submissions_of_one_account_at_once_lose_nothing(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    factory.open_account(bureau.deps, bank)
    views = at_once(
        received(bureau, bank, "snapshot", factory.snapshot(1, "2024-11")),
        received(bureau, bank, "snapshot", factory.snapshot(1, "2024-12")),
        received(bureau, bank, "event", factory.event(1)),
        received(bureau, bank, "account", factory.account(1, maturity_on="2026-01-01")),
    )
    assert [factory.counts(view) for view in views] == [(1, 0, 0, 0)] * 4
    assert rows(bureau, "select length(months), last_period_end::text from file.account_now") == [
        (42, "2024-12-31")
    ]
    assert ledger_verify(bureau.deps).faults == ()


def test_two_shares_of_sixty_percent_at_once_cannot_both_pass(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    for code in ("bank2", "bank3"):
        factory.member(bureau.deps, code)
    factory.open_account(bureau.deps, bank)
    views = at_once(
        received(bureau, bank, "funding", factory.funding(1, "bank2", "0.6")),
        received(bureau, bank, "funding", factory.funding(1, "bank3", "0.6")),
    )
    assert sorted(factory.counts(view) for view in views) == [(0, 0, 1, 0), (1, 0, 0, 0)]
    refused = next(view for view in views if view.rejected)
    assert factory.rules(refused) == {"FND-SHARE-001"}
    more = factory.send(
        bureau.deps, bank, "funding", factory.funding(1, "bank3", "0.4", valid_from="2024-02-01")
    )
    assert factory.counts(more) == (1, 0, 0, 0), "exactly the whole is not over it"
    over = factory.funding(1, "bank1", "0.000000001", valid_from="2024-03-01")
    assert factory.counts(factory.send(bureau.deps, bank, "funding", over)) == (0, 0, 1, 0)
    assert ledger_verify(bureau.deps).faults == ()


def test_a_claim_sent_at_once_keeps_nothing_of_the_originators_word_out(bureau: Any) -> None:
    bank, stranger = factory.member(bureau.deps), factory.member(bureau.deps, "bank3")
    factory.member(bureau.deps, "bank2")
    factory.open_account(bureau.deps, bank)
    own, other, claimed = at_once(
        received(bureau, bank, "funding", factory.funding(1, "bank1", "0.6")),
        received(bureau, bank, "funding", factory.funding(1, "bank2", "0.6")),
        received(bureau, stranger, "funding", factory.funding(1, "bank3", "0.6")),
    )
    assert own.accepted + other.accepted == 1
    refused = next(view for view in (own, other) if view.rejected)
    assert "FND-SHARE-001" in factory.rules(refused)
    assert claimed.accepted == 1 or factory.rules(claimed) == {"FND-SHARE-001"}
    assert ledger_verify(bureau.deps).faults == ()


def test_two_corrections_of_one_month_at_once_cannot_both_pass(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    factory.open_account(bureau.deps, bank)
    month = factory.snapshot(1, "2024-12")
    factory.send(bureau.deps, bank, "snapshot", month)
    views = at_once(
        *(
            received(
                bureau, bank, "correction",
                factory.correction("snapshot", {**month, "balance": balance}, month),
            )
            for balance in ("1.00", "2.00", "3.00")
        )
    )  # fmt: skip
    assert sorted(factory.counts(view) for view in views) == [(0, 0, 1, 0)] * 2 + [(1, 0, 0, 0)]
    assert {"COR-DIGEST-001"} in [factory.rules(view) for view in views]
    assert ledger_verify(bureau.deps).faults == ()


def test_the_same_new_person_from_two_submissions_at_once_is_one(bureau: Any) -> None:
    bank, other = factory.member(bureau.deps), factory.member(bureau.deps, "bank2")
    views = at_once(
        received(bureau, bank, "subject", factory.subject(1)),
        received(bureau, bank, "subject", factory.subject(1, valid_from="2024-06-01")),
        received(bureau, other, "subject", factory.subject(1)),
        received(
            bureau,
            bank,
            "subject",
            factory.subject(
                2,
                identifier_scheme={"absent": "not_held"},
                identifier_number={"absent": "not_held"},
            ),
        ),
        received(
            bureau,
            bank,
            "subject",
            factory.subject(
                2,
                valid_from="2024-06-01",
                identifier_scheme={"absent": "not_held"},
                identifier_number={"absent": "not_held"},
            ),
        ),
    )
    assert all(view.accepted == 1 for view in views)
    assert rows(
        bureau,
        "select count(distinct party_id), count(distinct subject_id) from directory.party_subject",
    ) == [(3, 2)]
    assert ledger_verify(bureau.deps).faults == ()


def test_a_month_published_while_its_account_moves_to_another_subject(bureau: Any) -> None:
    bank, other = factory.member(bureau.deps), factory.member(bureau.deps, "bank2")
    factory.open_account(bureau.deps, bank)
    factory.send(
        bureau.deps, other, "subject", factory.subject(1, name="Zoltan Xu", birth_date="1950-12-30")
    )
    factory.send(bureau.deps, other, "account", factory.account(1))
    found = dict(rows(bureau, "select furnisher_id, party_id from directory.party"))
    subject = dict(rows(bureau, "select party_id, subject_id from directory.party_subject"))
    mine, theirs = found[bank.member_id], found[other.member_id]
    for month in ("2024-10", "2024-11", "2024-12"):
        act = received(bureau, other, "snapshot", factory.snapshot(1, month))
        if month == "2024-11":
            view, _ = at_once(act, lambda: identity.unlink(bureau.deps, theirs, "operator"))
        else:
            view, _ = at_once(
                act, lambda: identity.link(bureau.deps, theirs, subject[mine], "operator")
            )
        assert factory.counts(view) == (1, 0, 0, 0)
        assert ledger_verify(bureau.deps).faults == ()
    assert rows(bureau, "select count(*), max(length(months)) from file.account_now") == [(2, 63)]


def test_consents_of_the_same_people_in_two_files_do_not_wait_for_each_other(bureau: Any) -> None:
    """Each file is one transaction: in the files' own order they would lock each other out."""
    bank = factory.member(bureau.deps)
    there, back = (
        [factory.consent_record(bureau.deps, bank, person) for person in order]
        for order in (range(1, 41), range(40, 0, -1))
    )

    views = at_once(
        received(bureau, bank, "consent", *there), received(bureau, bank, "consent", *back)
    )

    assert [(view.state, view.accepted) for view in views] == [("published", 40)] * 2


def test_consents_of_the_same_ids_in_two_files_do_not_wait_for_each_other(bureau: Any) -> None:
    """Each id goes to one of two people, whoever comes first."""
    bank, ids = factory.member(bureau.deps), [str(bureau.deps.new_id()) for _ in range(40)]
    there, back = (
        [
            factory.consent_record(bureau.deps, bank, person, consent_id=one)
            for person, one in zip(people, order, strict=True)
        ]
        for people, order in ((range(1, 41), ids), (range(41, 81), ids[::-1]))
    )

    views = at_once(
        received(bureau, bank, "consent", *there), received(bureau, bank, "consent", *back)
    )

    assert sum(view.accepted for view in views) == sum(view.rejected for view in views) == 40
    assert set().union(*map(factory.rules, views)) == {"CNS-ID-001"}


def test_more_submissions_at_once_than_connections_all_come_through(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    acts = [received(bureau, bank, "subject", factory.subject(person)) for person in range(1, 25)]

    views = at_once(*acts)

    assert {view.state for view in views} == {"published"}
