"""For tests of the command line."""

import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def reports_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports of faults go to the test's own folder, not to where they would stay."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
