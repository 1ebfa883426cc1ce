"""A funder verifies what it sent of its share of another's loan, by the originator's word only."""

from __future__ import annotations

from typing import Any

import gate_world as gw
import orjson
import pytest
from gate_world import Run
from jsonschema import Draft202012Validator
from worlds import world_beginning

import factory
from tallystick.report.reference import schema
from tallystick.service.inquire import answer
from tallystick.service.replay import replay

SHARE = {
    "originator": "platform", "account_number": "A-1", "funder": "other", "role": "funder",
    "valid_from": "2024-01-01", "share": "0.7",
}  # fmt: skip
OWN = {**SHARE, "share": "0.6"}
KEY = {name: SHARE[name] for name in ("originator", "account_number", "funder", "valid_from")}


def _begin(world: gw.World) -> None:
    gw.furnish(world, world.platform)


template = world_beginning(_begin)


@pytest.fixture
def loan(world: gw.World) -> gw.World:
    """One person's loan of the platform, which `other` may fund."""
    return world


def verified(world: gw.World, run: Run, **changes: Any) -> Any:
    """The body `other` gets to verify its own, made again from the ledger too; None for no hit."""
    given = {"member": world.other, **changes}
    ask = world.ask(permit="furnisher_verification", purpose="data_quality", **given)
    result = run(answer(world.deps, ask))
    if result.outcome != "hit":
        assert (result.outcome, result.body) == ("no_hit", None)
        return None
    for fold in (False, True):
        assert run(replay(world.deps, result.look_id, fold=fold)) == result.body
    body = orjson.loads(result.body)
    Draft202012Validator(schema()).validate(body)
    return body


def both_words(world: gw.World, **changes: str) -> None:
    gw.send(world, world.platform, "funding", {**SHARE, **changes})
    gw.send(world, world.other, "funding", {**OWN, **changes})


def test_a_funder_sees_its_own_words_and_nothing_of_the_account(loan: gw.World, run: Run) -> None:
    gw.send(loan, loan.bank, "funding", {**SHARE, "funder": "bank", "share": "0.1"})
    both_words(loan)
    body = verified(loan, run)
    assert body["identity"] == body["accounts"] == []
    (shown,) = body["fundings"]
    assert shown.pop("account_id").startswith("acc_")
    assert shown.pop("originator").keys() == {"member_id", "class", "is_own"}
    assert shown.pop("member")["code"] == "other"
    assert shown == {
        "role": "funder", "valid_from": "2024-01-01", "share": "0.600000000", "implied": False,
    }  # fmt: skip


def test_an_amount_is_shown_with_its_currency(loan: gw.World, run: Run) -> None:
    gw.send(loan, loan.platform, "funding", SHARE)
    amount = {**KEY, "role": "funder", "currency": "CNY", "funded_amount": "100.00"}
    gw.send(loan, loan.other, "funding", amount)
    (shown,) = verified(loan, run)["fundings"]
    assert (shown["funded_amount"], shown["currency"]) == ("100.00", "CNY")


@pytest.mark.parametrize(
    ("platform", "other"),
    [
        (None, OWN),
        (SHARE, None),
        ({**SHARE, "funder": "bank"}, {**OWN, "share": "0.3"}),
        ({**SHARE, "role": "servicer"}, OWN),
    ],
)
def test_a_claim_without_the_originators_word_reads_nobody(
    loan: gw.World, run: Run, platform: Any, other: Any
) -> None:
    for member, said in ((loan.platform, platform), (loan.other, other)):
        if said is not None:
            gw.send(loan, member, "funding", said)
    assert verified(loan, run) is None


def test_the_word_taken_back_ends_it(loan: gw.World, run: Run) -> None:
    both_words(loan)
    assert verified(loan, run) is not None
    gw.send(loan, loan.platform, "deletion", factory.deletion("funding", KEY))
    assert verified(loan, run) is None


def test_a_share_that_has_ended_may_be_verified(loan: gw.World, run: Run) -> None:
    both_words(loan, valid_to="2024-01-31")
    (shown,) = verified(loan, run)["fundings"]
    assert shown["valid_to"] == "2024-01-31"


@pytest.mark.parametrize(
    "asked",
    [
        {"name": "钱另外"},
        {"birth_date": "1980-11-23"},
        {"identifiers": ((gw.SCHEME, gw.resident_id(2)),)},
    ],
)
def test_it_is_asked_by_who_she_is_to_the_originator(
    loan: gw.World, run: Run, asked: dict[str, Any]
) -> None:
    both_words(loan)
    assert verified(loan, run, **asked) is None


def test_another_persons_loan_gives_nothing_of_hers(loan: gw.World, run: Run) -> None:
    gw.furnish(loan, loan.platform, serial=2, name="钱另外", account="A-2")
    both_words(loan, account_number="A-2")
    assert verified(loan, run) is None


@pytest.mark.parametrize("is_named", [True, False])
def test_a_claim_beside_an_own_account_needs_the_word_as_well(
    loan: gw.World, run: Run, is_named: bool
) -> None:
    gw.furnish(loan, loan.other, account="O-1")
    gw.send(loan, loan.other, "funding", OWN)
    if is_named:
        gw.send(loan, loan.platform, "funding", SHARE)
    body = verified(loan, run)
    assert [one["account_number"] for one in body["accounts"]] == ["O-1"]
    assert [one["share"] for one in body.get("fundings", [])] == ["0.600000000"] * is_named
