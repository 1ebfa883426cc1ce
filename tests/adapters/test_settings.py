"""Settings come from the environment, are checked, and show no address with a password."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from tallystick.adapters.settings import Settings
from tallystick.entry.compose import clock_of


def test_defaults_need_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TALLYSTICK_DATABASE_URL", raising=False)
    settings = Settings()
    assert settings.database_url is None
    assert (settings.profile, settings.mode, settings.host) == ("zz", "test", "127.0.0.1")


def test_the_environment_overrides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TALLYSTICK_DATA_FOLDER", str(tmp_path))
    monkeypatch.setenv("TALLYSTICK_DATABASE_URL", "postgresql://u:hidden@h/d")
    monkeypatch.setenv("TALLYSTICK_PORT", "0")
    settings = Settings()
    assert settings.data_folder == tmp_path
    assert settings.database_url == "postgresql://u:hidden@h/d"
    assert settings.port == 0
    assert "hidden" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("MODE", "production"),
        ("CLOCK", "foo"),
        ("CLOCK", "2026-01-31T23:59:59"),
        ("CLOCK", ""),
    ],
)
def test_what_is_not_allowed_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"TALLYSTICK_{name}", value)
    with pytest.raises(ValidationError):
        Settings()


def test_a_clock_is_an_instant_with_its_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYSTICK_CLOCK", "2026-01-31T23:59:59+08:00")
    assert Settings().clock == "2026-01-31T23:59:59+08:00"


def test_a_set_clock_stands_still_and_is_said_to() -> None:
    """By "starts" an operator expected it to run on from there."""
    clock = clock_of(Settings(clock="2026-01-31T23:59:59+08:00"))
    assert clock() == clock() == datetime(2026, 1, 31, 15, 59, 59, tzinfo=UTC)
    assert "stands still" in str(Settings.model_fields["clock"].description)
