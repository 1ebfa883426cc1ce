"""A key or a session that is named and not there makes nobody the operator.

The bureau and its desk are those of `test_cli_bureau`.
"""

import os
from pathlib import Path

import pytest
import typer
from test_cli_bureau import Desk, desk, furnished, template

from tallystick.entry.cli.credentials import KEY, SESSION, Credential, secret_or_none
from tallystick.entry.cli.exits import Exit
from tallystick.errors import Refused

__all__ = ["desk", "furnished", "template"]
#: What a file or a variable may hold: the secret taken, or the kind of refusal.
HELD = [
    (b"", Refused),
    (b" \r\n\t\n", Refused),
    (b"x", "x"),
    (b" sk_test_x\r\n", "sk_test_x"),
    (b"\xff\xfe\x00", typer.BadParameter),
    (b"x" * 4096, "x" * 4096),
    (b"x" * 4097, typer.BadParameter),
]


def taken(kind: Credential, path: Path | None) -> object:
    try:
        return secret_or_none(kind, path)
    except (Refused, typer.BadParameter) as error:
        return type(error)


@pytest.mark.parametrize("kind", [KEY, SESSION])
@pytest.mark.parametrize(("held", "found"), HELD)
def test_what_a_file_holds_is_a_secret_or_refused(
    kind: Credential, held: bytes, found: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(kind.variable, "another")  # the file goes before it, whatever it holds
    path = tmp_path / "secret"
    path.write_bytes(held)
    assert taken(kind, path) == found


@pytest.mark.parametrize("kind", [KEY, SESSION])
@pytest.mark.parametrize(("held", "found"), [one for one in HELD if b"\0" not in one[0]])
def test_what_a_variable_holds_is_no_less(
    kind: Credential, held: bytes, found: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    if len(held) <= 4096:
        monkeypatch.setenv(kind.variable, os.fsdecode(held))
        assert taken(kind, None) == found
    monkeypatch.setenv(kind.variable, os.fsdecode(b"\xff\xfe"))
    assert taken(kind, None) is typer.BadParameter
    monkeypatch.delenv(kind.variable)
    assert taken(kind, None) is None


@pytest.mark.parametrize("path", ["/proc/self/mem", "/dev/zero"])
def test_what_is_no_secret_ends_the_reading(path: str) -> None:
    with pytest.raises(typer.BadParameter):
        secret_or_none(KEY, Path(path))


@pytest.mark.parametrize(
    ("held", "code"), [("", Exit.REFUSED), ("\n", Exit.REFUSED), ("\xff", Exit.USAGE)]
)
def test_an_empty_key_is_not_the_operators(desk: Desk, held: str, code: Exit) -> None:
    sent = desk.submit("subject")["submission_id"]
    path = desk.folder / "given.key"
    path.write_bytes(held.encode("latin-1"))
    words = [("list",), ("show", sent), ("watch", sent), ("findings", sent), ("rejects", sent)]
    for command in words:
        said = desk.run("submissions", *command, "--key-file", str(path), code=code)
        assert said.stdout == ""
        assert str(path) in "".join(said.stderr.split()).replace("│", "")
        assert "keys create" in said.stderr


def test_an_empty_variable_is_not_the_operators(desk: Desk) -> None:
    desk.submit("subject")
    assert len(desk.read("submissions", "list")) == 1, "nothing named: the operator"
    environment = desk.runner.env | {"TALLYSTICK_KEY": ""}
    object.__setattr__(desk, "runner", type(desk.runner)(env=environment))
    said = desk.run("submissions", "list", "--json", code=Exit.REFUSED)
    assert (said.stdout, "TALLYSTICK_KEY is set but empty" in said.stderr) == ("", True)
    key = ("--key-file", desk.file("hill-bank.key"))
    assert desk.read("submissions", "list", *key) == [], "a file goes before the variable"
    empty = ("--key-file", os.devnull)
    assert desk.run("submissions", "list", *empty, code=Exit.REFUSED).stdout == ""


def test_an_empty_session_does_not_fall_back_to_a_key(desk: Desk) -> None:
    named = ("--session-file", os.devnull, "--key-file", desk.file("lake-bank.key"))
    consent = f"cns_{'0' * 32}"
    for words in (("report",), ("consents", "withdraw", consent, "--yes")):
        said = desk.run(*words, *named, code=Exit.REFUSED)
        assert "sign_in_required" in said.stderr
        assert "empty" in said.stderr
