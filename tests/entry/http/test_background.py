"""What a serving process works off beside answering."""

from __future__ import annotations

import asyncio
import io
import itertools
import time
from typing import Any

import pytest

import factory
from tallystick.entry.http import background
from tallystick.entry.http.background import Background
from tallystick.service import submissions
from tallystick.service.submit import process, receive


def test_a_submission_that_failed_is_taken_up_again(
    bureau: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would tell its furnisher, who was promised that it is worked off."""
    bank = factory.member(bureau.deps)
    taken = receive(bureau.deps, bank, "subject", io.BytesIO(b"person_number\n"))
    tried = []

    def fails_once(*given: Any) -> Any:
        tried.append(given)
        if len(tried) == 1:
            raise RuntimeError("the database chose it to end a deadlock")
        return process(*given)

    monkeypatch.setattr(background, "unfinished", lambda _: [])
    beside = Background(bureau.deps, works_off=True, again_seconds=0.1)

    async def run() -> str:
        async with beside.running():
            monkeypatch.setattr(background, "process", fails_once)
            beside.enqueue(taken.submission_id)
            while not tried:
                await asyncio.sleep(0.01)
            monkeypatch.undo()
            until = time.monotonic() + 20
            while time.monotonic() < until:
                state = submissions.show(bureau.deps, bank, taken.submission_id).state
                if state not in ("received", "checking", "publishing"):
                    return state
                await asyncio.sleep(0.05)
        return "left alone"

    assert asyncio.run(run()) == "rejected"


def test_one_that_fails_each_time_keeps_no_other_waiting(
    bureau: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = factory.member(bureau.deps)
    broken, fine = (
        receive(bureau.deps, bank, "subject", io.BytesIO(header)).submission_id
        for header in (b"person_number\n", b"person_number,name\n")
    )

    def work(deps: Any, submission_id: Any) -> Any:
        if submission_id == broken:
            raise RuntimeError("it fails each time")
        return process(deps, submission_id)

    monkeypatch.setattr(background, "process", work)

    async def run() -> None:
        async with Background(bureau.deps, works_off=True).running():
            until = time.monotonic() + 20
            while time.monotonic() < until:
                if submissions.show(bureau.deps, bank, fine).state == "rejected":
                    return
                await asyncio.sleep(0.05)

    asyncio.run(run())
    assert submissions.show(bureau.deps, bank, broken).state == "received"
    assert submissions.show(bureau.deps, bank, fine).state == "rejected"


def test_one_that_fails_each_time_is_begun_again_ever_later(
    bureau: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would take the worker's time, and fill its output, for as long as it stands."""
    bank = factory.member(bureau.deps)
    receive(bureau.deps, bank, "subject", io.BytesIO(b"person_number\n"))
    tried: list[float] = []

    def fails(*_: Any) -> None:
        tried.append(time.monotonic())
        raise RuntimeError("it fails each time")

    monkeypatch.setattr(background, "process", fails)

    async def run() -> None:
        async with Background(bureau.deps, works_off=True, again_seconds=0.1).running():
            until = time.monotonic() + 20
            while len(tried) < 5 and time.monotonic() < until:
                await asyncio.sleep(0.05)

    asyncio.run(run())
    waits = [after - before for before, after in itertools.pairwise(tried)]
    assert len(tried) == 5
    assert all(wait >= least for wait, least in zip(waits, (0.1, 0.2, 0.4, 0.8), strict=True))
