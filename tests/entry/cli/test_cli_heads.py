"""A kept head is read whole or refused, before anything is opened."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tallystick.entry.cli.app import app
from tallystick.entry.cli.exits import Exit

HEAD = {
    "size": 1,
    "root": "00" * 32,
    "signed_at": "2026-03-01T09:00:00.000000Z",
    "key_id": "k",
    "signature": "A" * 86,
}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps({**HEAD, "more": 1}),
        json.dumps({**HEAD, "size": 0}),
        json.dumps({**HEAD, "size": True}),
        json.dumps({**HEAD, "root": "00" * 31}),
        json.dumps({**HEAD, "root": "x" * 64}),
        json.dumps({**HEAD, "signed_at": "2026-03-01"}),
        json.dumps({**HEAD, "signed_at": 1}),
        json.dumps({**HEAD, "key_id": None}),
        json.dumps({**HEAD, "signature": "A" * 85}),
        json.dumps(HEAD)[:-1] + ', "size": 2}',
    ],
)
def test_a_file_that_is_no_head_is_refused_before_the_bureau_is_opened(
    tmp_path: Path, text: str
) -> None:
    head = tmp_path / "head.json"
    head.write_text(text, encoding="utf-8")
    environment = {"TALLYSTICK_DATA_FOLDER": str(tmp_path / "none")}
    result = CliRunner(env=environment).invoke(app, ["log", "verify", "--head", str(head)])
    assert result.exit_code == Exit.USAGE
    # Its frame breaks a long path at the end of a line.
    assert "head.json" in re.sub(r"[\s│]", "", result.output)
