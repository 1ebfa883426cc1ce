"""A funder's own record of a loan it funds, uncited: a case for a person, and never merged."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

import factory
from beginnings import beginning
from tallystick.errors import BadRequest
from tallystick.service import funders_own, identity
from tallystick.service.erase import erase
from tallystick.service.members import member_by_code
from tallystick.service.verify import ledger_verify

RULE = "ACC-FUND-003"
KIND = "co_funded_twin"
LIMIT = {"product": "revolving_loan", "credit_limit": "1000.00", "principal": "400.00"}
SHARE = {"product": "revolving_loan", "credit_limit": "700.00", "principal": "400.00"}
#: 0.333333333 of it are 333.333333 and a bit: a third of a fen from 333.33.
THIRD = {"share": "0.333333333"}


def _begin(bureau: Any) -> None:
    for code in ("bank1", "bank2", "bank3"):
        made = factory.member(bureau.deps, code)
        view = factory.send(bureau.deps, made, "subject", factory.subject(1), factory.subject(2))
        assert factory.counts(view) == (2, 0, 0, 0)


template = beginning(_begin)


class Lent(NamedTuple):
    """What bank1 (the loan and its funding) and another (its own record) send."""

    own: Mapping[str, Any]
    loan: Mapping[str, Any] = MappingProxyType({})
    funding: Mapping[str, Any] = MappingProxyType({})
    by: str = "bank2"


class Bench:
    """Sends the three records, in whatever order."""

    def __init__(self, bureau: Any, lent: Lent):
        self.deps = bureau.deps
        self.lent = lent

    def send(self, what: str) -> Any:
        fields = {**getattr(self.lent, what)}
        if what == "funding":
            share = fields.pop("share", "0.7")
            record = factory.funding(1, fields.pop("funder", "bank2"), share, **fields)
        else:
            record = factory.account(1, person=fields.pop("person", 1), **fields)
        code, dataset = (self.lent.by, "account") if what == "own" else ("bank1", what)
        dataset = "account" if what == "loan" else dataset
        made = member_by_code(self.deps, code)
        return factory.send_again(self.deps, made, dataset, record)

    @property
    def kinds(self) -> list[str]:
        return [one.kind for one in identity.cases(self.deps)]


def in_order(bureau: Any, lent: Lent, order: str) -> tuple[Bench, dict[str, set[str]]]:
    """Each sent and taken; by what was sent, the rules it was told."""
    bench, told = Bench(bureau, lent), {}
    for what in order.split():
        view = bench.send(what)
        assert factory.counts(view) == (1, 0, 0, 0), (what, view)
        told[what] = factory.rules(view)
    return bench, told


HITS = [
    Lent({"principal": "700.00"}),
    Lent({"principal": "700.01"}),
    Lent({"principal": "699.99"}),
    Lent({"principal": "1000.00"}),
    Lent({"principal": "333.33"}, funding=THIRD),
    Lent({"principal": "333.34"}, funding=THIRD),
    Lent({"principal": "700.00", "product": "micro_loan"}),
    Lent({"principal": "700.00", "closed_on": "2024-06-30", "closed_reason": "paid"}),
    Lent(SHARE, loan=LIMIT),
    Lent({**SHARE, "product": "credit_card"}, loan=LIMIT),
    Lent({**SHARE, "credit_limit": "1000.00"}, loan=LIMIT),
    Lent({"principal": "650.00"}, funding={"share": None, "currency": "CNY",
                                           "funded_amount": "650.00"}),
    Lent({"principal": "700.00"}, funding={"valid_from": "2024-01-02"}),
]  # fmt: skip
MISSES = [
    Lent({"principal": "700.02"}),
    Lent({"principal": "699.98"}),
    Lent({"principal": "1000.01"}),
    Lent({"principal": "999.99"}),
    Lent({"principal": "333.35"}, funding=THIRD),
    Lent({"principal": "333.32"}, funding=THIRD),
    Lent({"principal": "300.00"}),
    Lent({"principal": "700.00", "opened_on": "2024-01-02", "valid_from": "2024-01-02"}),
    Lent({"principal": "700.00", "opened_on": "2023-12-31"}),
    Lent({"principal": "700.00", "currency": "USD"}),
    Lent({"principal": "700.00", "person": 2}),
    Lent({"principal": "700.00"}, by="bank3"),
    Lent({"principal": "700.00"}, funding={"funder": "bank3"}),
    Lent({"principal": "700.00"}, funding={"role": "guarantor"}),
    Lent({"principal": "700.00"}, funding={"role": "servicer"}),
    Lent({"principal": "700.00"}, funding={"funder": "bank1", "role": "originator"}),
    Lent({"principal": "650.01"}, funding={"share": None, "currency": "CNY",
                                           "funded_amount": "650.00"}),
    Lent({"principal": "700.00", "credit_limit": "1000.00", "product": "revolving_loan"}),
    Lent({**SHARE, "credit_limit": "700.02"}, loan=LIMIT),
    Lent({**SHARE, "credit_limit": "280.00", "principal": "700.00"}, loan=LIMIT),
]  # fmt: skip
ORDERS = ("loan funding own", "own loan funding", "loan own funding")


@pytest.mark.parametrize(
    ("lent", "is_hit", "order"),
    [
        *((one, True, order) for order in ORDERS[:2] for one in HITS),
        *((one, False, ORDERS[number % 2]) for number, one in enumerate(MISSES)),
    ],
)
def test_only_a_record_like_the_funded_loan_is_a_case(
    bureau: Any, lent: Lent, is_hit: bool, order: str
) -> None:
    bench, told = in_order(bureau, lent, order)
    assert bench.kinds == [KIND] * is_hit
    expected = {RULE} if is_hit and order == ORDERS[0] else set()
    assert told["own"] & {RULE} == expected
    assert RULE not in told["loan"] | told["funding"]


@pytest.mark.parametrize("order", ORDERS)
def test_the_case_names_both_accounts_and_comes_once(bureau: Any, order: str) -> None:
    bench, _ = in_order(bureau, HITS[0], order)
    (case,) = identity.cases(bureau.deps)
    assert [one.furnisher for one in case.accounts] == ["bank1", "bank2"]
    assert case.agreements == ("opened_on", "currency", "funded_part", "product")
    assert (case.candidates, case.disagreements) == ((), ())
    for what in order.split():
        assert factory.counts(bench.send(what)) == (0, 1, 0, 0)
    later = {"valid_from": "2024-03-01", "maturity_on": "2026-01-01"}
    for code, principal in (("bank1", "1000.00"), ("bank2", "700.00")):
        terms = factory.account(1, principal=principal, **later)
        view = factory.send(bureau.deps, member_by_code(bureau.deps, code), "account", terms)
        assert factory.counts(view) == (1, 0, 0, 0)
    assert identity.cases(bureau.deps, is_open=False) == [case]
    assert ledger_verify(bureau.deps).faults == ()


def test_nothing_is_merged(bureau: Any) -> None:
    in_order(bureau, HITS[0], ORDERS[0])
    with bureau.deps.database.connect("intake") as connection:
        rows = connection.execute("select count(distinct account_id) from file.account").fetchall()
    assert rows == [(2,)]


def test_whoever_merely_claims_to_fund_is_told_nothing_of_the_loan(bureau: Any) -> None:
    lender, claimer = (member_by_code(bureau.deps, code) for code in ("bank1", "bank2"))
    factory.send(bureau.deps, lender, "account", factory.account(1))
    factory.send(bureau.deps, claimer, "funding", factory.funding(1, "bank2", "0.7"))
    own = factory.account(1, principal="700.00")
    view = factory.send(bureau.deps, claimer, "account", own)
    assert factory.told(view) == ((1, 0, 0, 0), set())
    assert [one.kind for one in identity.cases(bureau.deps)] == [KIND]


def test_a_deleted_record_answers_the_case_and_makes_none(bureau: Any) -> None:
    bench, _ = in_order(bureau, HITS[0], ORDERS[0])
    gone = factory.deletion("account", {"account_number": "A1", "valid_from": "2024-01-01"})
    funder = member_by_code(bureau.deps, "bank2")
    assert factory.counts(factory.send(bureau.deps, funder, "deletion", gone)) == (1, 0, 0, 0)
    assert bench.kinds == []
    lender = member_by_code(bureau.deps, "bank1")
    assert factory.counts(factory.send(bureau.deps, lender, "deletion", gone)) == (1, 0, 0, 0)
    own = factory.account(2, person=1, principal="700.00")
    assert factory.told(factory.send(bureau.deps, funder, "account", own)) == ((1, 0, 0, 0), set())
    assert len(identity.cases(bureau.deps, is_open=False)) == 1


def test_two_funders_own_records_are_a_case_each(bureau: Any) -> None:
    in_order(bureau, HITS[0], ORDERS[0])
    lender, third = (member_by_code(bureau.deps, code) for code in ("bank1", "bank3"))
    factory.send(bureau.deps, lender, "funding", factory.funding(1, "bank3", "0.3"))
    own = factory.account(1, principal="300.00")
    assert factory.rules(factory.send(bureau.deps, third, "account", own)) == {RULE}
    found = [{one.furnisher for one in case.accounts} for case in identity.cases(bureau.deps)]
    assert found == [{"bank1", "bank2"}, {"bank1", "bank3"}]


def test_rows_of_a_file_are_told_by_their_lines(bureau: Any) -> None:
    lender, funder = (member_by_code(bureau.deps, code) for code in ("bank1", "bank2"))
    for dataset, build in (
        ("account", lambda number: factory.account(number, person=1)),
        ("funding", lambda number: factory.funding(number, "bank2", "0.7")),
    ):
        factory.send(bureau.deps, lender, dataset, build(1), build(2))
    own = [factory.account(5, person=1), factory.account(6, person=1, principal="700.02")]
    view = factory.send(bureau.deps, funder, "account", *own)
    assert factory.rules(view) == {RULE}
    assert (
        len(identity.cases(bureau.deps)) == 2
    )  # both loans are like the first row, none the other


def test_a_person_puts_it_away_once_and_no_other_kind(bureau: Any) -> None:
    bench, _ = in_order(bureau, HITS[0], ORDERS[0])
    (case,) = identity.cases(bureau.deps)
    funders_own.dismiss(bureau.deps, case.case_id, "operator")
    assert bench.kinds == []
    for wanted, unknown in (("conflict", case.case_id), ("not_found", bureau.deps.new_id())):
        with pytest.raises(BadRequest) as raised:
            funders_own.dismiss(bureau.deps, unknown, "operator")
        assert raised.value.code == wanted


def test_a_clash_is_decided_by_linking_and_not_put_away(bureau: Any) -> None:
    odd = factory.subject(1, person_number="P9", name="Zoltan Xu", birth_date="1950-12-30")
    factory.send(bureau.deps, member_by_code(bureau.deps, "bank2"), "subject", odd)
    (case,) = identity.cases(bureau.deps)
    with pytest.raises(BadRequest) as raised:
        funders_own.dismiss(bureau.deps, case.case_id, "operator")
    assert raised.value.code == "conflict"


def test_it_waits_while_one_person_has_both_and_comes_with_a_link(bureau: Any) -> None:
    lent = HITS[0]._replace(own={"principal": "700.00", "person": 2})
    bench, _ = in_order(bureau, lent, ORDERS[0])
    assert bench.kinds == []
    with bureau.deps.database.connect("intake") as connection:
        ((subject_id,),) = connection.execute(
            "select f.subject_id from file.account f join member.member m"
            " on m.member_id = f.furnisher_id where m.code = 'bank1'"
        ).fetchall()
        ((party_id,),) = connection.execute(
            "select f.party_id from file.account f join member.member m"
            " on m.member_id = f.furnisher_id where m.code = 'bank2'"
        ).fetchall()
    identity.link(bureau.deps, party_id, subject_id, "operator")
    assert bench.kinds == [KIND]
    identity.unlink(bureau.deps, party_id, "operator")
    assert bench.kinds == []
    identity.link(bureau.deps, party_id, subject_id, "operator")
    assert bench.kinds == [KIND]
    assert len(identity.cases(bureau.deps, is_open=False)) == 1


@pytest.mark.parametrize(("role", "count"), [("co_borrower", 1), ("guarantor", 0)])
def test_a_further_borrower_has_the_debt_and_a_guarantor_has_not(
    bureau: Any, role: str, count: int
) -> None:
    lent = HITS[0]._replace(own={"principal": "700.00", "person": 2})
    bench, _ = in_order(bureau, lent, ORDERS[0])
    holder = factory.account_party(1, 2, role=role)
    view = factory.send(bureau.deps, member_by_code(bureau.deps, "bank1"), "account_party", holder)
    assert factory.counts(view) == (1, 0, 0, 0)
    assert bench.kinds == [KIND] * count


@pytest.mark.parametrize("code", ["bank1", "bank2"])
def test_erasing_either_person_takes_the_case_along(bureau: Any, code: str) -> None:
    in_order(bureau, HITS[0], ORDERS[0])
    (case,) = identity.cases(bureau.deps)
    identity.unlink(bureau.deps, case.party_id, "operator")
    with bureau.deps.database.connect("intake") as connection:
        ((subject_id,),) = connection.execute(
            "select f.subject_id from file.account f join member.member m"
            " on m.member_id = f.furnisher_id where m.code = %s", (code,)
        ).fetchall()  # fmt: skip
    erase(bureau.deps, subject_id, "retention is over", "operator")
    assert identity.cases(bureau.deps, is_open=False) == []
