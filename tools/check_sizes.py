"""Files, functions and parameter lists stay small: fails beyond the limits, notes what comes near.

python tools/check_sizes.py [--root FOLDER] [--notes]
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDERS = ("src", "tests", "tools", "benchmarks")
FILE_LINES, FILE_LINES_NOTED = 500, 300
BODY_LINES, BODY_LINES_NOTED = 70, 40
POSITIONAL = 4

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Size:
    """One thing measured: where, what, how big, and what is allowed and noted."""

    where: str
    what: str
    found: int
    allowed: int
    noted: int

    def __str__(self) -> str:
        return f"{self.where}: {self.what} {self.found}; allowed {self.allowed}"


def sizes_of(file: Path, root: Path) -> Iterator[Size]:
    """Every size of one file."""
    text = file.read_text(encoding="utf-8")
    name = str(file.relative_to(root))
    yield Size(name, "lines", text.count("\n"), FILE_LINES, FILE_LINES_NOTED)
    if file.suffix != ".py":
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Function):
            where = f"{name}:{node.lineno} {node.name}"
            yield Size(where, "body lines", body_lines(node), BODY_LINES, BODY_LINES_NOTED)
            if not _called_by_framework(node, name):
                yield Size(where, "positional parameters", positional(node), POSITIONAL, POSITIONAL)


def _called_by_framework(function: Function, file: str) -> bool:
    """Whether pytest, Typer or FastAPI fills the parameters, which they do by name."""
    if file.startswith("src/tallystick/entry/cli/"):
        return not function.name.startswith("_")
    in_entry = file.startswith("src/tallystick/entry/")
    return file.startswith("tests/") or (in_entry and bool(function.decorator_list))


def body_lines(function: Function) -> int:
    """Lines from the first statement after the docstring to the last."""
    has_docstring = ast.get_docstring(function, clean=False) is not None
    statements = function.body[1:] if has_docstring else function.body
    if not statements:
        return 0
    return (function.end_lineno or 0) - statements[0].lineno + 1


def positional(function: Function) -> int:
    """Parameters a caller may give by position, without `self` and `cls`."""
    names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def main() -> int:
    """Print what is too big (and, asked for, what comes near); 1 when something is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--notes", action="store_true", help="also list what comes near")
    chosen = parser.parse_args()
    files = sorted(
        file
        for folder in FOLDERS
        for file in (chosen.root / folder).rglob("*")
        if file.suffix in {".py", ".sql"}
    )
    sizes = [size for file in files for size in sizes_of(file, chosen.root)]
    too_big = [size for size in sizes if size.found > size.allowed]
    near = [size for size in sizes if size.noted < size.found <= size.allowed]
    if chosen.notes:
        for size in near:
            print(f"note: {size}")
    for size in too_big:
        print(size)
    print(f"sizes: {len(files)} files, {len(too_big)} too big, {len(near)} near (--notes)")
    return 1 if too_big else 0


if __name__ == "__main__":
    sys.exit(main())
