"""The tutorial is run as it stands, block after block, in one shell."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder root's embedded server, which runs as another user, may walk through."""
    folder = Path(tempfile.mkdtemp(prefix="tallystick-tutorial-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def test_the_tutorial_runs_to_its_end(place: Path) -> None:
    blocks = BLOCK.findall((ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8"))
    assert len(blocks) > 8
    script = place / "tutorial.sh"
    script.write_text("set -euo pipefail\n" + "\n".join(blocks), encoding="utf-8")
    programs = str(Path(sys.executable).parent)
    done = subprocess.run(
        ["bash", script],
        cwd=ROOT,
        env={
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT / "src"),
            "HOME": str(place),
            "TMPDIR": str(place),
            "LANG": "C.UTF-8",
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
