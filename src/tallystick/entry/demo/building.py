"""From an empty folder to a demo bureau: people, members, history, each stage with its time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter

from tallystick.adapters.settings import Settings
from tallystick.entry.compose import open_bureau
from tallystick.entry.demo import place
from tallystick.entry.demo.clock import DemoClock
from tallystick.entry.demo.history import History, Progress, play, register_members
from tallystick.entry.demo.senders import Senders
from tallystick.service.log import sequence_once
from tallystick.synth import Plan, generate

_BEFORE = timedelta(hours=1)


@dataclass(slots=True)
class Built:
    """What a build made, and how many seconds each stage took."""

    plan: Plan
    marker: place.Marker
    history: History = field(default_factory=History)
    stages: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Take the time of a stage."""
        began = perf_counter()
        yield
        self.stages[name] = perf_counter() - began


def build(settings: Settings, marker: place.Marker, progress: Progress) -> Built:
    """Make the people and play their history.

    Takes: settings that name an empty or missing database
    Gives: what was made; the marker says complete only when all of it is committed
    """
    began = perf_counter()
    synth = synth_folder(settings)
    shutil.rmtree(synth, ignore_errors=True)
    with Senders(settings, synth) as senders:
        plan = generate(synth, people=marker.people, seed=marker.seed, progress=progress)
        built = Built(plan=plan, marker=replace(marker, ends_at=plan.last_at))
        built.stages["people"] = perf_counter() - began
        _play(settings, marker, built, senders=senders, progress=progress)
    return built


def _play(
    settings: Settings,
    marker: place.Marker,
    built: Built,
    *,
    senders: Senders,
    progress: Progress,
) -> None:
    plan, clock = built.plan, DemoClock(datetime.fromisoformat(built.plan.first_at) - _BEFORE)
    synth, began = plan.folder, perf_counter()
    # An interrupted build starts over, and the last mark's own commit makes all before it lasting.
    with open_bureau(settings, clock=clock, is_durable=False) as bureau:
        place.mark(bureau.database, marker)
        members = register_members(bureau, synth, keys_folder(settings))
        built.stages["database and members"] = perf_counter() - began
        with built.stage("history"):
            senders.open(members)
            total = sum(plan.steps.values())
            built.history = play(synth, senders, total=total, progress=progress)
            clock.set(datetime.fromisoformat(plan.last_at))
            sequence_once(bureau.deps)  # every look has its number
        place.mark(bureau.database, built.marker)


def synth_folder(settings: Settings) -> Path:
    """Where the simulated files lie, the truth among them."""
    return settings.data_folder / "synth"


def keys_folder(settings: Settings) -> Path:
    """Where each member's API key lies, for whoever tries the demo."""
    return settings.data_folder / "keys"
