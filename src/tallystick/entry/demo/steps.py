"""One step of a plan through the bureau's front door: a file, a consent, an inquiry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID

from tallystick.entry.compose import Bureau
from tallystick.entry.demo.clock import DemoClock
from tallystick.entry.http.api_inquiries import read_ask
from tallystick.errors import InvariantBroken, Refused, Unavailable
from tallystick.model.ids import edge_id
from tallystick.service import consents, submit
from tallystick.service.inquire import Answer, Ask, answer, request_digest
from tallystick.service.log import sequence_once
from tallystick.service.members import Member
from tallystick.service.submissions import SubmissionView

Step = dict[str, Any]
#: After so long whoever was told to try again does.
_A_MOMENT = timedelta(seconds=1)
#: Refusals after which an inquiry is given up: each means that another look came between.
_TRIES = 100
#: What of an inquiry's step is its body; the rest is the plan's own.
_BODY = ("subject", "purpose", "legal_basis")
#: Datasets of which one file at a time is taken: they decide about persons or accounts that
#: others furnish too, so what comes out hangs on the order.
_IN_TURN = frozenset({"subject", "funding"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A file that went through the front door, and what became of it."""

    file: str
    view: SubmissionView


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An inquiry of the plan, what was expected, and how it ended (`refused` with its code)."""

    expected: str
    because: str
    outcome: str
    code: str
    look_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A step that was played: what a file or an inquiry came to, and how long it took."""

    outcome: Sent | Asked | None
    seconds: float


def is_file(step: Mapping[str, Any]) -> bool:
    """Whether a step sends a file."""
    return "file" in step


def waits_for(steps: Sequence[Step]) -> list[frozenset[int]]:
    """For each of some steps, in order: the numbers of those that must be done before it.

    Files wait for what they hang on; what is done about a person goes in the order of the plan.
    """
    return [
        frozenset(
            number for number, earlier in enumerate(steps[:place]) if _is_before(earlier, one)
        )
        for place, one in enumerate(steps)
    ]


def _is_before(earlier: Step, step: Step) -> bool:
    if not (is_file(earlier) and is_file(step)):
        return is_file(earlier) or is_file(step) or bool(_about(earlier) & _about(step))
    first, then = earlier["dataset"], step["dataset"]
    return (
        earlier["member"] == step["member"]
        or (first == then and then in _IN_TURN)
        # Fundings change and need accounts of those who made them.
        or earlier["member"] in step.get("originators", ())
        or step["member"] in earlier.get("originators", ())
    )


def _about(step: Step) -> set[str]:
    """Whom and which consent a step is about: the numbers and ids it names."""
    basis, subject = step.get("legal_basis", {}), step.get("subject", {})
    numbers = [step.get("number"), *(one["value"] for one in subject.get("identifiers", ()))]
    named = [step.get("consent_id"), basis.get("consent_id"), *numbers]
    return {one for one in named if one is not None}


class Steps:
    """Plays steps in one bureau at their instants; `close` it at the end.

    Inquiries run on a loop of its own.
    """

    def __init__(
        self, bureau: Bureau, clock: DemoClock, *, synth: Path, members: Mapping[str, Member]
    ):
        self._bureau = bureau
        self._deps = bureau.deps
        self._clock = clock
        self._synth = synth
        self._members = members
        self._runner = asyncio.Runner()

    def close(self) -> None:
        """Close what inquiries opened."""
        self._runner.run(close_pools(self._bureau))
        self._runner.close()

    def play(self, step: Step) -> Played:
        """Play one step at its instant."""
        by_kind: Mapping[str, Callable[[Step], Sent | Asked | None]] = {
            "submit": self._send,
            "correct": self._send,
            "consent": self._consent,
            "withdraw": self._withdraw,
            "inquiry": self._inquire,
        }
        began = perf_counter()
        self._clock.set(datetime.fromisoformat(step["at"]))
        outcome = by_kind[step["kind"]](step)
        return Played(outcome=outcome, seconds=perf_counter() - began)

    def _send(self, step: Step) -> Sent:
        member = self._members[step["member"]]
        with (self._synth / step["file"]).open("rb") as file:
            received = submit.receive(self._deps, member, step["dataset"], file)
        return Sent(file=step["file"], view=submit.process(self._deps, received.submission_id))

    def _consent(self, step: Step) -> None:
        given = {name: step[name] for name in ("artefact", "salt", "scheme", "number")}
        submit.register_consent(self._deps, self._members[step["member"]], **given)

    def _withdraw(self, step: Step) -> None:
        consents.withdraw(self._deps, UUID(step["consent_id"]), withdrawn_by=step["withdrawn_by"])

    def _inquire(self, step: Step) -> Asked:
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
            given = self._answer(ask)
            outcome, look_id = given.outcome, given.look_id
        except Refused as refusal:
            code = refusal.code
        return Asked(
            expected=step["expect"],
            because=step.get("because", ""),
            outcome=outcome,
            code=code,
            look_id=look_id,
        )

    def _answer(self, ask: Ask) -> Answer:
        """Ask again a second later while a look made beside, days ago, waits for its number.

        Between two steps lie hours of the plan, in which the bureau would have numbered it.
        """
        for left in reversed(range(_TRIES)):
            sequence_once(self._deps)
            try:
                return self._runner.run(answer(self._deps, ask))
            except Unavailable as unavailable:
                if unavailable.code != "log_delayed" or not left:
                    raise
                self._clock.set(self._clock() + _A_MOMENT)
        raise InvariantBroken("an inquiry was neither answered nor given up")


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
