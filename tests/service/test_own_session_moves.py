"""A session stays hers when her records move to another subject: it goes where they went, only.

Ada and Zoe are on file under one number; Ada is signed in by it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
import psycopg
import pytest

import factory
from tallystick.errors import BadRequest
from tallystick.service import identity
from tallystick.service.person import own_report
from tallystick.service.sessions import open_session, session

ADA = factory.subject(1, name="Ada Adler", birth_date="1971-02-11")
ZOE = factory.subject(
    2, name="Zoe Yves", birth_date="1950-11-21", identifier_number=factory.identity_number(1)
)
KIM = ADA | {"name": "Kim Ono", "birth_date": "1990-05-30", "valid_from": "2024-02-01"}
BORN = {"birth_date": ADA["birth_date"]}


class Sight:
    """The bureau with both on file, and what Ada's session shows."""

    def __init__(self, bureau: Any, *known: Any):
        self.bureau = bureau
        self.banks = [factory.member(bureau.deps, f"bank{one}") for one in (1, 2, 3)]
        for bank, record in zip(self.banks, known, strict=False):
            self.send(bank, record)
        self.party, ada = self.of(self.banks[0])
        token = bureau.deps.keys.identity_token(factory.SCHEME, factory.identity_number(1))
        secret = open_session(bureau.deps, persona="person", subject_id=ada, token=token)
        found = session(bureau.deps, secret)
        assert found is not None
        self.session = found

    def send(self, bank: Any, record: Any) -> None:
        assert factory.counts(factory.send(self.bureau.deps, bank, "subject", record))[0] == 1

    def of(self, bank: Any) -> tuple[UUID, UUID]:
        """The party of a bank's person, and its subject."""
        with psycopg.connect(self.bureau.url) as connection:
            ((party, subject),) = connection.execute(
                "select party_id, subject_id from directory.party_subject"
                " join directory.party using (party_id) where furnisher_id = %s",
                (bank.member_id,),
            ).fetchall()
        return party, subject

    def names(self) -> set[str]:
        """The names in her report; none where it is refused as nobody's."""
        try:
            answered = self.bureau.run(own_report(self.bureau.deps, self.session))
        except BadRequest as refused:
            if refused.code != "erased":
                raise
            return set()
        return {one["reported"]["name"] for one in orjson.loads(answered.body)["identity"]}


@pytest.mark.parametrize("others", [(ZOE,), ()])
def test_who_is_set_apart_is_not_shown_who_else_has_the_number(
    bureau: Any, others: tuple[Any, ...]
) -> None:
    here = Sight(bureau, ADA, *others)
    assert here.names() == {"Ada Adler"}
    here.send(here.banks[0], KIM)
    assert here.names() == set()
    here.send(here.banks[2], ADA)  # she, known to another bank by now, must sign in again
    assert here.names() == set()


def test_who_is_linked_to_another_subject_reads_on_there(bureau: Any) -> None:
    here = Sight(bureau, ADA, ZOE)
    identity.link(bureau.deps, here.party, here.of(here.banks[1])[1], "operator")
    assert here.names() == {"Ada Adler", "Zoe Yves"}


def test_what_was_set_apart_and_judged_to_be_anothers_takes_no_session_along(bureau: Any) -> None:
    here = Sight(bureau, ADA, ZOE)
    here.send(here.banks[0], KIM)
    identity.link(bureau.deps, here.party, here.of(here.banks[1])[1], "operator")
    assert here.names() == set()


def test_who_was_set_apart_and_came_back_reads_on(bureau: Any) -> None:
    here = Sight(bureau, ADA)
    here.send(here.banks[0], KIM)
    mended = factory.correction("subject", KIM | {"name": ADA["name"], **BORN}, KIM)
    view = factory.send(bureau.deps, here.banks[0], "correction", mended)
    assert factory.counts(view) == (1, 0, 0, 0), factory.told(view)
    assert here.names() == {"Ada Adler"}
    here.send(here.banks[1], ZOE)
    identity.link(bureau.deps, here.party, here.of(here.banks[1])[1], "operator")
    assert here.names() == {"Ada Adler", "Zoe Yves"}


def test_of_two_parties_that_went_apart_neither_is_followed(bureau: Any) -> None:
    here = Sight(bureau, ADA, {**ADA, "name": "Ada Adlers"})
    party, subject = here.of(here.banks[1])
    assert subject == here.session.subject_id
    here.send(here.banks[2], ZOE)
    identity.link(bureau.deps, party, here.of(here.banks[2])[1], "operator")
    assert here.names() == {"Ada Adler"}
    here.send(here.banks[0], KIM)
    assert here.names() == set()
