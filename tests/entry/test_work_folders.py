"""Work folders: what dead processes left is wiped, what anybody works in is not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tallystick.adapters.settings import Settings
from tallystick.entry.compose import open_bureau, wipe


def test_bureaus_open_in_one_process_leave_each_other_their_work(
    database: Any, tmp_path: Path
) -> None:
    settings = Settings(
        database_url=database.url, vault_url=database.vault_url, data_folder=tmp_path
    )
    with open_bureau(settings) as first:
        kept = first.deps.work_folder / "kept"
        kept.touch()
        with open_bureau(settings) as second:  # as the senders that are threads do
            assert second.deps.work_folder != first.deps.work_folder
            assert kept.exists()
        assert kept.exists()
    with open_bureau(settings):
        assert not kept.exists()


def test_what_a_dead_process_left_is_wiped_and_what_lives_is_not(tmp_path: Path) -> None:
    parent, own, dead = str(os.getppid()), f"{os.getpid()}-0", str(1 << 30)
    for name in (parent, f"{parent}-7", own, str(os.getpid()), dead, f"{dead}-1", "no number"):
        (tmp_path / name).mkdir()
    wipe(tmp_path)
    assert {folder.name for folder in tmp_path.iterdir()} == {parent, f"{parent}-7"}
