"""A page of a report says what the body says: no more, no less."""

from __future__ import annotations

import json
from typing import Any

import pytest
from page_reader import GOLDEN, page_of, text_of

from tallystick.entry.http.language import Language

NOTHING = {
    "en": ("There is no account on file.", "Nobody has looked."),
    "zh": ("没有账户记录。", "没有人查看过。"),
}


def kept(name: str) -> Any:
    """A kept body of a report."""
    return json.loads((GOLDEN / f"{name}.json").read_bytes())


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("accounts", "looks", "says"),
    [
        ([], [], (True, True)),
        ([], None, (True, False)),
        (None, [], (False, True)),
        (None, None, (False, False)),
    ],
)
def test_what_was_withheld_is_not_said_to_be_none(
    accounts: list[Any] | None, looks: list[Any] | None, says: tuple[bool, bool], language: Language
) -> None:
    body = kept("zz_everything_person")
    for name, block in (("accounts", accounts), ("looks", looks)):
        body[name] = block
        if block is None:
            del body[name]
    page = text_of(page_of(body, language))
    assert tuple(said in page for said in NOTHING[language]) == says


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_there_is_not_said_to_be_none(language: Language) -> None:
    page = text_of(page_of(kept("zz_everything_person"), language))
    assert not any(said in page for said in NOTHING[language])
