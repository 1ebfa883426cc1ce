"""Data on standard output, talk on standard error."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
import typer

from tallystick.entry.cli import output
from tallystick.entry.cli.ids import read, shown

ID = UUID("01890000-0000-7000-8000-000000000001")


@dataclass(frozen=True)
class Inner:
    count: int


@dataclass(frozen=True)
class Outer:
    identity: UUID
    at: datetime
    day: date
    share: Decimal
    digest: bytes
    inner: tuple[Inner, ...]
    missing: None = None


def test_values_become_json(capsys: pytest.CaptureFixture[str]) -> None:
    at = datetime(2025, 1, 15, 12, tzinfo=UTC)
    output.as_json(Outer(ID, at, at.date(), Decimal("0.02"), b"\x01\xff", (Inner(1),)))
    assert json.loads(capsys.readouterr().out) == {
        "identity": str(ID),
        "at": "2025-01-15T12:00:00+00:00",
        "day": "2025-01-15",
        "share": "0.02",
        "digest": "01ff",
        "inner": [{"count": 1}],
        "missing": None,
    }


def test_talk_never_reaches_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    output.say("talk")
    output.complain("trouble")
    output.next_step("tallystick doctor")
    with output.progress() as move:
        move("stage", 1, 2000)
        move("stage", 2, 2000)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "talk",
        "error: trouble",
        "next: tallystick doctor",
        "stage: 1 of 2,000",
    ]


def test_without_a_terminal_a_stage_is_told_when_it_begins_and_every_few_seconds() -> None:
    told: list[str] = []
    now = 0.0
    move = output.lines(told.append, ticks=lambda: now)
    for at, stage, done in [
        (0.0, "read", 0), (0.1, "judge", 1), (4.9, "read", 2), (5.0, "read", 3), (5.0, "judge", 4),
        (5.1, "judge", 5), (9.9, "read", 6), (10.0, "read", 7),
    ]:  # fmt: skip
        now = at
        move(stage, done, None)
    assert told == ["read", "judge: 1", "read: 3", "judge: 5", "read: 7"]


def test_a_cell_is_never_read_as_markup(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("[b]x[/b]", "y"), [("[red]as it came[/red]", None)])
    text = capsys.readouterr().out
    assert "[red]as it came[/red]" in text
    assert text.rstrip().endswith("-")


@pytest.mark.parametrize("text", [f"sbm_{ID.hex}", str(ID), ID.hex])
def test_an_id_is_read_with_its_prefix_or_bare(text: str) -> None:
    assert read("submission", text) == ID


@pytest.mark.parametrize(
    "text", ["", "sbm_", f"cns_{ID.hex}", f"sbm_{ID.hex}0", f"sbm_{ID.hex[1:]}"]
)
def test_another_things_id_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        read("submission", text)


def test_a_shown_id_can_be_read() -> None:
    assert read("consent", shown("consent", ID)) == ID
