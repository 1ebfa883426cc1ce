"""One small run shared by the tests that only read, and one of the demo's size."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tallystick.synth import Plan, generate

UNTIL = date(2026, 10, 31)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder: Path = tmp_path_factory.mktemp("synth") / "small"
    return generate(folder, people=200, seed=11, until=UNTIL)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder: Path = tmp_path_factory.mktemp("synth") / "demo"
    return generate(folder, people=2_000, seed=1, until=UNTIL)
