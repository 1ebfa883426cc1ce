"""The README's minute without a bureau is run as it stands."""

import re
from pathlib import Path

import scripts

MINUTE = re.compile(r"^## One minute without a bureau\n\n```\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """The lines of the block."""
    found = MINUTE.search((scripts.ROOT / "README.md").read_text(encoding="utf-8"))
    assert found is not None
    return found[1].splitlines()


def test_each_command_of_the_minute_is_fine(tmp_path: Path) -> None:
    """Only the folders differ: of the program, and of what is written."""
    lines = commands()
    assert [line.split()[:2] for line in lines] == [
        [".venv/bin/tallystick", word] for word in ("synth", "validate", "explain")
    ]
    folder = lines[0].split()[lines[0].split().index("--out") + 1]
    script = "\n".join(lines).replace(folder, str(tmp_path / "people"))
    said = scripts.run(script.replace(".venv/bin/", ""), timeout_seconds=60)
    assert re.search(r"^[1-9]\d* rows, 0 rejected", said, re.MULTILINE), said
