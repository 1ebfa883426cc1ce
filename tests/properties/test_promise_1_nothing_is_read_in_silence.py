"""Promise 1: hit, miss or refusal, every question is one look, there before the answer leaves."""

from __future__ import annotations

from typing import Any

import psycopg
from hypothesis import given
from hypothesis import strategies as st

import factory
from tallystick.errors import Refused
from tallystick.service.consents import withdraw
from tallystick.service.inquire import answer
from tallystick.service.log import log_verify, sequence_once
from tallystick.service.person import own_looks
from tallystick.service.sessions import open_session, session

#: What a question may be like: whose consent it names, and how.
QUESTIONS = st.lists(
    st.sampled_from(("good", "withdrawn", "none", "of another", "other name", "unknown person")),
    min_size=1,
    max_size=4,
)


def looks(bureau: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(bureau.url) as connection:
        return connection.execute(
            "select look_id, outcome, body_digest is not null from log.look order by look_id"
        ).fetchall()


def ask(bureau: Any, bank: Any, kind: str) -> tuple[str, bool]:
    """Ask; gives the outcome, and whether a body left."""
    person = {"of another": 2, "unknown person": 9}.get(kind, 1)
    consent = factory.consent(bureau.deps, bank, 1)
    if kind == "withdrawn":
        withdraw(bureau.deps, consent, withdrawn_by="person")
    changes = {"name": "Zoltan Xu", "birth_date": "1950-12-30"} if kind == "other name" else {}
    given_id = None if kind == "none" else consent
    question = factory.ask(bureau.deps, bank, person, given_id, **changes)
    try:
        given = bureau.run(answer(bureau.deps, question))
    except Refused:
        return "refused", False
    return given.outcome, given.body is not None


def test_every_question_is_a_look_the_person_can_see(bureau: Any, small: Any) -> None:
    bank = factory.member(bureau.deps)
    factory.open_account(bureau.deps, bank, (1, 2))

    @small(6)
    @given(questions=QUESTIONS)
    def holds(questions: list[str]) -> None:
        for kind in questions:
            before = looks(bureau)
            outcome, has_body = ask(bureau, bank, kind)
            added = [row for row in looks(bureau) if row not in before]
            assert [row[1:] for row in added] == [(outcome, has_body)], kind
            assert has_body == (kind == "good"), kind
        sequence_once(bureau.deps)

    holds()
    assert log_verify(bureau.deps).ok
    token = bureau.deps.keys.identity_token(factory.SCHEME, factory.identity_number(1))
    with psycopg.connect(bureau.url) as connection:
        subject = connection.execute(
            "select subject_id from directory.token_subject where token = %s", (token,)
        ).fetchone()
        under_her = connection.execute(
            "select count(*) from log.look where token = %s", (token,)
        ).fetchone()
    assert subject is not None
    assert under_her is not None
    secret = open_session(bureau.deps, persona="person", subject_id=subject[0], token=token)
    shown = bureau.run(own_looks(bureau.deps, session(bureau.deps, secret)))
    assert len(shown) >= under_her[0]
