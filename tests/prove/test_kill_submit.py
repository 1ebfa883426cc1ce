"""kill -9 of `tallystick submit FILE`: the same command again ends what it began, as one."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

import commands
import pytest
import rig as rigs
from sent import Sent, check_submission, published, stage

from tallystick.model.ids import parse_edge_id
from tallystick.service.intake_store import UNFINISHED
from tallystick.service.members import Member, issue_key
from tallystick.service.submissions import SubmissionView, listing

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3600)]
#: Until it publishes, the command starts, receives the file and judges its rows.
BEFORE_S = 2.0


def test_a_killed_submit_command_is_ended_by_the_same_command(
    prepared: tuple[str, Member], files: tuple[Sent, ...], work: Path, prove_rounds: int
) -> None:
    chance, states = random.Random(15), []
    folder = commands.data_folder(work / "data")
    for number in range(prove_rounds):
        file, path, key = files[number % len(files)], work / "sent.csv", work / "key"
        path.write_bytes(file.content)
        with rigs.copied(prepared[0], work, prepared[1]) as rig:
            key.write_text(issue_key(rig.deps, rig.bank.member_id, "load").secret)
            words = ("submit", str(path), "--dataset", file.dataset, "--key-file", str(key))
            for _ in range(1 + number % 2):  # every other round the second one is killed too
                with commands.command(rig, folder, *words) as process:
                    _wait(rig, file, chance.uniform(-1, 0.99), process=process)
                    process.kill()
                states.append(f"{file.dataset} {_state(rig, file)}")
            view = commands.ended(rig, folder, *words)
            submission_id = parse_edge_id("sbm", view["submission_id"])
            assert submission_id is not None
            assert (view["state"], view["sent"]) == ("published", file.count)
            assert [one.submission_id for one in _sent(rig, file)] == [submission_id]
            check_submission(rig, submission_id, file)
            rigs.check_whole(rig)
    print(f"killed at: {states}")


def _wait(rig: rigs.Rig, file: Sent, share: float, *, process: subprocess.Popen[bytes]) -> None:
    """Wait until this share of the rows is published; below nought that share of `BEFORE_S`."""
    if share < 0:
        time.sleep(-share * BEFORE_S)
    while process.poll() is None and rig.one(_PUBLISHED, file.dataset) < share * file.count:
        time.sleep(0.005)


_PUBLISHED = """
select coalesce(sum(row_count), 0)::int from ledger.chunk join ledger.publication using (chunk_id)
where dataset = %s
"""


def _sent(rig: rigs.Rig, file: Sent) -> list[SubmissionView]:
    found = listing(rig.deps, rig.bank)
    return [one for one in found if one.dataset == file.dataset]


def _state(rig: rigs.Rig, file: Sent) -> str:
    """What its furnisher is told after the kill: nothing was taken, or how far one file has come.

    It is published only with every row accounted for.
    """
    found = _sent(rig, file)
    if not found:
        return "not received"
    (one,) = found
    assert one.state in (*UNFINISHED, "published")
    assert (one.unchanged, one.rejected, one.pending) == (0, 0, 0)
    # What the killed one was committing may have come meanwhile.
    assert one.accepted <= published(rig, one.submission_id) <= file.count
    assert one.state in UNFINISHED or one.accepted == file.count
    return stage(rig, one.submission_id)
