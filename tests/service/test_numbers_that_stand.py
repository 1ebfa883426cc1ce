"""A number leads to a person while a record of hers that stands carries it, and no longer.

Ada is person 1, Bea, her sister, person 2: their names and birth dates are near enough to pass for
typing errors of each other. `bank1` sends Ada, with an account, and mistypes her number as Bea's.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import orjson
import psycopg
import pytest

import factory
from beginnings import beginning
from tallystick.errors import BadRequest, Refused
from tallystick.service import identity
from tallystick.service.asked import named_person
from tallystick.service.consents import of_subject
from tallystick.service.erase import erase
from tallystick.service.inquire import answer
from tallystick.service.log import sequence_once
from tallystick.service.members import member_by_code
from tallystick.service.numbers import led_to
from tallystick.service.person import own_looks
from tallystick.service.replay import prove, replay
from tallystick.service.sessions import open_session, session
from tallystick.service.verify import ledger_verify
from whole import require_whole

ADA = {"name": "Ada Adler", "birth_date": "1971-02-11", "phone": None}
BEA = {"name": "Bea Adler", "birth_date": "1971-05-11", "phone": None}
WHO = {"ada": ADA, "bea": BEA}
ACCEPTED = (1, 0, 0, 0)


def ada(number: int | None, **fields: Any) -> Any:
    """Person number P1; `number`: whose identity number she is sent with."""
    if number is None:
        fields |= {f"identifier_{part}": {"absent": "not_held"} for part in ("scheme", "number")}
    else:
        fields["identifier_number"] = factory.identity_number(number)
    return factory.subject(1, **(ADA | fields))


def bea(**fields: Any) -> Any:
    return factory.subject(2, **(BEA | fields))


LATER = {"valid_from": "2024-02-01"}
FIRST = {"person_number": "P1", "valid_from": "2024-01-01"}
TO_RIGHT = ("correction", factory.correction("subject", ada(1), ada(2)))
TO_NONE = ("correction", factory.correction("subject", ada(None), ada(2)))
TO_WRONG = ("correction", factory.correction("subject", ada(2), ada(1)))
NAME_ONLY = ("correction", factory.correction("subject", ada(2, name="Ada Adlers"), ada(2)))
NAME_AGAIN = ("correction", factory.correction("subject", ada(1, name="A. Adler"), ada(1)))
RESTATED = ("subject", ada(1))
CHANGED = ("subject", ada(1, **LATER))
WRONG_DELETED = ("deletion", factory.deletion("subject", FIRST))
BACK = (
    "correction",
    factory.correction("subject", ada(2), ada(2), reason="reinsertion_certified"),
)


def _begin(bureau: Any) -> None:
    """The furnisher of Ada under Bea's number, with an account and a month of hers; another."""
    made = factory.member(bureau.deps)
    factory.member(bureau.deps, "bank2")
    send(bureau, made, "subject", ada(2))
    send(bureau, made, "account", factory.account(1, 1))
    send(bureau, made, "snapshot", factory.snapshot(1, "2024-12"))


template = beginning(_begin)


@pytest.fixture
def bank1(bureau: Any) -> Any:
    """The furnisher of Ada under Bea's number."""
    return member_by_code(bureau.deps, "bank1")


@pytest.fixture
def bank2(bureau: Any) -> Any:
    return member_by_code(bureau.deps, "bank2")


def send(bureau: Any, furnisher: Any, dataset: str, *records: Any) -> None:
    view = factory.send(bureau.deps, furnisher, dataset, *records)
    assert factory.counts(view) == (len(records), 0, 0, 0), factory.told(view)


def rows(bureau: Any, query: str, *given: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(bureau.url) as connection:
        return connection.execute(query, given).fetchall()  # type: ignore[arg-type]


def subject_of(bureau: Any, furnisher: Any, number: int = 0) -> UUID:
    found = rows(
        bureau,
        "select subject_id from directory.party_subject join directory.party using (party_id)"
        " where furnisher_id = %s order by party_id",
        furnisher.member_id,
    )
    return UUID(str(found[number][0]))


def asked(bureau: Any, asker: Any, number: int, who: str, consent: UUID | None = None) -> Any:
    """An inquiry under a consent given under the same number, unless another is named."""
    given = {name: WHO[who][name] for name in ("name", "birth_date")}
    named = consent or factory.consent(bureau.deps, asker, number)
    ask = factory.ask(bureau.deps, asker, number, named, **given)
    return bureau.run(answer(bureau.deps, ask))


def told(result: Any) -> tuple[str, int]:
    """The outcome and how many accounts are shown."""
    return result.outcome, len(orjson.loads(result.body)["accounts"]) if result.body else 0


#: What is sent of Ada after she was sent under number 2; who is found then under numbers 1 and 2.
CASES = [
    pytest.param([], "none", "ada", id="nothing sent"),
    pytest.param([TO_RIGHT], "ada", "none", id="corrected"),
    pytest.param([TO_NONE], "none", "none", id="corrected to no number"),
    pytest.param([NAME_ONLY], "none", "ada", id="corrected in the name only"),
    pytest.param([RESTATED], "ada", "none", id="restated"),
    pytest.param([CHANGED], "ada", "ada", id="changed her number"),
    pytest.param([CHANGED, WRONG_DELETED], "ada", "none", id="wrong record deleted"),
    pytest.param([CHANGED, TO_RIGHT], "ada", "none", id="old version corrected as well"),
    pytest.param([TO_RIGHT, TO_WRONG], "none", "ada", id="corrected back"),
    pytest.param([CHANGED, WRONG_DELETED, BACK], "ada", "ada", id="wrong record certified back"),
    pytest.param([WRONG_DELETED], "none", "none", id="the only record deleted"),
]


@pytest.mark.parametrize(("sent", "under_1", "under_2"), CASES)
def test_an_inquiry_finds_whom_a_standing_record_gives_the_number(
    bureau: Any, bank1: Any, bank2: Any, sent: list[Any], under_1: str, under_2: str
) -> None:
    for dataset, record in sent:
        send(bureau, bank1, dataset, record)
    for number, found in ((1, under_1), (2, under_2)):
        expected = ("hit", 1) if found == "ada" else ("no_hit", 0)
        assert told(asked(bureau, bank2, number, "ada")) == expected
        assert told(asked(bureau, bank2, number, "bea")) == expected  # a sister passes
    require_whole(bureau)


@pytest.mark.parametrize(("sent", "under_1", "under_2"), CASES[:-1])
def test_a_record_comes_to_whom_a_standing_record_gives_its_number(
    bureau: Any, bank1: Any, bank2: Any, sent: list[Any], under_1: str, under_2: str
) -> None:
    """A number mistyped and mended leads the next one who truly has it nowhere."""
    for dataset, record in sent:
        send(bureau, bank1, dataset, record)
    send(bureau, bank2, "subject", bea())
    joined = subject_of(bureau, bank1) == subject_of(bureau, bank2)
    assert joined == (under_2 == "ada")
    assert identity.cases(bureau.deps) == []
    if not joined:
        assert told(asked(bureau, bank2, 2, "bea")) == ("hit", 0)
        expected = ("hit", 1) if under_1 == "ada" else ("no_hit", 0)
        assert told(asked(bureau, bank2, 1, "ada")) == expected
    require_whole(bureau)


@pytest.mark.parametrize(
    ("records", "joined"),
    [
        ([ada(1), bea()], False),
        ([bea(), ada(1)], False),
        ([ada(2, **LATER), bea()], True),
        ([ada(1, **LATER), bea()], True),
    ],
)
def test_a_number_given_up_is_free_in_the_same_file(
    bureau: Any, bank1: Any, records: list[Any], joined: bool
) -> None:
    send(bureau, bank1, "subject", *records)
    assert (subject_of(bureau, bank1) == subject_of(bureau, bank1, 1)) == joined
    assert identity.cases(bureau.deps) == []
    require_whole(bureau)


@pytest.mark.parametrize(("back", "kinds"), [(TO_WRONG, ["weak"]), (NAME_AGAIN, [])])
def test_a_number_taken_up_again_is_looked_at_like_a_new_one(
    bureau: Any, bank1: Any, bank2: Any, back: Any, kinds: list[str]
) -> None:
    """Whether she is who has it by now is for a person to judge, as with a number never sent."""
    send(bureau, bank1, *TO_RIGHT)
    send(bureau, bank2, "subject", bea())
    send(bureau, bank1, *back)
    assert [one.kind for one in identity.cases(bureau.deps)] == kinds
    assert subject_of(bureau, bank1) != subject_of(bureau, bank2)
    found = asked(bureau, bank2, 2, "bea")
    assert found.outcome == ("multiple_candidates" if kinds else "hit")
    require_whole(bureau)


@pytest.mark.parametrize(
    ("sent", "number", "counts"),
    [([], 2, True), ([TO_RIGHT], 1, True), ([TO_RIGHT], 2, False), ([CHANGED], 2, True)],
)
def test_a_consent_names_her_while_a_record_of_hers_carries_its_number(
    bureau: Any, bank1: Any, bank2: Any, sent: list[Any], number: int, counts: bool
) -> None:
    """Under Ada's mistyped number her sister's consents stand; both are still listed."""
    for dataset, record in sent:
        send(bureau, bank1, dataset, record)
    given = factory.consent(bureau.deps, bank2, number)
    under = 1 if sent else 2
    if counts:
        assert told(asked(bureau, bank2, under, "ada", given)) == ("hit", 1)
    else:
        with pytest.raises(Refused) as refused:
            asked(bureau, bank2, under, "ada", given)
        assert refused.value.code == "consent_other_subject"
    listed = of_subject(bureau.deps, subject_of(bureau, bank1))
    assert given in {one.consent_id for one in listed}


def looks_shown(bureau: Any, subject_id: UUID) -> list[str]:
    """The outcomes in a person's own list of looks."""
    sequence_once(bureau.deps)
    who = session(bureau.deps, open_session(bureau.deps, persona="person", subject_id=subject_id))
    assert who is not None
    shown = bureau.run(own_looks(bureau.deps, who))
    return [one["outcome"] for one in shown if one["permit"] == "consent"]


def test_no_look_and_no_answer_of_before_is_lost(bureau: Any, bank1: Any, bank2: Any) -> None:
    early = asked(bureau, bank2, 2, "ada")
    assert told(early) == ("hit", 1)
    strange = factory.consent(bureau.deps, bank2, 2)
    nobody = factory.ask(bureau.deps, bank2, 2, strange, name="Zoe Yves", birth_date="1950-01-01")
    assert bureau.run(answer(bureau.deps, nobody)).outcome == "no_hit"
    was = subject_of(bureau, bank1)
    assert looks_shown(bureau, was) == ["hit", "no_hit"]
    send(bureau, bank1, *TO_RIGHT)
    send(bureau, bank2, "subject", bea())
    later = asked(bureau, bank2, 1, "ada")
    assert told(later) == ("hit", 1)
    assert subject_of(bureau, bank1) == was
    assert looks_shown(bureau, was) == ["hit", "no_hit", "hit"]
    for one in (early, later):
        assert bureau.run(replay(bureau.deps, one.look_id, fold=False)) == one.body
        assert bureau.run(replay(bureau.deps, one.look_id, fold=True)) == one.body
        assert bureau.run(prove(bureau.deps, one.look_id)).is_same
    require_whole(bureau)


def test_linked_and_parted_each_is_found_by_her_own_number(
    bureau: Any, bank1: Any, bank2: Any
) -> None:
    send(bureau, bank1, *TO_RIGHT)
    send(bureau, bank2, "subject", bea())
    party, hers = rows(
        bureau,
        "select party_id, subject_id from directory.party_subject join directory.party"
        " using (party_id) where furnisher_id = %s",
        bank2.member_id,
    )[0]
    identity.link(bureau.deps, party, subject_of(bureau, bank1), "operator")
    assert told(asked(bureau, bank2, 2, "bea")) == ("hit", 1)
    identity.unlink(bureau.deps, party, "operator")
    assert subject_of(bureau, bank2) not in (hers, subject_of(bureau, bank1))
    assert told(asked(bureau, bank2, 2, "bea")) == ("hit", 0)
    assert told(asked(bureau, bank2, 1, "ada")) == ("hit", 1)
    require_whole(bureau)


@pytest.mark.parametrize("gone", ["ada", "bea"])
def test_the_one_erased_leaves_the_other_as_she_was(
    bureau: Any, bank1: Any, bank2: Any, gone: str
) -> None:
    send(bureau, bank1, *TO_RIGHT)
    send(bureau, bank2, "subject", bea())
    before = {"ada": asked(bureau, bank2, 1, "ada"), "bea": asked(bureau, bank2, 2, "bea")}
    sequence_once(bureau.deps)
    stays = "bea" if gone == "ada" else "ada"
    erased = subject_of(bureau, bank1 if gone == "ada" else bank2)
    erase(bureau.deps, erased, "her own request", "operator")
    kept = before[stays]
    assert bureau.run(replay(bureau.deps, kept.look_id, fold=True)) == kept.body
    number = {"ada": 1, "bea": 2}
    assert asked(bureau, bank2, number[stays], stays).outcome == "hit"
    assert asked(bureau, bank2, number[gone], gone).outcome == "no_hit"
    assert ledger_verify(bureau.deps).faults == ()


@pytest.mark.parametrize(("sent", "under_1", "under_2"), CASES[:-1])
def test_an_operator_who_names_a_number_means_whom_it_leads_to(
    bureau: Any, bank1: Any, sent: list[Any], under_1: str, under_2: str
) -> None:
    """Else an erasure of Bea, whose name and birth date pass, would destroy Ada's file."""
    for dataset, record in sent:
        send(bureau, bank1, dataset, record)
    for number, found in ((1, under_1), (2, under_2)):
        given = (factory.SCHEME, factory.identity_number(number))
        token = bureau.deps.keys.identity_token(*given)
        with bureau.deps.database.connect("eraser") as connection:
            led = led_to(bureau.deps, connection, [token])
        assert led == ({token: {subject_of(bureau, bank1)}} if found == "ada" else {})
        who = ([given], BEA["name"], date.fromisoformat(str(BEA["birth_date"])))
        if led:
            named = named_person(bureau.deps, *who)
            assert (named.subject_id, named.token) == (subject_of(bureau, bank1), token)
        else:
            with pytest.raises(BadRequest, match="not_found"):
                named_person(bureau.deps, *who)


def test_of_whom_no_record_stands_nobody_can_say_that_it_is_she(bureau: Any, bank1: Any) -> None:
    send(bureau, bank1, *WRONG_DELETED)
    given = [(factory.SCHEME, factory.identity_number(2))]
    with pytest.raises(BadRequest, match="not_found"):
        named_person(bureau.deps, given, "Ada Adler", date(1971, 2, 11))
    assert erase(bureau.deps, subject_of(bureau, bank1), "her own request", "operator").statement


@pytest.mark.parametrize("first", [1, 2])
def test_of_the_numbers_of_a_household_hers_is_told(
    bureau: Any, bank1: Any, bank2: Any, first: int
) -> None:
    """Under another's number her looks would be shown to that other."""
    send(bureau, bank1, *TO_RIGHT)
    send(bureau, bank2, "subject", factory.subject(2, name="Zoe Yves", birth_date="1950-01-02"))
    given = [(factory.SCHEME, factory.identity_number(one)) for one in (first, 3 - first)]
    found = named_person(bureau.deps, given, "Ada Adler", date(1971, 2, 11))
    hers = bureau.deps.keys.identity_token(factory.SCHEME, factory.identity_number(1))
    assert (found.subject_id, found.token) == (subject_of(bureau, bank1), hers)


@pytest.mark.parametrize(("sent", "found"), [([TO_RIGHT], set()), ([], {"SUB-FORMER-003"})])
def test_a_former_person_number_is_held_against_whom_the_number_leads_to(
    bureau: Any, bank1: Any, bank2: Any, sent: list[Any], found: set[str]
) -> None:
    nobody = {f"identifier_{part}": {"absent": "not_held"} for part in ("scheme", "number")}
    send(bureau, bank2, "subject", bea(**nobody))
    for dataset, record in sent:
        send(bureau, bank1, dataset, record)
    renumbered = bea(person_number="P9", formerly_person_number="P2", **LATER)
    view = factory.send(bureau.deps, bank2, "subject", renumbered)
    assert factory.told(view) == (ACCEPTED, found)
    if sent:
        assert subject_of(bureau, bank2) == subject_of(bureau, bank2, 1)
        assert subject_of(bureau, bank2) != subject_of(bureau, bank1)
