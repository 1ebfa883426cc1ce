"""A member is of one of the classes that the `member` record lists, and of no other."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from tallystick.errors import BadRequest
from tallystick.formats import load
from tallystick.service.members import members

CLASSES = load()["member"].field("member_class").domain or ()


def test_every_class_of_the_record_is_taken(bureau: Any) -> None:
    for number, one in enumerate(CLASSES):
        assert factory.member(bureau.deps, f"m{number}", one).member_class == one


@pytest.mark.parametrize("unknown", ["", "bank", "Commercial_bank", "commercial_bank ", "bureaux"])
def test_no_other_class_is(bureau: Any, unknown: str) -> None:
    with pytest.raises(BadRequest) as refused:
        factory.member(bureau.deps, "bank1", unknown)
    assert refused.value.code == "bad_member_class"
    assert refused.value.detail == f"one of: {', '.join(CLASSES)}"
    assert members(bureau.deps) == []
