"""Fast bytes are canonical bytes."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from report_factory import body, file, look, permit
from report_strategies import account_lines

from tallystick.errors import InvariantBroken
from tallystick.model.canonical import canonical
from tallystick.report import to_bytes
from tallystick.report.reference import schema

VALIDATOR = Draft202012Validator(schema())
KEYS = st.text(st.characters(max_codepoint=127), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=200)
@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_fast_bytes_are_canonical_bytes(value: dict[str, object]) -> None:
    assert to_bytes(value) == canonical(value)


@pytest.mark.parametrize(
    "value", [2**53 + 1, -(2**53) - 1, date(2026, 1, 1), permit(), object(), "\ud800"]
)
def test_what_canonical_json_cannot_carry_is_refused(value: object) -> None:
    with pytest.raises(InvariantBroken):
        to_bytes({"a": value})


@settings(max_examples=40, deadline=None)
@given(st.lists(account_lines(), max_size=4), st.sampled_from(["lender", "person", "furnisher"]))
def test_any_file_gives_a_canonical_body_that_fits_the_schema(accounts, audience: str) -> None:
    made = body(file(*accounts), audience, looks=(look(),))

    assert to_bytes(made) == canonical(made)
    assert list(VALIDATOR.iter_errors(made)) == []
