"""Docs are complete and their links lead somewhere.

    python tools/check_docs.py [--root FOLDER]

Checked: a docstring on every public name of `src`; relative links and anchors; docs below 500
lines; every error code and rule id is in `docs/reference`; generated pages are up to date; no file
names a folder of somebody's own machine.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

DOC_LINES = 500
# Modules that write reference pages and compare them with `--check`; one not there is passed over.
GENERATORS = (
    "tallystick.formats.docs",
    "tallystick.validate.docs",
    "tallystick.entry.docs",
)
CODED_ERRORS = frozenset({"Refused", "BadRequest", "Unavailable"})
TEXT_SUFFIXES = frozenset(
    {".py", ".md", ".toml", ".sql", ".html", ".css", ".js", ".json", ".csv", ".txt", ".yml", ""}
)
SKIPPED_FOLDERS = frozenset({"data", "build", "dist", "node_modules", "__pycache__"})
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_CODE_SPAN = re.compile(r"`[^`\n]*`")
_OWN_FOLDER = re.compile(r"(?<![\w.*~/-])/(?:work|home/\w+|Users/\w+)/")
_SHARED = re.compile(r"\.\./shared(?!/data)")


def docstring_faults(root: Path) -> Iterator[str]:
    """Public modules, classes, functions and methods without a docstring."""
    for file in sorted((root / "src").rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        name = file.relative_to(root)
        if ast.get_docstring(tree) is None:
            yield f"{name}: the module has no docstring"
        for node in _public(tree):
            if ast.get_docstring(node) is None:
                yield f"{name}:{node.lineno}: {node.name} has no docstring"


Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _public(scope: ast.Module | ast.ClassDef) -> Iterator[Named]:
    for node in scope.body:
        if isinstance(node, Named) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from _public(node)


def pages(root: Path) -> list[Path]:
    """Every page a reader may open: at the top, below docs, and below src."""
    return sorted(
        [*root.glob("*.md"), *(root / "docs").rglob("*.md"), *(root / "src").rglob("*.md")]
    )


def page_faults(root: Path) -> Iterator[str]:
    """Pages that are too long, and links that lead nowhere."""
    for page in pages(root):
        text = page.read_text(encoding="utf-8")
        name = page.relative_to(root)
        if text.count("\n") > DOC_LINES:
            yield f"{name}: {text.count(chr(10))} lines; allowed {DOC_LINES}, split it"
        prose = _CODE_SPAN.sub("", _FENCE.sub("", text))
        for target in _LINK.findall(prose):
            if not _leads_somewhere(page, target):
                yield f"{name}: link to {target}, which is not there"


def _leads_somewhere(page: Path, target: str) -> bool:
    if re.match(r"[a-z]+:", target):
        return True  # another host; not asked
    path, _, anchor = target.partition("#")
    file = (page.parent / path) if path else page
    if not file.exists():
        return False
    return not anchor or file.suffix != ".md" or anchor in _anchors(file)


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+\s+(.*)$", _FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", heading.lower()).strip() for heading in headings)
    return {re.sub(r"\s", "-", heading) for heading in plain}


def catalogue_faults(root: Path) -> Iterator[str]:
    """Error codes and rule ids that no page of `docs/reference` names."""
    reference = "\n".join(
        page.read_text(encoding="utf-8") for page in (root / "docs" / "reference").rglob("*.md")
    )
    known = set(re.findall(r"[\w-]+", reference))
    for code, where in sorted(error_codes(root).items()):
        if code not in known:
            yield f"{where}: error code {code} is not in docs/reference/codes.md"
    for rule, where in sorted(rule_ids(root).items()):
        if rule not in known:
            yield f"{where}: rule {rule} is not in docs/reference"


def error_codes(root: Path) -> dict[str, str]:
    """Codes given literally to the errors that carry one, and where."""
    found: dict[str, str] = {}
    for file in sorted((root / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and _called(node) in CODED_ERRORS:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found.setdefault(first.value, f"{file.relative_to(root)}:{node.lineno}")
    return found


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def rule_ids(root: Path) -> dict[str, str]:
    """Ids of the validation rules, and the file of each."""
    found: dict[str, str] = {}
    for file in sorted((root / "src").rglob("validate/rules/*.toml")):
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        for entry in content.get("rule", []):
            found[str(entry["id"])] = str(file.relative_to(root))
    return found


def own_folder_faults(root: Path) -> Iterator[str]:
    """Files that name a folder which exists on one machine only."""
    for file in sorted(root.rglob("*")):
        inside = file.relative_to(root)
        if _is_skipped(inside) or file.suffix not in TEXT_SUFFIXES or not file.is_file():
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            if _OWN_FOLDER.search(line) or _SHARED.search(line):
                yield f"{inside}:{number}: names a folder of one machine"


def _is_skipped(inside: Path) -> bool:
    """Caches, environments and data: whatever git does not keep."""
    return any(
        part in SKIPPED_FOLDERS or (part.startswith(".") and part not in {".ci", ".gitignore"})
        for part in inside.parts
    )


def generator_faults(root: Path) -> Iterator[str]:
    """Generated pages that are not what their source would give today."""
    if not (root / "src" / "tallystick").exists():
        return
    for module in GENERATORS:
        if find_spec(module.rpartition(".")[0]) is None or find_spec(module) is None:
            continue
        done = subprocess.run(  # noqa: S603 (our own modules)
            [sys.executable, "-m", module, "--check"], cwd=root, check=False
        )
        if done.returncode != 0:
            yield f"{module}: its pages are out of date; run: python -m {module}"


def main() -> int:
    """Print faults; 1 when there are any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    root = parser.parse_args().root.resolve()
    checks = (docstring_faults, page_faults, catalogue_faults, own_folder_faults, generator_faults)
    faults = [fault for check in checks for fault in check(root)]
    for fault in faults:
        print(fault)
    print(f"docs: {len(pages(root))} pages, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
