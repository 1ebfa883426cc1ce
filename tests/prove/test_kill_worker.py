"""kill -9 of the worker at random instants of a submission: nothing lost, nothing doubled."""

from __future__ import annotations

import io
import random
from pathlib import Path
from uuid import UUID

import pytest
import rig as rigs
from sent import Sent, check_submission, stage, wait_until

from tallystick.service.members import Member
from tallystick.service.submit import receive

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3600)]


def test_a_killed_worker_loses_and_doubles_nothing(
    prepared: tuple[str, Member], files: tuple[Sent, ...], work: Path, prove_rounds: int
) -> None:
    chance, states = random.Random(20250115), []
    for number in range(prove_rounds):
        file = files[number % len(files)]
        with rigs.copied(prepared[0], work, prepared[1]) as rig:
            submission_id = _receive(rig, file)
            start = 0.0
            for _ in range(1 + number % 2):  # every other round the one who resumes is killed too
                share = chance.uniform(start - 0.2, 0.99)
                with rigs.child("resume", rig.addresses) as process:
                    wait_until(rig, submission_id, share, file, process=process)
                    process.kill()
                    process.wait()
                start = max(0.2, share)
            states.append(f"{file.dataset} {stage(rig, submission_id)}")
            rigs.run_to_end("resume", rig.addresses)
            check_submission(rig, submission_id, file)
            rigs.check_whole(rig)
    print(f"killed at: {states}")


def _receive(rig: rigs.Rig, file: Sent) -> UUID:
    return receive(rig.deps, rig.bank, file.dataset, io.BytesIO(file.content)).submission_id
