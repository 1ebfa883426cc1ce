"""What a look's commitment covers, and receipts."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.adapters.keys import BureauKeys
from tallystick.audit import Look, commitment, look_parameters, receipt, verify_receipt
from tallystick.audit.look import commitment_of
from tallystick.errors import BadRequest, InvariantBroken
from tallystick.model.canonical import canonical

LOOK = Look(
    token=b"\x01\x02",
    look_id=UUID(int=7),
    occurred_at=datetime(2025, 1, 15, 12, tzinfo=UTC),
    permit="consent",
    purpose="credit_application",
    outcome="granted",
    audience="lender",
    salt=bytes(32),
    member_id=UUID(int=1),
    position=3,
)
OTHER = {
    bytes: b"\x03" * 32,
    UUID: UUID(int=99),
    datetime: datetime(2025, 1, 15, 12, 0, 0, 1, tzinfo=UTC),
    str: "other",
    int: 4,
}


def test_the_commitment_is_salt_and_canonical_json_of_what_is_there() -> None:
    content = {
        "token": "0102",
        "look_id": "00000000-0000-0000-0000-000000000007",
        "occurred_at": "2025-01-15T12:00:00.000000Z",
        "permit": "consent",
        "purpose": "credit_application",
        "outcome": "granted",
        "audience": "lender",
        "member_id": "00000000-0000-0000-0000-000000000001",
        "position": 3,
    }
    assert commitment(LOOK) == sha256(bytes(32) + canonical(content)).digest()
    assert look_parameters(LOOK)["commitment"] == commitment(LOOK)


@given(st.dictionaries(st.text("abc_", min_size=1), st.text() | st.integers(-(2**53), 2**53)))
# The first text of a fresh checkout builds Hypothesis' table of characters, which takes seconds.
@settings(max_examples=200)
def test_the_fast_bytes_are_the_canonical_ones(content: dict[str, str | int]) -> None:
    assert commitment_of(b"", content) == sha256(canonical(content)).digest()


@pytest.mark.parametrize("name", [field.name for field in fields(Look)])
def test_every_column_is_committed_to(name: str) -> None:
    hint = next(field.type for field in fields(Look) if field.name == name)
    kind = next(kind for kind in OTHER if str(hint).startswith(kind.__name__))
    assert commitment(replace(LOOK, **{name: OTHER[kind]})) != commitment(LOOK)


def test_the_same_instant_in_another_zone_is_the_same_look() -> None:
    there = LOOK.occurred_at.astimezone(timezone(timedelta(hours=8)))
    assert commitment(replace(LOOK, occurred_at=there)) == commitment(LOOK)


@pytest.mark.parametrize(
    "changed",
    [{"salt": bytes(31)}, {"salt": bytes(33)}, {"occurred_at": datetime(2025, 1, 15)}],  # noqa: DTZ001 -- the missing zone is the fault tried
)
def test_a_short_salt_or_an_instant_without_zone_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(InvariantBroken):
        commitment(replace(LOOK, **changed))


def test_a_receipt_is_checked_offline_and_bound_to_each_of_its_values(keys: BureauKeys) -> None:
    public = {keys.key_id: keys.signing_key.public_key()}
    given_out = receipt(
        LOOK.look_id,
        LOOK.occurred_at,
        commitment(LOOK),
        log_delay_max_seconds=60,
        sign=keys.sign,
        key_id=keys.key_id,
    )
    assert verify_receipt(given_out, public_keys=public)
    assert not verify_receipt(given_out, public_keys={})
    other = {
        "look_id": str(UUID(int=8)),
        "occurred_at": "2025-01-15T12:00:00.000001Z",
        "commitment": "00" * 32,
        "log_delay_max_seconds": 61,
        "key_id": "another",
        "signature": "not hex",
    }
    assert set(other) == set(given_out)
    for name, value in other.items():
        assert not verify_receipt({**given_out, name: value}, public_keys=public), name


@pytest.mark.parametrize(
    "given_out", [{}, {"look_id": "x"}, {"look_id": 1, "signature": None}], ids=str
)
def test_what_is_no_receipt_is_said_so(given_out: dict[str, object]) -> None:
    with pytest.raises(BadRequest) as raised:
        verify_receipt(given_out, public_keys={})
    assert raised.value.code == "receipt_unreadable"
