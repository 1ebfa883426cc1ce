"""The profiles in the package say what the flows need, and the reference page is current."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tallystick.profile import Profile
from tallystick.profile.reference import reference_page

DAY = date(2026, 6, 15)
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "profiles.md"


@pytest.mark.parametrize(
    ("profile_id", "codes"), [("zz", "012345CX"), ("cn", "NM1234567*#/ABCDGZ")]
)
def test_the_code_set_is_complete(profile_id: str, codes: str) -> None:
    assert "".join(Profile.load(profile_id).on(DAY).buckets) == codes


@pytest.mark.parametrize("profile_id", ["zz", "cn"])
def test_late_codes_are_ranked_in_steps_of_one_and_their_days_touch(profile_id: str) -> None:
    late = [b for b in Profile.load(profile_id).on(DAY).buckets.values() if b.kind == "late"]

    assert [bucket.rank for bucket in late] == list(range(1, len(late) + 1))
    assert [b.days_min for b in late[1:]] == [(b.days_max or 0) + 1 for b in late[:-1]]
    assert late[-1].days_max is None


@pytest.mark.parametrize(
    ("purpose", "permit", "member_class", "allowed"),
    [
        ("credit_application", "consent", "commercial_bank", True),
        ("credit_application", "consent", "landlord", False),
        ("credit_application", "legal_duty", "commercial_bank", False),
        ("joint_loan_duty", "legal_duty", "commercial_bank", True),
        ("joint_loan_duty", "legal_duty", "platform", False),
        ("account_review", "account_review", "platform", True),
        ("own_access", "self", None, True),
        ("credit_application", "consent", None, False),
    ],
)
def test_a_purpose_binds_permit_and_class(
    purpose: str, permit: str, member_class: str | None, allowed: bool
) -> None:
    known = Profile.load("zz").on(DAY).purposes[purpose]

    assert known.allows(permit=permit, member_class=member_class) is allowed


def test_only_applications_for_credit_count_against_a_person() -> None:
    purposes = Profile.load("zz").on(DAY).purposes.values()

    assert {purpose.code for purpose in purposes if purpose.counts} == {
        "credit_application", "card_application", "guarantee_check",
    }  # fmt: skip


def test_banned_and_restricted_fields_are_named() -> None:
    zz = Profile.load("zz").on(DAY)

    assert {"religion", "blood_type", "fingerprint"} <= set(zz.banned_field_names)
    assert zz.restricted_fields == ("account.income_monthly",)


def test_the_same_day_gives_the_same_object() -> None:
    profile = Profile.load("zz")

    assert profile.on(DAY) is profile.on(DAY)


def test_the_reference_page_is_what_the_profiles_say() -> None:
    assert PAGE.read_text("utf-8") == reference_page()
