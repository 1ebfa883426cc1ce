"""An account, agreement, guarantee or payer account stays the person's it was first sent for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

import factory
import places
from beginnings import beginning, running, stages
from tallystick.service import identity, process_rows
from tallystick.service.members import member_by_code
from tallystick.service.person import own_report
from tallystick.service.process_rows import _publish as publish_rows
from tallystick.service.references import HOLDER
from tallystick.service.sessions import open_session, session
from tallystick.service.submissions import show
from tallystick.service.verify import ledger_verify

ACCEPTED, UNCHANGED, REJECTED, PENDING = (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)
RULE, RESTATED = "ANY-PERSON-001", "ANY-RESTATE-001"
#: Person 1 under a second number at the same furnisher.
SECOND = "P1b"
#: By dataset: a record of person 1, the field of its number, a change of content, another key, and
#: the block of a report.
CASES: Mapping[str, tuple[dict[str, Any], str, dict[str, Any], dict[str, Any], str]] = {
    "account": (
        factory.account(9, 1), "account_number", {"principal": "1100.00"},
        {"valid_from": "2024-02-01"}, "accounts",
    ),
    "agreement": (
        factory.agreement(9, 1), "agreement_number", {"credit_limit": "6000.00"},
        {"valid_from": "2024-02-01"}, "agreements",
    ),
    "guarantee": (
        {**factory.GUARANTEE, "account_number": "A3", "person_number": "P1"}, "guarantee_number",
        {"amount": "1100.00"}, {"valid_from": "2024-02-01"}, "guarantees",
    ),
    "payment": (
        factory.PAYMENT, "payer_account_number", {"amount_due": "11.00"},
        {"period_end": "2024-11-30"}, "payments",
    ),
}  # fmt: skip


def _begin(bureau: Any) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    known = [factory.subject(person) for person in (1, 2, 3)]
    factory.send(deps, bank, "subject", *known, factory.subject(1, person_number=SECOND))
    factory.send(deps, bank, "account", factory.account(3))


template = beginning(_begin)


def _send_first(bureau: Any, which: tuple[str, int]) -> None:
    """The record of person 1, in the way of judging that the test is of."""
    dataset, _ = which
    bank = member_by_code(bureau.deps, "bank1")
    assert told(bureau, bank, dataset, record(dataset, "P1")) == (ACCEPTED, set())


stage = stages(_send_first)


@pytest.fixture
def bank(bureau: Any) -> Any:
    return member_by_code(bureau.deps, "bank1")


@pytest.fixture(params=[process_rows.SCAN_FROM, 1], ids=["python", "scan"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the two ways of judging."""
    monkeypatch.setattr(process_rows, "SCAN_FROM", request.param)


@pytest.fixture
def sent(
    migrated: Any, stage: Any, dataset: str, keys: Any, clock: Any, tmp_path: Path
) -> Iterator[Any]:
    """A bureau to which the record of person 1 was sent."""
    laid = stage((dataset, process_rows.SCAN_FROM))  # which `way` has set by now
    with (
        places.used(migrated, laid) as database,
        running(database, keys, clock, tmp_path) as opened,
    ):
        yield opened


def told(bureau: Any, bank: Any, dataset: str, *records: Any) -> Any:
    """The counts, and which of the two rules hit."""
    counts, rules = factory.told(factory.send_again(bureau.deps, bank, dataset, *records))
    return counts, rules & {RULE, RESTATED, "MON-RESTATE-002"}


def record(dataset: str, person: str | None, *changes: int) -> dict[str, Any]:
    """The record of `CASES` for a person, with some of its changes."""
    made, *_ = CASES[dataset]
    changed = {name: value for no in changes for name, value in dict(CASES[dataset][no]).items()}
    return {**made, **changed, "person_number": person}


def reported(bureau: Any, block: str) -> list[int]:
    """How many items of a block stand in the own reports of persons 1 and 2."""
    with bureau.deps.database.connect("serve") as connection:
        subjects = [
            connection.execute(
                "select subject_id from directory.token_subject where token = %s",
                (bureau.deps.keys.identity_token(factory.SCHEME, factory.identity_number(one)),),
            ).fetchone()[0]
            for one in (1, 2)
        ]
    return [len(_body(bureau, subject).get(block, ())) for subject in subjects]


def _body(bureau: Any, subject: UUID) -> dict[str, Any]:
    deps = bureau.deps
    who = session(deps, open_session(deps, persona="person", subject_id=subject))
    assert who is not None
    found: dict[str, Any] = orjson.loads(bureau.run(own_report(deps, who)).body or b"{}")
    return found


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("dataset", CASES)
@pytest.mark.parametrize(
    ("person", "changes", "wanted"),
    [
        ("P1", (), UNCHANGED),
        ("P1", (2,), ACCEPTED),
        ("P1", (3,), ACCEPTED),
        (SECOND, (), UNCHANGED),
        (SECOND, (2,), ACCEPTED),
        (SECOND, (3,), ACCEPTED),
        ("P2", (), REJECTED),
        ("P2", (2,), REJECTED),
        ("P2", (3,), REJECTED),
        ("P4", (3,), PENDING),
    ],
)
def test_a_number_on_file_is_sent_again_for_the_same_person_only(
    sent: Any, dataset: str, person: str, changes: tuple[int, ...], wanted: Any
) -> None:
    bank = member_by_code(sent.deps, "bank1")
    counts, rules = told(sent, bank, dataset, record(dataset, person, *changes))
    assert counts == wanted
    assert (RULE in rules) == (wanted == REJECTED)
    assert (rules - {RULE} != set()) == (wanted == ACCEPTED and changes == (2,))
    mine, others = reported(sent, CASES[dataset][4])
    several = changes == (3,) and wanted == ACCEPTED and dataset == "payment"  # two months
    assert (mine, others) == (2 if several else 1, 0)
    assert ledger_verify(sent.deps).ok


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("dataset", CASES)
@pytest.mark.parametrize(
    ("persons", "wanted"),
    [
        (("P1", "P1"), (2, 0, 0, 0)),
        (("P1", SECOND), (2, 0, 0, 0)),
        (("P1", "P2"), (1, 0, 1, 0)),
        (("P4", "P2"), (1, 0, 0, 1)),
    ],
)
def test_within_a_file_the_first_line_says_whose_the_number_is(
    bureau: Any, bank: Any, dataset: str, persons: tuple[str, str], wanted: Any
) -> None:
    first, second = (record(dataset, one, *((3,) if no else ())) for no, one in enumerate(persons))
    counts, rules = told(bureau, bank, dataset, first, second)
    assert (counts, rules) == (wanted, {RULE} if wanted[2] else set())
    block = CASES[dataset][4]
    whose = (0, 1) if persons[1] == "P2" and wanted[3] else (1, 0)
    found = [min(one, 1) for one in reported(bureau, block)]
    assert tuple(found) == whose
    assert ledger_verify(bureau.deps).ok


@pytest.mark.parametrize("dataset", CASES)
@pytest.mark.parametrize(("person", "wanted"), [(SECOND, ACCEPTED), ("P2", REJECTED)])
def test_no_correction_brings_it_to_another(
    sent: Any, dataset: str, person: str, wanted: Any
) -> None:
    bank = member_by_code(sent.deps, "bank1")
    stands = record(dataset, "P1")
    mended = factory.correction(
        dataset, record(dataset, person, 2), stands, reason="identity_corrected"
    )
    found = told(sent, bank, "correction", mended)
    assert found == (wanted, {RULE} if wanted == REJECTED else set())
    assert reported(sent, CASES[dataset][4]) == [1, 0]


@pytest.mark.parametrize("dataset", CASES)
@pytest.mark.parametrize(
    ("number", "wanted", "left"), [("same", REJECTED, [0, 0]), ("X-1", ACCEPTED, [0, 1])]
)
def test_a_deleted_number_is_given_to_nobody_else(
    sent: Any, dataset: str, number: str, wanted: Any, left: list[int]
) -> None:
    bank = member_by_code(sent.deps, "bank1")
    field = CASES[dataset][1]
    first = record(dataset, "P1")
    key = {name: first[name] for name in sent.deps.registry[dataset].key}
    gone = factory.send(sent.deps, bank, "deletion", factory.deletion(dataset, key, "not_his"))
    assert factory.counts(gone) == ACCEPTED
    other = record(dataset, "P2", 3)
    other[field] = first[field] if number == "same" else number
    found = told(sent, bank, dataset, other)
    assert found == (wanted, {RULE} if wanted == REJECTED else set())
    assert reported(sent, CASES[dataset][4]) == left


@pytest.mark.parametrize("dataset", CASES)
@pytest.mark.parametrize(("comes", "wanted"), [(2, REJECTED), (1, ACCEPTED)])
def test_what_waited_is_judged_when_its_person_comes(
    bureau: Any, bank: Any, dataset: str, comes: int, wanted: Any
) -> None:
    deps = bureau.deps
    waits = factory.send(deps, bank, dataset, record(dataset, "P8", 3))
    assert factory.counts(waits) == PENDING
    told(bureau, bank, dataset, record(dataset, "P1"))
    factory.send(deps, bank, "subject", factory.subject(comes, person_number="P8"))
    assert factory.counts(show(deps, bank, waits.submission_id)) == wanted
    assert reported(bureau, CASES[dataset][4])[1] == 0


def test_an_account_named_by_no_person_number_stays_its_holders(bureau: Any, bank: Any) -> None:
    deps = bureau.deps
    holder = {"account_number": "A9", "role": "borrower", "holder_no": "1"}
    unnumbered = factory.subject(1, person_number=None, **holder)
    assert factory.counts(factory.send(deps, bank, "subject", unnumbered)) == ACCEPTED
    for person, changes, wanted in (
        (None, (), ACCEPTED), (None, (3,), ACCEPTED), ("P1", (2,), ACCEPTED), ("P2", (), REJECTED),
    ):  # fmt: skip
        sent = {
            name: value
            for name, value in record("account", person, *changes).items()
            if value is not None
        }
        counts, rules = told(bureau, bank, "account", sent)
        assert (counts, RULE in rules) == (wanted, wanted == REJECTED)
    assert reported(bureau, "accounts") == [1, 0]


@pytest.mark.parametrize(("former", "wanted"), [("P1", ACCEPTED), (None, ACCEPTED)])
def test_a_renumbered_person_keeps_her_numbers(
    bureau: Any, bank: Any, former: str | None, wanted: Any
) -> None:
    deps = bureau.deps
    told(bureau, bank, "agreement", record("agreement", "P1"))
    again = factory.subject(1, person_number="P7", formerly_person_number=former)
    assert factory.counts(factory.send(deps, bank, "subject", again)) == ACCEPTED
    assert told(bureau, bank, "agreement", record("agreement", "P7", 2))[0] == wanted
    assert reported(bureau, "agreements") == [1, 0]


@pytest.mark.parametrize("dataset", CASES)
@pytest.mark.parametrize(
    ("person", "wanted"), [("P1", ACCEPTED), (SECOND, ACCEPTED), ("P2", REJECTED)]
)
def test_whoever_sent_it_first_meanwhile_says_whose_it_is(
    bureau: Any, bank: Any, monkeypatch: pytest.MonkeyPatch, dataset: str, person: str, wanted: Any
) -> None:
    def between(deps: Any, job: Any, *args: Any, **fields: Any) -> int:
        monkeypatch.setattr(process_rows, "_publish", publish_rows)
        first = factory.send(deps, bank, dataset, record(dataset, "P1"))
        assert factory.counts(first) == ACCEPTED
        return publish_rows(deps, job, *args, **fields)

    monkeypatch.setattr(process_rows, "_publish", between)
    counts, rules = told(bureau, bank, dataset, record(dataset, person, 3))
    assert (counts, RULE in rules) == (wanted, wanted == REJECTED)
    mine, others = reported(bureau, CASES[dataset][4])
    assert (min(mine, 1), others) == (1, 0)
    assert ledger_verify(bureau.deps).ok


def test_a_person_known_to_be_another_loses_what_was_hers_only_by_number(
    bureau: Any, bank: Any
) -> None:
    deps = bureau.deps
    told(bureau, bank, "agreement", record("agreement", "P1"))
    with deps.database.connect("serve") as connection:
        (party,) = connection.execute(
            "select party_id from directory.party where person_token = %s",
            (deps.keys.number_token(bank.member_id, "person", f"p{HOLDER}{SECOND}"),),
        ).fetchone()
    identity.unlink(deps, party, "operator")
    found = told(bureau, bank, "agreement", record("agreement", SECOND, 2))
    assert found == (REJECTED, {RULE})


def test_the_same_number_at_another_furnisher_is_another(bureau: Any, bank: Any) -> None:
    deps = bureau.deps
    other = factory.member(deps, "bank2")
    factory.send(deps, other, "subject", factory.subject(2))
    told(bureau, bank, "agreement", record("agreement", "P1"))
    assert told(bureau, other, "agreement", record("agreement", "P2")) == (ACCEPTED, set())
    assert reported(bureau, "agreements") == [1, 1]
