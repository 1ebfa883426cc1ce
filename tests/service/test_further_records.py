"""A further record of a person number that is known: is it the same person's?

Person 1 is Song Jiang with number 1 in the file of `lake`; person 2 is Shi Jin with number 2.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
import psycopg
import pytest

import factory
from beginnings import beginning
from tallystick.errors import BadRequest
from tallystick.service import identity
from tallystick.service.inquire import answer
from tallystick.service.log import sequence_once
from tallystick.service.members import member_by_code
from tallystick.service.replay import prove
from tallystick.service.verify import ledger_verify
from whole import require_whole

ACCEPTED = (1, 0, 0, 0)
SONG = {"person_number": "V6", "valid_from": "2020-01-01", "name": "宋江", "phone": None,
        "birth_date": "1985-06-06"}  # fmt: skip
SHI = {"name": "史进", "birth_date": "1960-01-01"}
LATER = {**SONG, "valid_from": "2021-01-01"}


def song(**fields: Any) -> Any:
    return factory.subject(1, **(SONG | fields))


def shi(person: int = 2, **fields: Any) -> Any:
    return factory.subject(person, **(SONG | SHI | fields))


def _begin(bureau: Any) -> None:
    """A furnisher of Song Jiang, with an account of hers, and two others."""
    lake, *_ = (factory.member(bureau.deps, code) for code in ("lake", "reed", "bank"))
    send(bureau, lake, "subject", song())
    send(bureau, lake, "account", factory.account(1, person_number="V6"))


template = beginning(_begin)


@pytest.fixture
def lake(bureau: Any) -> Any:
    """The furnisher of Song Jiang, with an account of hers."""
    return member_by_code(bureau.deps, "lake")


@pytest.fixture
def reed(bureau: Any) -> Any:
    return member_by_code(bureau.deps, "reed")


@pytest.fixture
def bank(bureau: Any) -> Any:
    return member_by_code(bureau.deps, "bank")


def send(bureau: Any, furnisher: Any, dataset: str, *records: Any) -> None:
    view = factory.send(bureau.deps, furnisher, dataset, *records)
    assert factory.told(view) == ((len(records), 0, 0, 0), set()), view


def furnish_shi(bureau: Any, furnisher: Any) -> None:
    send(bureau, furnisher, "subject", shi(person_number="R1"))
    send(bureau, furnisher, "account", factory.account(2, person_number="R1"))


def rows(bureau: Any, query: str, *given: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(bureau.url) as connection:
        return connection.execute(query, given).fetchall()  # type: ignore[arg-type]


def subject_of(bureau: Any, party: UUID) -> UUID:
    ((found,),) = rows(
        bureau, "select subject_id from directory.party_subject where party_id = %s", party
    )
    return UUID(str(found))


def party_of(bureau: Any, furnisher: Any) -> UUID:
    ((found,),) = rows(
        bureau, "select party_id from directory.party where furnisher_id = %s", furnisher.member_id
    )
    return UUID(str(found))


def asked(bureau: Any, asker: Any, person: int, **fields: Any) -> Any:
    """An inquiry by the number of a person."""
    consent = factory.consent(bureau.deps, asker, person)
    given = {"name": SONG["name"], "birth_date": SONG["birth_date"]} if person == 1 else SHI
    ask = factory.ask(bureau.deps, asker, person, consent, **(given | fields))
    return bureau.run(answer(bureau.deps, ask))


def accounts_told(result: Any) -> int:
    return len(orjson.loads(result.body)["accounts"])


def kinds(bureau: Any) -> list[str]:
    return [one.kind for one in identity.cases(bureau.deps)]


@pytest.mark.parametrize(
    ("person", "fields", "apart"),
    [
        (1, {}, False),
        (2, {}, False),
        (2, {"birth_date": "1985-06-07"}, False),
        (2, {"birth_date": "1985-07-07"}, True),
        (2, {"birth_date": "1985-07-06"}, False),
        (2, {"birth_date": "1986-07-06"}, True),
        (1, {"birth_date": "1986-07-06"}, True),
        (2, {"name": "宋江明"}, False),
        (2, {"name": "史江"}, True),
        (1, {"name": "史进"}, True),
        (2, {"birth_date": {"absent": "not_held"}}, False),
        (2, {"birth_date": {"absent": "not_held"}, "name": "史进"}, True),
        (2, SHI, True),
    ],
)
def test_a_further_record_is_held_against_what_the_party_said(
    bureau: Any, lake: Any, person: int, fields: Any, apart: bool
) -> None:
    was = subject_of(bureau, party_of(bureau, lake))
    send(bureau, lake, "subject", factory.subject(person, **(LATER | fields)))
    assert (subject_of(bureau, party_of(bureau, lake)) != was) == apart
    assert kinds(bureau) == ["clash"] * apart
    tokens = rows(bureau, "select from directory.token_subject")
    assert len(tokens) == (0 if apart else person)
    assert ledger_verify(bureau.deps).faults == ()


@pytest.mark.from_nothing
@pytest.mark.parametrize(("born", "apart"), [("1990-03-08", False), ("1990-04-08", True)])
def test_day_and_month_exchanged_are_one_difference_less(
    bureau: Any, born: str, apart: bool
) -> None:
    bank = factory.member(bureau.deps, "bank")
    send(bureau, bank, "subject", song(birth_date="1990-08-03"))
    send(bureau, bank, "subject", song(valid_from="2021-01-01", birth_date=born))
    assert kinds(bureau) == ["clash"] * apart


@pytest.mark.from_nothing
def test_a_name_may_change_step_by_step(bureau: Any) -> None:
    bank = factory.member(bureau.deps, "bank")
    for year, name in enumerate(("Anna Smith", "Anna Miller-Smith", "Miller"), start=2020):
        send(bureau, bank, "subject", song(name=name, valid_from=f"{year}-01-01"))
    assert kinds(bureau) == []


def test_the_new_number_leads_nowhere_and_nothing_of_either_is_given_out(
    bureau: Any, lake: Any, reed: Any, bank: Any
) -> None:
    """The account sent afterwards may be anybody's: it is given out for nobody."""
    before = asked(bureau, bank, 1)
    assert (before.outcome, accounts_told(before)) == ("hit", 1)
    send(bureau, lake, "subject", shi(valid_from="2021-01-01"))
    send(bureau, lake, "account", factory.account(3, person_number="V6"))
    furnish_shi(bureau, reed)
    assert asked(bureau, bank, 1).outcome == "no_hit"
    assert asked(bureau, bank, 1, **SHI).outcome == "no_hit"
    assert asked(bureau, bank, 2, name="宋江", birth_date="1985-06-06").outcome == "no_hit"
    found = asked(bureau, bank, 2)
    assert (found.outcome, accounts_told(found)) == ("hit", 1)
    assert "宋江" not in found.body.decode()
    sequence_once(bureau.deps)
    proof = bureau.run(prove(bureau.deps, before.look_id))
    assert proof.is_same
    require_whole(bureau)


def test_others_of_the_old_subject_stay_with_their_numbers(
    bureau: Any, lake: Any, reed: Any, bank: Any
) -> None:
    send(bureau, reed, "subject", song(person_number="R1"))
    send(bureau, reed, "account", factory.account(2, person_number="R1"))
    assert accounts_told(asked(bureau, bank, 1)) == 2
    send(bureau, lake, "subject", shi(valid_from="2021-01-01"))
    found = asked(bureau, bank, 1)
    assert (found.outcome, accounts_told(found)) == ("hit", 1)
    assert "史进" not in found.body.decode()
    require_whole(bureau)


def test_the_number_of_another_stays_hers(bureau: Any, lake: Any, reed: Any, bank: Any) -> None:
    furnish_shi(bureau, reed)
    send(bureau, lake, "subject", shi(valid_from="2021-01-01"))
    found = asked(bureau, bank, 2)
    assert (found.outcome, accounts_told(found)) == ("hit", 1)
    assert asked(bureau, bank, 1, **SHI).outcome == "no_hit"
    assert kinds(bureau) == ["clash", "clash"]
    candidates = {one.candidates[0] for one in identity.cases(bureau.deps)}
    assert subject_of(bureau, party_of(bureau, reed)) in candidates
    # and who brings the number next comes to her, as if nothing had been
    third = factory.member(bureau.deps, "third")
    send(bureau, third, "subject", shi(person_number="T1"))
    assert subject_of(bureau, party_of(bureau, third)) == subject_of(bureau, party_of(bureau, reed))
    require_whole(bureau)


@pytest.mark.parametrize(
    ("fields", "kind"), [({}, "weak"), ({"name": "宋大"}, "clash"), (SHI, "clash")]
)
def test_a_new_number_that_leads_to_somebody_else_is_a_case(
    bureau: Any, lake: Any, reed: Any, bank: Any, fields: Any, kind: str
) -> None:
    """Alike: the numbers are tied, and a person joins the two. In clash: neither is."""
    send(bureau, reed, "subject", factory.subject(2, **(SONG | {"person_number": "R1"} | fields)))
    hers, was = (subject_of(bureau, party_of(bureau, one)) for one in (reed, lake))
    assert hers != was
    send(bureau, lake, "subject", factory.subject(2, **LATER))
    cases = identity.cases(bureau.deps)
    assert {one.kind for one in cases} == {kind}
    assert hers in {one.candidates[0] for one in cases}
    assert (subject_of(bureau, party_of(bureau, lake)) == was) == (kind == "weak")
    tied = "select count(*) from directory.token_subject where subject_id <> %s"
    assert rows(bureau, tied, hers) == [(2 if kind == "weak" else 0,)]
    require_whole(bureau)


@pytest.mark.from_nothing
def test_the_other_way_round_in_one_file(bureau: Any) -> None:
    """Both records of a new number in one file: nobody is found, the rest of the file is."""
    made, bank = (factory.member(bureau.deps, code) for code in ("lake", "bank"))
    other = song(person_number="V7")
    send(bureau, made, "subject", song(), other, shi(valid_from="2021-01-01"))
    send(bureau, made, "account", factory.account(1, person_number="V6"))
    found = asked(bureau, bank, 1)
    assert (found.outcome, accounts_told(found)) == ("hit", 0)
    assert asked(bureau, bank, 2).outcome == "no_hit"
    assert kinds(bureau) == ["clash"]
    require_whole(bureau)


def test_what_is_apart_is_joined_by_no_name(bureau: Any, lake: Any, reed: Any) -> None:
    """Not even where name, birth date and telephone agree."""
    send(bureau, lake, "subject", shi(valid_from="2021-01-01", phone="555-0101"))
    send(bureau, reed, "subject", shi(person_number="R1", phone="555-0101"))
    assert subject_of(bureau, party_of(bureau, reed)) != subject_of(bureau, party_of(bureau, lake))


def test_a_correction_is_held_against_what_it_replaces(
    bureau: Any, lake: Any, reed: Any, bank: Any
) -> None:
    send(bureau, reed, "subject", song(person_number="R1"))
    wrong = factory.correction("subject", shi(), song())
    send(bureau, lake, "correction", wrong)
    assert kinds(bureau) == ["clash"]
    found = asked(bureau, bank, 1)
    assert (found.outcome, accounts_told(found)) == ("hit", 0)
    assert asked(bureau, bank, 2).outcome == "no_hit"
    require_whole(bureau)


def test_a_correction_of_one_part_is_none(bureau: Any, lake: Any, bank: Any) -> None:
    mended = song(birth_date="1985-06-16")
    send(bureau, lake, "correction", factory.correction("subject", mended, song()))
    assert kinds(bureau) == []
    assert asked(bureau, bank, 1).outcome == "hit"


@pytest.mark.parametrize("held_by_another", [False, True])
def test_taken_back_it_comes_home(
    bureau: Any, lake: Any, reed: Any, bank: Any, held_by_another: bool
) -> None:
    """By itself only where the number it had stated is nobody else's: else a person decides."""
    was = subject_of(bureau, party_of(bureau, lake))
    if held_by_another:
        furnish_shi(bureau, reed)
    send(bureau, lake, "subject", shi(valid_from="2021-01-01"))
    send(bureau, lake, "subject", song(valid_from="2022-01-01"))
    assert subject_of(bureau, party_of(bureau, lake)) != was
    mended = factory.correction(
        "subject", song(valid_from="2021-01-01"), shi(valid_from="2021-01-01")
    )
    send(bureau, lake, "correction", mended)
    is_home = subject_of(bureau, party_of(bureau, lake)) == was
    assert is_home == (not held_by_another)
    if held_by_another:
        identity.link(bureau.deps, party_of(bureau, lake), was, "operator")
    found = asked(bureau, bank, 1)
    assert (found.outcome, accounts_told(found)) == ("hit", 1)
    assert kinds(bureau) == []
    require_whole(bureau)


def test_taken_back_it_comes_to_who_has_its_number_by_now(
    bureau: Any, lake: Any, reed: Any, bank: Any
) -> None:
    wrong = shi(1, valid_from="2021-01-01")
    send(bureau, lake, "subject", wrong)
    send(bureau, reed, "subject", song(person_number="R1"))
    send(bureau, reed, "account", factory.account(2, person_number="R1"))
    assert accounts_told(asked(bureau, bank, 1)) == 1
    mended = factory.correction("subject", song(valid_from="2021-01-01"), wrong)
    send(bureau, lake, "correction", mended)
    assert accounts_told(asked(bureau, bank, 1)) == 2
    assert kinds(bureau) == []
    require_whole(bureau)


def test_a_case_of_a_further_record_names_fields(bureau: Any, lake: Any) -> None:
    was = subject_of(bureau, party_of(bureau, lake))
    send(bureau, lake, "subject", factory.subject(1, **(LATER | SHI)))
    (case,) = identity.cases(bureau.deps)
    assert (case.candidates, case.agreements) == ((was,), ("number",))
    assert case.disagreements == ("name", "birth_date")


@pytest.mark.parametrize("decision", ["link", "unlink"])
def test_a_person_decides_once(bureau: Any, lake: Any, bank: Any, decision: str) -> None:
    """Who knows that she changed her name links the party back; a further record is no new case."""
    party = party_of(bureau, lake)
    was = subject_of(bureau, party)
    send(bureau, lake, "subject", factory.subject(1, **(LATER | {"name": "史进"})))
    assert asked(bureau, bank, 1).outcome == "no_hit"
    if decision == "link":
        identity.link(bureau.deps, party, was, "operator")
    else:
        identity.unlink(bureau.deps, party, "operator")
    assert kinds(bureau) == []
    assert asked(bureau, bank, 1, name="史进").outcome == "hit"
    again = factory.subject(1, **(SONG | {"valid_from": "2022-01-01", "name": "史进"}))
    send(bureau, lake, "subject", again)
    assert kinds(bureau) == []
    assert asked(bureau, bank, 1, name="史进").outcome == "hit"
    require_whole(bureau)


def test_nobody_is_linked_to_a_party_that_is_apart(bureau: Any, lake: Any, reed: Any) -> None:
    furnish_shi(bureau, reed)
    send(bureau, lake, "subject", shi(valid_from="2021-01-01"))
    with pytest.raises(BadRequest) as raised:
        identity.link(
            bureau.deps, party_of(bureau, reed), subject_of(bureau, party_of(bureau, lake)), "ops"
        )
    assert raised.value.code == "conflict"


def test_nobody_decides_in_the_bureaus_name(bureau: Any, lake: Any) -> None:
    with pytest.raises(BadRequest, match="own name"):
        identity.unlink(bureau.deps, party_of(bureau, lake), "bureau:apart")
