"""`tallystick demo --check` walks the whole path and finds everything as it should be."""

import json
import os
import subprocess
import sys
from pathlib import Path

PEOPLE = 30
PROGRAM = Path(sys.executable).with_name("tallystick")


def test_the_check_finds_everything_as_it_should_be(server):
    done = subprocess.run(
        [PROGRAM, "demo", "--check", "--people", str(PEOPLE), "--json"],
        capture_output=True,
        text=True,
        env={**os.environ, "TALLYSTICK_DATABASE_URL": server},
        check=False,
    )

    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert [one for one in report["checks"] if not one["ok"]] == []
    assert (done.returncode, report["ok"], report["people"]) == (0, True, PEOPLE)
    assert {one["step"] for one in report["checks"]} == {
        "furnish", "inquire", "verify", "replay", "person", "rare", "http",
    }  # fmt: skip
