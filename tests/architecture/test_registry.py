"""Every rule id the code names is in the registry, once."""

import re
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from scan import SRC, modules, texts

RULE_ID = re.compile(r"[A-Z]{3,4}-[A-Z]+-\d{3}")


@cache
def _registered() -> Counter[str]:
    found: Counter[str] = Counter()
    for file in sorted((SRC / "validate" / "rules").glob("*.toml")):
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        found.update(str(entry["id"]) for entry in content["rule"])
    return found


def test_a_rule_is_defined_once() -> None:
    assert [rule for rule, count in _registered().items() if count > 1] == []


def test_ids_have_the_form_of_ids() -> None:
    assert [rule for rule in _registered() if not RULE_ID.fullmatch(rule)] == []


@pytest.mark.parametrize(
    "file", modules(below_adapters=False), ids=lambda file: str(file.relative_to(SRC))
)
def test_rule_ids_in_code_are_registered(file: Path) -> None:
    known = set(_registered())
    named = {text for _, text in texts(file.read_text(encoding="utf-8")) if RULE_ID.fullmatch(text)}
    assert named - known == set()
