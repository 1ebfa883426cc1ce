"""Who stops waiting for a submission is told that it goes on, and how to follow it.

The bureau and its desk are those of `test_cli_bureau`.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from test_cli_bureau import Desk, desk, furnished, template
from test_cli_person import settings

from tallystick.entry.cli.exits import Exit
from tallystick.entry.cli.ids import shown
from tallystick.entry.compose import open_bureau
from tallystick.service import submit as service
from tallystick.service.intake_store import held
from tallystick.service.members import member_by_code

if TYPE_CHECKING:
    from bureaus import Database

__all__ = ["desk", "furnished", "template"]
TALLYSTICK = Path(sys.executable).with_name("tallystick")
_WAITING = "select exists (select from pg_locks where locktype = 'advisory' and not granted)"


def submitting(made: Desk) -> subprocess.Popen[str]:
    """`submit` of the desk's persons, in a process of its own."""
    given = {name: value for name, value in made.runner.env.items() if value is not None}
    words = ("submit", made.file("subject.csv"), "--dataset", "subject")
    return subprocess.Popen(
        [TALLYSTICK, *words, "--key-file", made.file("lake-bank.key")],
        env={**os.environ, **given, "NO_COLOR": "1", "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_who_stops_a_waiting_submit_is_told_what_goes_on(
    desk: Desk, database: "Database", sign: signal.Signals
) -> None:
    with open_bureau(settings(desk)) as bureau:
        bank = member_by_code(bureau.deps, "lake-bank")
        with Path(desk.file("subject.csv")).open("rb") as stream:
            sent = service.receive(bureau.deps, bank, "subject", stream).submission_id
        with held(bureau.deps, sent):
            process = submitting(desk)
            with psycopg.connect(database.url, autocommit=True) as watching:
                while not watching.execute(_WAITING).fetchone()[0]:  # type: ignore[index]
                    assert process.poll() is None, process.communicate()
                    time.sleep(0.02)
            process.send_signal(sign)
            out, said = process.communicate(timeout=30)
        assert (process.returncode, out) == (Exit.STOPPED, ""), said
        assert f"{shown('submission', sent)} was received" in said
        assert f"next: tallystick submissions watch {shown('submission', sent)}" in said
        assert said.rstrip().endswith("stopped")
        service.resume_all(bureau.deps)
    assert desk.read("submissions", "watch", shown("submission", sent))["accepted"] == 1


def test_a_submission_that_was_received_is_named_whatever_ends_the_waiting(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: Any) -> None:
        raise psycopg.OperationalError("the connection is lost")

    with monkeypatch.context() as patched:
        patched.setattr(service, "process", lost)
        words = ("submit", desk.file("subject.csv"), "--dataset", "subject")
        key = ("--key-file", desk.file("lake-bank.key"))
        said = desk.run(*words, *key, code=Exit.UNREACHABLE).stderr
    sent = desk.read("submissions", "list")[0]["submission_id"]
    assert f"tallystick submissions watch {sent}" in " ".join(said.split())


def test_what_was_not_received_is_not_said_to_go_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: Any, **__: Any) -> None:
        raise psycopg.OperationalError("the connection is lost")

    monkeypatch.setattr(service, "receive", lost)
    words = ("submit", desk.file("subject.csv"), "--dataset", "subject")
    said = desk.run(*words, "--key-file", desk.file("lake-bank.key"), code=Exit.UNREACHABLE).stderr
    assert "was received" not in said
    assert "watch" not in said
