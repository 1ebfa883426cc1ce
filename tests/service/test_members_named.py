"""Members and keys are told apart by name: each has one that can be read, of a length that fits."""

import pytest

from tallystick.errors import BadRequest
from tallystick.service.members import (
    MOST_LABEL,
    MOST_NAME,
    add_member,
    issue_key,
    keys_of,
    members,
)
from tallystick.service.port import Deps

#: A text, and whether it can be a name where at most `most` characters are taken.
TEXTS = [
    ("", False),
    (" \t", False),
    ("\u3000", False),
    ("-", False),
    ("\u200b", False),
    ("x", True),
    ("湖", True),
    ("Lake Bank (2nd) & Co.", True),
    ("Lake\nBank", False),
    ("Lake\u202eBank", False),
    ("Lake\udcffBank", False),
]
CODES = [
    ("a", True), ("0", True), ("a" * 40, True), ("a-_9", True),
    ("", False), ("a" * 41, False), ("-a", False), ("A", False), ("a b", False), ("a\n", False),
    ("\udcff", False),
]  # fmt: skip


def texts(most: int) -> list[tuple[str, bool]]:
    return [*TEXTS, ("名" * most, True), ("名" * (most + 1), False)]


def add(deps: Deps, code: str = "new", name_en: str = "New Bank", name_zh: str = "新银行") -> None:
    add_member(deps, code=code, name_en=name_en, name_zh=name_zh, member_class="commercial_bank")


def refusal(code: str, is_taken: bool) -> str | None:
    return None if is_taken else code


def told(act: object) -> str | None:
    """The code an act is refused by; None when it is done."""
    try:
        act()  # type: ignore[operator]
    except BadRequest as error:
        return error.code
    return None


@pytest.mark.parametrize("field", ["name_en", "name_zh"])
@pytest.mark.parametrize(("text", "is_taken"), texts(MOST_NAME))
def test_a_member_has_names_that_can_be_read(
    deps: Deps, field: str, text: str, is_taken: bool
) -> None:
    assert told(lambda: add(deps, **{field: text})) == refusal("bad_member_name", is_taken)
    assert ("new" in {one.code for one in members(deps)}) == is_taken


@pytest.mark.parametrize(("code", "is_taken"), CODES)
def test_a_member_has_a_code_of_the_one_form(deps: Deps, code: str, is_taken: bool) -> None:
    assert told(lambda: add(deps, code)) == refusal("bad_member_code", is_taken)
    assert (code in {one.code for one in members(deps)}) == is_taken


@pytest.mark.parametrize(("text", "is_taken"), texts(MOST_LABEL))
def test_a_key_has_a_label_that_can_be_read(deps: Deps, text: str, is_taken: bool) -> None:
    add(deps)
    member_id = members(deps)[-1].member_id
    assert told(lambda: issue_key(deps, member_id, text)) == refusal("bad_key_label", is_taken)
    assert [one.label for one in keys_of(deps, member_id)] == ([text] if is_taken else [])
