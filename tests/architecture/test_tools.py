"""The check tools find what they are there to find; `make check` runs them on this project."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _run(tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "tools" / tool), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _write(root: Path, name: str, text: str) -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("lines", "fails"), [(500, False), (501, True)], ids=["at the limit", "one more"]
)
def test_a_long_file_fails(tmp_path: Path, lines: int, fails: bool) -> None:
    _write(tmp_path, "src/a.py", "x = 1\n" * lines)
    assert (_run("check_sizes.py", "--root", str(tmp_path)).returncode == 1) is fails


@pytest.mark.parametrize(("lines", "fails"), [(70, False), (71, True)])
def test_a_long_body_fails_and_a_docstring_does_not_count(
    tmp_path: Path, lines: int, fails: bool
) -> None:
    _write(
        tmp_path, "src/a.py", 'def f():\n    """Say.\n\n    More.\n    """\n' + "    1\n" * lines
    )
    assert (_run("check_sizes.py", "--root", str(tmp_path)).returncode == 1) is fails


@pytest.mark.parametrize(
    ("signature", "fails"),
    [
        ("a, b, c, d", False),
        ("a, b, c, d, e", True),
        ("self, a, b, c, d", False),
        ("a, b, c, d, *, e, f", False),
        ("a, b, /, c, d, e", True),
    ],
)
def test_many_positional_parameters_fail(tmp_path: Path, signature: str, fails: bool) -> None:
    _write(tmp_path, "src/a.py", f"def f({signature}): ...\n")
    assert (_run("check_sizes.py", "--root", str(tmp_path)).returncode == 1) is fails


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("src/a.py", "x = 1\n", "the module has no docstring"),
        ("src/a.py", '"""A."""\ndef f(): ...\n', "f has no docstring"),
        ("src/a.py", '"""A."""\nclass C:\n    """C."""\n    def m(self): ...\n', "m has no"),
        ("src/a.py", '"""A."""\ndef _f(): ...\n', None),
        ("README.md", "[x](missing.md)\n", "link to missing.md"),
        ("README.md", "# A title\n[x](#a-title)\n", None),
        ("README.md", "# A title\n[x](#another)\n", "link to #another"),
        ("README.md", "`[x](missing.md)` and [x](https://example.org)\n", None),
        ("docs/long.md", "a\n" * 501, "501 lines"),
        ("docs/long.md", "a\n" * 500, None),
        ("src/a.py", '"""A."""\nraise Refused("no_leave")\n', "error code no_leave"),
        ("src/validate/rules/a.toml", '[[rule]]\nid = "ACC-DATE-001"\n', "rule ACC-DATE-001"),
        ("Makefile", "x:\n\tcat " + "/" + "home/someone/file\n", "names a folder"),
    ],
)
def test_faults_of_docs_are_found(
    tmp_path: Path, name: str, text: str, expected: str | None
) -> None:
    _write(tmp_path, name, text)
    done = _run("check_docs.py", "--root", str(tmp_path))
    assert (done.returncode == 0) is (expected is None), done.stdout
    assert expected is None or expected in done.stdout


@pytest.mark.parametrize(
    ("name", "text", "fails"),
    [
        ("0002-a-word.md", "People see who looked.\n", False),
        ("a-word.md", "People see who looked.\n", True),
        ("0002-a-word.md", "People see who looked\n", True),
        ("0002-a-word.md", "One.\nTwo.\n", True),
        ("0002-a-word.md", "\n", True),
    ],
)
def test_faults_of_fragments_are_found(tmp_path: Path, name: str, text: str, fails: bool) -> None:
    _write(tmp_path, f"changelog.d/{name}", text)
    assert (_run("check_fragments.py", "--root", str(tmp_path)).returncode == 1) is fails


# fmt: off
QUICKEST: dict[str, tuple[list[str], str]] = {
    "clearly slower":   (["a/python3.11 echo 0.111 A", "b/python3.11 echo 0.1 B"],  "B"),
    "hardly slower":    (["a/python3.11 echo 0.110 A", "b/python3.11 echo 0.1 B"],  "A"),
    "the quicker first": (["a/python3.11 echo 0.1 A", "b/python3.11 echo 0.2 B"],   "A"),
    "without venv":     (["a/python3.11 exit 1",      "b/python3.11 echo 0.2 B"],   "B"),
    "too old":          (["a/python3.11 true",        "b/python3 echo 0.2 B"],      "B"),
    "by its name":      (["a/python3 echo 0.1 A",     "b/python3.11 echo 0.2 B"],   "B"),
    "none":             (["a/python3 exit 1"],                                      ""),
}
# fmt: on


@pytest.mark.parametrize("case", QUICKEST)
def test_the_quickest_python_is_taken_of_those_that_can(tmp_path: Path, case: str) -> None:
    programs, expected = QUICKEST[case]
    for program in programs:
        name, says = program.split(" ", 1)
        _write(tmp_path, name, f"#!/bin/sh\n{says}\n")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/quickest_python.py")],
        capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": f"{tmp_path}/a:{tmp_path}/b"},
    )  # fmt: skip
    assert (done.stdout.strip(), done.returncode) == (expected, 0 if expected else 1)
