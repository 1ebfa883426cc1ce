"""The desk all parts of a run write to: sheets, plan, truth, members, months."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from io import TextIOBase
from pathlib import Path
from random import Random
from typing import Any

from tallystick.synth.consents import BUREAU, FURNISHING, Consent, Terms, sign_consent
from tallystick.synth.members import SynthMember
from tallystick.synth.people import Person, ProfileId
from tallystick.synth.plan import Steps
from tallystick.synth.sheets import Sheets
from tallystick.synth.snapshot_rows import Buckets
from tallystick.synth.window import Window, at

#: Days a furnishing consent lasts: no profile in the package lets one last longer.
CONSENT_DAYS = 1826


@dataclass(slots=True, kw_only=True)
class Desk:
    """Where rows, steps and truth go; holds nothing about a person."""

    profile: ProfileId
    seed: int
    window: Window
    members: dict[str, SynthMember]
    sheets: Sheets
    steps: Steps
    buckets: Buckets
    truth: TextIOBase
    consents: TextIOBase
    counts: dict[str, int] = field(default_factory=dict)
    rare: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    #: By (batch, member) of a file of fundings: whose accounts it names.
    originators: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def add(self, month: int, member: str, dataset: str, record: dict[str, str]) -> None:
        """One record in the submission that carries `month`."""
        self.sheets.add(self.window.batch(max(month, 0)), member, dataset, record)

    def count(self, what: str, number: int = 1) -> None:
        """Add to a figure of the run."""
        self.counts[what] = self.counts.get(what, 0) + number

    def note(self, what: str, **truth: Any) -> None:
        """Keep in the truth a rare thing that was planted."""
        self.rare.setdefault(what, []).append(truth)

    def furnishing_consent(
        self, rng: Random, person: Person, member: str, *, first_day: date, data_class: str
    ) -> Consent:
        """She lets `member` furnish: in its consent file of the month, from the day before."""
        given = at(first_day - timedelta(days=1), 36000)
        consent = sign_consent(
            rng, person=person, captured_by=self.members[member],
            terms=Terms(
                recipient=BUREAU, purpose=FURNISHING,
                data_classes=("identity", "loans", "performance")
                if data_class == "loans" else ("identity", "payments"),
                data_from=given.date(), data_to=given.date() + timedelta(days=7300),
                valid_from=given, valid_to=given + timedelta(days=CONSENT_DAYS), given_at=given,
                fetch="periodic", keep_months=60, uses_allowed=None,
            ),
        )  # fmt: skip
        self.add(self.window.month_of(first_day), member, "consent", consent.record())
        self.note_consent(person, member, FURNISHING, "given", consent_id=consent.consent_id)
        return consent

    def note_consent(
        self, person: Person, member: str, purpose: str, outcome: str, *, consent_id: str = ""
    ) -> None:
        """Keep in the truth what she was asked and what she said."""
        self.count(f"consents_{outcome}")
        write_line(self.consents, {
            "person": person.index, "member": member, "purpose": purpose, "outcome": outcome,
            "consent_id": consent_id,
        })  # fmt: skip

    def withdraw(self, moment: datetime, person: Person, consent: Consent) -> None:
        """She takes a consent back."""
        self.steps.add(
            moment, "withdraw", consent.captured_by,
            consent_id=consent.consent_id, withdrawn_by="person",
        )  # fmt: skip
        self.note_consent(
            person, consent.captured_by, consent.terms.purpose, "withdrawn",
            consent_id=consent.consent_id,
        )  # fmt: skip


def write_line(file: TextIOBase, value: dict[str, Any]) -> None:
    """One JSON line."""
    file.write(json.dumps(value, ensure_ascii=False) + "\n")


def open_text(path: Path) -> Any:
    """A UTF-8 file to write, with the same line ends everywhere."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("w", encoding="utf-8", newline="")
