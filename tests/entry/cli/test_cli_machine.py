"""A fault of whoever runs a command, or of the machine, is told as theirs and not as ours."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import psycopg
import pytest
import typer

from tallystick.entry.cli.exits import Exit, told

if TYPE_CHECKING:
    from bureaus import Database

TALLYSTICK = Path(sys.executable).with_name("tallystick")
SUBJECT = (
    "person_number,valid_from,identifier_scheme,identifier_number,name,birth_date\n"
    "P-1,2026-01-15,cn_resident_id,990101198804121017,x,1988-04-12\n"
)
ADD = ("members", "add", "x", "--name-en", "x", "--name-zh", "x", "--class", "commercial_bank")
OUR_OWN = "fault of Tallystick"
pytestmark = pytest.mark.usefixtures("reports_here")


def run(
    *words: str | bytes, out: str | None = None, **settings: str
) -> subprocess.CompletedProcess[str]:
    """A command of its own process; `out` is the file its standard output goes to."""
    given = {f"TALLYSTICK_{name}": value for name, value in settings.items()}
    with Path(out or os.devnull).open("w") as stream:
        return subprocess.run(
            [TALLYSTICK, *words],
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "300", **given},
            stdout=stream,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), Exit.UNREACHABLE, "disk is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "/a/b"), Exit.UNREACHABLE, "/a/b"),
        (psycopg.errors.DiskFull("kingfisher"), Exit.UNREACHABLE, "disk of the database is full"),
        (psycopg.OperationalError("kingfisher"), Exit.UNREACHABLE, "out of reach"),
        (duckdb.IOException("kingfisher: No space left on device"), Exit.UNREACHABLE, "is full"),
        (duckdb.IOException("kingfisher: Input/output error"), Exit.UNREACHABLE, "or written"),
        (duckdb.BinderException("kingfisher"), Exit.BUG, OUR_OWN),
        (OSError(errno.EIO, "Input/output error"), Exit.UNREACHABLE, "Input/output error"),
        (OSError(errno.EROFS, "Read-only file system", "/a"), Exit.UNREACHABLE, "/a: Read-only"),
        (PermissionError(errno.EACCES, "Permission denied", "/a"), Exit.UNREACHABLE, "/a: Perm"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/a"), Exit.BUG, OUR_OWN),
        (OSError("kingfisher"), Exit.BUG, OUR_OWN),
    ],
)
def test_a_fault_of_the_machine_is_out_of_reach(
    error: Exception, code: Exit, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended, told("test"):
        raise error
    said = capsys.readouterr().err
    assert (ended.value.exit_code, words in said) == (code, True), said
    assert "kingfisher" not in said


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "words",
    [("rules", "list", "--json"), ("rules", "list"), ("explain", "currency"), ("--version",)],
)
def test_a_full_standard_output_is_told(
    words: tuple[str, ...], unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    ended = run(*words, out="/dev/full")
    assert ended.returncode == Exit.UNREACHABLE, ended.stderr
    assert "standard output cannot be written" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr


@pytest.mark.parametrize("name", ["DATABASE_URL", "VAULT_URL"])
@pytest.mark.parametrize(
    "url", ["junk", "postgresql://a:kingfisher@h/x?nonsense=1", "postgresql://a:kingfisher@[/x"]
)
@pytest.mark.parametrize("words", [("members", "list"), ("doctor",)])
def test_an_address_that_is_none_is_a_wrong_setting(
    name: str, url: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    ended = run(*words, **{name: url, "DATA_FOLDER": str(tmp_path)})
    assert ended.returncode == Exit.USAGE, ended.stderr
    assert f"TALLYSTICK_{name}" in ended.stderr
    assert "postgresql://" in ended.stderr
    assert "kingfisher" not in ended.stderr


@pytest.mark.parametrize("command", ["init", "demo"])
@pytest.mark.parametrize("place", ["/proc/x", "file/x", "file/x/y"])
def test_a_data_folder_that_cannot_be_is_a_wrong_setting(
    command: str, place: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    folder = place if place.startswith("/") else str(tmp_path / place)
    ended = run(command, "--data-folder", folder)
    assert ended.returncode == Exit.USAGE, ended.stderr
    assert folder in ended.stderr
    assert "--data-folder" in ended.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("validate", "/proc/self/mem", "--dataset", "subject"),
        ("digest", "/proc/self/mem", "--dataset", "subject"),
        ("synth", "--out", "/proc/x/y", "--people", "1"),
        (*ADD, "--dry-run", "--public-key", "/proc/self/mem"),
        (*ADD, "--dry-run", "--public-key", "/proc"),
    ],
)
def test_a_file_that_cannot_be_had_is_a_wrong_argument(words: tuple[str, ...]) -> None:
    ended = run(*words)
    assert ended.returncode == Exit.USAGE, ended.stderr
    assert "cannot be" in ended.stderr
    assert OUR_OWN not in ended.stderr


def test_a_full_temporary_folder_is_told(tmp_path: Path) -> None:
    """No byte can be written there: as of a disk that is full."""
    (tmp_path / "subject.csv").write_text(SUBJECT * 2000)
    script = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "from tallystick.entry.cli import main\n"
        f"sys.argv = ['tallystick', 'validate', {str(tmp_path / 'subject.csv')!r},"
        " '--dataset', 'subject']\n"
        "main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == Exit.UNREACHABLE, ended.stderr
    assert "File too large" in ended.stderr


def test_a_report_that_cannot_be_written_leaves_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A traceback would quote what the report leaves out."""

    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    with pytest.raises(typer.Exit) as ended, told("test"):
        raise ValueError("kingfisher")
    said = capsys.readouterr().err
    assert (ended.value.exit_code, OUR_OWN in said, "kingfisher" in said) == (Exit.BUG, True, False)


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (("serve", "--host", b"\xff", "--port", "0"), 3),
        (("keys", "create", b"\xff"), 3),
        (("keys", "create", b"a\xe6\xb2"), 3),
        (("keys", "list", b"\xff", "--json"), 3),
        (("members", "add", b"\xff", *ADD[3:]), None),
        (("explain", b"\xff"), None),
        ((b"\xff",), None),
    ],
)
def test_an_argument_that_is_not_utf8_is_a_wrong_one(
    words: tuple[str | bytes, ...], place: int | None, database: "Database", tmp_path: Path
) -> None:
    """Its number is told where nothing else is said of it."""
    places = {"DATABASE_URL": database.url, "VAULT_URL": database.vault_url}
    ended = run(*words, **places, DATA_FOLDER=str(tmp_path))
    assert ended.returncode == Exit.USAGE, ended.stderr
    assert OUR_OWN not in ended.stderr
    if place:
        assert f"word {place} after `tallystick` holds bytes that are not UTF-8" in ended.stderr


@pytest.mark.parametrize("name", [b"\xff.csv", b"\x07.csv", "沈.csv".encode()])
def test_a_file_may_have_any_name(name: bytes, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(name)
    path.write_text(SUBJECT)
    ended = run("validate", str(path), "--dataset", "subject")
    assert ended.returncode == Exit.FINE, ended.stderr


@pytest.mark.parametrize(("err", "unbuffered"), [("2>/dev/full", ""), ("2>&-", "1")])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--version", Exit.FINE), ("explain currency", Exit.FINE), ("explain nope", Exit.USAGE),
        ("nope", Exit.USAGE), ("rules list --nope", Exit.USAGE),
        ("validate /dev/null --dataset subject", Exit.FOUND),
        ("members list", Exit.USAGE), ("explain currency >/dev/full", Exit.UNREACHABLE),
    ],
)  # fmt: skip
def test_what_nobody_can_be_told_changes_no_code(
    words: str, code: Exit, err: str, unbuffered: str
) -> None:
    ended = subprocess.run(
        ["/bin/sh", "-c", f"{TALLYSTICK} {words} {err}"],
        env={
            **os.environ, "PYTHONUNBUFFERED": unbuffered,
            "TALLYSTICK_DATABASE_URL": "junk", "TALLYSTICK_DATA_FOLDER": "/nowhere",
        },
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (code, "")
    assert "Traceback" not in ended.stdout
