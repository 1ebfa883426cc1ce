"""The README's minute without a bureau is run as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
MINUTE = re.compile(r"^## One minute without a bureau\n\n```\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """The lines of the block."""
    found = MINUTE.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found is not None
    return found[1].splitlines()


def test_each_command_of_the_minute_is_fine(tmp_path: Path) -> None:
    """Only the folders differ: of the program, and of what is written."""
    lines = commands()
    assert [line.split()[:2] for line in lines] == [
        [".venv/bin/tallystick", word] for word in ("synth", "validate", "explain")
    ]
    folder = lines[0].split()[lines[0].split().index("--out") + 1]
    programs = str(Path(sys.executable).parent)
    script = "\n".join(lines).replace(folder, str(tmp_path / "people"))
    done = subprocess.run(
        ["bash", "-euc", script.replace(".venv/bin/", "")],
        cwd=ROOT,
        env={
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT / "src"),
            "LANG": "C.UTF-8",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert re.search(r"^[1-9]\d* rows, 0 rejected", done.stderr, re.MULTILINE), done.stderr
