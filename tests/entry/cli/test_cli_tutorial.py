"""The tutorial is run as it stands, block after block, in one shell."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import scripts

BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder root's embedded server, which runs as another user, may walk through."""
    folder = Path(tempfile.mkdtemp(prefix="tallystick-tutorial-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.prove
def test_the_tutorial_runs_to_its_end(place: Path) -> None:
    blocks = BLOCK.findall((scripts.ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8"))
    assert len(blocks) > 8
    scripts.run("\n".join(blocks), timeout_seconds=240, HOME=str(place), TMPDIR=str(place))
