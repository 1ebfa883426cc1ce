"""Whose record it is: each ground with the miss beside it, and households never merged."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.resolve import Candidate, Identity, decide, is_another, normal_name
from tallystick.resolve.compare import birth_dates_clash, clashes, names_alike

TOKEN, OTHER = b"t" * 32, b"o" * 32
ONE, TWO = UUID(int=1), UUID(int=2)
BORN = "1990-03-07"


def identity(
    name="Paul Cole", birth_date=BORN, token=TOKEN, agreements=frozenset({"phone:1", "address:2"})
) -> Identity:
    return Identity(name=name, birth_date=birth_date, token=token, agreements=agreements)


def renumbered(number="P1", **changes) -> Identity:
    """As a furnisher sends her whom it knew by a number of its own."""
    return identity(**changes, agreements=frozenset({f"person number:bank:{number}"}))


def candidate(subject_id=ONE, *, tokens=(TOKEN,), known=None) -> Candidate:
    identities = (identity(),) if known is None else known
    return Candidate(subject_id=subject_id, identities=identities, tokens=frozenset(tokens))


@pytest.mark.parametrize(
    ("incoming", "candidates", "subject", "ground"),
    [
        (identity(), [], None, "new"),
        (identity(), [candidate()], ONE, "token"),
        (identity(birth_date=None), [candidate()], ONE, "token"),
        (identity(name="Mary Smith"), [candidate()], None, "clash"),
        (identity(birth_date="1991-04-07"), [candidate()], None, "clash"),
        (identity(), [candidate(), candidate(TWO)], None, "clash"),
        (identity(), [candidate(known=())], ONE, "token"),  # known from a consent only
        (identity(), [candidate(tokens=(OTHER,))], None, "new"),  # another number
        (identity(), [candidate(tokens=())], ONE, "name_and_birth_date"),
        (identity(token=None), [candidate()], ONE, "name_and_birth_date"),
        (identity(token=None, agreements=frozenset({"phone:1"})), [candidate()], ONE,
         "name_and_birth_date"),
        (identity(token=None, agreements=frozenset({"phone:9"})), [candidate()], None, "weak"),
        # Another number, and the furnisher's own number of before: she has a new one.
        (renumbered(), [candidate(tokens=(OTHER,), known=(renumbered(),))], ONE,
         "name_and_birth_date"),
        (renumbered(name="Paul Coles"), [candidate(tokens=(OTHER,), known=(renumbered(),))], None,
         "new"),
        (renumbered(birth_date="1990-03-08"), [candidate(tokens=(OTHER,), known=(renumbered(),))],
         None, "new"),
        (renumbered(birth_date=None), [candidate(tokens=(OTHER,), known=(renumbered(),))], None,
         "new"),
        (renumbered(number="P2"), [candidate(tokens=(OTHER,), known=(renumbered(),))], None, "new"),
        (identity(token=None, name="Paul Coles"), [candidate()], None, "new"),
        (identity(token=None, birth_date="1990-03-08"), [candidate()], None, "new"),
        (identity(token=None, birth_date=None), [candidate()], None, "new"),
        (identity(token=None), [candidate(), candidate(TWO)], None, "weak"),
    ],
)  # fmt: skip
def test_decisions(incoming, candidates, subject, ground):
    decision = decide(incoming, candidates)
    assert (decision.subject_id, decision.ground) == (subject, ground)
    assert (decision.case_with is not None) is (ground in ("clash", "weak"))


def named(subject_id=ONE, *, tokens=(), known=None) -> Candidate:
    """One whom the furnisher says it is, known before under another spelling."""
    known = (identity(name="Paula Coles", token=None),) if known is None else known
    return Candidate(
        subject_id=subject_id, identities=known, tokens=frozenset(tokens), is_named=True
    )


@pytest.mark.parametrize(
    ("incoming", "candidates", "subject", "ground", "case_with"),
    [
        (identity(), [named()], ONE, "stated", None),
        (identity(token=None), [named()], ONE, "stated", None),
        (identity(), [named(tokens=(OTHER,))], ONE, "stated", None),  # her number changed
        (identity(birth_date="1990-04-07"), [named()], ONE, "stated", None),
        (identity(birth_date="1991-04-07"), [named()], None, "clash", ONE),
        (identity(name="Mary Smith"), [named()], None, "clash", ONE),
        (identity(), [named(), named(TWO)], None, "clash", ONE),
        (identity(), [candidate(TWO, tokens=()), named()], ONE, "stated", None),
        (identity(), [candidate(TWO), named()], TWO, "token", ONE),
        (identity(name="Paul"), [candidate(TWO), named(known=(identity("Xu"),))], TWO, "token",
         None),
        (identity(), [candidate(TWO), named(tokens=(TOKEN,))], ONE, "token", None),
        (identity(name="Mary Smith"), [candidate(TWO), named(known=())], None, "clash", TWO),
    ],
)  # fmt: skip
def test_the_furnishers_word(incoming, candidates, subject, ground, case_with):
    decision = decide(incoming, candidates)
    found = (decision.subject_id, decision.ground, decision.case_with)
    assert found == (subject, ground, case_with)
    assert decision.case_kind == ("clash" if ground == "clash" else "weak")


def test_a_twin_at_the_same_address_is_another_person():
    twin = identity(name="Peter Cole", token=None)
    assert decide(twin, [candidate()]).subject_id is None


def test_a_spouse_under_another_number_is_another_person():
    spouse = identity(name="Paul Cole", token=OTHER)
    assert decide(spouse, [candidate()]).subject_id is None


@pytest.mark.parametrize(
    ("known", "other"),
    [
        ([], False),
        ([("Paul Cole", BORN)], False),
        ([("Paul Kole", BORN)], False),
        ([("Mary Smith", BORN)], True),
        ([("Mary Cole", BORN)], False),
        ([("Paul Cole", "1990-07-03")], False),
        ([("Paul Cole", "1990-03-08")], False),
        ([("Paul Cole", "1990-04-08")], True),
        ([("", BORN)], False),
        ([("Paul Cole", None)], False),
        ([("Mary Smith", None), ("", BORN)], True),  # what is not held makes nothing agree
        ([("", "1960-01-01"), ("Paul Cole", None)], True),
        ([("Mary Smith", BORN), ("Paul Cole", "1960-01-01")], True),  # of two, neither
        ([("Mary Smith", "1960-01-01"), ("Paul Cole", BORN)], False),
    ],
)
def test_a_further_record_is_anothers_where_it_agrees_with_none(known, other) -> None:
    held = [identity(name=name, birth_date=born) for name, born in known]
    assert is_another(identity(), held) == other


NAMED = st.tuples(
    st.sampled_from(["", "·", "Paul Cole", "Mary Smith", "P", "王", "王伟", "李伟", "欧阳"]),
    st.sampled_from([None, BORN, "1990-03-08", "1960-01-01"]),
)


@given(incoming=NAMED, known=st.lists(NAMED, max_size=4))
def test_a_further_record_is_judged_by_names_by_dates_and_by_both(incoming, known) -> None:
    name, born = incoming
    named = [one for one in known if normal_name(one[0])]
    dated = [one for one in known if one[1] is not None]
    whole = [one for one in named if one in dated]
    other = (
        (bool(named) and not any(names_alike(name, one) for one, _ in named))
        or (bool(dated) and all(birth_dates_clash(born, on) for _, on in dated))
        or (bool(whole) and all(clashes(name, born, *one) for one in whole))
    )
    held = [identity(name=one, birth_date=on) for one, on in known]
    assert is_another(identity(name=name, birth_date=born), held) == other
