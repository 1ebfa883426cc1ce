"""A person first known by account, role and holder number goes on under a number of her own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import psycopg
import pytest

import factory
from beginnings import beginning
from tallystick.service import identity, process_rows
from tallystick.service.log import sequence_once
from tallystick.service.members import member_by_code
from tallystick.service.person import own_report
from tallystick.service.sessions import open_session, session
from tallystick.service.verify import ledger_verify

ACCEPTED, UNCHANGED, REJECTED = (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0)
PLACE = {"account_number": "A1", "role": "borrower", "holder_no": "1"}
BARE = {f"identifier_{part}": {"absent": "not_held"} for part in ("scheme", "number")}
OTHER = "SUB-HOLDER-003"
UNKNOWN = "SUB-HOLDER-002"


def rows(bureau: Any, query: str, *given: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(bureau.url) as connection:
        return connection.execute(query, given).fetchall()  # type: ignore[arg-type]


def before(**fields: Any) -> factory.Native:
    """Person 1, without a person number."""
    given = {"person_number": None, "phone": None, "name": "Ada Adler", **BARE, **PLACE}
    return factory.subject(1, **(given | {"birth_date": "1971-02-11"} | fields))


def after(**fields: Any) -> factory.Native:
    """The same with one, spelt otherwise: no name and birth date find her."""
    return before(**({"person_number": "P11", "name": "Ada Adlers"} | fields))


def account(**fields: Any) -> factory.Native:
    return factory.account(1, **({"person_number": None} | fields))


def send(bureau: Any, bank: Any, dataset: str, *records: Any) -> Any:
    return factory.told(factory.send_again(bureau.deps, bank, dataset, *records))


def subjects(bureau: Any) -> int:
    """How many persons there are."""
    ((found,),) = rows(bureau, "select count(distinct subject_id) from directory.party_subject")
    return int(found)


def party_of(bureau: Any, bank: Any, number: str) -> UUID:
    token = bureau.deps.keys.number_token(bank.member_id, "person", number)
    found = rows(bureau, "select party_id from directory.party where person_token = %s", token)
    return UUID(str(found[0][0]))


def subject_of(bureau: Any, party: UUID) -> UUID:
    query = "select subject_id from directory.party_subject where party_id = %s"
    return UUID(str(rows(bureau, query, party)[0][0]))


def _begin(bureau: Any) -> None:
    """The furnisher, with the person and her account on file without a person number."""
    bank = factory.member(bureau.deps)
    assert send(bureau, bank, "subject", before())[0] == ACCEPTED
    assert send(bureau, bank, "account", account())[0] == ACCEPTED
    assert send(bureau, bank, "snapshot", factory.snapshot(1, "2024-11"))[0] == ACCEPTED


template = beginning(_begin)


@pytest.fixture
def bank(bureau: Any) -> Any:
    """A furnisher of nobody yet."""
    return factory.member(bureau.deps)


@pytest.fixture
def known(bureau: Any) -> Any:
    """The furnisher of the person without a number."""
    return member_by_code(bureau.deps, "bank1")


@pytest.mark.parametrize("scan_from", [process_rows.SCAN_FROM, 1], ids=["python", "scan"])
def test_the_furnisher_moves_on_to_the_number(
    bureau: Any, known: Any, monkeypatch: pytest.MonkeyPatch, scan_from: int
) -> None:
    monkeypatch.setattr(process_rows, "SCAN_FROM", scan_from)
    assert send(bureau, known, "subject", after()) == (ACCEPTED, set())
    assert subjects(bureau) == 1
    cited = account(person_number="P11")
    assert send(bureau, known, "account", cited)[0] == UNCHANGED
    newer = account(person_number="P11", valid_from="2024-12-01", principal="900.00")
    assert send(bureau, known, "account", newer)[0] == ACCEPTED
    assert send(bureau, known, "account", factory.account(2, 11)) == (ACCEPTED, set())
    assert send(bureau, known, "agreement", factory.agreement(3, 11)) == (ACCEPTED, set())
    assert rows(bureau, "select count(*) from file.account_now") == [(2,)]
    assert rows(bureau, "select distinct decision from identity.link order by 1") == [
        ("new",), ("stated",),
    ]  # fmt: skip
    assert identity.cases(bureau.deps) == []
    assert ledger_verify(bureau.deps).ok


@pytest.mark.from_nothing
@pytest.mark.parametrize(
    ("files", "found"),
    [
        ([[before(), after()]], set()),
        ([[after(), before()]], set()),
        ([[before()], [after()]], set()),
        ([[after()], [before()]], {UNKNOWN}),
        ([[after()], [after(valid_from="2024-02-01"), before()]], {UNKNOWN}),
    ],
)
def test_in_whatever_order_they_come(bureau: Any, bank: Any, files: Any, found: set[str]) -> None:
    told = [send(bureau, bank, "subject", *one) for one in files]
    assert set.union(*(rules for _, rules in told)) == found
    assert [counts[0] for counts, _ in told] == [len(one) for one in files]
    assert subjects(bureau) == 1
    cited = account(person_number="P11")
    assert send(bureau, bank, "account", cited)[0] == ACCEPTED
    assert send(bureau, bank, "account", account())[0] == UNCHANGED
    assert ledger_verify(bureau.deps).ok


#: What the record with a number says, and whether it is hers who was known before.
SAID = [
    ({}, True),
    ({"holder_no": "2"}, False),
    ({"role": "co_borrower"}, False),
    ({"account_number": "A2"}, False),
    ({"account_number": None}, False),
    ({"role": None}, False),
    ({"holder_no": None}, False),
    ({"birth_date": "1971-02-12"}, True),
    ({"birth_date": "1971-11-02"}, True),
    ({"birth_date": "1971-03-12"}, False),
    ({"birth_date": {"absent": "not_held"}}, True),
    ({"name": "Zoltan Xu"}, False),
    ({"name": {"absent": "not_held"}}, True),
    ({"identifier_scheme": factory.SCHEME, "identifier_number": factory.identity_number(5)}, True),
]


@pytest.mark.from_nothing
@pytest.mark.parametrize("order", [1, -1], ids=["before first", "after first"])
@pytest.mark.parametrize(("fields", "is_hers"), SAID)
def test_the_word_links_whom_nothing_contradicts(
    bureau: Any, bank: Any, fields: Any, is_hers: bool, order: int
) -> None:
    for one in [before(), after(**fields)][::order]:
        assert send(bureau, bank, "subject", one)[0] == ACCEPTED
    assert send(bureau, bank, "account", account())[0] == ACCEPTED
    assert (subjects(bureau) == 1) == is_hers
    clashes = not is_hers and not fields.keys() & PLACE.keys()
    assert [one.kind for one in identity.cases(bureau.deps)] == ["clash"] * clashes
    counts, found = send(bureau, bank, "account", account(person_number="P11"))
    assert (counts, "ANY-PERSON-001" in found) == (UNCHANGED if is_hers else REJECTED, not is_hers)
    assert ledger_verify(bureau.deps).ok


def test_the_same_words_of_another_furnisher_are_of_another_account(
    bureau: Any, known: Any
) -> None:
    other = factory.member(bureau.deps, "bank2")
    assert send(bureau, other, "subject", after()) == (ACCEPTED, {UNKNOWN})
    assert subjects(bureau) == 2


NUMBER = {"identifier_scheme": factory.SCHEME, "identifier_number": factory.identity_number(5)}


@pytest.mark.from_nothing
@pytest.mark.parametrize(
    ("first", "then"),
    [
        (NUMBER, NUMBER | {"name": "Ada Adlers"}),
        ({"phone": "555-0199"}, {"phone": "555-0199"}),
        ({"phone": "555-0199"}, {"phone": "555-0199"} | NUMBER),
    ],
)
def test_without_the_word_her_identity_links_her_as_ever(
    bureau: Any, bank: Any, first: Any, then: Any
) -> None:
    place = dict.fromkeys(PLACE)
    send(bureau, bank, "subject", before(**first))
    send(bureau, bank, "account", account())
    send(bureau, bank, "subject", before(person_number="P11", **(place | then)))
    assert subjects(bureau) == 1
    assert send(bureau, bank, "account", account(person_number="P11"))[0] == UNCHANGED


@pytest.mark.parametrize("count", [1, 2])
def test_a_number_that_leads_elsewhere_decides_and_a_person_judges(
    bureau: Any, known: Any, count: int
) -> None:
    other = factory.member(bureau.deps, "bank2")
    send(bureau, other, "subject", before(person_number="P5", **dict.fromkeys(PLACE), **NUMBER))
    sent = [after(**NUMBER, valid_from=f"2024-0{no}-01") for no in range(1, count + 1)]
    assert send(bureau, known, "subject", *sent) == ((count, 0, 0, 0), {OTHER})
    theirs, ours = party_of(bureau, other, "p\x1fP5"), party_of(bureau, known, "p\x1fP11")
    was = subject_of(bureau, party_of(bureau, known, "h\x1fA1\x1fborrower\x1f1"))
    assert subject_of(bureau, theirs) == subject_of(bureau, ours) != was
    found = [(one.kind, one.candidates) for one in identity.cases(bureau.deps)
             if one.party_id == ours]  # fmt: skip
    assert found == [("weak", (was,))]


def test_the_word_chooses_among_several_under_one_number(bureau: Any, known: Any) -> None:
    place = dict.fromkeys(PLACE)
    send(bureau, known, "subject", before(**NUMBER, valid_from="2024-02-01"))
    other = factory.member(bureau.deps, "bank2")
    send(bureau, other, "subject", before(person_number="P5", **place, **NUMBER))
    identity.unlink(bureau.deps, party_of(bureau, other, "p\x1fP5"), "operator")
    assert send(bureau, known, "subject", after(**NUMBER))[0] == ACCEPTED
    was = subject_of(bureau, party_of(bureau, known, "h\x1fA1\x1fborrower\x1f1"))
    assert subject_of(bureau, party_of(bureau, known, "p\x1fP11")) == was


@pytest.mark.parametrize("name", ["Ada Adlers", "Zoltan Xu"])
def test_who_is_known_under_the_number_is_for_a_person_to_judge(
    bureau: Any, known: Any, name: str
) -> None:
    unsaid = after(name=name, **dict.fromkeys(PLACE))
    assert send(bureau, known, "subject", unsaid) == (ACCEPTED, set())
    said = after(name=name)
    mended = factory.correction("subject", said, unsaid)
    assert send(bureau, known, "correction", mended) == (ACCEPTED, {OTHER})
    assert subjects(bureau) == 2
    found = [(one.kind, one.party_id) for one in identity.cases(bureau.deps)]
    new = party_of(bureau, known, "p\x1fP11")
    assert found == [("weak", new)] * (name == "Ada Adlers")
    send(bureau, known, "subject", {**said, "valid_from": "2024-02-01"})
    assert len(identity.cases(bureau.deps)) == len(found)
    if found:
        was = subject_of(bureau, party_of(bureau, known, "h\x1fA1\x1fborrower\x1f1"))
        identity.link(bureau.deps, new, was, "operator")
        assert send(bureau, known, "account", account(person_number="P11"))[0] == UNCHANGED


def test_it_is_undone_and_stays_undone(bureau: Any, known: Any) -> None:
    send(bureau, known, "subject", after())
    old, new = (
        party_of(bureau, known, number) for number in ("h\x1fA1\x1fborrower\x1f1", "p\x1fP11")
    )
    assert subject_of(bureau, old) == subject_of(bureau, new)
    identity.unlink(bureau.deps, new, "operator")
    assert subject_of(bureau, old) != subject_of(bureau, new)
    cited = account(person_number="P11")
    assert send(bureau, known, "account", cited) == (REJECTED, {"ANY-PERSON-001"})
    assert send(bureau, known, "account", account())[0] == UNCHANGED
    for one in (after(valid_from="2024-02-01"), before(valid_from="2024-02-01")):
        assert send(bureau, known, "subject", one)[0] == ACCEPTED
    assert subject_of(bureau, old) != subject_of(bureau, new)
    assert identity.cases(bureau.deps) == []
    counted = "select party_id, count(*) from ledger.subject group by party_id order by party_id"
    assert rows(bureau, counted) == sorted([(old, 2), (new, 2)])
    assert ledger_verify(bureau.deps).ok


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, set()),
        ({"holder_no": "2"}, {UNKNOWN}),
        ({"role": "guarantor"}, {UNKNOWN}),
        ({"account_number": "A2"}, {UNKNOWN}),
        ({"holder_no": None}, {"SUB-HOLDER-001"}),
        ({"role": None}, {"SUB-HOLDER-001"}),
        ({"account_number": None}, {"SUB-HOLDER-001"}),
        (dict.fromkeys(PLACE), set()),
    ],
)
def test_a_word_that_says_nothing_is_told(
    bureau: Any, known: Any, fields: Any, found: set[str]
) -> None:
    assert send(bureau, known, "subject", after(**fields)) == (ACCEPTED, found)


@pytest.mark.from_nothing
@pytest.mark.parametrize("withdrawn", [False, True])
def test_a_word_taken_back_links_nobody_who_comes_later(
    bureau: Any, bank: Any, withdrawn: bool
) -> None:
    send(bureau, bank, "subject", after())
    if withdrawn:
        unsaid = factory.correction("subject", after(**dict.fromkeys(PLACE)), after())
        assert send(bureau, bank, "correction", unsaid)[0] == ACCEPTED
    assert send(bureau, bank, "subject", before())[0] == ACCEPTED
    assert subjects(bureau) == 1 + withdrawn


def test_what_was_known_before_the_link_stays(bureau: Any, known: Any) -> None:
    deps = bureau.deps
    was = subject_of(bureau, party_of(bureau, known, "h\x1fA1\x1fborrower\x1f1"))
    told = body(bureau, was)
    bureau.clock.advance(timedelta(seconds=9))
    moment = deps.clock()
    sequence_once(deps)
    bureau.clock.advance(timedelta(hours=1))
    assert send(bureau, known, "subject", after()) == (ACCEPTED, set())
    newer = account(person_number="P11", valid_from="2024-12-01", principal="900.00")
    assert send(bureau, known, "account", newer)[0] == ACCEPTED
    assert body(bureau, was)["identity"] != told["identity"]
    assert body(bureau, was, as_of=moment, known_at=moment)["identity"] == told["identity"]
    assert body(bureau, was, as_of=moment, known_at=moment)["accounts"] == told["accounts"]


def body(bureau: Any, subject: UUID, **moments: Any) -> dict[str, Any]:
    who = session(bureau.deps, open_session(bureau.deps, persona="person", subject_id=subject))
    assert who is not None
    sequence_once(bureau.deps)
    found: dict[str, Any] = orjson.loads(
        bureau.run(own_report(bureau.deps, who, **moments)).body or b"{}"
    )
    return found
