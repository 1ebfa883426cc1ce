"""Identity decisions: files follow links, the past keeps what it said, and all can be undone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

import factory
from tallystick.errors import BadRequest
from tallystick.ledger import files
from tallystick.service import identity
from tallystick.service.verify import ledger_verify


def party_of(bureau: Any, furnisher: Any) -> UUID:
    with psycopg.connect(bureau.url) as connection:
        row = connection.execute(
            "select party_id from directory.party where furnisher_id = %s", (furnisher.member_id,)
        ).fetchone()
    assert row is not None
    return UUID(str(row[0]))


def rows(bureau: Any, query: str, *given: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(bureau.url) as connection:
        return connection.execute(query, given).fetchall()


def subject_of(bureau: Any, party: UUID) -> UUID:
    found = rows(
        bureau, "select subject_id from directory.party_subject where party_id = %s", party
    )
    return UUID(str(found[0][0]))


def accounts_in_file(bureau: Any, subject: UUID) -> int:
    return len(rows(bureau, "select 1 from file.account where subject_id = %s", subject))


def two_banks(bureau: Any, **of_second: Any) -> tuple[UUID, UUID]:
    """Parties at two banks, each with an account and a month."""
    parties = []
    for code, fields in (("bank1", {}), ("bank2", of_second)):
        bank = factory.member(bureau.deps, code)
        factory.send(bureau.deps, bank, "subject", factory.subject(1, **fields))
        factory.send(bureau.deps, bank, "account", factory.account(1))
        factory.send(bureau.deps, bank, "snapshot", factory.snapshot(1, "2024-12"))
        parties.append(party_of(bureau, bank))
    return parties[0], parties[1]


def test_a_clash_opens_a_case_that_names_fields_and_nobody(bureau: Any) -> None:
    one, other = two_banks(bureau, name="Zoltan Xu", birth_date="1950-12-30", phone=None)
    (case,) = identity.cases(bureau.deps)
    assert (case.kind, case.party_id) == ("clash", other)
    assert case.candidates == (subject_of(bureau, one),)
    assert case.agreements == ("number",)
    assert case.disagreements == ("name", "birth_date")
    assert "Zoltan" not in repr(case)


@pytest.mark.parametrize(("name", "count"), [("陈小芳", 1), ("陈大红", 2), ("陈", 1)])
def test_a_family_name_in_han_characters_joins_nobody(bureau: Any, name: str, count: int) -> None:
    for code, named in (("bank1", "陈小明"), ("bank2", name)):
        bank = factory.member(bureau.deps, code)
        factory.send(bureau.deps, bank, "subject", factory.subject(1, name=named))
    assert len(rows(bureau, "select from file.subject")) == count
    found = identity.cases(bureau.deps)
    assert [one.disagreements for one in found] == [("name",)] * (count - 1)


def test_linking_moves_the_file_and_closes_the_case(bureau: Any) -> None:
    one, other = two_banks(bureau, name="Zoltan Xu", birth_date="1950-12-30")
    target, former = subject_of(bureau, one), subject_of(bureau, other)
    assert target != former
    place = identity.link(bureau.deps, other, target, "operator")
    assert subject_of(bureau, other) == target
    assert accounts_in_file(bureau, target) == 2
    assert accounts_in_file(bureau, former) == 0
    emptied = rows(bureau, "select document from file.subject where subject_id = %s", former)
    assert emptied == [(files.EMPTY_DOCUMENT,)]
    assert identity.cases(bureau.deps) == []
    assert len(identity.cases(bureau.deps, is_open=False)) == 1
    assert ledger_verify(bureau.deps).faults == ()
    assert identity.link(bureau.deps, other, target, "operator") == place


def test_a_link_is_undone_and_the_tokens_follow(bureau: Any) -> None:
    one, other = two_banks(bureau, identifier_number=factory.identity_number(2), phone=None)
    subject = subject_of(bureau, one)
    identity.link(bureau.deps, other, subject, "operator")
    tokens = "select token from directory.token_subject where subject_id = %s"
    assert len(rows(bureau, tokens, subject)) == 2
    identity.unlink(bureau.deps, other, "operator")
    parted = subject_of(bureau, other)
    assert parted != subject
    assert len(rows(bureau, tokens, subject)) == len(rows(bureau, tokens, parted)) == 1
    assert rows(bureau, "select party_id, other_party_id from identity.apart") == [(other, one)]
    assert accounts_in_file(bureau, subject) == accounts_in_file(bureau, parted) == 1
    assert ledger_verify(bureau.deps).faults == ()


def test_a_shared_number_stays_with_both_after_an_unlink(bureau: Any) -> None:
    one, other = two_banks(bureau)
    subject = subject_of(bureau, one)
    assert subject_of(bureau, other) == subject
    identity.unlink(bureau.deps, one, "operator")
    held = rows(bureau, "select count(distinct token), count(*) from directory.token_subject")
    assert held == [(1, 2)]
    assert ledger_verify(bureau.deps).faults == ()


def test_a_later_record_does_not_link_again_what_was_parted(bureau: Any) -> None:
    one, other = two_banks(bureau)
    identity.unlink(bureau.deps, other, "operator")
    parted = subject_of(bureau, other)
    bank = next(m for m in _members(bureau) if m.code == "bank2")
    later = factory.subject(1, valid_from="2024-06-01", phone="555-0199")
    assert factory.counts(factory.send(bureau.deps, bank, "subject", later)) == (1, 0, 0, 0)
    assert subject_of(bureau, other) == parted != subject_of(bureau, one)


def _members(bureau: Any) -> list[Any]:
    from tallystick.service.members import members

    return members(bureau.deps)


@pytest.mark.parametrize("decide", ["link", "unlink"])
def test_the_fold_at_an_old_position_knows_the_links_of_then(bureau: Any, decide: str) -> None:
    """Old links stay readable: the newest at or before a position is what held there."""
    one, other = two_banks(bureau)
    before = rows(bureau, "select position from ledger.counter")[0][0]
    subject = subject_of(bureau, other)
    identity.unlink(bureau.deps, other, "operator")
    if decide == "link":
        identity.link(bureau.deps, other, subject, "operator")
    then = rows(
        bureau,
        "select distinct on (party_id) party_id, subject_id from identity.link"
        " join ledger.publication using (chunk_id) where position <= %s"
        " order by party_id, position desc",
        before,
    )
    assert dict(then) == {one: subject, other: subject}


@pytest.mark.parametrize(
    ("decide", "code"), [("link", "not_found"), ("unlink", "not_found"), ("alone", "conflict")]
)
def test_what_cannot_be_decided(bureau: Any, decide: str, code: str) -> None:
    one, other = two_banks(bureau, identifier_number=factory.identity_number(2), phone=None)
    decisions = {
        "link": lambda: identity.link(bureau.deps, one, UUID(int=7), "operator"),
        "unlink": lambda: identity.unlink(bureau.deps, UUID(int=7), "operator"),
        "alone": lambda: identity.unlink(bureau.deps, other, "operator"),
    }
    with pytest.raises(BadRequest) as raised:
        decisions[decide]()
    assert raised.value.code == code
