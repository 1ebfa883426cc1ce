"""Five years of invented people, played through the bureau's front door on the demo's clock."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from tallystick.entry.compose import Bureau
from tallystick.entry.demo.senders import Senders
from tallystick.entry.demo.steps import Asked, Played, Sent, Step, is_file
from tallystick.service.members import Member, add_member, issue_key
from tallystick.synth.plan import read_plan

Progress = Callable[[str, int, int | None], None]


@dataclass(slots=True)
class History:
    """What was done, for the check to count over; `seconds` by kind of step."""

    sent: list[Sent] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    steps: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)

    def note(self, step: Step, played: Played) -> None:
        """Add a step and what it came to, in the order of the plan."""
        if isinstance(played.outcome, Sent):
            self.sent.append(played.outcome)
        elif played.outcome is not None:
            self.asked.append(played.outcome)
        name = str(step.get("dataset", step["kind"]))
        self.steps[name] += 1
        self.seconds[name] = self.seconds.get(name, 0.0) + played.seconds


def register_members(bureau: Bureau, synth: Path, keys_folder: Path) -> dict[str, Member]:
    """Register the institutions with their signing keys; each gets an API key in a file of its own.

    Gives: members by code; `keys_folder` holds `<code>.key`, readable by their owner only
    """
    keys_folder.mkdir(mode=0o700, exist_ok=True)
    members = {}
    for entry in json.loads((synth / "members.json").read_text(encoding="utf-8")):
        names = {name: entry[name] for name in ("code", "name_en", "name_zh", "member_class")}
        member = add_member(bureau.deps, **names, jwk=entry["public_jwk"])
        members[member.code] = member
        path = keys_folder / f"{member.code}.key"
        path.touch(mode=0o600)
        path.write_text(issue_key(bureau.deps, member.member_id, "demo").secret + "\n")
    return members


def play(synth: Path, senders: Senders, *, total: int, progress: Progress) -> History:
    """Every step of the plan at its instant, by senders that are open."""
    history, done = History(), 0

    def count() -> None:
        nonlocal done
        done += 1
        progress("history", done, total)

    for steps in _together(read_plan(synth)):
        for step, played in zip(steps, senders.play(steps, count), strict=True):
            history.note(step, played)
    progress("history", total, total)
    return history


def _together(steps: Iterable[Step]) -> Iterator[list[Step]]:
    """The files members send in one hour in one list, and all that is done until the next files."""
    for _, group in groupby(steps, lambda step: step["at"][:13] if is_file(step) else ""):
        yield list(group)
