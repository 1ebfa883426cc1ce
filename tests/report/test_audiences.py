"""Who reads decides what is seen: nothing of another lender's identity, nothing not one's own."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from report_factory import (
    AT,
    BANK,
    CARDS,
    MEMBERS,
    PLATFORM,
    SUBJECT,
    account,
    body,
    consent,
    file,
    identity,
    look,
    mask,
    permit,
    zz,
)

from tallystick.errors import InvariantBroken
from tallystick.model.file import SubjectFile
from tallystick.report import assemble, to_bytes
from tallystick.report.versions import VERSIONS

REMARK = {"kind": "statement", "valid_from": "2026-01-01", "text": "my words", "locale": "en"}
EVENT = {
    "event_id": "A-2/77", "event_type": "opened", "occurred_at": "2025-01-10T02:00:00.000000Z",
}  # fmt: skip
FUNDING = {"role": "funder", "valid_from": "2025-01-10", "share_ppb": 300_000_000}


def full_file() -> SubjectFile:
    other = account(
        2,
        furnisher_id=PLATFORM,
        events=(EVENT,),
        remarks=(REMARK,),
        fundings=({**FUNDING, "funder_id": BANK}, {**FUNDING, "funder_id": CARDS}),
    )
    own = account(1, events=(EVENT,), fundings=({**FUNDING, "funder_id": CARDS},))
    guarantee = {
        "object_id": "guarantee-1", "account_id": "account-9", "valid_from": "2025-01-01",
        "currency": "CNY", "amount_minor": 5, "basis": "contract",
    }  # fmt: skip
    return file(
        own,
        other,
        identities=(identity(BANK, 1), identity(PLATFORM, 2)),
        guarantees=tuple({**guarantee, "furnisher_id": member} for member in (BANK, PLATFORM)),
        remarks=({**REMARK, "furnisher_id": PLATFORM},),
    )


def texts(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def test_a_lender_sees_other_lenders_by_class_only() -> None:
    shown = body(full_file(), looks=(look(member_id=CARDS),))
    own, other = shown["accounts"]

    assert own["furnisher"]["is_own"]
    assert own["furnisher"]["code"] == "BANK1"
    assert other["furnisher"] == {
        "member_id": mask("member", PLATFORM), "class": "platform", "is_own": False,
    }  # fmt: skip
    for member in (PLATFORM, CARDS):
        view = MEMBERS[member]
        assert not any(
            f'"{name}"' in texts(shown) for name in (view.code, view.name_en, view.name_zh)
        )


def test_a_lender_sees_numbers_income_and_event_ids_of_its_own_account_only() -> None:
    own, other = body(full_file())["accounts"]

    assert own["account_number"] == "A-1"
    assert own["terms"]["income_monthly"] == "9000.00"
    assert own["events"][0]["event_id"] == "A-2/77"
    assert "account_number" not in other
    assert "income_monthly" not in other["terms"]
    assert "consent_ref" not in other["terms"]
    assert "event_id" not in other["events"][0]


def test_the_person_sees_names_and_numbers_of_all() -> None:
    shown = body(full_file(), "person", looks=(look(member_id=CARDS),))

    assert [line["account_number"] for line in shown["accounts"]] == ["A-1", "A-2"]
    assert {line["furnisher"]["name_en"] for line in shown["accounts"]} == {"First Bank", "Plat"}
    assert shown["looks"][0]["member"]["name_zh"] == "卡"


def test_a_furnisher_sees_its_own_records_and_nothing_else() -> None:
    shown = body(full_file(), "furnisher", looks=(look(),), consents=(consent(),))

    assert set(shown) == {
        "format", "header", "identity", "accounts", "agreements", "guarantees", "payments",
        "remarks",
    }  # fmt: skip
    assert [line["account_number"] for line in shown["accounts"]] == ["A-1"]
    assert len(shown["identity"]) == len(shown["guarantees"]) == 1
    assert shown["remarks"] == []
    assert {line["block"] for line in shown["header"]["withheld"]} == {
        "summary", "inquiries", "looks", "consents",
    }  # fmt: skip
    assert mask("member", PLATFORM) not in texts(shown)


def test_another_furnishers_share_is_not_shown_to_the_furnisher() -> None:
    shares = (
        {**FUNDING, "funder_id": BANK, "furnisher_id": BANK},
        {**FUNDING, "funder_id": CARDS, "furnisher_id": CARDS},
    )
    shown = body(file(account(fundings=shares)), "furnisher")

    assert [line["member"]["code"] for line in shown["accounts"][0]["fundings"]] == ["BANK1"]


@pytest.mark.parametrize("audience", ["lender", "person", "furnisher"])
def test_no_inner_id_leaves(audience: str) -> None:
    said = texts(body(full_file(), audience, looks=(look(),), consents=(consent(),)))

    for inner in (
        SUBJECT,
        "account-1",
        "party-1",
        BANK,
        PLATFORM,
        "look-1",
        "consent-1",
        "guarantee-1",
    ):
        assert f'"{inner}"' not in said


def test_other_holders_are_roles_and_nothing_more() -> None:
    joint = account(other_roles=("co_borrower", "guarantor"))

    assert body(file(joint))["accounts"][0]["other_roles"] == ["co_borrower", "guarantor"]


def test_a_field_nobody_listed_does_not_leave() -> None:
    strange = {**account().terms, "secret_note": "hidden", "absent": {"secret_note": "refused"}}

    assert "secret" not in texts(body(file(account(terms=strange)), "person"))


@pytest.mark.parametrize(
    ("version", "says_so"), [("tallystick.report/3", False), ("tallystick.report/4", True)]
)
def test_events_do_not_leave_without_their_accounts(version: str, says_so: bool) -> None:
    shown = body(full_file(), scope=frozenset({"events"}), version=VERSIONS[version])
    withheld = {one["block"] for one in shown["header"]["withheld"]}

    assert "accounts" in withheld
    assert ("events" in withheld) is says_so
    assert "accounts" not in shown
    assert "events" not in shown


def test_blocks_outside_the_scope_are_withheld_and_said_to_be() -> None:
    shown = body(full_file(), scope=frozenset({"summary", "accounts"}))

    assert set(shown) == {"format", "header", "summary", "accounts"}
    assert "events" not in shown["accounts"][1]
    assert {(line["block"], line["reason"]) for line in shown["header"]["withheld"]} >= {
        ("identity", "scope"), ("events", "scope"), ("looks", "scope"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, True),
        ({"outcome": "no_hit"}, False),
        ({"outcome": "refused"}, False),
        ({"permit": "account_review", "purpose": "account_review"}, False),
        ({"permit": "self", "purpose": "own_access", "member_id": None}, False),
        ({"permit": "again"}, False),
        ({"permit": "legal_duty", "purpose": "joint_loan_duty"}, False),
        ({"purpose": "limit_review"}, False),
        ({"purpose": "unheard_of"}, False),
        ({"occurred_at": "2024-06-15T15:59:59.999999Z"}, False),
        ({"occurred_at": "2024-06-15T16:00:00.000000Z"}, True),
    ],
)
def test_lenders_see_inquiries_the_profile_shows_and_the_person_all(
    changes: dict[str, object], shown: bool
) -> None:
    one = (look(**changes),)

    assert len(body(file(), looks=one)["looks"]) == int(shown)
    assert len(body(file(), "person", looks=one)["looks"]) == 1


@pytest.mark.parametrize(
    ("occurred_at", "counts"),
    [
        ("2026-06-15T15:59:59.999999Z", [1, 1, 1, 1]),
        ("2026-05-16T16:00:00.000000Z", [1, 1, 1, 1]),
        ("2026-05-16T15:59:59.999999Z", [0, 1, 1, 1]),
        ("2025-06-15T15:59:59.999999Z", [0, 0, 0, 1]),
        ("2024-06-15T15:59:59.999999Z", [0, 0, 0, 0]),
    ],
)
def test_inquiries_are_counted_by_window(occurred_at: str, counts: list[int]) -> None:
    line = body(file(), "person", looks=(look(occurred_at=occurred_at),))["inquiries"][0]

    assert [window["inquiries"] for window in line["windows"]] == counts
    assert line["counts_against"]


def test_a_lender_sees_consents_it_is_part_of() -> None:
    consents = (
        consent(1),
        consent(2, recipient_id=PLATFORM),
        consent(3, captured_by=PLATFORM, recipient_id=PLATFORM),
    )

    assert len(body(file(), consents=consents)["consents"]) == 2
    assert len(body(file(), "person", consents=consents)["consents"]) == 3


def test_a_permit_for_somebody_else_is_refused() -> None:
    with pytest.raises(InvariantBroken, match="another subject"):
        assemble(
            permit(),
            SubjectFile(subject_id="another"),
            looks=(),
            consents=(),
            profile=zz(),
            coordinates=AT,
            member_view=MEMBERS.__getitem__,
            mask=mask,
        )


@pytest.mark.parametrize(
    ("audience", "until", "shown"),
    [
        ("lender", "2026-06-15", 1),
        ("lender", "2026-06-14", 0),
        ("person", "2026-06-14", 1),
        ("furnisher", "2026-06-14", 1),
    ],
)
def test_a_remark_that_ended_is_not_shown_to_lenders(audience: str, until: str, shown: int) -> None:
    remark = {**REMARK, "valid_to": until}

    assert len(body(file(account(remarks=(remark,))), audience)["accounts"][0]["remarks"]) == shown


@pytest.mark.parametrize("audience", ["lender", "person", "furnisher"])
def test_the_order_of_what_was_read_does_not_change_the_bytes(audience: str) -> None:
    first = full_file()
    turned = SubjectFile(
        subject_id=first.subject_id,
        identities=first.identities[::-1],
        accounts=tuple(
            replace(line, fundings=line.fundings[::-1]) for line in first.accounts[::-1]
        ),
        guarantees=first.guarantees[::-1],
        remarks=first.remarks[::-1],
    )
    looks, consents = (look(1), look(2)), (consent(1), consent(2))

    assert to_bytes(body(first, audience, looks=looks, consents=consents)) == to_bytes(
        body(turned, audience, looks=looks[::-1], consents=consents[::-1])
    )


@pytest.mark.parametrize(
    ("version", "audience", "wanted"),
    [
        ("tallystick.report/4", "lender", ["s-1", "b-1"]),
        ("tallystick.report/5", "lender", [None, "b-1"]),
        ("tallystick.report/5", "person", ["s-1", "b-1"]),
        ("tallystick.report/5", "furnisher", ["s-1", "b-1"]),
    ],
)
def test_a_lender_reads_the_ids_of_its_own_events(
    version: str, audience: str, wanted: list[str | None]
) -> None:
    events = ({**EVENT, "event_id": "s-1"}, {**EVENT, "event_id": "b-1"})
    bought = file(account(1, events=events, others_events=frozenset({0})))
    (line,) = body(bought, audience, version=VERSIONS[version])["accounts"]
    assert [one.get("event_id") for one in line["events"]] == wanted


@pytest.mark.parametrize(
    ("version", "audience", "wanted"),
    [
        ("tallystick.report/5", "person", ["BANK1", "BANK1"]),
        ("tallystick.report/6", "person", ["BANK1", "PLAT1"]),
        ("tallystick.report/6", "lender", ["BANK1", None]),
        ("tallystick.report/5", "furnisher", ["BANK1", "BANK1"]),
        ("tallystick.report/6", "furnisher", ["BANK1"]),
    ],
)
def test_a_remark_stands_under_who_stated_it(
    version: str, audience: str, wanted: list[str | None]
) -> None:
    remarks = ({**REMARK, "stated_by": PLATFORM}, {**REMARK, "stated_by": BANK})
    (line,) = body(file(account(remarks=remarks)), audience, version=VERSIONS[version])["accounts"]
    assert [one["furnisher"].get("code") for one in line["remarks"]] == wanted
