"""Below `adapters/` nothing touches the world, and only the gate mints a permit."""

from pathlib import Path

import pytest
from scan import (
    SRC,
    calls,
    modules,
    own_names,
    texts,
    unseeded_generators,
    words,
    world_uses,
)

# Names of countries, authorities and laws: they belong into profiles, as data.
FOREIGN_WORDS = frozenset(
    {"american", "ccpa", "cfpb", "china", "chinese", "cn", "ecoa", "eu", "european", "fcra"}
    | {"gdpr", "india", "pboc", "pipl", "schufa", "usa"}
)


def _name(file: Path) -> str:
    return str(file.relative_to(SRC))


@pytest.mark.parametrize("file", modules(below_adapters=True), ids=_name)
def test_a_module_below_adapters_touches_no_world(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    in_synth = file.relative_to(SRC).parts[0] == "synth"
    assert world_uses(source, seeded_chance=in_synth) == []
    assert unseeded_generators(source) == []


@pytest.mark.parametrize(
    ("source", "hit"),
    [
        ("from datetime import datetime\nx = datetime.now()", True),
        ("import datetime as d\nx = d.datetime.now(d.UTC)", True),
        ("from datetime import date\nx = date.today", True),
        ("import time\nx = time.monotonic()", True),
        ("from uuid import uuid4 as new\nx = new()", True),
        ("import os\nx = os.environ['A']", True),
        ("import psycopg\nx = psycopg.connect('')", True),
        ("from psycopg_pool import ConnectionPool\nx = ConnectionPool('')", True),
        ("import numpy as np\nx = np.random.default_rng(1)", True),
        ("from datetime import datetime\nx = datetime.fromisoformat('2025-01-01')", False),
        ("from datetime import time\nx = time(12)", False),
        ("from uuid import UUID\nx = UUID(int=1)", False),
        ("import psycopg\ndef f(c: psycopg.Connection) -> None: ...", False),
        ("from psycopg_pool import ConnectionPool\ndef f(p: ConnectionPool) -> None: ...", False),
        ("import os\nx = os.path.join('a')", False),
        ("def f(now):\n    return now", False),
    ],
)
def test_the_scan_finds_the_world_and_nothing_else(source: str, hit: bool) -> None:
    assert bool(world_uses(source)) is hit


@pytest.mark.parametrize(
    ("source", "uses", "unseeded"),
    [
        ("import random\nx = random.Random(7)", 0, 0),
        ("import random\nx = random.Random()", 0, 1),
        ("import random\nx = random.random()", 1, 0),
    ],
)
def test_the_simulator_takes_chance_from_a_seed_only(source: str, uses: int, unseeded: int) -> None:
    assert len(world_uses(source, seeded_chance=True)) == uses
    assert len(unseeded_generators(source)) == unseeded


@pytest.mark.parametrize("file", modules(below_adapters=False), ids=_name)
def test_only_the_gate_mints_a_permit(file: Path) -> None:
    if file.relative_to(SRC).parts[0] != "consent":
        assert calls(file.read_text(encoding="utf-8"), "Permit") == []


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("p = Permit(kind='self')", [1]),
        ("p = permit.Permit(kind='self')", [1]),
        ("def f(p: Permit) -> Permit: ...", []),
        ("p = PermitKind", []),
    ],
)
def test_the_scan_finds_calls(source: str, lines: list[int]) -> None:
    assert calls(source, "Permit") == lines


@pytest.mark.parametrize("file", modules(below_adapters=False), ids=_name)
def test_no_country_or_law_in_a_name(file: Path) -> None:
    named = list(own_names(file.read_text(encoding="utf-8")))
    named.append((0, file.stem))
    assert [(line, name) for line, name in named if words(name) & FOREIGN_WORDS] == []


@pytest.mark.parametrize(
    ("name", "hit"),
    [("FcraNotice", True), ("china_profile", True), ("machine", False), ("european", True)],
)
def test_words_of_a_name_are_taken_apart(name: str, hit: bool) -> None:
    assert bool(words(name) & FOREIGN_WORDS) is hit


def test_no_stage_names_a_real_jurisdiction() -> None:
    named = [
        f"{_name(file)}:{line}"
        for file in modules(below_adapters=True)
        if file.relative_to(SRC).parts[0] != "synth"  # it invents people of some country
        for line, text in texts(file.read_text(encoding="utf-8"))
        if text == "cn"
    ]
    assert named == []
