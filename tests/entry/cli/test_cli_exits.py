"""Exit codes, and what a report of our own fault must not hold."""

import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import typer

from tallystick.entry.cli.exits import Exit, told, write_report
from tallystick.errors import (
    BadRequest,
    InvariantBroken,
    ProfileError,
    Refused,
    Unavailable,
)

TALLYSTICK = Path(sys.executable).with_name("tallystick")
#: Stands for what must never come out: a made-up number, as it could stand in a library's message.
CANARY = "990101199001019990"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadRequest("unknown_dataset"), Exit.USAGE),
        (ProfileError("zz/profile.toml: values: missing"), Exit.USAGE),
        (Refused("consent_withdrawn"), Exit.REFUSED),
        (Refused("not_authenticated"), Exit.REFUSED),
        (Unavailable("log_delayed"), Exit.UNREACHABLE),
        (psycopg.OperationalError("connection refused"), Exit.UNREACHABLE),
        (ConnectionRefusedError(), Exit.UNREACHABLE),
        (TimeoutError(), Exit.UNREACHABLE),
        (psycopg.DataError("bad"), Exit.BUG),
        (InvariantBroken("the funnel does not add up"), Exit.BUG),
        (KeyError("anything"), Exit.BUG),
    ],
)
def test_each_kind_of_failure_has_its_exit_code(error: Exception, code: Exit) -> None:
    with pytest.raises(typer.Exit) as ended, told("test"):
        raise error
    assert ended.value.exit_code == code


def test_what_a_command_says_itself_passes_through() -> None:
    with pytest.raises(typer.Exit) as ended, told("test"):
        raise typer.Exit(Exit.FOUND)
    assert ended.value.exit_code == Exit.FOUND


def test_a_bug_report_names_places_and_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(number: str) -> None:
        raise ValueError(f"cannot read {number}")

    with pytest.raises(typer.Exit), told("tallystick inquire"):
        fails(CANARY)
    told_text = capsys.readouterr().err
    path = Path(told_text.split()[-1])
    text = path.read_text(encoding="utf-8")
    path.unlink()
    assert CANARY not in text + told_text
    assert "builtins.ValueError" in text
    assert "test_cli_exits.py" in text
    assert "tallystick inquire" in text


def test_a_bug_report_is_for_its_owner_only() -> None:
    path = Path(write_report(ValueError(CANARY), "test"))
    mode = path.stat().st_mode & 0o777
    path.unlink()
    assert mode == 0o600


def test_a_code_is_told_with_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), told("test"):
        raise Refused("consent_withdrawn")
    captured = capsys.readouterr()
    assert "consent_withdrawn" in captured.err
    assert captured.err.count("\n") >= 2
    assert captured.out == ""


def run(*words: str, given: str | None = None, **environment: str) -> tuple[int, str, str]:
    """The program itself, in a bare environment: code, standard output, standard error."""
    done = subprocess.run(
        [TALLYSTICK, *words],
        input=given,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **environment},
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_an_unknown_command_is_a_usage_error() -> None:
    code, out, err = run("nonsense")
    assert (code, out) == (Exit.USAGE, "")
    assert "No such command" in err


@pytest.mark.parametrize(
    ("variable", "value"), [("TALLYSTICK_PORT", "65536"), ("TALLYSTICK_MODE", "other")]
)
def test_a_wrong_setting_is_named_without_its_value(variable: str, value: str) -> None:
    code, out, err = run("migrate", "--dry-run", **{variable: value})
    assert (code, out) == (Exit.USAGE, "")
    assert variable in err
    assert f"{value}\n" not in err


def test_a_database_out_of_reach_says_so_without_its_password() -> None:
    url = "postgresql://someone:kingfisher@127.0.0.1:1/nothing?connect_timeout=2"
    code, out, err = run("migrate", "--dry-run", TALLYSTICK_DATABASE_URL=url)
    assert (code, out) == (Exit.UNREACHABLE, "")
    assert "kingfisher" not in err
    assert "tallystick doctor" in err


@pytest.mark.parametrize(
    "address", ["someone:kingfisher@127.0.0.1:1/x", "nowhere.invalid/x", "/x?host=/nowhere"]
)
def test_a_command_that_ends_says_at_once_that_no_database_is_there(
    address: str, tmp_path: Path
) -> None:
    began = time.monotonic()
    settings = {
        "TALLYSTICK_DATABASE_URL": f"postgresql://{address}",
        "TALLYSTICK_DATA_FOLDER": str(tmp_path),
    }
    code, out, err = run("ledger", "verify", **settings)
    assert (code, out) == (Exit.UNREACHABLE, "")
    assert "out of reach" in err
    assert "kingfisher" not in err
    assert time.monotonic() - began < 15


def test_help_has_no_colour_codes_where_no_colour_is_wanted() -> None:
    code, out, _ = run("--help", NO_COLOR="1", FORCE_COLOR="")
    assert code == 0
    assert "\x1b[3" not in out


def test_a_broken_person_file_is_not_quoted() -> None:
    given = f'{{"name": "{CANARY}"'
    words = ("inquire", "--subject", "-", "--purpose", "x", "--permit", "legal_duty")
    code, out, err = run(*words, given=given)
    assert (code, out) == (Exit.USAGE, "")
    assert CANARY not in err
