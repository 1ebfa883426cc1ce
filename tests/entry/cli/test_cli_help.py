"""The command tree: every help comes fast, and the reference page says what it says."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from tallystick import __version__
from tallystick.entry.cli.app import app
from tallystick.entry.cli.reference import commands, page

TALLYSTICK = Path(sys.executable).with_name("tallystick")
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"
#: 0.4 s is promised; a busy machine that runs tests gets four times that.
GENEROUS_S = 1.6
HEAVY = ("duckdb", "fastapi", "httpx", "numpy", "psycopg", "sqlalchemy", "sqlglot", "uvicorn")
EVERY_HELP = """
import sys
from typer.main import get_command
from typer.testing import CliRunner
from tallystick.entry.cli.app import app
from tallystick.entry.cli.reference import commands
for path, _ in commands(get_command(app), ()):
    assert CliRunner().invoke(app, [*path, "--help"]).exit_code == 0, path
print(",".join(name for name in sys.argv[1:] if name in sys.modules))
"""
WANTED = [
    "demo",
    "init",
    "serve",
    "worker",
    "migrate",
    "doctor",
    "synth",
    "validate",
    "digest",
    "submit",
    "explain",
    "inquire",
    "report",
    "erase",
    "sign-in",
    "cases",
    "link",
    "unlink",
    "dismiss",
    "members.list",
    "members.add",
    "keys.create",
    "keys.list",
    "keys.revoke",
    "submissions.list",
    "submissions.show",
    "submissions.watch",
    "submissions.findings",
    "submissions.rejects",
    "rules.list",
    "consents.register",
    "consents.withdraw",
    "consents.list",
    "consents.verify",
    "ledger.verify",
    "ledger.rebuild",
    "log.verify",
    "log.head",
    "log.sequence",
]
READING = [
    "doctor",
    "validate",
    "explain",
    "inquire",
    "report",
    "cases",
    "members.list",
    "keys.list",
    "submissions.list",
    "submissions.show",
    "submissions.watch",
    "submissions.findings",
    "rules.list",
    "consents.list",
    "consents.verify",
    "ledger.verify",
    "log.verify",
    "log.head",
]


def tree() -> dict[str, object]:
    return {".".join(path): one for path, one in commands(get_command(app), ())}


def test_every_promised_command_is_there() -> None:
    assert sorted(tree()) == sorted(WANTED)


@pytest.mark.parametrize("name", READING)
def test_every_reading_command_speaks_json(name: str) -> None:
    assert "--json" in {word for one in tree()[name].params for word in one.opts}


@pytest.mark.parametrize("name", ["inquire", "erase"])
def test_no_argument_takes_a_person(name: str) -> None:
    words = {word for one in tree()[name].params for word in one.opts}
    assert not words & {"--name", "--number", "--birth-date", "--identifier", "--phone"}
    assert "--subject" in words


def test_no_help_imports_what_is_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", EVERY_HELP, *HEAVY], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("words", [["--help"], ["submissions", "findings", "--help"]])
def test_help_comes_fast(words: list[str]) -> None:
    began = time.monotonic()
    subprocess.run([TALLYSTICK, *words], capture_output=True, check=True)
    assert time.monotonic() - began < GENEROUS_S


def test_the_version_is_data() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"tallystick {__version__}\n")


def test_the_reference_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run the command at the top of cli.md"
