"""Decisions are numbered, have the same three parts, and name every dependency."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "decisions").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_decision_has_a_number_and_three_parts(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.match(r"\d{4}-[a-z0-9-]+$", page.stem)
    assert text.startswith(f"# {int(page.stem[:4])}. ")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Choice", "Consequences"]


def test_numbers_are_given_once_and_in_order() -> None:
    assert [int(page.stem[:4]) for page in PAGES] == list(range(1, len(PAGES) + 1))


def test_every_dependency_has_a_reason_and_a_licence() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {
        re.match(r"[\w-]+", line)[0]
        for group in (project["dependencies"], *project["optional-dependencies"].values())
        for line in group
    }
    page = (ROOT / "docs" / "decisions" / "0002-dependencies.md").read_text(encoding="utf-8")
    given = re.findall(r"^\| `([\w-]+)` \| \S.* \| \S.* \|$", page, re.MULTILINE)
    assert sorted(given) == sorted(wanted)
