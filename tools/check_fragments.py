"""Every change brings a fragment: one sentence in `changelog.d/NNNN-words.md`.

python tools/check_fragments.py [--root FOLDER]
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

NAME = re.compile(r"\d{4}-[a-z0-9]+(-[a-z0-9]+)*\.md")
LONGEST = 400


def faults_of(file: Path) -> list[str]:
    """What is wrong with one fragment; empty when nothing is."""
    faults = []
    text = file.read_text(encoding="utf-8").strip()
    if not NAME.fullmatch(file.name):
        faults.append("the name is not NNNN-words.md")
    if not text:
        faults.append("it is empty")
    elif "\n" in text or not text.endswith("."):
        faults.append("it is not one sentence on one line, ended by a full stop")
    if len(text) > LONGEST:
        faults.append(f"it has {len(text)} characters; allowed {LONGEST}")
    return faults


def main() -> int:
    """Print faults; 1 when there are any or there is no fragment at all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    folder = parser.parse_args().root / "changelog.d"
    files = sorted(folder.glob("*"))
    faults = [f"changelog.d/{file.name}: {fault}" for file in files for fault in faults_of(file)]
    if not files:
        faults.append("changelog.d: no fragment; say in one sentence what changes for users")
    for fault in faults:
        print(fault)
    print(f"fragments: {len(files)} files, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
