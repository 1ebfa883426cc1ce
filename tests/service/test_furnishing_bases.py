"""A record is furnished on a basis the profile in force names, or it is rejected."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import gate_world as gw
import orjson
import psycopg
import pytest

import factory
from tallystick.profile import Profile
from tallystick.service.port import Deps
from tallystick.service.submissions import findings
from tallystick.service.submit import process, receive

ACCEPTED, REJECTED = (1, 0, 0, 0), (0, 0, 1, 0)
RECORDS = {
    "account": factory.account(2),
    "agreement": factory.agreement(1),
    "guarantee": factory.GUARANTEE,
    "payment": factory.PAYMENT,
}


def under(bureau: Any, profile: str) -> tuple[Deps, Any]:
    """The bureau under a profile; a member of it with persons 1 and 2, and account 1."""
    deps = replace(bureau.deps, profile=Profile.load(profile))
    bank = factory.member(deps)
    persons = [
        factory.subject(
            number, identifier_scheme="cn_resident_id", identifier_number=gw.resident_id(number),
            birth_date=gw.BORN,
        )
        for number in (1, 2)
    ]  # fmt: skip
    assert factory.counts(factory.send(deps, bank, "subject", *persons)) == (2, 0, 0, 0)
    view = factory.send(deps, bank, "account", factory.account(1))
    assert factory.told(view) == (ACCEPTED, set())
    return deps, bank


def by_record(deps: Deps, bank: Any, dataset: str, record: factory.Native) -> Any:
    return factory.send(deps, bank, dataset, record)


def by_file(deps: Deps, bank: Any, dataset: str, record: factory.Native) -> Any:
    stream = io.BytesIO(orjson.dumps(record) + b"\n")
    return process(deps, receive(deps, bank, dataset, stream).submission_id)


@pytest.mark.parametrize("send", [by_record, by_file])
def test_a_basis_the_profile_does_not_name_is_rejected_with_those_it_names(
    bureau: Any, send: Any
) -> None:
    deps, bank = under(bureau, "cn")
    for dataset, record in RECORDS.items():
        sent = {**record, "basis": "contract"}
        if dataset == "payment":
            sent["bucket"] = "N"  # what `cn` calls paid as agreed
        view = send(deps, bank, dataset, sent)
        assert factory.told(view) == (REJECTED, {"FMT-CELL-008"}), dataset
        (found,) = findings(deps, bank, view.submission_id)
        assert (found.field, found.seen) == ("basis", "contract")
        assert found.allowed is not None
        assert found.allowed.en.endswith(": consent, legal_duty")
        assert found.allowed.zh.endswith(": consent, legal_duty")
        view = send(deps, bank, dataset, {**sent, "basis": "legal_duty"})
        assert factory.told(view) == (ACCEPTED, set()), dataset


@pytest.mark.parametrize("send", [by_record, by_file])
def test_the_same_basis_is_taken_where_the_profile_names_it(bureau: Any, send: Any) -> None:
    deps, bank = under(bureau, "zz")
    for dataset, record in RECORDS.items():
        view = send(deps, bank, dataset, {**record, "basis": "contract"})
        assert factory.told(view) == (ACCEPTED, set()), dataset


def test_a_correction_does_not_bring_in_another_basis(bureau: Any) -> None:
    deps, bank = under(bureau, "cn")
    held = factory.account(1)
    change = factory.correction("account", {**held, "basis": "contract"}, held)
    view = factory.send(deps, bank, "correction", change)
    assert factory.told(view) == (REJECTED, {"FMT-CELL-008"})
    with psycopg.connect(bureau.url) as connection:
        bases = connection.execute("select basis from ledger.account").fetchall()
    assert bases == [("legal_duty",)]
