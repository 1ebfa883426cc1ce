"""kill -9 of `tallystick serve` and `tallystick worker`: another worker takes over their jobs."""

from __future__ import annotations

import random
from pathlib import Path

import commands
import pytest
import rig as rigs
import web
from sent import Sent, check_submission, stage, wait_until

from tallystick.service.members import Member, issue_key

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3600)]
#: How long the one who takes over waits for a heartbeat, in the rounds that have no half minute.
SOON_S = 2.0


def test_what_a_killed_worker_process_held_is_taken_over(
    prepared: tuple[str, Member],
    files: tuple[Sent, ...],
    work: Path,
    tmp_path: Path,
    prove_rounds: int,
) -> None:
    chance, states = random.Random(11), []
    folder = commands.data_folder(tmp_path / "data")  # every start wipes `work`
    for number in range(-(-prove_rounds // 4)):
        with rigs.copied(prepared[0], work, prepared[1]) as rig:
            secret = issue_key(rig.deps, rig.bank.member_id, "load").secret
            killed = chance.randrange(len(files))
            with commands.command(rig, folder, "worker") as worker:
                port = web.free_port()
                with commands.command(rig, folder, "serve", "--port", str(port)) as server:
                    acknowledged = commands.post(port, secret, files)
                    server.kill()
                share, file = chance.uniform(-0.3, 0.9), files[killed]
                wait_until(rig, acknowledged[killed], share, file, process=worker)
                worker.kill()
                worker.wait()
            found = zip(files, acknowledged, strict=True)
            states.append([f"{file.dataset} {stage(rig, one)}" for file, one in found])
            successor = (
                commands.command(rig, folder, "worker")
                if number % 2
                else rigs.child("work", rig.addresses, str(SOON_S))
            )
            with successor:
                commands.wait_until_finished(rig, acknowledged, seconds=commands.PATIENCE_S)
            for file, submission_id in zip(files, acknowledged, strict=True):
                check_submission(rig, submission_id, file)
            rigs.check_whole(rig)
    print(f"killed at: {states}")
