"""Counts inquiries and looks, gives every answer again, and reads a person's own report."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from tallystick.entry.demo import welcome
from tallystick.entry.demo.building import Built
from tallystick.entry.demo.tally import Tally
from tallystick.errors import Coded, InvariantBroken
from tallystick.service.log import sequence_once
from tallystick.service.person import own_looks, own_report
from tallystick.service.port import Deps
from tallystick.service.replay import replay
from tallystick.service.sessions import session
from tallystick.synth.plan import read_plan

_HITS = "select look_id, body_digest from log.look where outcome = 'hit'"


class Answers:
    """The checks of what was handed out; `runner` is the loop they run on."""

    def __init__(self, tally: Tally, deps: Deps, runner: asyncio.Runner):
        self._tally = tally
        self._deps = deps
        self._runner = runner

    def count(self, built: Built) -> None:
        """Each inquiry ended as the truth says, and each left one look."""
        asked = built.history.asked
        planned = built.plan.steps.get("inquiry", 0)
        self._tally.expect("inquire", "inquiries made", wanted=planned, found=len(asked))
        for expected in ("hit", "no_hit", "refused"):
            of_kind = [one for one in asked if one.expected == expected]
            right = sum(one.outcome == expected for one in of_kind)
            self._tally.expect("inquire", f"{expected}", wanted=len(of_kind), found=right)
        self._tally.expect("inquire", "looks", wanted=len(asked), found=self.looks())
        answered = Counter(one.outcome for one in asked)
        refused = self.looks("refused")
        self._tally.expect("inquire", "refusals", wanted=answered["refused"], found=refused)

    def looks(self, outcome: str | None = None) -> int:
        """How many looks the log holds (of an outcome)."""
        with self._deps.database.connect("sequencer") as connection:
            row = connection.execute(
                "select count(*) from log.look where %(outcome)s::text is null"
                " or outcome = %(outcome)s",
                {"outcome": outcome},
            ).fetchone()
        return int(row[0]) if row else 0

    def replay_kept(self) -> dict[UUID, bytes]:
        """Every answer again from its kept body; gives the digests by look."""
        given = self._given()
        again = self._digests(given, fold=False)
        equal = sum(again.get(look) == digest for look, digest in given.items())
        self._tally.expect("replay", "answers from their kept bodies", wanted=len(given),
                           found=equal)  # fmt: skip
        return given

    def replay_folded(self, when: str, given: Mapping[UUID, bytes]) -> None:
        """Every answer again by folding the ledger at its coordinates."""
        again = self._digests(given, fold=True)
        equal = sum(again.get(look) == digest for look, digest in given.items())
        self._tally.expect("replay", f"answers {when}", wanted=len(given), found=equal)

    def throw_away(self) -> None:
        """Throw the kept bodies away, as an owner of the database could."""
        with self._deps.database.connect("admin") as connection:
            connection.execute("truncate log.body")

    def own_report(self, synth: Path, built: Built) -> None:
        """The person with a history reads her own report: all who asked about her are in it."""
        personas = json.loads((synth / "personas.json").read_text(encoding="utf-8"))
        persona = personas["person_with_history"]
        who = session(self._deps, welcome.sign_in_person(self._deps, persona))
        if who is None:
            raise InvariantBroken("a session just opened is known")
        answer = self._runner.run(own_report(self._deps, who))
        body = json.loads(answer.body or b"{}")
        self._tally.expect("person", "outcome of her own report", wanted="hit",
                           found=answer.outcome)  # fmt: skip
        asked = sum(
            step["kind"] == "inquiry"
            and step["subject"]["identifiers"][0]["value"] == persona["number"]
            for step in read_plan(synth)
        )
        seen = [look for look in body["looks"] if look["permit"] != "self"]
        self._tally.expect("person", "who asked about her", wanted=asked, found=len(seen))
        sequence_once(self._deps)
        after = self._runner.run(own_looks(self._deps, who))
        own = [look for look in after if look["permit"] == "self"]
        self._tally.expect("person", "her own reading is a look too", wanted=1, found=len(own))

    def _given(self) -> dict[UUID, bytes]:
        with self._deps.database.connect("sequencer") as connection:
            return {row[0]: bytes(row[1]) for row in connection.execute(_HITS).fetchall()}

    def _digests(self, given: Mapping[UUID, bytes], *, fold: bool) -> dict[UUID, bytes]:
        """Digests of the bodies given again; an answer that cannot be given has none."""
        found = {}
        for look_id in given:
            try:
                body = self._runner.run(replay(self._deps, look_id, fold=fold))
            except Coded:
                continue
            found[look_id] = hashlib.sha256(body).digest()
        return found
