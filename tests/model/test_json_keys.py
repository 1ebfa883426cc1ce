"""Members of a JSON object as they are written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.model.json_keys import without

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@settings(max_examples=60)
@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=5), st.sampled_from([None, 1]))
def test_what_is_left_is_all_but_the_names(record: dict[str, object], indent: int | None) -> None:
    names = set(list(record)[::2])
    kept = without(json.dumps(record, indent=indent), names)
    assert kept is not None
    left = {name: value for name, value in record.items() if name not in names}
    assert json.loads("{" + kept + "}") == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{"a": 1, "x": 2, "a" : 1e2}', '"a": 1, "a" : 1e2'),
        (' { "x" : {"a": ","} } ', ""),
        ("{}", ""),
        ("{ }", ""),
        ('{"\\u0078": 1}', ""),
        ("", None),
        ("{", None),
        ("[]", None),
        ('{"a": 1,}', None),
        ('{"a": 1 "b": 2}', None),
        ('{"a": 1}}', None),
        ('{"a"}', None),
        ("{1: 2}", None),
        (',"a": 1}', None),
    ],
)
def test_text_that_is_no_object_is_none(text: str, left: str | None) -> None:
    assert without(text, {"x"}) == left
