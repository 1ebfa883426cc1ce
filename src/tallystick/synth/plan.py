"""The plan of a run: what is done through the bureau's front door, in which order, at what time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tallystick.model.instant import instant_text

#: The order in which the datasets of one submission day are sent.
DATASET_ORDER = (
    "member", "consent", "subject", "agreement", "account", "account_party", "guarantee", "funding",
    "snapshot", "event", "payment", "remark", "deletion",
)  # fmt: skip
PLAN_FILE = "plan.ndjson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run wrote: where, how much, from when to when."""

    folder: Path
    profile: str
    seed: int
    people: int
    accounts: int
    rows: dict[str, int]
    steps: dict[str, int]
    first_at: str
    last_at: str

    def read(self) -> Iterator[dict[str, Any]]:
        """The steps in order."""
        return read_plan(self.folder)


def read_plan(folder: Path) -> Iterator[dict[str, Any]]:
    """The steps of the plan in `folder`, in order. Raises: OSError when there is none."""
    with (folder / PLAN_FILE).open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


class Steps:
    """Collects steps in any order and writes them by time; at one time in the order they came."""

    def __init__(self) -> None:
        self._steps: list[tuple[datetime, int, dict[str, Any]]] = []

    def add(self, moment: datetime, kind: str, member: str, **rest: Any) -> None:
        """One step of `member` at `moment`."""
        step = {"at": instant_text(moment), "kind": kind, "member": member, **rest}
        self._steps.append((moment, len(self._steps), step))

    def write(self, folder: Path) -> tuple[dict[str, int], str, str]:
        """Write `plan.ndjson`; gives steps by kind and the first and the last time."""
        self._steps.sort(key=lambda item: item[:2])
        counts: dict[str, int] = {}
        with (folder / PLAN_FILE).open("w", encoding="utf-8", newline="") as file:
            for _, _, step in self._steps:
                counts[step["kind"]] = counts.get(step["kind"], 0) + 1
                file.write(json.dumps(step, ensure_ascii=False) + "\n")
        return dict(sorted(counts.items())), self._steps[0][2]["at"], self._steps[-1][2]["at"]
