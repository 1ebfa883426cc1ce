"""Bytes sent before of which persons were erased since: the answer says that they are gone."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

import factory
from tallystick.service.erase import erase
from tallystick.service.submissions import show
from tallystick.service.submit import process, receive


@pytest.fixture
def bank(bureau: Any) -> Any:
    return factory.member(bureau.deps)


def erase_person(bureau: Any, person: int) -> None:
    token = bureau.deps.keys.identity_token(factory.SCHEME, factory.identity_number(person))
    with bureau.deps.database.connect("eraser") as connection:
        ((subject_id,),) = connection.execute(
            "select subject_id from directory.token_subject where token = %s", (token,)
        ).fetchall()
    erase(bureau.deps, UUID(str(subject_id)), "retention is over", "operator")


def sent_again(bureau: Any, bank: Any, *records: Any, again: bool = False) -> Any:
    """What is told of the same bytes, and whether they were taken as new ones."""
    lines = b"".join(orjson.dumps(record) + b"\n" for record in records)
    taken = receive(bureau.deps, bank, "subject", io.BytesIO(lines), again=again)
    return process(bureau.deps, taken.submission_id), taken.is_new


def test_the_same_bytes_are_not_told_as_if_an_erased_person_were_on_file(
    bureau: Any, bank: Any
) -> None:
    both = (factory.subject(1), factory.subject(2))
    first, _ = sent_again(bureau, bank, *both)
    other, _ = sent_again(bureau, bank, factory.subject(3))
    assert (first.erased_at, other.erased_at) == (None, None)
    bureau.clock.advance(timedelta(days=1))
    erased_at = bureau.clock()
    erase_person(bureau, 1)
    bureau.clock.advance(timedelta(days=1))

    view, is_new = sent_again(bureau, bank, *both)
    assert (view.submission_id, is_new) == (first.submission_id, False)
    assert (view.state, view.erased_at) == ("published", erased_at)
    assert sent_again(bureau, bank, factory.subject(3))[0].erased_at is None

    anew, is_new = sent_again(bureau, bank, *both, again=True)
    assert (factory.counts(anew), is_new, anew.erased_at) == ((1, 1, 0, 0), True, None)


def test_what_waited_and_was_erased_since_counts_as_well(bureau: Any, bank: Any) -> None:
    waited = factory.send(bureau.deps, bank, "account", factory.account(1))
    assert factory.counts(waited) == (0, 0, 0, 1)
    sent_again(bureau, bank, factory.subject(1))
    still = factory.send(bureau.deps, bank, "account", factory.account(2))
    erase_person(bureau, 1)
    told = show(bureau.deps, bank, waited.submission_id)
    assert (factory.counts(told), told.erased_at) == ((1, 0, 0, 0), bureau.clock())
    assert show(bureau.deps, bank, still.submission_id).erased_at is None
