"""Permits: given within their limits and refused one step outside."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from tallystick.consent import Standing, mint
from tallystick.consent.mint import scope_of
from tallystick.errors import Refused
from tallystick.profile import Profile
from tallystick.report import BLOCKS

BANK, OTHER, SUBJECT = UUID(int=1), UUID(int=2), UUID(int=9)
NOW = datetime(2025, 1, 15, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
STANDING = Standing(
    consent_id=UUID(int=5),
    recipient_id=BANK,
    purpose="credit_application",
    data_classes=("identity", "loans"),
    valid_from=NOW,
    valid_to=NOW + timedelta(days=30),
    given_at=NOW,
    is_withdrawn=False,
    names_subject=True,
)


def ask(kind="consent", *, consent=STANDING, now=NOW, purpose="credit_application", **more):
    return mint(
        kind,
        subject_id=SUBJECT,
        member_id=BANK,
        member_class="commercial_bank",
        purpose=purpose,
        profile=Profile.load("zz").on(date(2025, 1, 15)),
        now=now,
        consent=consent,
        **more,
    )


@pytest.mark.parametrize("now", [NOW, NOW + timedelta(days=30) - TICK])
def test_a_consent_holds_from_its_start_up_to_its_end(now):
    permit = ask(now=now)
    assert (permit.kind, permit.scope) == (
        "consent",
        frozenset({"identity", "loans", "agreements", "guarantees"}),
    )


@pytest.mark.parametrize(
    ("consent", "now", "code"),
    [
        (None, NOW, "consent_missing"),
        (STANDING, NOW - TICK, "consent_not_yet"),
        (replace(STANDING, given_at=NOW + TICK), NOW, "consent_not_yet"),
        (STANDING, NOW + timedelta(days=30), "consent_expired"),
        (replace(STANDING, is_withdrawn=True), NOW, "consent_withdrawn"),
        (replace(STANDING, names_subject=False), NOW, "consent_other_subject"),
        (replace(STANDING, recipient_id=OTHER), NOW, "consent_other_recipient"),
        (replace(STANDING, recipient_id=None), NOW, "consent_other_recipient"),
        (replace(STANDING, purpose="account_review"), NOW, "consent_other_purpose"),
    ],
)
def test_a_consent_outside_its_limits_is_refused(consent, now, code):
    with pytest.raises(Refused) as refusal:
        ask(consent=consent, now=now)
    assert refusal.value.code == code


def test_a_purpose_the_profile_does_not_know_is_refused():
    with pytest.raises(Refused, match="purpose_not_permitted"):
        ask(purpose="curiosity")


def test_an_account_review_needs_an_open_account():
    assert ask("account_review", purpose="account_review", has_open_account=True, consent=None)
    with pytest.raises(Refused, match="no_open_account"):
        ask("account_review", purpose="account_review", consent=None)


@pytest.mark.parametrize(
    ("classes", "leaving"),
    [
        (("loans", "performance"),
         {"agreements", "guarantees", "summary", "accounts", "events", "remarks"}),
        (("loans",), {"agreements", "guarantees"}),
        (("performance",), set()),
        (("accounts", "looks"), {"accounts", "looks"}),
        (("payments", "inquiries", "identity"), {"payments", "inquiries", "identity"}),
        (("everything",), set()),
    ],
)  # fmt: skip
def test_a_consents_words_say_which_parts_of_a_report_leave(
    classes: tuple[str, ...], leaving: set[str]
) -> None:
    assert scope_of(classes) & set(BLOCKS) == leaving
    assert scope_of(classes) >= set(classes)


@pytest.mark.parametrize("purpose", ["credit_application", "own_access", "anything at all"])
@pytest.mark.parametrize("kind", ["", "self", "again", "leave"])
def test_a_member_is_given_nothing_under_a_permit_that_is_not_a_members(kind, purpose):
    with pytest.raises(Refused) as refusal:
        ask(kind, purpose=purpose)
    assert refusal.value.code == "purpose_not_permitted"


@pytest.mark.parametrize("kind", ["", "consent", "legal_duty", "again"])
def test_a_person_is_given_her_own_file_and_nothing_else(kind):
    asked = {
        "subject_id": SUBJECT, "member_id": None, "member_class": None, "purpose": "own_access",
        "profile": Profile.load("zz").on(date(2025, 1, 15)), "now": NOW, "audience": "person",
    }  # fmt: skip
    assert mint("self", **asked).kind == "self"
    with pytest.raises(Refused) as refusal:
        mint(kind, **asked)
    assert refusal.value.code == "purpose_not_permitted"
