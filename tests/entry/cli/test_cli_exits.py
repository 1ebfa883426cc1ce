"""Exit codes, and what a report of our own fault must not hold."""

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import typer
from typer.main import get_command

from bureaus import Database
from tallystick.adapters.settings import Settings
from tallystick.entry.cli.app import app
from tallystick.entry.cli.exits import Exit, told, write_report
from tallystick.entry.cli.ids import Kind, read
from tallystick.entry.cli.opening import bureau
from tallystick.entry.cli.reference import commands
from tallystick.entry.cli.remedies import REMEDIES
from tallystick.errors import (
    BadRequest,
    Coded,
    InvariantBroken,
    ProfileError,
    Refused,
    Unavailable,
)
from tallystick.service.catalogue import CATALOGUE
from tallystick.service.verify import ledger_verify

TALLYSTICK = Path(sys.executable).with_name("tallystick")
#: Stands for what must never come out: a made-up number, as it could stand in a library's message.
CANARY = "990101199001019990"
pytestmark = pytest.mark.usefixtures("reports_here")


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
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_code_is_told_with_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), told("test"):
        raise Refused("consent_withdrawn")
    captured = capsys.readouterr()
    assert "consent_withdrawn" in captured.err
    assert captured.err.count("\n") >= 2
    assert captured.out == ""


#: Codes of the API alone; the command line never has them.
OF_THE_API = {
    "unsupported_media_type",
    "doubled_key",
    "too_many_records",
    "idempotency_key_missing",
    "history_not_permitted",
    "instant_not_reportable",
    "internal_error",
    "too_large",
}
#: Words of a remedy that nobody at a command line can follow.
API_WORDS = (
    "GET /",
    "POST /",
    "Bearer sk_",
    "Idempotency-Key",
    "`errors`",
    "Content-Type",
    "request id",
)


def told_of(error: Coded, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(typer.Exit), told("test"):
        raise error
    return " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("code", sorted(CATALOGUE.keys() - OF_THE_API))
def test_no_remedy_sends_the_command_line_to_the_api(
    code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = told_of(BadRequest(code, "the detail"), capsys)
    remedy = said.partition("the detail")[2]
    assert not [word for word in API_WORDS if word in remedy], said


def test_the_command_lines_own_remedies_are_of_codes_there_are() -> None:
    assert REMEDIES.keys() <= CATALOGUE.keys()


@pytest.mark.parametrize(
    ("error", "is_again"),
    [
        (Unavailable("unavailable", "w"), True),
        (Unavailable("unavailable", "w", retryable=False), False),
        (Unavailable("log_delayed", "w"), True),
    ],
)
def test_only_what_may_help_is_to_be_tried_again(
    error: Unavailable, is_again: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ("Try again" in told_of(error, capsys)) == is_again


def test_every_command_a_remedy_names_is_there() -> None:
    known = {" ".join(path) for path, _ in commands(get_command(app), ())}
    for text in [*REMEDIES.values(), *(entry.fix_en for entry in CATALOGUE.values())]:
        for words in re.findall(r"`tallystick ([a-z -]+?)(?: --[a-z ]+| [A-Z].*?)?`", text):
            name = words.split(" person")[0]
            assert name in known, text


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


NOWHERE = ("someone:kingfisher@127.0.0.1:1/x", "nowhere.invalid/x", "/x?host=/nowhere")


@pytest.mark.parametrize("address", NOWHERE)
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


@pytest.mark.parametrize("address", NOWHERE)
def test_it_says_the_same_of_the_vault_when_it_needs_a_key(
    database: Database, address: str, tmp_path: Path
) -> None:
    began = time.monotonic()
    settings = Settings(
        data_folder=tmp_path, database_url=database.url, vault_url=f"postgresql://{address}"
    )
    with bureau(settings) as opened:
        assert ledger_verify(opened.deps).ok, "what needs no key goes on without the vault"
        with pytest.raises(psycopg.OperationalError) as told:
            opened.vault.get([uuid4()])
    assert "kingfisher" not in str(told.value)
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


def _run(folder: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command of its own process, in a folder without a bureau."""
    given = {f"TALLYSTICK_{name}": value for name, value in settings.items()}
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    environment = {**kept, "TALLYSTICK_DATA_FOLDER": str(folder), **given}
    return subprocess.run(
        [TALLYSTICK, *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("words", [("dismiss", "--help"), ("rules", "list")])
def test_who_reads_no_further_is_no_failure(words: tuple[str, ...]) -> None:
    """As `| head` does: no word of a database that is out of reach, and no fault."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [TALLYSTICK, *words], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(writer)
    assert "reach" not in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == Exit.FINE


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_taken_port_is_told_before_anything_listens(tmp_path: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = _run(tmp_path, command, "--port", str(port))
    assert ended.returncode == Exit.UNREACHABLE
    assert f"port {port} of 127.0.0.1 is taken" in " ".join(ended.stderr.split())
    assert "listening" not in ended.stdout + ended.stderr
    assert "Try again" not in ended.stderr


def test_where_no_bureau_is_trying_again_is_no_remedy(tmp_path: Path) -> None:
    ended = _run(tmp_path, "log", "verify")
    assert ended.returncode == Exit.UNREACHABLE
    assert "there is no bureau yet: run `tallystick init`" in " ".join(ended.stderr.split())
    assert "Try again" not in ended.stderr


def test_an_address_that_is_not_here_is_no_taken_port(tmp_path: Path) -> None:
    ended = _run(tmp_path, "serve", "--host", "192.0.2.1")
    assert ended.returncode == Exit.UNREACHABLE
    assert "is taken" not in ended.stderr
    assert "cannot be had" in ended.stderr


@pytest.mark.parametrize("clock", ["foo", "2026-01-31T10:00:00"])
def test_a_clock_that_is_none_is_a_wrong_setting(tmp_path: Path, clock: str) -> None:
    ended = _run(tmp_path, "init", CLOCK=clock)
    assert ended.returncode == Exit.USAGE
    assert "TALLYSTICK_CLOCK" in ended.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "setting",
    [{"MODE": "live", "PROFILE": "cn"}, {"MODE": "live", "PROFILE": "zz"}, {"PROFILE": "nowhere"}],
)
def test_a_profile_that_is_refused_leaves_nothing_behind(
    tmp_path: Path, setting: dict[str, str]
) -> None:
    """Values of `cn` are drafts, those of `zz` invented: live mode takes neither."""
    ended = _run(tmp_path / "data", "init", **setting)
    assert ended.returncode == Exit.USAGE, ended.stderr
    assert not list(tmp_path.iterdir())


def test_rules_of_no_dataset_and_no_need_are_refused(tmp_path: Path) -> None:
    unknown = _run(tmp_path, "rules", "list", "--dataset", "nope")
    assert (unknown.returncode, unknown.stdout) == (Exit.USAGE, "")
    assert "account_party" in unknown.stderr
    assert _run(tmp_path, "rules", "list", "--needs", "nope").returncode == Exit.USAGE
    for known in ("--dataset=consent", "--needs=ledger"):
        assert _run(tmp_path, "rules", "list", known).returncode == Exit.FINE


def test_the_help_names_every_exit_code(tmp_path: Path) -> None:
    told_codes = re.findall(r"(\d+)\s+[a-z]", _run(tmp_path, "--help").stdout.split("codes:")[1])
    assert [int(one) for one in told_codes] == list(Exit)


def test_the_next_step_after_a_rule_names_its_dataset(tmp_path: Path) -> None:
    said = _run(tmp_path, "explain", "SUB-BIRTH-001").stderr
    assert "next: tallystick validate FILE --dataset subject" in said


@pytest.mark.parametrize(("kind", "article"), [("inquiry", "an"), ("consent", "a")])
def test_what_is_no_id_is_said_to_be_none(kind: Kind, article: str) -> None:
    with pytest.raises(typer.BadParameter, match=f"not the id of {article} {kind}:"):
        read(kind, "x")


def test_what_can_be_undone_is_not_said_to_be_final(tmp_path: Path) -> None:
    said = _run(tmp_path, "unlink", f"pty_{'0' * 32}")
    assert said.returncode == Exit.USAGE
    assert "--yes" in said.stderr
    assert "cannot be undone" not in said.stderr
