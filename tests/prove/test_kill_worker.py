"""kill -9 of the worker at random instants of a submission: nothing lost, nothing doubled."""

from __future__ import annotations

import io
import random
import time
from pathlib import Path

import pytest
import rig as rigs

from tallystick.service.members import Member
from tallystick.service.submit import receive

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3600)]


def test_a_killed_worker_loses_and_doubles_nothing(
    prepared: tuple[str, Member], furnished: tuple[int, bytes], work: Path, prove_rounds: int
) -> None:
    rows, content = furnished
    chance = random.Random(20250115)
    whole, states = _undisturbed(prepared, furnished, work), []
    for number in range(prove_rounds):
        with rigs.copied(prepared[0], work, prepared[1]) as rig:
            received = receive(rig.deps, rig.bank, "snapshot", io.BytesIO(content))
            for _ in range(1 + number % 2):  # every other round the one who resumes is killed too
                with rigs.child("resume", rig.addresses) as process:
                    time.sleep((number + chance.random()) / prove_rounds * whole)
                    process.kill()
                    process.wait()
            states.append(rigs.stage(rig, received.submission_id))
            rigs.run_to_end("resume", rig.addresses)
            rigs.check_submission(rig, received.submission_id, rows)
            rigs.check_whole(rig)
    print(f"undisturbed {whole:.1f} s, killed at: {states}")


def _undisturbed(prepared: tuple[str, Member], furnished: tuple[int, bytes], work: Path) -> float:
    """How long it takes when nobody kills."""
    rows, content = furnished
    with rigs.copied(prepared[0], work, prepared[1]) as rig:
        received = receive(rig.deps, rig.bank, "snapshot", io.BytesIO(content))
        with rigs.child("process", rig.addresses, str(received.submission_id)) as process:
            started = time.monotonic()
            assert process.stdout is not None
            assert process.stdout.readline() == b"done\n"
            took = time.monotonic() - started
        rigs.check_submission(rig, received.submission_id, rows)
    return took
