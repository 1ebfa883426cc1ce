"""Five years of invented people, played through the bureau's front door on the demo's clock."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any
from uuid import UUID

from tallystick.entry.compose import Bureau
from tallystick.entry.demo.clock import DemoClock
from tallystick.entry.demo.senders import Senders, Sent
from tallystick.entry.http.api_inquiries import read_ask
from tallystick.errors import Refused
from tallystick.model.ids import edge_id
from tallystick.service import consents
from tallystick.service.inquire import answer, request_digest
from tallystick.service.log import sequence_once
from tallystick.service.members import Member, add_member, issue_key
from tallystick.service.submit import register_consent
from tallystick.synth.plan import read_plan

Progress = Callable[[str, int, int | None], None]
#: What of an inquiry's step is its body; the rest is the plan's own.
_BODY = ("subject", "purpose", "legal_basis")
_SENDING = ("submit", "correct")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An inquiry of the plan, what was expected, and how it ended (`refused` with its code)."""

    expected: str
    because: str
    outcome: str
    code: str
    look_id: UUID | None


@dataclass(slots=True)
class History:
    """What was done, for the check to count over; `seconds` by kind of step."""

    sent: list[Sent] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    steps: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)


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


class Player:
    """Plays a plan step by step; inquiries run on a loop of its own, closed at the end.

    Takes: `senders`: started; files go through them, everything else through `bureau`
    """

    def __init__(
        self,
        bureau: Bureau,
        clock: DemoClock,
        *,
        synth: Path,
        members: Mapping[str, Member],
        senders: Senders,
    ):
        self._bureau = bureau
        self._deps = bureau.deps
        self._clock = clock
        self._synth = synth
        self._members = members
        self._senders = senders
        self._runner = asyncio.Runner()
        self.history = History()

    def __enter__(self) -> Player:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runner.run(close_pools(self._bureau))
        self._runner.close()

    def play(self, total: int, progress: Progress) -> History:
        """Every step of the plan at its instant; at the end every look has its number."""
        by_kind: Mapping[str, Callable[[dict[str, Any]], None]] = {
            "consent": self._consent,
            "withdraw": self._withdraw,
            "inquiry": self._inquire,
        }
        done = 0

        def count() -> None:
            nonlocal done
            done += 1
            progress("history", done, total)

        self._senders.open(self._members)
        for steps in _sent_together(read_plan(self._synth)):
            self._clock.set(datetime.fromisoformat(steps[-1]["at"]))
            if steps[0]["kind"] in _SENDING:
                for step, sent in zip(steps, self._senders.send(steps, count), strict=True):
                    self.history.sent.append(sent)
                    self._note(step, sent.seconds)
            else:
                began = perf_counter()
                by_kind[steps[0]["kind"]](steps[0])
                self._note(steps[0], perf_counter() - began)
                count()
        sequence_once(self._deps)
        progress("history", total, total)
        return self.history

    def _note(self, step: Mapping[str, Any], seconds: float) -> None:
        name = step.get("dataset", step["kind"])
        self.history.steps[name] += 1
        self.history.seconds[name] = self.history.seconds.get(name, 0.0) + seconds

    def _consent(self, step: dict[str, Any]) -> None:
        given = {name: step[name] for name in ("artefact", "salt", "scheme", "number")}
        register_consent(self._deps, self._members[step["member"]], **given)

    def _withdraw(self, step: dict[str, Any]) -> None:
        consents.withdraw(self._deps, UUID(step["consent_id"]), withdrawn_by=step["withdrawn_by"])

    def _inquire(self, step: dict[str, Any]) -> None:
        sequence_once(self._deps)  # what was asked earlier has its number by now
        body = inquiry_body(step)
        ask = read_ask(
            body,
            member=self._members[step["member"]],
            request_key=step["idempotency_key"],
            digest=request_digest(body),
            time_zone=self._deps.profile_today.time_zone,
        )
        outcome, code, look_id = "refused", "", None
        try:
            given = self._runner.run(answer(self._deps, ask))
            outcome, look_id = given.outcome, given.look_id
        except Refused as refusal:
            code = refusal.code
        self.history.asked.append(
            Asked(
                expected=step["expect"],
                because=step.get("because", ""),
                outcome=outcome,
                code=code,
                look_id=look_id,
            )
        )


def _sent_together(steps: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Steps one by one, but the files members send in one hour in one list."""

    def hour_of(numbered: tuple[int, dict[str, Any]]) -> tuple[str, int]:
        number, step = numbered
        return (step["at"][:13], 0) if step["kind"] in _SENDING else ("", number)

    for _, group in groupby(enumerate(steps), hour_of):
        yield [step for _, step in group]


async def close_pools(bureau: Bureau) -> None:
    """Close what answering opened on the running loop; the next loop opens its own."""
    await bureau.database.aclose()
    await bureau.vault.aclose()


def inquiry_body(step: Mapping[str, Any]) -> dict[str, Any]:
    """The body of `POST /v1/inquiries` a step or an example asks, ids as they stand at the edge."""
    body: dict[str, Any] = {name: step[name] for name in _BODY}
    basis = dict(body["legal_basis"])
    if "consent_id" in basis:
        basis["consent_id"] = edge_id("cns", UUID(basis["consent_id"]))
    return body | {"legal_basis": basis}
