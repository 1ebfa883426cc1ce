"""Settings: what an operator may choose, read from the environment (`TALLYSTICK_…`).

Import it inside a command, not at the top of the CLI: building the model takes time `--help`
does not have.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


def default_data_folder() -> Path:
    """Where data goes unless told otherwise.

    An ordinary user's share folder. Root's home is closed to the unprivileged user the embedded
    server runs as, so root gets `/var/lib/tallystick`.
    """
    if os.geteuid() == 0:
        return Path("/var/lib/tallystick")
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "tallystick"


class ClockSettings(BaseSettings):
    """What time it is, and whether that may be chosen: all that work without a bureau goes by."""

    model_config = SettingsConfigDict(env_prefix="TALLYSTICK_", frozen=True, extra="forbid")

    mode: Literal["test", "live"] = Field(
        default="test",
        description="Test mode has a settable clock; live mode refuses demo keys and invented law.",
    )
    clock: str | None = Field(
        default=None, description="Test mode only: an ISO instant at which the clock stands still."
    )

    @field_validator("clock")
    @classmethod
    def _is_instant(cls, text: str | None) -> str | None:
        wanted = "wants an instant with its offset, 2026-01-31T23:59:59+08:00"
        try:
            has_offset = text is None or datetime.fromisoformat(text).tzinfo is not None
        except ValueError:
            raise ValueError(wanted) from None
        if not has_offset:
            raise ValueError(wanted)
        return text


class Settings(ClockSettings):
    """Every choice, with its default; each field is `TALLYSTICK_<FIELD>` in the environment."""

    data_folder: Path = Field(
        default_factory=default_data_folder,
        description="Folder of keys, embedded database and job spill.",
    )
    database_url: str | None = Field(
        default=None,
        repr=False,
        description="Any PostgreSQL 15 or later; unset: the embedded server in the data folder.",
    )
    vault_url: str | None = Field(
        default=None,
        repr=False,
        description="Where data keys live; unset: `<database>_vault` on the same server.",
    )
    profile: str = Field(default="zz", description="The jurisdiction profile in force.")
    host: str = Field(default="127.0.0.1", description="Address the web server listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port; 0 takes a free one.")
    database_pool: int = Field(
        default=16, ge=4, le=90, description="Most database connections of one role and process."
    )
    intake_share: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Share of one processor that publishing takes; 1: of all there are.",
    )

    @field_validator("database_url", "vault_url")
    @classmethod
    def _is_address(cls, text: str | None) -> str | None:
        if not text:
            return text
        import psycopg

        try:
            psycopg.conninfo.conninfo_to_dict(text)
        except psycopg.ProgrammingError:  # its message quotes the address, and so a password
            raise ValueError("wants postgresql://user:password@host:5432/database") from None
        return text
